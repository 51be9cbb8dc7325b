/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letters: who holds which letter, and which recipients are open.
 *
 * In memory stand the letters with open recipients (the queue) and those that have
 * changed since the catalogue was last written; the others are in the catalogue
 * alone.  A letter here is complete.  Holders are a set (invariant 5): adding one
 * twice changes nothing, so a replay cannot miscount.  A letter without holder and
 * without open recipient is dead, for ever.
 */
#ifndef SPOOL_LETTERS_H
#define SPOOL_LETTERS_H

#include "base/nummap.h"
#include "store/entry.h"

/* Deaths of a shard while a delivery was open that make it held (invariant 13). */
#define DEATHS_HELD 5

/* What became of a recipient: one byte, as the catalogue keeps it. */
enum {
	RECIPIENT_SETTLED = 0x80,
	RECIPIENT_DEATHS = 0x07, /* how often the shard died with it */
};

/* Bytes of a recipient in the catalogue: u8 state, u32 account. */
#define STATE_SIZE 5

struct kept_letter {
	uint64_t id;
	uint64_t position; /* of its entry: the order of the queue */
	struct place place;
	uint64_t stored;
	uint32_t recipient_count;
	uint32_t open; /* recipients not settled */
	uint32_t users; /* pins */
	uint32_t holds_coming; /* by acts in a group whose fate is open */
	uint32_t holder_count, holder_cap;
	uint32_t *holders; /* account ids */
	uint8_t *recipients; /* state of each */
	uint32_t *accounts; /* of each */
	char *entry; /* its entry's payload, when that is kept in memory */
	uint32_t entry_n;
	uint32_t changes; /* since it came here; not 0: dirty */
	bool queued; /* the catalogue has its entry */
};

struct letters {
	struct nummap map;
	size_t dirty; /* letters the catalogue does not have as they are */
	size_t cached; /* bytes of entries in memory */
	size_t cache_max;
};

void letters_init(struct letters *l, size_t cache_max);
void letters_free(struct letters *l);
struct kept_letter *letters_get(const struct letters *l, uint64_t id);
/* Adds a letter (not there yet) with so many open recipients, unchanged. */
struct kept_letter *letters_add(struct letters *l, uint64_t id, uint32_t recipients);
/* It differs from the catalogue from now on. */
void letters_touch(struct letters *l, struct kept_letter *k);
/* The catalogue has it as it was with so many changes; it leaves the memory when
 * nothing needs it there.  k may be gone afterwards. */
void letters_written(struct letters *l, struct kept_letter *k, uint32_t changes);
/* Somebody points to it: it stays in memory. */
void letters_pin(struct kept_letter *k);
/* Nobody of those does any more; k may be gone afterwards. */
void letters_unpin(struct letters *l, struct kept_letter *k);
/* Keeps the entry for the deliveries, while there is room or when it must be. */
void letters_cache(struct letters *l, struct kept_letter *k, struct str entry, bool must);
void letters_uncache(struct letters *l, struct kept_letter *k);

void letter_hold(struct kept_letter *k, uint32_t account);
/* False: the account did not hold it. */
bool letter_release(struct kept_letter *k, uint32_t account);
bool letter_held_by(const struct kept_letter *k, uint32_t account);
bool letter_dead(const struct kept_letter *k);
bool letter_settled(const struct kept_letter *k, uint32_t recipient);
/* Settles one that is open, or opens it again when its act was refused. */
void letter_settle(struct kept_letter *k, uint32_t recipient);
void letter_unsettle(struct kept_letter *k, uint32_t recipient);
unsigned letter_deaths(const struct kept_letter *k, uint32_t recipient);
void letter_count_death(struct kept_letter *k, uint32_t recipient);

#endif
