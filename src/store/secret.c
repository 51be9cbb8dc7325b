/* SPDX-License-Identifier: Apache-2.0 */
/* Loading and making the store's secret. */
#include "store/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>

static const char name[] = "secret";
static const char name_new[] = "secret.new";

int secret_load(const struct sysio *io, int data_fd, unsigned char out[SECRET_SIZE], struct err *e)
{
	int fd = io->openat(io, data_fd, name, O_RDONLY, 0);

	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND, "the store has no secret yet");
	if (fd < 0)
		return err_errno(e, "cannot open the store's secret");
	int rc = sysio_read(io, fd, out, SECRET_SIZE, 0, e);

	if (rc == 0 && io->size(io, fd) != SECRET_SIZE)
		rc = err_set(e, ERR_CORRUPT, "it is longer than %d bytes", SECRET_SIZE);
	/* The run that made it may have died before it synced the name. */
	if (rc == 0 && io->fsync(io, data_fd) < 0)
		rc = err_errno(e, "cannot sync its folder");
	io->close(io, fd);
	return rc ? err_prefix(e, "the store's secret cannot be used, take it from a backup") : 0;
}

/* The bytes under a temporary name, synced. */
static int write_new(const struct sysio *io, int data_fd, unsigned char secret[SECRET_SIZE], struct err *e)
{
	struct iovec iov = {.iov_base = secret, .iov_len = SECRET_SIZE};

	if (getrandom(secret, SECRET_SIZE, 0) != SECRET_SIZE)
		return err_errno(e, "no random bytes for the store's secret");
	if (io->unlinkat(io, data_fd, name_new) < 0 && errno != ENOENT)
		return err_errno(e, "cannot remove an unfinished secret");
	int fd = io->openat(io, data_fd, name_new, O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd < 0)
		return err_errno(e, "cannot make the store's secret");
	int rc = sysio_write(io, fd, &iov, 1, 0, e);

	if (rc == 0 && io->fsync(io, fd) < 0)
		rc = err_errno(e, "cannot sync the store's secret");
	io->close(io, fd);
	return rc;
}

int secret_create(const struct sysio *io, int data_fd, unsigned char out[SECRET_SIZE], struct err *e)
{
	int rc = write_new(io, data_fd, out, e);

	if (rc)
		return rc;
	/* A link, unlike a rename, never replaces a secret that is there. */
	if (io->linkat(io, data_fd, name_new, name) < 0) {
		if (errno == EEXIST)
			rc = err_set(e, ERR_EXISTS, "the store has a secret already");
		else
			rc = err_errno(e, "cannot name the store's secret");
	}
	io->unlinkat(io, data_fd, name_new);
	if (rc == 0 && io->fsync(io, data_fd) < 0)
		rc = err_errno(e, "cannot sync the folder of the store's secret");
	return rc;
}
