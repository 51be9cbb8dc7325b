/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account: one account in the hands of its shard.
 *
 *   opening --index, missing acts--> open --idle: fold, sync--> closing --> gone
 *      |                               |                                     |
 *      '----------> failed <-----------'      (the next touch opens it anew) '
 *                  refuses with its sentence, gone after a while
 *
 * An act of the account:
 *
 *   draft --> PENDING (checks have it) --spool: durable--> views have it --> folded --> synced
 *                 '-----------spool: refused--> all pending ones refused, checks made anew
 *
 * 1. Serials follow each other without gap, and acts are sent in their order, to a
 *    new spool too; so the order in the journal is theirs.
 * 2. An act without answer is sent again under its serial until it has one: its
 *    outcome is never guessed.  Who waits for it may give up before.
 * 3. After a refusal no act is made until the last pending one has its answer.
 * 4. Other sessions see `views`: durable acts only, in order of their serials.
 * 5. One call at a time uses the index, in the thread pool (co_account_lock).
 * 6. A letter is released when its last row has gone for good, and only while no act holds it
 *    anew: such an act waits until the release is decided.
 */
#ifndef MAILBOX_ACCOUNT_H
#define MAILBOX_ACCOUNT_H

#include "mailbox/recents.h"
#include "mailbox/shard.h"
#include "mailbox/upload.h"
#include "mailbox/waiters.h"
#include "net/fiber.h"
#include "store/derived.h"
#include "store/entry.h"
#include "store/index.h"
#include "store/view.h"

/* Acts without answer, and their bytes.  Fewer than the window of the channel to
 * spool with what opening accounts ask: an act never queues in the channel, where
 * a new spool would get it before it was greeted. */
#define SHARD_PENDING_MAX 160
#define SHARD_PENDING_BYTES (4u << 20)
/* Durable acts are folded at the latest when so many wait. */
#define FOLD_ACTS 1000
#define FOLD_BYTES (4u << 20)
/* No acts are made while so much of all accounts waits to be folded. */
#define SHARD_UNFOLDED_BYTES (16u << 20)
/* Folded acts are synced at the latest after this time. */
#define SYNC_AFTER_MS 10000
/* Whoever waits for an act of his gives up after it. */
#define ACT_LONGEST_MS 120000

#define SETTLED_KEPT 64

struct account;

/* Somebody who wants to know of each durable act as soon as the views have it, and of the
 * account's failure.  notify() must not wait. */
struct account_watch {
	struct account_watch *next;
	void (*notify)(struct account_watch *w);
};

/* An act that a session wants; arrays and outline are copied. */
struct act_draft {
	const struct change *changes;
	size_t n;
	const uint64_t *holds;
	uint32_t hold_count;
	const struct settle *settles;
	uint32_t settle_count;
	struct str outline; /* of the one letter that it holds; empty: not known */
	struct upload *letter; /* that letter, when spool is to get it with the act */
};

/* An act from its draft until it is folded. */
struct account_act {
	struct account_act *next, *prev;
	struct account *account;
	unsigned refs;
	uint64_t serial;
	struct buf body;
	uint64_t *holds;
	uint32_t hold_count;
	struct settle *settles;
	uint32_t settle_count;
	struct buf outline; /* of the letter, on its way to derived.db */
	struct upload *letter; /* until spool has answered */
	uint64_t greeting; /* of the spool it was sent to last; 0: none */
	bool never_sent; /* it did not fit the account */
	bool answered;
	bool done; /* with `outcome` */
	bool undone; /* refused only because one before it was: may be made again */
	struct err outcome;
	struct waiters turn; /* its sender */
	struct waiters finished;
};

enum account_state {
	ACCOUNT_OPENING,
	ACCOUNT_OPEN,
	ACCOUNT_FAILED,
	ACCOUNT_CLOSING,
	ACCOUNT_GONE,
};

