/* SPDX-License-Identifier: Apache-2.0 */
/* The table of real system calls, and whole reads and writes over any table. */
#include "store/sysio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int real_openat(const struct sysio *io, int dirfd, const char *name, int flags, mode_t mode)
{
	return openat(dirfd, name, flags | O_CLOEXEC | O_NOFOLLOW, mode);
}

static int real_close(const struct sysio *io, int fd)
{
	return close(fd);
}

static ssize_t real_pwritev(const struct sysio *io, int fd, const struct iovec *iov, int count, off_t at)
{
	return pwritev(fd, iov, count, at);
}

static ssize_t real_preadv2(const struct sysio *io, int fd, const struct iovec *iov, int count, off_t at,
			    int flags)
{
	return preadv2(fd, iov, count, at, flags);
}

static int real_fdatasync(const struct sysio *io, int fd)
{
	return fdatasync(fd);
}

static int real_fsync(const struct sysio *io, int fd)
{
	return fsync(fd);
}

static int real_ftruncate(const struct sysio *io, int fd, off_t size)
{
	return ftruncate(fd, size);
}

static int real_fallocate(const struct sysio *io, int fd, int mode, off_t at, off_t n)
{
	return fallocate(fd, mode, at, n);
}

static int real_renameat(const struct sysio *io, int dirfd, const char *from, const char *to)
{
	return renameat(dirfd, from, dirfd, to);
}

static int real_linkat(const struct sysio *io, int dirfd, const char *from, const char *to)
{
	return linkat(dirfd, from, dirfd, to, 0);
}

static int real_unlinkat(const struct sysio *io, int dirfd, const char *name)
{
	return unlinkat(dirfd, name, 0);
}

static int real_mkdirat(const struct sysio *io, int dirfd, const char *name, mode_t mode)
{
	return mkdirat(dirfd, name, mode);
}

static off_t real_size(const struct sysio *io, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_size : -1;
}

static int real_list(const struct sysio *io, int dirfd, void (*each)(void *arg, const char *name), void *arg)
{
	/* A descriptor of its own: closedir() closes it and reading moves its offset. */
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	errno = 0;
	while ((entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			each(arg, entry->d_name);
	int number = errno;

	closedir(d);
	errno = number;
	return number ? -1 : 0;
}

const struct sysio sysio_real = {
	.openat = real_openat,
	.close = real_close,
	.pwritev = real_pwritev,
	.preadv2 = real_preadv2,
	.fdatasync = real_fdatasync,
	.fsync = real_fsync,
	.ftruncate = real_ftruncate,
	.fallocate = real_fallocate,
	.renameat = real_renameat,
	.linkat = real_linkat,
	.unlinkat = real_unlinkat,
	.mkdirat = real_mkdirat,
	.size = real_size,
	.list = real_list,
};

/* Takes n written bytes off the front of the iovecs. */
static void use_up(struct iovec **iov, int *count, size_t n)
{
	while (*count > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		++*iov;
		--*count;
	}
	if (n > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

int sysio_write(const struct sysio *io, int fd, struct iovec *iov, int count, uint64_t at, struct err *e)
{
	use_up(&iov, &count, 0); /* empty ones in front would look like no progress */
	while (count > 0) {
		ssize_t n = io->pwritev(io, fd, iov, count < IOV_MAX ? count : IOV_MAX, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "cannot write to the store");
		if (n == 0)
			return err_set(e, ERR_IO, "cannot write to the store: nothing was taken");
		use_up(&iov, &count, (size_t)n);
		at += (uint64_t)n;
	}
	return 0;
}

int sysio_read(const struct sysio *io, int fd, void *p, size_t n, uint64_t at, struct err *e)
{
	while (n > 0) {
		struct iovec iov = {.iov_base = p, .iov_len = n};
		ssize_t got = io->preadv2(io, fd, &iov, 1, (off_t)at, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(e, "cannot read from the store");
		if (got == 0)
			return err_set(e, ERR_CORRUPT, "a file of the store ends too early");
		p = (char *)p + got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return 0;
}
