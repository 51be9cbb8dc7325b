/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan: the one place where a letter's hostile bytes are parsed, in a room without doors.
 *
 * Answers `scan` (a letter that comes in: the fields in front of it, and the outline of both
 * in a row) and `outline` (one that is stored).  See net/messages.def and format/outline.h.
 *
 * A letter that crashes the parser must stop itself and nothing else (invariant 13).  The asker's
 * part is net/scan_ask.h: it asks again with alone = 1, and takes the letter for poison when scan has
 * ended with it twice; then it gets outline_opaque(), and is held.
 *
 * scan's part: letters are parsed one after another; before one that is alone the note
 * `scanning` is with the kernel, and the next begins only when its answer is there too.
 */
#ifndef SCAN_SCAN_H
#define SCAN_SCAN_H

#include "run/role.h"

extern const struct room_ops scan_room;

/* An outline above this goes as a memory file (`wide`). */
#define SCAN_OUTLINE_INLINE ((size_t)48 << 10)

#endif
