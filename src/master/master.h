/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master: starts the rooms, watches and restarts them, owns the log.
 *
 * It stays root when it was root, opens files and sockets for the others, and
 * never reads a byte that a peer sent.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include "run/role.h"
#include "run/settings.h"

/* One room and how many processes it has. */
struct master_room {
	const struct room_ops *ops;
	enum setting_key count; /* SET_COUNT: one */
};

struct master_plan {
	const struct master_room *rooms; /* in the order of their start */
	size_t room_count;
	const struct settings_sources *sources; /* read again at reload */
};

/* `mailstead serve`: runs until SIGTERM or SIGINT; the exit status. */
int master_serve(const struct master_plan *plan);
/* `mailstead probe-walls`: starts each room once for each probe and prints a line each
 * "ROOM PROBE RESULT as-it-should|WRONG"; 0 when all is as the walls' table says. */
int master_probe_walls(const struct master_plan *plan);

#endif
