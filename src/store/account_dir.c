/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of one account. */
#include "store/account_dir.h"

#include <errno.h>
#include <fcntl.h>
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
