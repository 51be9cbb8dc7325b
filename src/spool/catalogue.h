/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue: spool/catalogue.db, what spool knows, folded from the journal.
 *
 * Accounts, holders of letters, and the entries of letters with open recipients, so
 * that the segments they stand in can be recycled (invariant 8).  Rows are written
 * whole and say how a thing stands, never what changed; so a crash between two batches
 * does no harm: the journal is read again from the checkpoint, and the last word wins.
 *
 * All calls block and belong into the pool, one at a time.
 */
#ifndef SPOOL_CATALOGUE_H
#define SPOOL_CATALOGUE_H

#include "base/buf.h"
#include "base/err.h"
#include "store/entry.h"

struct catalogue;

/* How an account stands. */
struct account_row {
	uint32_t id;
	bool ended;
	uint64_t serial; /* of its last act */
	uint64_t folded;
	struct str address;
};

/* What becomes of a letter's place in the queue. */
enum queue_change {
	QUEUE_NONE,
	QUEUE_PUT, /* with its entry */
	QUEUE_STATES, /* the recipients only */
	QUEUE_DROP,
};

/* How a letter stands. */
struct letter_row {
	uint64_t id;
	struct place place;
	uint64_t stored;
	bool dead;
	const uint32_t *holders;
	uint32_t holder_count;
	enum queue_change queue;
	uint64_t position; /* of its entry */
	struct str states; /* per recipient: u8 state, u32 account */
	struct str fate; /* fate.h; empty: none */
	bool drop_fate; /* the row that it had is out of date */
	struct str entry;
};

struct catalogue_visitor {
	void *arg;
	void (*account)(void *arg, const struct account_row *row);
	/* A letter with open recipients, in the order of their positions; without entry. */
	void (*letter)(void *arg, const struct letter_row *row);
};

/* Opens (makes) the file.  path of the data folder, "" for the root. */
int catalogue_open(struct catalogue **out, const char *data_path, struct err *e);
void catalogue_close(struct catalogue **c);
/* Where recovery begins to read the journal; 0: nothing was ever written. */
uint64_t catalogue_checkpoint(const struct catalogue *c);
/* The first letter id that was never leased, and account id that was never given,
 * as of the last batch. */
uint64_t catalogue_next_letter(const struct catalogue *c);
uint32_t catalogue_next_account(const struct catalogue *c);
uint64_t catalogue_epoch(const struct catalogue *c);

int catalogue_load(struct catalogue *c, const struct catalogue_visitor *v, struct err *e);
/* A letter's row and holders (up to 65,536, in memory of the arena): 0, or ERR_NOT_FOUND. */
int catalogue_letter(struct catalogue *c, uint64_t id, struct arena *a, struct letter_row *row,
		     struct err *e);
/* Letters with ids above `after` that the account holds, in order; *n becomes how many, fewer than max
 * only at the end. */
int catalogue_held(struct catalogue *c, uint32_t account, uint64_t after, uint64_t *ids, size_t max,
		   size_t *n, struct err *e);
/* The entry of a letter in the queue. */
int catalogue_entry(struct catalogue *c, uint64_t id, struct buf *entry, struct err *e);

/* A batch of rows is one transaction. */
int catalogue_begin(struct catalogue *c, struct err *e);
int catalogue_put_account(struct catalogue *c, const struct account_row *row, struct err *e);
int catalogue_put_letter(struct catalogue *c, const struct letter_row *row, struct err *e);
int catalogue_commit(struct catalogue *c, struct err *e);
void catalogue_undo(struct catalogue *c);

struct catalogue_marks {
	uint64_t checkpoint;
	uint64_t next_letter;
	uint64_t epoch;
	uint32_t next_account;
};
/* Sets them and puts all that was written on stable storage. */
int catalogue_sync(struct catalogue *c, const struct catalogue_marks *marks, struct err *e);

#endif
