/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shard: the accounts that one mailbox process keeps, and what may be asked of it.
 *
 * The core of the mailbox room, which needs nothing of the process around it but
 * a channel to spool, the data folder and a running loop.
 *
 * The shard asks spool for its epoch (`shard`) as soon as one is there, and again
 * each new one; no act is sent before.  Then it folds what spool's journal has for accounts
 * that nobody opens (`unfolded`).  It answers `deliver`, `inbox`, `expect` and
 * `session`, and to commands `usage` and `remove_account`.
 */
#ifndef MAILBOX_SHARD_H
#define MAILBOX_SHARD_H

#include "net/chan.h"
#include "net/scan_ask.h"

struct shard;
struct imap_handover;

/* A session from its login to its end (mailbox/imap.h). */
typedef void shard_session_fn(struct shard *s, const struct imap_handover *h);

struct shard_options {
	/* Outlives the shard's fibers. */
	struct chan *spool;
	/* Who looks into letters; copied. */
	struct scans scans;
	/* The data folder as a path without final slash ("/" when it is the root); copied. */
	const char *data_path;
	/* The same as a descriptor; the caller's. */
	int data_folder;
	/* Which of how many shards this is: accounts of the others are refused. */
	unsigned index, shards;
	/* Zero means the usual: 1,000 accounts open at once, an account closed after
	 * 5 s without a command, folded 1 s after its act. */
	size_t accounts_max;
	int64_t idle_ms;
	int64_t fold_ms;
	/* An IMAP session ends when its client says nothing for so long (30 minutes), or takes
	 * nothing of what it asked for (5 minutes). */
	int64_t client_idle_ms;
	int64_t client_write_ms;
	/* It sends nothing more of a message that it has begun (5 minutes). */
	int64_t client_literal_ms;
	/* The largest message of an APPEND, and all of them at once (256 MiB). */
	uint64_t message_max;
	uint64_t uploads_max;
	/* A search gives a message up that takes longer than this, 20 s. */
	int64_t search_ms;
	/* How long an announced session is expected: 10 s. */
	int64_t expect_ms;
	/* What runs in the fiber of an IMAP session; NULL: no sessions are taken. */
	shard_session_fn *co_imap;
};

/* What neighbours may ask; a struct shard is their room. */
extern const struct chan_handler shard_handlers[];

/* Opens what cannot be opened behind the walls.  NULL without memory. */
struct shard *shard_new(void);
/* Begins to work. */
int shard_start(struct shard *s, const struct shard_options *options, struct err *e);
/* Another ceiling from now on. */
void shard_set_message_max(struct shard *s, uint64_t max);
/* A spool, the first or a new one, is at the other end of the channel. */
void shard_spool_came(struct shard *s);
/* Ends the sessions and takes no more commands; waits until those under way are done, then folds, syncs
 * and closes all accounts, as far as the deadline allows. */
void co_shard_stop(struct shard *s, int64_t deadline);
/* Ends the shard's own fibers at once.  What was not folded is in the journal. */
void co_shard_end(struct shard *s);
/* Frees it; no handler and no fiber of it may be left. */
void shard_destroy(struct shard **s);

#endif
