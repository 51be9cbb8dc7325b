/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letter: the bytes of a letter while they come in.
 *
 * Up to LETTER_INLINE_MAX octets stay in a buffer; a longer letter moves to a
 * memory file (memfd), which is sealed when it is complete, so that whoever gets
 * it can rely on its bytes.  All letters of a gate share one budget; a letter
 * that would exceed it, or its own limit, is given up at once with its memory,
 * and `fault` says why.  Nothing here suspends.
 */
#ifndef GATE_LETTER_H
#define GATE_LETTER_H

#include "base/buf.h"
#include "base/err.h"

/* As much as an `append` message carries. */
#define LETTER_INLINE_MAX ((size_t)32 << 10)
/* The most that may be added between two calls of letter_finish. */
#define LETTER_STEP_MAX ((size_t)32 << 10)
/* As much of a header as is looked at. */
#define LETTER_HEAD_MAX ((size_t)128 << 10)

/* Memory for the letters of one gate, in octets. */
struct letter_budget {
	uint64_t used;
	uint64_t max;
};

enum letter_fault {
	LETTER_GOOD,
	LETTER_TOO_BIG, /* above its own limit */
	LETTER_NO_ROOM, /* the budget is spent, or the system has no memory */
};

struct letter {
	struct letter_budget *budget;
	enum letter_fault fault;
	uint64_t size; /* octets so far, which the budget counts */
	uint64_t max;

	/* Private. */
	struct buf tail; /* what is not in the file; all of a short letter */
	int file; /* -1: none yet */
	uint64_t in_file; /* octets */
	void *map; /* the file */
	size_t map_size;
};

/* An empty letter of at most max octets. */
void letter_begin(struct letter *l, struct letter_budget *budget, uint64_t max);
/* Gives everything back; the letter is then as one that was never begun.  May be
 * called again, and for a zeroed letter. */
void letter_end(struct letter *l);

/* Where to add: up to LETTER_STEP_MAX octets, then letter_finish().  NULL once there is a
 * fault. */
struct buf *letter_tail(struct letter *l);
/* Counts what was added, moves it to the file when it has become long.  fault says how it
 * stands. */
void letter_finish(struct letter *l);
/* No more will be added: seals the file of a long letter. */
void letter_seal(struct letter *l);
/* The same for a short one, which gets a file too; views of it stay good. */
void letter_to_file(struct letter *l);

/* Of a sealed letter: the file, or -1 when letter_bytes() has all of it. */
int letter_file(const struct letter *l);
struct str letter_bytes(const struct letter *l);
/* All of it, and its first octets, at most LETTER_HEAD_MAX: views that live until letter_edit
 * or letter_end.  Empty when the system gives no memory for it. */
struct str letter_whole(struct letter *l);
struct str letter_head(struct letter *l);
/* Puts octets in front of a sealed letter and cuts fields out of its header: cuts as in
 * format/header_edit.h, checked here.  It is sealed again.  What is put in front counts in the budget
 * but against no limit.  A long letter is copied once, into a new file.  0; ERR_INVALID: these are no
 * cuts of this letter, which is as it was; ERR_MEMORY, and a fault. */
int letter_edit(struct letter *l, struct str front, struct str cuts, struct err *e);

#endif
