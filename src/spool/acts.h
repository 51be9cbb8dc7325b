/* SPDX-License-Identifier: Apache-2.0 */
/* acts: the questions of the mailbox shards about their accounts (net/messages.def). */
#ifndef SPOOL_ACTS_H
#define SPOOL_ACTS_H

#include "net/chan.h"
#include "store/entry.h"

struct account;
struct shard;
struct spool;

void co_on_shard(void *room, struct chan_parcel *p);
void co_on_act(void *room, struct chan_parcel *p);
void co_on_acts(void *room, struct chan_parcel *p);
void co_on_folded(void *room, struct chan_parcel *p);
void co_on_unfolded(void *room, struct chan_parcel *p);

/* An act on its way into a group. */
struct act_request {
	struct spool *spool;
	struct shard *shard;
	struct account *account;
	struct act act;
	struct str payload; /* its part of an entry */
	uint32_t settled; /* how many of its settles are done */
	bool joined;
};

/* The shard at the other end of the channel, NULL when that is none. */
struct shard *shard_of_chan(struct spool *s, const struct chan *chan);
/* The account when it lives in that shard (invariant 14), else NULL. */
struct account *account_of_shard(struct spool *s, const struct shard *shard, uint32_t id);
/* Reads a->payload, which must be one act of the shard and nothing else; arrays in the arena. */
int act_decode(struct act_request *a, struct arena *arena, struct err *e);
/* For a kind's join: 0, the account's next act; 1, known: the first answer counts; or why it is
 * refused. */
int act_admit(struct act_request *a, struct err *e);

/* A sum over the payload of an entry with one act, without its epoch: a shard sends an
 * act again under the epoch that it has then. */
uint32_t act_check(struct str payload);

#endif
