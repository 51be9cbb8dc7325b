/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doorway: taking connections off the listening sockets that all gates share.
 *
 * A few at a time, so that other gates and sessions have their turns.  A connection that
 * cannot be served hears why and is closed, even when the process has no descriptor left:
 * one is kept in reserve for that.
 */
#ifndef GATE_DOORWAY_H
#define GATE_DOORWAY_H

#include "net/fiber.h"

#include <sys/socket.h>

/* What is behind a door. */
struct doorway_kind {
	/* Begins a session on a connected socket, which it takes over.  0; ERR_BUSY: too many, and
	 * fd is still the caller's; others: fd was closed. */
	int (*begin)(void *service, int fd, const struct sockaddr *peer);
	/* The line that a client above the limit hears, as snprintf; NULL: it hears nothing. */
	int (*refuse)(const void *service, char *line, size_t size);
};

struct doorway {
	int spare; /* a descriptor to close when there is no other left; -1: lost */
};

void doorway_init(struct doorway *d);
void doorway_free(struct doorway *d);
/* Serves a listening socket, which it takes over, in a fiber of the group, until the group
 * is cancelled.  0; ERR_IO, ERR_BUSY, ERR_MEMORY: fd was closed. */
int doorway_open(struct doorway *d, struct fiber_group *group, int fd, const struct doorway_kind *kind,
		 void *service);

#endif
