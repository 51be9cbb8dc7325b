/* SPDX-License-Identifier: Apache-2.0 */
/* rooms: the names and numbers of the process roles (docs/architecture.md 1). */
#ifndef NET_ROOMS_H
#define NET_ROOMS_H

#include "base/str.h"

enum room {
	ROOM_MASTER,
	ROOM_GATE,
	ROOM_KEEPER,
	ROOM_SCAN,
	ROOM_RESOLVER,
	ROOM_SPOOL,
	ROOM_MAILBOX,
	ROOM_RELAY,
	ROOM_COUNT
};

/* A set of rooms: the bits ROOM_BIT(room). */
#define ROOM_BIT(room) (1u << (room))

/* "gate" for ROOM_GATE; what stands in log lines and in argv[0]. */
const char *room_name(enum room room);
/* The room of that name, or ROOM_COUNT. */
enum room room_of_name(struct str name);

#endif
