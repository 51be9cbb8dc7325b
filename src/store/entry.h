/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry: what the journal says, as values.
 *
 * The payload of an entry is one part or more, and is atomic: parts that must
 * be true together stand in one entry.  The put functions append a part to a
 * payload and set the buffer's failed flag when a limit is broken;
 * entry_next takes part after part off a payload, fully consumed or refused.
 * docs/format.md has the bytes.
 */
#ifndef STORE_ENTRY_H
#define STORE_ENTRY_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/envelope.h"

#define ENTRY_MAX (16U << 20) /* bytes of a payload */
#define ENTRY_OUTLINE_MAX (1U << 20)
#define ACT_SETTLES_MAX 65536
#define ACT_SENDS_MAX 1024
#define OUTCOME_STATUS_MAX 15 /* "5.123.123" and some room */
#define OUTCOME_MTA_MAX 300
#define OUTCOME_TEXT_MAX 2048
#define HOLD_REASON_MAX 500
#define TICKET_SIZE 16

/* How a letter's bytes are stored. */
enum transform {
	TRANSFORM_NONE = 0,
	TRANSFORM_ZSTD = 1,
};

/* Where a letter's record is: a hint, `moved` changes it.  Volume 0: the letter
 * has a file of its own. */
struct place {
	uint32_t volume;
	uint64_t offset;
};

/* Accepted. */
struct letter {
	unsigned char ticket[TICKET_SIZE]; /* recognises a repeated append */
	uint64_t id;
	struct place place;
	uint64_t length; /* of the letter */
	uint64_t stored; /* bytes on the disk, after the transform */
	uint32_t crc; /* CRC-32C of the stored bytes */
	uint8_t transform; /* enum transform */
	struct envelope envelope;
	struct str outline; /* encoded; empty: not known yet */
};

/* A block of letter ids leased to a gate. */
struct ids {
	uint64_t first;
	uint32_t count;
};

/* A new account id with its address, or its end. */
struct account_entry {
	uint32_t id; /* not 0, never used again */
	bool ended;
	struct str address;
};

struct settle {
	uint64_t letter;
	uint32_t recipient; /* index in the envelope */
};

/* A change of one account.  spool reads all but the body. */
struct act {
	uint32_t account;
	uint64_t serial; /* from 1, without gaps */
	uint64_t epoch; /* of the shard that sent it */
	uint64_t *holds; /* letters */
	uint32_t hold_count;
	struct settle *settles;
	uint32_t settle_count;
	struct str *sends; /* encoded effects */
	uint32_t send_count;
	struct str body;
};

enum outcome_result {
	OUTCOME_SENT = 1,
	OUTCOME_DEFERRED = 2,
	OUTCOME_BOUNCED = 3, /* for good; it stays open until the sender has been told */
	OUTCOME_CLOSED = 4, /* told, nobody is to be told, or deleted */
};

/* What became of a recipient: of a remote one, or of any when it is deleted. */
struct outcome {
	uint64_t letter;
	uint32_t recipient;
	uint8_t result; /* enum outcome_result */
	uint32_t tries; /* so many have been deferred; 0 unless deferred */
	uint64_t until_us; /* next try; 0 unless deferred */
	struct str status; /* RFC 3463, "5.1.1"; may be empty */
	struct str mta; /* "mx.b.test[192.0.2.1]:25"; empty: none was reached */
	struct str text; /* the reply or the reason */
};

/* A letter is offered to nobody any more, or to all again. */
struct hold {
	uint64_t letter;
	bool released;
	struct str reason;
};

/* These letters are no longer held by this account. */
struct release {
	uint32_t account;
	uint64_t *letters;
	uint32_t count;
};

struct move {
	uint64_t letter;
	struct place place;
};

/* New places of letters. */
struct moved {
	struct move *moves;
	uint32_t count;
};

/* All folds have reached this position. */
struct checkpoint {
	uint64_t position;
};

enum part_kind {
	PART_LETTER = 1,
	PART_IDS = 2,
	PART_ACCOUNT = 3,
	PART_ACT = 4,
	PART_OUTCOME = 5,
	PART_RELEASE = 6,
	PART_MOVED = 7,
	PART_CHECKPOINT = 8,
	PART_HOLD = 9,
};

struct part {
	enum part_kind kind;
	union {
		struct letter letter;
		struct ids ids;
		struct account_entry account;
		struct act act;
		struct outcome outcome;
		struct release release;
		struct moved moved;
		struct checkpoint checkpoint;
		struct hold hold;
	};
};

/* Appends one part of any kind. */
void entry_put(struct buf *b, const struct part *part);
/* Takes the next part off r: 1, or 0 at the end, or ERR_INVALID when the rest
 * breaks the format or a limit, or needs more than the arena may hold.  Strings
 * are views into r's bytes, arrays live in a. */
int entry_next(struct reader *r, struct arena *a, struct part *part);

/* Node in the upper 16 bits, counter in the lower 48. */
uint64_t letter_id_make(uint16_t node, uint64_t counter);
bool letter_id_valid(uint64_t id);

#define LETTER_ID_SIZE 17 /* 16 upper-case hex digits and NUL */
void letter_id_format(uint64_t id, char out[LETTER_ID_SIZE]);
/* Exactly as letter_id_format writes it. */
bool letter_id_parse(struct str s, uint64_t *id);

#endif
