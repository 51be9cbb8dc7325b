/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index: one account's folders and messages on disk, the fold of its acts.
 *
 * accounts/<domain>/<user>/index.db.  Blocking: a shard calls these functions in
 * its thread pool, one at a time for an account, and no transaction outlives a
 * call.  Nothing but index_fold() changes a row or a count.
 *
 * States of an act here: durable in the journal -> index_fold() -> applied ->
 * index_sync() or index_checkpoint() -> synced, which is what a shard answers
 * `folded P` with and what lets letters be released (architecture 5, invariants
 * 6 and 8).  A crash takes back whole folds, never parts; the journal still has
 * their acts.
 *
 * After a failed sync the kernel may have dropped what it could not write and
 * would report success the next time, so every later call fails with ERR_IO.
 * The index can be closed and opened again: what is read back then passed
 * SQLite's checks and is written once more before it counts as synced.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "store/ledger.h"

/* Rows that one call gives at most. */
#define INDEX_ROWS_MAX 1000
/* Ranges of the expunge log that a folder keeps; above it the older half goes. */
#define INDEX_LOG_MAX 20000

struct index;

/*
 * Opens the index of an account, or makes an empty one with create.
 * ERR_NOT_FOUND: there is none; ERR_CORRUPT: it is damaged or belongs to a later
 * account id; ERR_EXISTS: it belongs to an earlier one; ERR_INVALID: a newer program made it; ERR_BUSY: another process
 * has it open.
 */
int index_open(const char *data_dir, struct str domain, struct str user, uint32_t account, bool create,
	       struct index **out, struct err *err);
/* Checkpoints (not after a failed sync) and frees. */
void index_close(struct index **ix);

/* The serial of the last act that was folded. */
uint64_t index_applied(const struct index *ix);
/* The serial up to which a power loss takes nothing back. */
uint64_t index_synced(const struct index *ix);
/* Statements run so far. */
uint64_t index_statements(const struct index *ix);

/*
 * Folds n acts, in order, in one transaction: all or none.  Acts that are
 * applied already are passed over.  ERR_CORRUPT: a serial is missing, or an act
 * does not fit the account; this account must stop (invariant 4).
 */
int index_fold(struct index *ix, const struct act_body *acts, size_t n, struct err *err);
/* Makes all that is folded survive a power loss: syncs the WAL, and the folder
 * the first time.  A checkpoint instead when somebody else left the WAL. */
int index_sync(struct index *ix, struct err *err);
/* Copies the WAL into the database, syncs both and empties the WAL. */
int index_checkpoint(struct index *ix, struct err *err);

/* A copy of the ledger with the counts of all folders, as of index_applied().
 * *out is not initialised before; the caller frees it. */
int index_folders(struct index *ix, struct ledger *out, struct err *err);

/*
 * Rows of a folder in order of UID, those above after_uid; *n becomes how many,
 * fewer than max (at most INDEX_ROWS_MAX) only at the end.  A caller that loads
 * a folder in several calls lets no fold come between them.
 */
int index_load(struct index *ix, uint32_t folder, uint32_t after_uid, struct message *rows, size_t max,
	       size_t *n, struct err *err);
/* The same, only rows with a modseq above `modseq`. */
int index_since(struct index *ix, uint32_t folder, uint64_t modseq, uint32_t after_uid, struct message *rows,
		size_t max, size_t *n, struct err *err);
/* How many messages of the folder have a UID not below `uid`. */
int index_count_from(struct index *ix, uint32_t folder, uint32_t uid, uint64_t *n, struct err *err);
/*
 * Ranges that were expunged with a modseq above `modseq`, in order of UID, those
 * that begin above after_uid.  *complete is false when the log does not reach
 * back so far: then every UID of the client's set that has no row counts as
 * expunged (RFC 7162, 3.2.5.2).
 */
int index_expunged(struct index *ix, uint32_t folder, uint64_t modseq, uint32_t after_uid,
		   struct uid_range *ranges, size_t max, size_t *n, bool *complete, struct err *err);
/* One row with its head, which is added to `head`: the message is these bytes
 * and the letter without its first *skip bytes.  ERR_NOT_FOUND. */
int index_message(struct index *ix, uint32_t folder, uint32_t uid, struct message *row, uint32_t *skip,
		  struct buf *head, struct err *err);

/* A letter whose last row went with act `serial`. */
struct index_release {
	uint64_t letter;
	uint64_t serial;
};

/*
 * Up to max letters that this account holds no more, and whose last row cannot
 * come back after a power loss; *n is 0 only when there is none.  The caller
 * writes the `release` entry, then tells index_released().  It knows better about
 * acts still under way: it releases no letter that one of them adds, and sends
 * no such act while the release is under way.
 */
int index_releases(struct index *ix, struct index_release *out, size_t max, size_t *n, struct err *err);
/* These are released; a letter that was added and removed again since stays. */
int index_released(struct index *ix, const struct index_release *r, size_t n, struct err *err);

#endif
