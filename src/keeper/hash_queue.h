/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash_queue: whose password is hashed next.
 *
 * A few threads hash; who finds them busy waits.  The clients that wait take turns, so one
 * that sends many passwords waits behind itself and not in front of others.
 */
#ifndef KEEPER_HASH_QUEUE_H
#define KEEPER_HASH_QUEUE_H

#include "net/fiber.h"

/* Passwords that may wait; above it the client is to try later. */
#define HASH_QUEUE_MAX 64

struct hash_waiter;

struct hash_queue {
	unsigned threads; /* so many hash at once */
	unsigned running;
	unsigned waiting;
	uint64_t round; /* of the one who began last */
	struct hash_waiter *first; /* in the order in which they came */
};

/* Waits for a thread; address is of 16 bytes, as in keeper/limits.h.  0: hash_queue_leave()
 * has to follow.  ERR_BUSY: too many wait; ERR_TIMEOUT, ERR_CANCELLED. */
int co_hash_queue_enter(struct hash_queue *q, const uint8_t address[16], int64_t deadline);
void hash_queue_leave(struct hash_queue *q);

#endif
