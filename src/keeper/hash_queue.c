/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns by rounds (see hash_queue.h): the n-th waiting password of a client stands in the
 * n-th round from now, and a round begins when the one before it is done.
 */
#include "keeper/hash_queue.h"

#include "base/err.h"
#include "keeper/limits.h"

#include <string.h>

struct hash_waiter {
	struct hash_waiter *next;
	struct fiber *fiber;
	uint8_t client[16];
	uint64_t round;
	bool may_go;
};

static void add(struct hash_queue *q, struct hash_waiter *w)
{
	struct hash_waiter **end = &q->first;

	w->round = q->round + 1;
	for (; *end; end = &(*end)->next)
		if (memcmp((*end)->client, w->client, sizeof(w->client)) == 0)
			w->round = (*end)->round + 1;
	*end = w;
	q->waiting++;
}

static void take_out(struct hash_queue *q, struct hash_waiter *w)
{
	struct hash_waiter **at = &q->first;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	q->waiting--;
}

int co_hash_queue_enter(struct hash_queue *q, const uint8_t address[16], int64_t deadline)
{
	struct hash_waiter w = {.fiber = fiber_self()};
	int code = ERR_OK;

	if (q->running < q->threads) {
		q->running++;
		return ERR_OK;
	}
	if (q->waiting == HASH_QUEUE_MAX)
		return ERR_BUSY;
	limits_client(address, w.client);
	add(q, &w);
	while (!w.may_go && code == ERR_OK)
		code = co_park(deadline);
	if (w.may_go)
		return ERR_OK;
	take_out(q, &w);
	return code;
}

void hash_queue_leave(struct hash_queue *q)
{
	struct hash_waiter *best = q->first;

	if (!best) {
		q->running--;
		return;
	}
	for (struct hash_waiter *w = q->first; w; w = w->next)
		if (w->round < best->round)
			best = w;
	take_out(q, best);
	q->round = best->round;
	best->may_go = true;
	fiber_wake(best->fiber, ERR_OK);
}
