/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_set: sets of message sequence numbers or UIDs (RFC 9051 sequence-set;
 * "$" is the saved result of RFC 5182).
 *
 * imap_set_parse() keeps the set as written, with "*" open.  Before it is asked
 * anything, imap_set_resolve() gives "*" its value and makes the ranges sorted,
 * disjoint and not adjacent.
 */
#ifndef FORMAT_IMAP_SET_H
#define FORMAT_IMAP_SET_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/* "*" before imap_set_resolve(). */
#define IMAP_SET_STAR 0

/* Both ends belong to it. As written the first may be above the last. */
struct imap_range {
	uint32_t first, last;
};

struct imap_set {
	struct imap_range *ranges; /* in the arena */
	size_t count;
	bool saved; /* "$": no ranges, the caller puts in what was saved */
};

/* Takes a set off the front of *text, up to the first byte that cannot belong
 * to one.  ERR_INVALID: *text begins at the byte that is wrong; ERR_TOO_BIG:
 * more than max ranges; ERR_MEMORY. */
int imap_set_parse(struct arena *a, struct str *text, size_t max, struct imap_set *set);

/* largest is the number that "*" stands for: the last message's, 0 when there
 * is none.  Then a range with a "*" is empty, as there is nothing it can mean. */
void imap_set_resolve(struct imap_set *set, uint32_t largest);

/* The following need a resolved set. */
bool imap_set_has(const struct imap_set *set, uint32_t n);
/* How many numbers it has; how large its largest one is (0: empty). */
uint64_t imap_set_size(const struct imap_set *set);
uint32_t imap_set_last(const struct imap_set *set);
/* Goes through the numbers upwards: the first one above after; 0 behind the last. */
uint32_t imap_set_above(const struct imap_set *set, uint32_t after);

/* Writes count numbers in the order given, with "first:last" for runs that go
 * up by one, as COPYUID and SEARCH want them (RFC 4315 section 4). */
void imap_set_put(struct buf *out, const uint32_t *numbers, size_t count);

#endif
