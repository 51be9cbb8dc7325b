/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letter_read: a kept letter's entry and bytes, read in the pool.
 *
 * The entry comes from the memory, the catalogue or the journal, the bytes from the volume
 * or the letter's own file.
 */
#ifndef SPOOL_LETTER_READ_H
#define SPOOL_LETTER_READ_H

#include "base/buf.h"
#include "base/err.h"
#include "store/entry.h"

struct spool;
struct kept_letter;

/* Sees that the entry is in memory, for as long as the letter is pinned. */
int co_letter_load(struct spool *s, struct kept_letter *k);

/* A letter's part of its entry, of one's own. */
struct letter_entry {
	struct buf bytes;
	struct arena arena;
	struct part part; /* of kind PART_LETTER, with as many recipients as are kept */
};

/* Reads it; free it in any case.  ERR_CORRUPT: it cannot be read any more. */
int co_letter_entry(struct spool *s, struct kept_letter *k, struct letter_entry *entry, struct err *e);
void letter_entry_free(struct letter_entry *entry);

/* The letter in a payload, which may have other parts before it. */
bool letter_part(struct str payload, struct arena *a, struct part *part);

/* All of its bytes in a sealed memory file, the caller's; *size is their number. */
int co_letter_file(struct spool *s, const struct kept_letter *k, int *file, uint64_t *size, struct err *e);
/* Its first bytes, at most `max`; *all: there are no more. */
int co_letter_head(struct spool *s, const struct kept_letter *k, size_t max, struct buf *out, bool *all,
		   struct err *e);

#endif
