/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of one account. */
#include "store/account_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME_MAX 255

static void add_escaped(struct buf *b, struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c < 0x20 || c == 0x7F || c == '/' || c == '%' || (c == '.' && i == 0))
			buf_printf(b, "%%%02X", c);
		else
			buf_add_c(b, (char)c);
	}
}

/* Opens one folder below *fd, which it replaces, made before when asked. */
static int enter(int *fd, const char *name, bool create, struct err *err)
{
	if (create && mkdirat(*fd, name, 0700) && errno != EEXIST)
		return err_errno(err, "cannot make folder %s", name);
	int below = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (below < 0) {
		bool absent = errno == ENOENT;

		err_errno(err, "cannot open folder %s", name);
		return absent ? err->code = ERR_NOT_FOUND : err->code;
	}
	/* Also when it was there: its maker may have died before this line. */
	if (create && fsync(*fd)) {
		close(below);
		return err_errno(err, "cannot sync the folder above %s", name);
	}
	close(*fd);
	*fd = below;
	return 0;
}

/* Steps into one more level and adds it to the path. */
static int descend(int *fd, struct str name, bool create, struct buf *path, struct err *err)
{
	struct buf level;
	int rc;

	buf_init(&level, FILE_NAME_MAX + 1);
	add_escaped(&level, name);
	buf_add_c(&level, '\0');
	if (name.n == 0 || buf_failed(&level)) {
		rc = err_set(err, ERR_INVALID, "no folder can have the name of \"%.*s\"",
			     STR_ARG(str_head(name, 64)));
	} else {
		rc = enter(fd, level.p, create, err);
		buf_printf(path, "/%s", level.p);
	}
	buf_free(&level);
	return rc;
}

int account_dir_open(const char *data_dir, struct str domain, struct str user, bool create, struct buf *path,
		     int *fd, struct err *err)
{
	int at = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (at < 0)
		return err_errno(err, "cannot open folder %s", data_dir);
	buf_add_z(path, data_dir);

	int rc = descend(&at, STR("accounts"), create, path, err);

	if (!rc)
		rc = descend(&at, domain, create, path, err);
	if (!rc)
		rc = descend(&at, user, create, path, err);
	if (!rc && buf_failed(path))
		rc = err_set(err, ERR_INVALID, "the path of the account's folder is too long");
	if (rc) {
		close(at);
		return rc;
	}
	*fd = at;
	return 0;
}

/* --- its end --------------------------------------------------------------------------------- */

/* An index without its WAL is older than it was; so it goes first. */
static int remove_files(int fd, struct err *err)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	int rc = 0;

	if (!dir) {
		rc = err_errno(err, "cannot list the account's folder");
		if (copy >= 0)
			close(copy);
		return rc;
	}
	if (unlinkat(fd, "index.db", 0) && errno != ENOENT)
		rc = err_errno(err, "cannot remove index.db");
	for (const struct dirent *entry; rc == 0 && (entry = readdir(dir));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    unlinkat(fd, entry->d_name, 0) && errno != ENOENT)
			rc = err_errno(err, "cannot remove %s", entry->d_name);
	closedir(dir);
	return rc;
}

/* Removes an empty folder below `above`; one with something in it stays when `shared`. */
static int remove_folder(int above, const char *name, bool shared, struct err *err)
{
	if (unlinkat(above, name, AT_REMOVEDIR) == 0)
		return fsync(above) ? err_errno(err, "cannot sync the folder above %s", name) : 0;
	if (errno == ENOENT || (shared && (errno == ENOTEMPTY || errno == EEXIST)))
		return 0;
	return err_errno(err, "cannot remove folder %s", name);
}

/* The last name of a path, which is cut off it. */
static char *cut_last(struct buf *path)
{
	char *slash = memrchr(path->p, '/', path->n);

	*slash = 0;
	return slash + 1;
}

static int remove_at(struct buf *path, int fd, struct err *err)
{
	char *user = cut_last(path);
	int above = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int top = above < 0 ? -1 : openat(above, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = top < 0 ? err_errno(err, "cannot open the folder above an account's") : 0;

	if (rc == 0)
		rc = remove_files(fd, err);
	if (rc == 0)
		rc = remove_folder(above, user, false, err);
	path->n = strlen(path->p);
	if (rc == 0)
		rc = remove_folder(top, cut_last(path), true, err);
	if (above >= 0)
		close(above);
	if (top >= 0)
		close(top);
	return rc;
}

int account_dir_remove(const char *data_dir, struct str domain, struct str user, bool *had, struct err *err)
{
	struct buf path;
	int fd = -1;

	buf_init(&path, ACCOUNT_PATH_MAX);

	int rc = account_dir_open(data_dir, domain, user, false, &path, &fd, err);

	*had = rc == 0;
	if (rc == 0) {
		buf_add_c(&path, 0);
		rc = buf_failed(&path)
			     ? err_set(err, ERR_INVALID, "the path of the account's folder is too long")
			     : remove_at(&path, fd, err);
		close(fd);
	} else if (rc == ERR_NOT_FOUND)
		rc = 0;
	buf_free(&path);
	return rc;
}
