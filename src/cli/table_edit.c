/* SPDX-License-Identifier: Apache-2.0 */
/* Table files: lock, read, replace. */
#include "cli/table_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_FILE ".setup.lock"

int table_folder_make(const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX / 2];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return err_set(e, ERR_TOO_BIG, "The path of the folder is longer than %zu bytes",
			       sizeof(part) - 1);
	for (size_t i = 1; i <= n; i++) {
		if (i < n && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (mkdir(part, i < n ? 0755 : mode) && errno != EEXIST)
			return err_errno(e, "Cannot make the folder '%s'", part);
	}
	return 0;
}

int table_folder_open(struct table_folder *f, const char *path, struct err *e)
{
	*f = (struct table_folder){-1, -1};
	f->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0 && errno != ENOENT)
		return err_errno(e, "Cannot open the folder '%s'", path);
	return 0;
}

static int wait_for_lock(int fd)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int rc;

	do
		rc = fcntl(fd, F_OFD_SETLKW, &whole);
	while (rc < 0 && errno == EINTR);
	return rc;
}

int table_folder_lock(struct table_folder *f, const char *path, struct err *e)
{
	int rc = table_folder_make(path, 0755, e);

	*f = (struct table_folder){-1, -1};
	if (rc == 0)
		rc = table_folder_open(f, path, e);
	if (rc)
		return rc;
	f->lock = openat(f->dir, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->lock < 0 || wait_for_lock(f->lock)) {
		err_errno(e, "Cannot lock '%s/%s'", path, LOCK_FILE);
		table_folder_close(f);
		return e->code;
	}
	return 0;
}

void table_folder_close(struct table_folder *f)
{
	if (f->lock >= 0)
		close(f->lock);
	if (f->dir >= 0)
		close(f->dir);
	*f = (struct table_folder){-1, -1};
}

static int read_all(int fd, const char *name, struct buf *out, struct err *e)
{
	for (;;) {
		char *room = buf_room(out, 4096);

		if (!room || out->n > TABLE_FILE_MAX)
			return err_set(e, ERR_TOO_BIG, "'%s' is larger than %u MiB", name,
				       TABLE_FILE_MAX >> 20);
		ssize_t n = read(fd, room, 4096);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "Cannot read '%s'", name);
		if (n == 0)
			return 0;
		buf_grow(out, (size_t)n);
	}
}

int table_read(const struct table_folder *f, const char *name, struct buf *out, bool *exists, struct err *e)
{
	*exists = false;
	if (f->dir < 0)
		return 0;
	int fd = openat(f->dir, name, O_RDONLY | O_CLOEXEC);

	*exists = fd >= 0;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_errno(e, "Cannot open '%s'", name);
	int rc = read_all(fd, name, out, e);

	close(fd);
	return rc;
}

static int write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		s = str_skip(s, (size_t)n);
	}
	return 0;
}

/* The new version under its temporary name, complete and synced. */
static int write_beside(const struct table_folder *f, const char *beside, struct str contents,
			const struct stat *old, mode_t mode)
{
	unlinkat(f->dir, beside, 0);
	int fd = openat(f->dir, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	/* the owner is set first: it clears bits of the mode */
	bool good = (!old || (old->st_uid == geteuid() && old->st_gid == getegid()) ||
		     fchown(fd, old->st_uid, old->st_gid) == 0) &&
		    fchmod(fd, old ? old->st_mode & 07777 : mode) == 0 && write_all(fd, contents) == 0 &&
		    fsync(fd) == 0;
	int number = errno;

	close(fd);
	errno = number;
	return good ? 0 : -1;
}

int table_write(const struct table_folder *f, const char *name, struct str contents, bool private,
		struct err *e)
{
	char beside[NAME_MAX + 1];
	struct stat old;
	bool exists = fstatat(f->dir, name, &old, AT_SYMLINK_NOFOLLOW) == 0;

	if (!exists && errno != ENOENT)
		return err_errno(e, "Cannot look at '%s'", name);
	if (exists && !S_ISREG(old.st_mode))
		return err_set(e, ERR_INVALID, "'%s' is not a regular file", name);
	if (snprintf(beside, sizeof(beside), ".%s.new", name) >= (int)sizeof(beside))
		return err_set(e, ERR_INVALID, "The name '%s' is too long", name);
	if (write_beside(f, beside, contents, exists ? &old : NULL, private ? 0640 : 0644) ||
	    renameat(f->dir, beside, f->dir, name) || fsync(f->dir)) {
		err_errno(e, "Cannot write '%s'", name);
		unlinkat(f->dir, beside, 0);
		return e->code;
	}
	return 0;
}
