/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox: the room that keeps the accounts' indexes; each account lives in one shard. */
#ifndef MAILBOX_MAILBOX_H
#define MAILBOX_MAILBOX_H

#include "run/role.h"

extern const struct room_ops mailbox_room;

#endif
