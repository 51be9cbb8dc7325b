/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper: who is who: accounts, aliases, and what one client address may do.
 *
 * Answers `connect`, `recipient`, `login` and notes `left` (net/messages.def).  Its tables come from
 * master as contents (`table`, `tables`); it opens no file and knows no path.
 */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include "run/role.h"

extern const struct room_ops keeper_room;

#endif
