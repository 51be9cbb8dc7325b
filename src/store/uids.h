/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uids: sets of UIDs as sorted ranges.
 *
 * STORE 1:* on 100,000 messages is one range, not 100,000 numbers.  A set is
 * in order, its ranges neither overlap nor touch, no UID is 0, and it has at
 * most UID_RANGES_MAX ranges.  `struct uids` is a view of ranges that somebody
 * else owns, `struct uid_list` owns and grows them.
 */
#ifndef STORE_UIDS_H
#define STORE_UIDS_H

#include "base/arena.h"
#include "base/buf.h"

/* Every second message of a folder of 262,144. */
#define UID_RANGES_MAX 131072

struct uid_range {
	uint32_t lo;
	uint32_t hi; /* inclusive */
};

struct uids {
	const struct uid_range *r;
	size_t n;
};

/* True when the set keeps the rules above. */
bool uids_valid(struct uids u);
/* How many UIDs it names, whether or not messages with them exist. */
uint64_t uids_count(struct uids u);
bool uids_has(struct uids u, uint32_t uid);
/* The greatest UID, 0 for the empty set. */
uint32_t uids_last(struct uids u);

/* Writes the number of ranges and, for each, the distance to the one before
 * and its length as variable-length numbers: two bytes for most. */
void uids_put(struct buf *b, struct uids u);
/* Reads it back into the arena.  What it returns is valid by construction;
 * anything that uids_put() would not write makes the reader fail. */
struct uids uids_get(struct reader *r, struct arena *a);

struct uid_list {
	struct uid_range *r;
	size_t n;
	size_t cap;
	bool failed; /* too many ranges, out of order, or out of memory */
};

void uid_list_init(struct uid_list *l);
void uid_list_free(struct uid_list *l);
/* Empties it, keeps the memory, clears the failure. */
void uid_list_clear(struct uid_list *l);
/* Adds lo..hi, which must lie above all that is there. */
void uid_list_add(struct uid_list *l, uint32_t lo, uint32_t hi);
/* A view that is good until the next change. */
struct uids uid_list_uids(const struct uid_list *l);

#endif
