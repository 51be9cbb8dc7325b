/* SPDX-License-Identifier: Apache-2.0 */
/* Durable acts on their way into the index, in batches (architecture 6, invariant 1). */
#include "mailbox/shard_parts.h"

#include "base/clock.h"
#include "net/loop.h"

#include <stdlib.h>

#define FOLD_ARENA_MAX (256u << 20)

int co_account_lock(struct account *a)
{
	int code = 0;

	while (!code && a->index_locked)
		code = co_waiters_park(&a->index_free, NO_DEADLINE);
	if (!code)
		a->index_locked = true;
	return code;
}

void account_unlock(struct account *a)
{
	a->index_locked = false;
	waiters_wake(&a->index_free);
}

struct fold_item {
	uint64_t serial;
	struct str body; /* of an act that stays in the queue meanwhile */
};

/* A batch, which belongs to the pool while it is there. */
struct fold_task {
	struct index *index;
	size_t n;
	struct fold_item items[FOLD_ACTS];
	uint64_t applied;
	struct err err;
	int code;
};

static void fold_in_pool(void *arg)
{
	struct fold_task *t = arg;
	struct act_body *bodies = calloc(t->n, sizeof(*bodies));
	struct arena arena;

	arena_init(&arena, FOLD_ARENA_MAX);
	t->code = bodies ? 0 : err_set(&t->err, ERR_MEMORY, "no memory to fold acts");
	for (size_t i = 0; i < t->n && !t->code; i++)
		t->code = act_body_get(t->items[i].body, t->items[i].serial, &arena, &bodies[i], &t->err);
	if (!t->code)
		t->code = index_fold(t->index, bodies, t->n, &t->err);
	t->applied = index_applied(t->index);
	arena_free(&arena);
	free(bodies);
}

static struct fold_task *take_batch(const struct account *a)
{
	struct fold_task *t = calloc(1, sizeof(*t));
	size_t bytes = 0;

	if (!t)
		return NULL;
	t->index = a->index;
	for (const struct account_act *act = a->unfolded; act && t->n < FOLD_ACTS && bytes < FOLD_BYTES;
	     act = act->next) {
		bytes += act->body.n;
		t->items[t->n++] = (struct fold_item){act->serial, buf_str(&act->body)};
	}
	return t;
}

static void drop_folded(struct account *a, size_t n)
{
	for (; n > 0; n--) {
		struct account_act *act = a->unfolded;

		a->unfolded = act->next;
		a->unfolded_count--;
		a->unfolded_bytes -= act->body.n;
		a->shard->unfolded_bytes -= act->body.n;
		a->wal_bytes += act->body.n;
		account_act_release(act);
	}
	if (!a->unfolded)
		a->unfolded_end = &a->unfolded;
	a->unfolded_since = clock_ms();
}

/* The index is locked by the caller. */
static int co_fold_batch(struct account *a, struct err *e)
{
	struct fold_task *t = take_batch(a);

	if (!t)
		return err_set(e, ERR_MEMORY, "no memory to fold acts");
	co_run_blocking(fold_in_pool, t);
	int code = t->code;

	if (code)
		*e = t->err;
	else {
		a->applied = t->applied;
		if (!a->unsynced_since)
			a->unsynced_since = clock_ms();
		drop_folded(a, t->n);
	}
	free(t);
	return code;
}

int co_account_fold(struct account *a, struct err *e)
{
	uint64_t until = a->views.ledger.serial;
	int code = co_account_lock(a);

	if (code)
		return err_set(e, code, "the shard ends");
	while (!code && a->unfolded && a->unfolded->serial <= until)
		code = co_fold_batch(a, e);
	account_unlock(a);
	return code;
}
