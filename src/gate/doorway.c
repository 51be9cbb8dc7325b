/* SPDX-License-Identifier: Apache-2.0 */
/* Taking connections (see doorway.h). */
#include "gate/doorway.h"

#include "base/clock.h"
#include "base/err.h"
#include "net/io.h"
#include "net/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connections taken off a socket before the other gates and sessions have a turn. */
#define ACCEPTS_A_TURN 16
/* After a failure that more tries will not cure. */
#define PAUSE_MS 100

struct listener {
	struct doorway *doorway;
	const struct doorway_kind *kind;
	void *service;
	struct io io;
};

void doorway_init(struct doorway *d)
{
	d->spare = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
}

void doorway_free(struct doorway *d)
{
	if (d->spare >= 0)
		close(d->spare);
	d->spare = -1;
}

static void refuse(const struct listener *l, int fd)
{
	char reply[400];
	int n = l->kind->refuse ? l->kind->refuse(l->service, reply, sizeof(reply)) : 0;

	/* A new connection has room for a line; when not, it hears nothing. */
	if (n > 0 && send(fd, reply, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_line(LOG_DEBUG, "a connection above the limit was closed without a word");
	close(fd);
}

/* Without descriptors a connection would wait in the queue, and wake us for ever. */
static void refuse_with_spare(const struct listener *l)
{
	struct doorway *d = l->doorway;

	if (d->spare >= 0)
		close(d->spare);
	int fd = accept4(l->io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		refuse(l, fd);
	d->spare = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	log_line(LOG_ERROR, "no descriptors are left: a connection was refused");
}

static bool accept_one(const struct listener *l)
{
	struct sockaddr_storage peer = {0};
	socklen_t n = sizeof(peer);
	int fd = accept4(l->io.fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	if (l->kind->begin(l->service, fd, (const struct sockaddr *)&peer) == ERR_BUSY)
		refuse(l, fd);
	return true;
}

static int co_accept_some(const struct listener *l)
{
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		if (accept_one(l))
			continue;
		/* Another gate was quicker, or the client has left. */
		if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
			return ERR_OK;
		if (errno == EMFILE || errno == ENFILE)
			refuse_with_spare(l);
		return co_sleep_until(deadline_in(PAUSE_MS));
	}
	return co_yield ();
}

static void listen_fiber(void *arg)
{
	struct listener *l = arg;

	while (co_wait_readable(&l->io, NO_DEADLINE) == ERR_OK && co_accept_some(l) == ERR_OK)
		;
	io_close(&l->io);
	free(l);
}

int doorway_open(struct doorway *d, struct fiber_group *group, int fd, const struct doorway_kind *kind,
		 void *service)
{
	struct listener *l = calloc(1, sizeof(*l));
	int code = ERR_MEMORY;

	if (!l) {
		close(fd);
		return code;
	}
	l->doorway = d;
	l->kind = kind;
	l->service = service;
	code = io_open(&l->io, fd);
	if (code == 0)
		code = fiber_start(group, listen_fiber, l);
	if (code) {
		io_close(&l->io);
		free(l);
	}
	return code;
}
