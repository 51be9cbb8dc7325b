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
	RECIPIENT_BOUNCED = 0x40, /* failed for good; its sender is still to be told */
	RECIPIENT_UNDER_WAY = 0x20, /* a delivery or a question to relay has it; in memory only */
	RECIPIENT_DEATHS = 0x07, /* how often the shard died with it */
};

/* Bytes of a recipient in the catalogue: u8 state, u32 account. */
#define STATE_SIZE 5

struct fate;
struct outbound;

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
	struct fate *fate; /* fate.h; NULL: nothing but on its way */
	struct outbound *outbound; /* queue.h; NULL: nobody elsewhere is waited for */
	uint32_t bundles; /* of its recipients, on their way to relay: it stays in memory */
	bool queued; /* the catalogue has its entry */
	bool fated; /* the catalogue has a row of its fate */
	bool dropped; /* deleted: its end is not told */
	bool removed; /* its end was told */
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
/* Somebody has this recipient in hand. */
bool letter_under_way(const struct kept_letter *k, uint32_t recipient);
void letter_set_under_way(struct kept_letter *k, uint32_t recipient, bool on);
/* It failed, and its sender is to be told. */
bool letter_bounced(const struct kept_letter *k, uint32_t recipient);
void letter_set_bounced(struct kept_letter *k, uint32_t recipient, bool on);
/* Elsewhere, and waited for: not settled, not bounced. */
bool letter_remote_open(const struct kept_letter *k, uint32_t recipient);
/* Settles one that is open, or opens it again when its act was refused. */
void letter_settle(struct kept_letter *k, uint32_t recipient);
void letter_unsettle(struct kept_letter *k, uint32_t recipient);
unsigned letter_deaths(const struct kept_letter *k, uint32_t recipient);
void letter_count_death(struct kept_letter *k, uint32_t recipient);
void letter_forget_deaths(struct kept_letter *k);

#endif
