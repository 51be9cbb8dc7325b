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

/* Of an act that stays in the queue meanwhile. */
struct fold_item {
	uint64_t serial;
	struct str body;
	uint64_t letter;
	struct str outline; /* empty: none came with it */
};

/* A batch, which belongs to the pool while it is there. */
struct fold_task {
	const char *data_path;
	struct str domain, user;
	struct index *index;
	struct derived *derived;
	size_t n;
	struct fold_item items[FOLD_ACTS];
	uint64_t applied;
	struct err err;
	int code;
};

/* They can be made again, so a failure to keep them is none. */
static void keep_outlines(struct fold_task *t)
{
	struct outline_row *rows = calloc(t->n, sizeof(*rows));
	size_t n = 0;
	struct err ignored;

	for (size_t i = 0; rows && i < t->n; i++)
		if (t->items[i].outline.n)
			rows[n++] = (struct outline_row){t->items[i].letter, t->items[i].outline};
	if (n > 0 && !t->derived)
		derived_open(t->data_path, t->domain, t->user, &t->derived, &ignored);
	if (n > 0 && t->derived)
		derived_put(t->derived, rows, n, &ignored);
	free(rows);
}

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
	if (!t->code)
		keep_outlines(t);
	arena_free(&arena);
	free(bodies);
}

static struct fold_task *take_batch(const struct account *a)
{
	struct fold_task *t = calloc(1, sizeof(*t));
	size_t bytes = 0;

	if (!t)
		return NULL;
	t->data_path = a->shard->data_path;
	t->domain = a->domain;
	t->user = a->user;
	t->index = a->index;
	t->derived = a->derived;
	for (const struct account_act *act = a->unfolded; act && t->n < FOLD_ACTS && bytes < FOLD_BYTES;
	     act = act->next) {
		bytes += account_act_bytes(act);
		t->items[t->n++] =
			(struct fold_item){act->serial, buf_str(&act->body),
					   act->hold_count ? act->holds[0] : 0, buf_str(&act->outline)};
	}
	return t;
}

static void drop_folded(struct account *a, size_t n)
{
	for (; n > 0; n--) {
		struct account_act *act = a->unfolded;

		a->unfolded = act->next;
		a->unfolded_count--;
		a->unfolded_bytes -= account_act_bytes(act);
		a->shard->unfolded_bytes -= account_act_bytes(act);
		a->wal_bytes += account_act_bytes(act);
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

	a->derived = t->derived;

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