struct account {
	struct account *next;
	struct shard *shard;
	uint32_t id;
	char *address_bytes;
	struct str address, user, domain;
	enum account_state state;
	struct err failure;
	unsigned users;
	int64_t used_ms; /* when the last user left, or when it failed */
	bool in_care;
	bool passing; /* nobody wants it, but its acts had to be folded */
	struct waiters changed; /* state, users or `refused` */

	struct index *index;
	struct derived *derived; /* under the same lock; NULL until it is needed */
	bool index_locked;
	struct waiters index_free;

	struct recents recents;
	struct upload_budget uploads; /* half of the shard's */
	unsigned seats; /* searches in letters that are under way */
	struct views views;
	struct account_watch *watches;
	struct ledger counted; /* the folders with their counts, as old as its serial */
	struct ledger checks;
	struct account_act *first, *last; /* pending, in order */
	bool refused; /* invariant 3 */

	struct account_act *unfolded, **unfolded_end; /* durable, in order */
	size_t unfolded_count, unfolded_bytes;
	int64_t unfolded_since;
	const struct index_release *releasing; /* letters whose `release` is under way */
	size_t releasing_count;
	uint64_t applied, synced; /* as of the last call of the index */
	int64_t unsynced_since;
	size_t wal_bytes; /* of acts folded since the WAL was emptied */

	struct settle settled[SETTLED_KEPT];
	size_t settled_next;
};

/* The account, open; opened before when it is not.  Every touch that succeeds is
 * followed by account_leave().  ERR_BUSY: too many are open, or the shard ends. */
int co_account_touch(struct shard *s, uint32_t id, struct str address, int64_t deadline, struct account **out,
		     struct err *e);
void account_leave(struct account *a);

/* It closes at once when its one user leaves, unless somebody touches it before. */
void account_pass(struct account *a);

/* Waits until acts can be made.  Until the next wait a draft may then rely on a->checks. */
int co_account_ready(struct account *a, int64_t deadline, struct err *e);
/* Makes the act and begins to send it.  The errors of ledger_apply() and
 * act_body_put(); ERR_BUSY above a ceiling.  *out is the caller's until account_act_release(). */
int account_submit(struct account *a, const struct act_draft *draft, struct account_act **out, struct err *e);
/* Waits for its outcome: 0 when it is durable and in view; spool's refusal; or the
 * wait's own ERR_TIMEOUT and ERR_CANCELLED, which say nothing of the act. */
int co_account_act_wait(struct account_act *act, int64_t deadline, struct err *e);
void account_act_release(struct account_act *act);

/* True when this (letter, recipient) was settled by a durable act not long ago. */
bool account_settled(const struct account *a, const struct settle *s);
void account_remember(struct account *a, const struct settle *s);
/* The pending act that settles it, or NULL. */
struct account_act *account_settling(const struct account *a, const struct settle *s);

/* Only one fiber at a time has the index.  0, or ERR_CANCELLED. */
int co_account_lock(struct account *a);
void account_unlock(struct account *a);
/* Folds all acts that are durable now. */
int co_account_fold(struct account *a, struct err *e);
/* Releases these letters (index_releases) and all others that it finds then.  Those that an act
 * under way holds stay for another time; *left: there are some. */
int co_account_release(struct account *a, struct index_release *r, size_t n, bool *left, struct err *e);
/* Whether a release of one of these letters is under way. */
bool account_releasing(const struct account *a, const uint64_t *letters, size_t n);

void account_watch(struct account *a, struct account_watch *w);
void account_unwatch(struct account *a, struct account_watch *w);

/* --- for the shard ------------------------------------------------------------------- */

/* Refuses everything from here on with this sentence. */
void account_fail(struct account *a, const struct err *why);
/* When it wants co_account_care(): INT64_MAX: never, unless something happens. */
int64_t account_due(const struct account *a);
/* Folds, syncs or closes it, whatever is due. */
void co_account_care(struct account *a);
/* Tells spool how far the index is synced. */
void account_tell_folded(const struct account *a);
/* What an act takes of memory until it is folded. */
size_t account_act_bytes(const struct account_act *act);
/* Lets the first act that waits be sent. */
void account_resume(struct account *a);
void account_free(struct account *a);

#endif
