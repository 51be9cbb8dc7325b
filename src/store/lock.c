/* SPDX-License-Identifier: Apache-2.0 */
/* The lock that keeps a second writer out. */
#include "store/lock.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

/* F_OFD_SETLKW knows no deadline, so look again this often. */
#define LOOK_AGAIN_MS 10

static int wait_for(int fd, int64_t deadline)
{
	const struct timespec pause = {.tv_nsec = LOOK_AGAIN_MS * 1000000L};
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	while (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return ERR_IO;
		if (clock_ms() >= deadline)
			return ERR_BUSY;
		nanosleep(&pause, NULL);
	}
	return 0;
}

int store_lock(int dirfd, const char *name, int wait_ms, int *fd, struct err *e)
{
	int file = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (file < 0)
		return err_errno(e, "cannot open the lock file %s", name);
	int rc = wait_for(file, deadline_in(wait_ms));

	if (rc == 0) {
		*fd = file;
		return 0;
	}
	if (rc == ERR_BUSY)
		err_set(e, ERR_BUSY, "another process holds the lock %s", name);
	else
		err_errno(e, "cannot lock %s", name);
	close(file);
	return rc;
}
