/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message: one row of a folder, and the arithmetic on flags and counts that
 * index and view must do alike.
 */
#ifndef STORE_MESSAGE_H
#define STORE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

/* System flags (RFC 9051, 2.3.2); \Recent is nobody's durable state. */
enum message_flag {
	MESSAGE_SEEN = 0x01,
	MESSAGE_ANSWERED = 0x02,
	MESSAGE_FLAGGED = 0x04,
	MESSAGE_DELETED = 0x08,
	MESSAGE_DRAFT = 0x10,
	MESSAGE_FLAGS_ALL = 0x1F,
};

/* Keywords are numbered per account in the order of their first use, so a
 * message keeps its set when it moves to another folder. */
#define KEYWORDS_MAX 128
#define KEYWORD_WORDS (KEYWORDS_MAX / 64)

struct keyword_set {
	uint64_t w[KEYWORD_WORDS];
};

bool keyword_set_has(const struct keyword_set *s, unsigned slot);
void keyword_set_add(struct keyword_set *s, unsigned slot);

struct message {
	uint32_t uid;
	uint8_t flags; /* enum message_flag */
	struct keyword_set keywords;
	uint64_t modseq; /* serial of the last act that changed the row */
	int64_t date_us; /* INTERNALDATE, microseconds since 1970 UTC */
	uint32_t size; /* RFC822.SIZE: head and the rest of the letter */
	uint64_t letter;
	/* Where the letter probably is: volume in the upper, offset in the lower 32
	 * bits, 0 unknown.  Never trusted, only tried first. */
	uint64_t place;
	uint64_t immutable; /* hash of the items that must never change for a UID */
};

/* What a STORE does to every message it names: new = (old & keep) | add. */
struct flag_change {
	uint8_t keep;
	uint8_t add;
	struct keyword_set keyword_keep;
	struct keyword_set keyword_add;
};

struct flag_change flag_change_set(uint8_t flags, struct keyword_set keywords);
struct flag_change flag_change_add(uint8_t flags, struct keyword_set keywords);
struct flag_change flag_change_remove(uint8_t flags, struct keyword_set keywords);
/* True when it can turn this system flag of some message. */
bool flag_change_touches(const struct flag_change *c, uint8_t flag);
/* Changes both in place; false when nothing was different. */
bool flag_change_apply(const struct flag_change *c, uint8_t *flags, struct keyword_set *keywords);

/* What STATUS and quota ask of a folder (RFC 9051, 6.3.11; RFC 9208). */
struct counts {
	uint64_t messages;
	uint64_t unseen;
	uint64_t deleted;
	uint64_t size; /* bytes */
};

/* Counts one message in. */
void counts_add(struct counts *c, uint8_t flags, uint32_t size);
void counts_plus(struct counts *c, const struct counts *other);
void counts_minus(struct counts *c, const struct counts *other);

#endif
