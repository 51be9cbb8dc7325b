/* SPDX-License-Identifier: Apache-2.0 */
/* Names of rooms. */
#include "net/rooms.h"

static const char *const names[ROOM_COUNT] = {
	[ROOM_MASTER] = "master",   [ROOM_GATE] = "gate",         [ROOM_KEEPER] = "keeper",
	[ROOM_SCAN] = "scan",       [ROOM_RESOLVER] = "resolver", [ROOM_SPOOL] = "spool",
	[ROOM_MAILBOX] = "mailbox", [ROOM_RELAY] = "relay",
};

const char *room_name(enum room room)
{
	return names[room];
}

enum room room_of_name(struct str name)
{
	for (unsigned i = 0; i < ROOM_COUNT; i++)
		if (str_eq(name, str_of(names[i])))
			return (enum room)i;
	return ROOM_COUNT;
}
