/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysio: the system calls of the store, as a table.
 *
 * Journal, volumes and secret reach the disk through this table only, so that
 * a test can put a model of a disk behind it, cut its power at any byte, let
 * any call fail and count the calls.  Each row has the meaning, result and
 * errno of the system call of its name; `io` comes first so that a table can
 * be the first member of a larger object.
 */
#ifndef STORE_SYSIO_H
#define STORE_SYSIO_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct sysio {
	int (*openat)(const struct sysio *io, int dirfd, const char *name, int flags, mode_t mode);
	int (*close)(const struct sysio *io, int fd);
	ssize_t (*pwritev)(const struct sysio *io, int fd, const struct iovec *iov, int count, off_t at);
	/* flags: RWF_NOWAIT or 0. */
	ssize_t (*preadv2)(const struct sysio *io, int fd, const struct iovec *iov, int count, off_t at,
			   int flags);
	int (*fdatasync)(const struct sysio *io, int fd);
	/* Of a file or of a folder. */
	int (*fsync)(const struct sysio *io, int fd);
	int (*ftruncate)(const struct sysio *io, int fd, off_t size);
	int (*fallocate)(const struct sysio *io, int fd, int mode, off_t at, off_t n);
	int (*renameat)(const struct sysio *io, int dirfd, const char *from, const char *to);
	int (*linkat)(const struct sysio *io, int dirfd, const char *from, const char *to);
	int (*unlinkat)(const struct sysio *io, int dirfd, const char *name);
	int (*mkdirat)(const struct sysio *io, int dirfd, const char *name, mode_t mode);
	/* The size of an open file, -1 on error. */
	off_t (*size)(const struct sysio *io, int fd);
	/* Calls each for every name but "." and ".."; in no order. */
	int (*list)(const struct sysio *io, int dirfd, void (*each)(void *arg, const char *name), void *arg);
};

/* The calls of this machine. */
extern const struct sysio sysio_real;

/* Writes all of iov at that offset, going on after a short write; iov is used
 * up.  0, ERR_FULL or ERR_IO; after an error any part may have been written. */
int sysio_write(const struct sysio *io, int fd, struct iovec *iov, int count, uint64_t at, struct err *e);
/* Reads n bytes at that offset.  0, ERR_IO, or ERR_CORRUPT when the file ends
 * before. */
int sysio_read(const struct sysio *io, int fd, void *p, size_t n, uint64_t at, struct err *e);

#endif
