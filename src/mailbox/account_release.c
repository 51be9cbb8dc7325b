/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters that the account has no row of any more (see account.h, invariant 6).
 *
 *   synced index --found--> asked of spool --durable--> forgotten here, with their outlines
 *                              '--failed--> found again at the next sync
 */
#include "mailbox/shard_parts.h"

#include "base/clock.h"
#include "net/loop.h"
#include "net/messages.h"

#include <stdlib.h>

#define RELEASE_MS 20000
#define LETTERS_MAX (INDEX_ROWS_MAX * sizeof(uint64_t))

bool account_releasing(const struct account *a, const uint64_t *letters, size_t n)
{
	for (size_t i = 0; i < a->releasing_count; i++)
		for (size_t k = 0; k < n; k++)
			if (a->releasing[i].letter == letters[k])
				return true;
	return false;
}

static bool any_holds(const struct account_act *act, uint64_t letter)
{
	for (; act; act = act->next)
		for (uint32_t i = 0; i < act->hold_count; i++)
			if (act->holds[i] == letter)
				return true;
	return false;
}

/* Leaves those that no act under way holds: the index may not have its row yet. */
static size_t choose(const struct account *a, struct index_release *r, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!any_holds(a->first, r[i].letter) && !any_holds(a->unfolded, r[i].letter))
			r[kept++] = r[i];
	return kept;
}

static int co_ask(struct account *a, const struct index_release *r, size_t n, struct err *e)
{
	struct release_answer answer;
	struct chan_parcel store;
	struct buf letters;

	buf_init(&letters, LETTERS_MAX);
	for (size_t i = 0; i < n; i++)
		buf_put_u64(&letters, r[i].letter);
	struct release_question q = {.account = a->id, .letters = buf_str(&letters)};
	int code = buf_failed(&letters)
			   ? err_set(e, ERR_MEMORY, "no memory for a release")
			   : co_ask_release(a->shard->spool, &q, deadline_in(RELEASE_MS), &store, &answer, e);

	if (!code)
		chan_parcel_free(&store);
	buf_free(&letters);
	return code;
}

struct released_task {
	struct index *index;
	struct derived *derived; /* NULL: not open; a row that stays there is of no letter */
	struct index_release *r;
	size_t n;
	uint64_t letters[INDEX_ROWS_MAX];
	struct err err;
	int code;
};

static void released_in_pool(void *arg)
{
	struct released_task *t = arg;
	struct err ignored;

	for (size_t i = 0; i < t->n; i++)
		t->letters[i] = t->r[i].letter;
	if (t->derived)
		derived_drop(t->derived, t->letters, t->n, &ignored);
	t->code = index_released(t->index, t->r, t->n, &t->err);
	if (!t->code)
		t->code = index_releases(t->index, t->r, INDEX_ROWS_MAX, &t->n, &t->err);
}

/* Forgets them; r and n become the next ones. */
static int co_forget(struct account *a, struct index_release *r, size_t *n, struct err *e)
{
	struct released_task *t = calloc(1, sizeof(*t));
	int code = t ? co_account_lock(a) : err_set(e, ERR_MEMORY, "no memory for a release");

	if (code) {
		free(t);
		return code == ERR_MEMORY ? code : err_set(e, code, "the shard ends");
	}
	t->index = a->index;
	t->derived = a->derived;
	t->r = r;
	t->n = *n;
	co_run_blocking(released_in_pool, t);
	account_unlock(a);
	code = t->code;
	*n = code ? 0 : t->n;
	if (code)
		*e = t->err;
	free(t);
	return code;
}

int co_account_release(struct account *a, struct index_release *r, size_t n, bool *left, struct err *e)
{
	int code = 0;

	*left = false;
	while (!code && n > 0 && !*left) {
		size_t free_ones = choose(a, r, n);

		*left = free_ones < n;
		n = free_ones;
		if (n == 0)
			break;
		a->releasing = r;
		a->releasing_count = n;
		code = co_ask(a, r, n, e);
		a->releasing_count = 0;
		if (!code)
			code = co_forget(a, r, &n, e);
	}
	return code;
}
