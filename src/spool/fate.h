/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fate: what is known of a letter that is not simply on its way: that it is held, and of
 * each recipient how often it was tried, when it is next, and what was said last.
 *
 * Most letters have none; it is made at the first need and stays with the letter.  It is
 * folded from the entries `outcome` and `hold`: each says how things stand from then on, so
 * that one that is told twice changes nothing.
 */
#ifndef SPOOL_FATE_H
#define SPOOL_FATE_H

#include "spool/letters.h"

/* One recipient. */
struct attempt {
	int64_t next_us; /* wall clock; 0: at once */
	uint32_t tries; /* deferred so often */
	struct said *said; /* last; NULL: nothing */
};

/* What was said of a recipient: views into what is kept. */
struct reason {
	struct str status, mta, text;
};

struct fate;

void fate_destroy(struct fate **f);
/* Takes a deferral or a bounce in. */
void fate_note(struct kept_letter *k, const struct outcome *o);
/* Its next try is at once. */
void fate_hurry(struct kept_letter *k);

void fate_hold(struct kept_letter *k, struct str why);
void fate_release(struct kept_letter *k);
bool fate_held(const struct kept_letter *k);
/* Why it is held; empty when it is not. */
struct str fate_why(const struct kept_letter *k);

int64_t fate_next_us(const struct kept_letter *k, uint32_t recipient);
uint32_t fate_tries(const struct kept_letter *k, uint32_t recipient);
/* Views that live until the next fate_note. */
struct reason fate_reason(const struct kept_letter *k, uint32_t recipient);

/* For the catalogue: u8 held, str why, then per recipient with an attempt u32 place, u32
 * tries, u64 next, str status, str mta, str text. */
void fate_put(const struct kept_letter *k, struct buf *out);
/* False: the row cannot be read; what was read counts. */
bool fate_get(struct kept_letter *k, struct str row);

#endif
