/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sheet: the fields in front and the letter in a row, so that one parse gives final offsets.
 *
 * A letter in a memory file is mapped right behind the fields and not copied: the file begins
 * at a page, the fields end where that page begins.
 */
#ifndef SCAN_SHEET_H
#define SCAN_SHEET_H

#include "base/buf.h"
#include "base/err.h"

struct sheet {
	struct str bytes; /* front and letter */

	/* Private. */
	char *copy;
	char *map;
	size_t map_size;
};

/* Copies both.  0 or ERR_MEMORY. */
int sheet_copy(struct sheet *s, struct str front, struct str letter, struct err *e);
/* Maps the sealed memory file, which has `size` bytes and at least one; it may be closed afterwards.
 * ERR_INVALID when it is not that, ERR_IO. */
int sheet_map(struct sheet *s, struct str front, int file, uint64_t size, struct err *e);
/* May be called for a zeroed sheet. */
void sheet_free(struct sheet *s);

#endif
