/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed memory files (see sealed.h). */
#include "base/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int sealed_open(const char *name, int *fd, struct err *e)
{
	*fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return *fd < 0 ? err_errno(e, "cannot make a memory file") : ERR_OK;
}

int sealed_write(int fd, struct str bytes, uint64_t at, struct err *e)
{
	while (bytes.n > 0) {
		ssize_t n = pwrite(fd, bytes.p, bytes.n, (off_t)at);

		if (n < 0 && errno != EINTR)
			return err_errno(e, "cannot write a memory file");
		size_t done = n > 0 ? (size_t)n : 0;

		at += done;
		bytes = str_skip(bytes, done);
	}
	return ERR_OK;
}

int sealed_seal(int fd, struct err *e)
{
	return fcntl(fd, F_ADD_SEALS, SEALS) == 0 ? ERR_OK : err_errno(e, "cannot seal a memory file");
}

int sealed_make(const char *name, struct str bytes, int *fd, struct err *e)
{
	int code = sealed_open(name, fd, e);

	if (code)
		return code;
	code = sealed_write(*fd, bytes, 0, e);
	if (code == 0)
		code = sealed_seal(*fd, e);
	if (code) {
		close(*fd);
		*fd = -1;
	}
	return code;
}

int sealed_check(int fd, uint64_t size, struct err *e)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS)
		return err_set(e, ERR_INVALID, "the file is not sealed");
	if (fstat(fd, &st) != 0 || st.st_size < 0 || (uint64_t)st.st_size != size)
		return err_set(e, ERR_INVALID, "the file has another size");
	return ERR_OK;
}
