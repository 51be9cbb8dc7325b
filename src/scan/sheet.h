/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sheet: a letter with its new head in front, so that one parse gives final offsets.
 *
 * A letter in a memory file is mapped and not copied; what is written over its beginning is
 * written to private pages, and in front of it there is room.
 */
#ifndef SCAN_SHEET_H
#define SCAN_SHEET_H

#include "base/buf.h"
#include "base/err.h"

/* By how much a letter may grow. */
#define SHEET_ROOM ((size_t)8 << 10)

struct sheet {
	struct str bytes;

	/* Private. */
	char *letter; /* its first octet, with room in front */
	char *copy;
	char *map;
	size_t map_size;
};

/* Copies the letter.  0 or ERR_MEMORY. */
int sheet_copy(struct sheet *s, struct str letter, struct err *e);
/* Maps the sealed memory file, which has `size` bytes and at least one; it may be closed afterwards.
 * ERR_INVALID when it is not that, ERR_IO. */
int sheet_map(struct sheet *s, int file, uint64_t size, struct err *e);
/* Puts `head` in the place of the first n octets, once.  ERR_TOO_BIG when it is longer than these by
 * more than SHEET_ROOM. */
int sheet_behead(struct sheet *s, size_t n, struct str head, struct err *e);
/* May be called for a zeroed sheet. */
void sheet_free(struct sheet *s);

#endif
