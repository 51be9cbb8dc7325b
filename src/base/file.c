/* SPDX-License-Identifier: Apache-2.0 */
/* Reading whole files. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP 4096

/* How much to ask for next: what is left of the file and one byte that shows
 * the end, or a step when it is longer than its size says (pipes, /proc). */
static size_t wanted(const struct buf *b, size_t start, size_t size)
{
	size_t have = b->n - start;
	size_t want = have <= size ? size - have + 1 : STEP;

	return want < b->max - b->n ? want : b->max - b->n;
}

static int read_all(int fd, const char *path, struct buf *b, struct err *err)
{
	struct stat st;
	size_t start = b->n;

	if (fstat(fd, &st) < 0)
		return err_errno(err, "cannot read %s", path);
	for (;;) {
		size_t want = wanted(b, start, S_ISREG(st.st_mode) ? (size_t)st.st_size : STEP);
		char beyond;
		char *room = want ? buf_room(b, want) : &beyond;

		if (!room)
			return err_set(err, ERR_MEMORY, "cannot read %s: out of memory", path);
		ssize_t n = read(fd, room, want ? want : 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "cannot read %s", path);
		if (n == 0)
			return 0;
		if (!want)
			return err_set(err, ERR_TOO_BIG, "%s is larger than %zu bytes", path, b->max);
		buf_grow(b, (size_t)n);
	}
}

int file_read(const char *path, struct buf *b, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		int missing = errno == ENOENT || errno == ENOTDIR;

		err_errno(err, "cannot read %s", path);
		return err->code = missing ? ERR_NOT_FOUND : err->code;
	}
	int rc = read_all(fd, path, b, err);

	close(fd);
	return rc;
}
