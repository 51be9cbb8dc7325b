/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit: group commit.
 *
 * Requests gather while a group is on its way to the disk.  When that group is
 * decided, those that wait are asked one after the other to join the next one; each
 * sees what is durable and what joined before it, never a group whose fate is open.
 * All of a group are told together: accepted, or refused with one sentence.
 *
 *  1. One group in flight (invariant 2); accepted means durable (invariant 1).
 *  2. Letters go to the open volume, entries to the journal behind them; both are synced
 *     side by side in two pool threads.
 *  3. What a request changed when it joined, it takes back when it is refused;
 *     refusals run from the last to the first.
 *  4. When the disk is full, what frees or settles goes on alone (invariant 10).
 *  5. Journal and volume are touched by one thread at a time: by the pool while a group
 *     is in flight, by joining requests only between two groups.
 */
#ifndef SPOOL_COMMIT_H
#define SPOOL_COMMIT_H

#include "net/fiber.h"
#include "store/entry.h"
#include "store/journal.h"
#include "store/volume.h"

#include <uv.h>

struct commit;
struct commit_request;

struct commit_kind {
	/* Checks it once more and adds it to the group (commit_letter, commit_entry), or to none:
	 * it is then answered with the group, so after everything that it relies on.  0;
	 * ERR_BUSY: there is no room, ask again for the next group; else it is refused alone. */
	int (*join)(struct commit_request *r, struct commit *c, struct err *e);
	/* The group is durable; position: of the last entry it added, 0 for none.  May be NULL. */
	void (*accepted)(struct commit_request *r, uint64_t position);
	/* The group did not happen.  May be NULL. */
	void (*refused)(struct commit_request *r);
};

/* Lives where its maker puts it until co_commit returns. */
struct commit_request {
	const struct commit_kind *kind;
	void *arg; /* for the kind */

	/* Private. */
	struct commit_request *next;
	struct fiber *waiter;
	struct err *e;
	uint32_t entry;
	bool has_entry;
	bool frees;
	bool done;
	int code;
};

/* For a test of counts. */
struct commit_counts {
	uint64_t groups; /* accepted */
	uint64_t entries;
	uint64_t letters;
	uint64_t syncs; /* calls of journal_sync and volume_sync */
	uint64_t refused; /* groups */
};

struct commit {
	struct journal *journal;
	struct volume *volume;
	struct commit_counts counts;

	/* Private. */
	struct fiber_group fibers; /* the committer */
	struct commit_request *first, **end; /* waiting */
	struct commit_request *members; /* of the group, newest first */
	struct journal_group group;
	struct commit_job *job;
	uv_sem_t volume_written;
	uint64_t recycle; /* give back what lies before; 0: nothing to do */
	unsigned letters; /* in the group */
	int64_t full_until; /* until then only what frees or settles is taken */
	bool running;
	bool stopped;
};

/* journal and volume belong to the caller and outlive it. */
void commit_init(struct commit *c, struct journal *journal, struct volume *volume);
/* Nothing may be in flight. */
void commit_free(struct commit *c);

/* Gives the request to the next group and waits for its fate: 0, or the code and
 * sentence why it, or its group, was refused.  Not cancelled while it waits. */
int co_commit(struct commit *c, struct commit_request *r, struct err *e);
/* Waits until all that was given before is decided. */
void co_commit_settled(struct commit *c);
/* Takes nothing any more (ERR_CLOSED) and waits until nothing is in flight. */
void co_commit_stop(struct commit *c);
/* Gives the segments before that position back after the next group. */
void commit_recycle(struct commit *c, uint64_t before);

/* For a kind's join: nobody has joined yet, so all that is in memory is durable. */
bool commit_group_empty(const struct commit *c);
/* For a kind's join: adds a letter to the volume's batch (its bytes must stay), and an
 * entry to the journal's group.  0, ERR_BUSY or an error. */
int commit_letter(struct commit *c, const struct record *record, struct str bytes, struct place *at,
		  struct err *e);
int commit_entry(struct commit *c, struct commit_request *r, struct str payload, bool frees, struct err *e);

#endif
