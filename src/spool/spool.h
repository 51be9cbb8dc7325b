/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool: the room that stores letters, the only writer of volumes and journal.
 *
 * Gates hand it letters, it answers when they are durable, tells the mailbox shards of
 * them and keeps what these do with them.  It parses no letter and talks to no network.
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include "run/role.h"

extern const struct room_ops spool_room;

#endif
