/* SPDX-License-Identifier: Apache-2.0 */
/* shard_parts: what the files of the shard share. */
#ifndef MAILBOX_SHARD_PARTS_H
#define MAILBOX_SHARD_PARTS_H

#include "base/nummap.h"
#include "format/charset.h"
#include "mailbox/account.h"
#include "mailbox/expected.h"
#include "mailbox/outlines.h"

#define SHARD_BUCKETS 256
#define SEARCH_SEATS 2

/* For one search in a letter, in the thread pool. */
struct search_seat {
	struct charsets charsets;
	bool taken;
};

struct shard {
	char *data_path;
	int data_folder;
	unsigned index, shards; /* one of how many; 0: all accounts are ours */
	size_t accounts_max;
	int64_t idle_ms, fold_ms;
	int64_t client_idle_ms, client_write_ms, client_literal_ms;
	uint64_t message_max;
	struct chan *spool;
	struct outlines outlines;
	struct fiber_group own; /* greeter, caretaker, and who folds what nobody opens */
	struct fiber_group senders; /* one for each act without answer */
	struct fiber_group carers;
	struct fiber_group sessions;
	struct expected expected; /* sessions to come */
	int64_t expect_ms;
	shard_session_fn *co_imap;
	bool stopping; /* no more commands */
	bool ended; /* no more acts either */

	/* Greeted is the spool that has given us our epoch. */
	uint64_t epoch;
	uint64_t arrivals, greetings;
	bool greeted;
	struct waiters arrived, met; /* a spool came; it has greeted us */
	struct nummap folded; /* what spool was told, by account, also of closed ones */
	uint64_t lease_next; /* letter ids of our own */
	uint32_t lease_left;
	struct upload_budget uploads;
	/* What a client searches for comes in them.  For the loop alone: an iconv_t has a state. */
	struct charsets charsets;
	struct charset_fn charset_fn;
	int64_t search_ms; /* in one letter */
	struct search_seat seats[SEARCH_SEATS];
	struct waiters seat_free;

	struct account *accounts[SHARD_BUCKETS];
	size_t account_count;
	struct waiters room; /* for one more account */
	bool crowded; /* somebody waits for it: idle accounts close at once */
	unsigned passing; /* accounts that are open only to be folded */
	struct waiters passed;
	size_t pending_bytes, unfolded_bytes;

	int64_t care_at; /* when the caretaker looks next */
	struct waiters care;
};

struct account *shard_find(struct shard *s, uint32_t id);
/* Makes the caretaker look again no later than that. */
void shard_care_by(struct shard *s, int64_t when);
bool shard_spool_ready(const struct shard *s);
/* Waits until spool has given us our epoch: only from then on its journal holds all
 * that a process before us had sent.  0, ERR_TIMEOUT or ERR_CANCELLED. */
int co_shard_meet_spool(struct shard *s, int64_t deadline);
/* The index of this account is synced up to that serial: spool hears it, and so does each new one,
 * whose checkpoint would else wait for an account that nobody opens. */
void shard_tell_folded(struct shard *s, uint32_t account, uint64_t serial);
/* An id for a letter that is stored here. */
int co_shard_letter_id(struct shard *s, uint64_t *id, struct err *e);

/* One function for each message (deliver.c, inbox.c, session.c, shard.c). */
void co_on_deliver(void *room, struct chan_parcel *p);
void co_on_inbox(void *room, struct chan_parcel *p);
void co_on_expect(void *room, struct chan_parcel *p);
void co_on_session(void *room, struct chan_parcel *p);

#endif
