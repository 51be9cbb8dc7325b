/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doorway: taking connections off the listening sockets that all gates share.
 *
 * A few at a time, so that other gates and sessions have their turns.  A connection that
 * cannot be served hears 421 and is closed, even when the process has no descriptor left:
 * one is kept in reserve for that.
 */
#ifndef GATE_DOORWAY_H
#define GATE_DOORWAY_H

#include "gate/smtp_session.h"

struct doorway {
	struct smtp_service *service;
	int spare; /* a descriptor to close when there is no other left; -1: lost */
};

void doorway_init(struct doorway *d, struct smtp_service *service);
void doorway_free(struct doorway *d);
/* Serves a listening socket, which it takes over, in a fiber of the group, until the group
 * is cancelled.  0; ERR_IO, ERR_BUSY, ERR_MEMORY: fd was closed. */
int doorway_open(struct doorway *d, struct fiber_group *group, int fd);

#endif
