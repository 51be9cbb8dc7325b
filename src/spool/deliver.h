/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deliver: telling the mailbox shards of their letters.
 *
 * Each shard has a queue in the order in which the letters were accepted; at most
 * DELIVERIES_OPEN of it are offered at once, in that order, and each stays until the act
 * that settles it is durable.
 *
 *   QUEUED --offered--> OPEN --settled--> gone
 *     ^ ^                |  |
 *     | +--shard died----+  +--refused--> LATER --time--> QUEUED
 *     |     (counted; after the 5th: HELD)                 |
 *     +----------------------------------------------------+
 *
 * A delivery that was open when the shard died is offered alone from then on, so that a
 * poison letter is found and the letters beside it are not blamed (invariant 13).
 */
#ifndef SPOOL_DELIVER_H
#define SPOOL_DELIVER_H

#include "net/chan.h"
#include "net/timer.h"
#include "store/shards.h"

#define DELIVERIES_OPEN 64

struct spool;
struct kept_letter;
struct delivery;

struct shard {
	struct spool *spool;
	struct chan *chan;
	uint64_t epoch; /* of its acts; 0: it has not asked yet */
	uint32_t process; /* the neighbour that asked */
	bool ready; /* it has its epoch and takes deliveries */
	bool feeding;
	bool alone; /* the open delivery is a suspect */
	unsigned open;
	struct delivery *queue; /* by position and recipient */
	struct delivery *last; /* of the queue */
	struct delivery *later;
	struct timer timer;
};

void shard_init(struct shard *shard, struct spool *s, struct chan *chan);
void shard_free(struct shard *shard);
/* Offers the open recipients of this letter. */
void deliver_letter(struct spool *s, struct kept_letter *k);
/* A new process of the shard takes deliveries from now on. */
void deliver_begin(struct shard *shard);
/* What waits for its time is offered now. */
void deliver_hurry(struct shard *shard);

#endif
