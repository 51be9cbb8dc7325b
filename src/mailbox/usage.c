/* SPDX-License-Identifier: Apache-2.0 */
/* `usage`: how much mail an account has, for commands; and what commands may ask at all. */
#include "mailbox/shard_parts.h"

#include "base/clock.h"
#include "net/loop.h"
#include "net/messages.h"
#include "store/shards.h"

#include <stdlib.h>
#include <string.h>

#define ASK_SPOOL_MS 5000

/* How role.c calls those who connect to the control socket. */
bool shard_is_command(struct chan_parcel *p)
{
	if (strcmp(chan_name(p->chan), "command") == 0)
		return true;
	chan_refuse(p, ERR_DENIED, "only commands may ask that");
	return false;
}

int shard_check_own(const struct shard *s, struct str address, struct err *e)
{
	if (s->stopping)
		return err_set(e, ERR_BUSY, "the mailbox room is stopping");
	if (s->shards > 0 && shard_of(address, s->shards) != s->index)
		return err_set(e, ERR_NOT_FOUND, "the account lives in another shard");
	return 0;
}

/* --- counts --------------------------------------------------------------------------------- */

struct counts_task {
	struct index *index;
	struct ledger ledger;
	struct err err;
	int code;
};

static void counts_in_pool(void *arg)
{
	struct counts_task *t = arg;

	t->code = index_folders(t->index, &t->ledger, &t->err);
}

/* All folders at once: a client that asks for one soon asks for the next. */
static int co_count_all(struct account *a, struct err *e)
{
	struct counts_task *t = calloc(1, sizeof(*t));
	int code = t ? co_account_fold(a, e) : err_set(e, ERR_MEMORY, "no memory to count messages");

	if (!code && (code = co_account_lock(a)) != 0)
		err_set(e, code, "the shard ends");
	if (code) {
		free(t);
		return code;
	}
	t->index = a->index;
	co_run_blocking(counts_in_pool, t);
	account_unlock(a);
	code = t->code;
	if (code)
		*e = t->err;
	else {
		ledger_free(&a->counted);
		a->counted = t->ledger;
	}
	free(t);
	return code;
}

int co_account_count(struct account *a, const struct ledger **out, struct err *e)
{
	int code = a->counted.serial == a->views.ledger.serial ? 0 : co_count_all(a, e);

	*out = &a->counted;
	return code;
}

/* --- the question ------------------------------------------------------------------------------ */

/* 0 for an account that has none. */
static int co_id_of(struct shard *s, struct str address, uint32_t *id, struct err *e)
{
	struct account_question q = {.address = address};
	struct account_answer a;
	struct chan_parcel store;
	int code = co_ask_account(s->spool, &q, deadline_in(ASK_SPOOL_MS), &store, &a, e);

	if (code)
		return code;
	*id = a.account;
	chan_parcel_free(&store);
	return 0;
}

static int co_sum(struct shard *s, struct str address, int64_t deadline, struct usage_answer *sum,
		  struct err *e)
{
	const struct ledger *l;
	struct account *a;
	uint32_t id = 0;
	int code = co_id_of(s, address, &id, e);

	if (code || id == 0)
		return code;
	code = co_account_touch(s, id, address, deadline, &a, e);
	if (code)
		return code;
	code = co_account_count(a, &l, e);
	for (size_t i = 0; !code && i < l->n; i++) {
		sum->bytes += l->folders[i].counts.size;
		sum->messages += l->folders[i].counts.messages;
	}
	account_leave(a);
	return code;
}

void co_on_usage(void *room, struct chan_parcel *p)
{
	struct shard *s = room;
	struct usage_question q;
	struct usage_answer sum = {0};
	struct err e = {0};

	if (!usage_take(p, &q) || !shard_is_command(p))
		return;
	int code = shard_check_own(s, q.account, &e);

	if (!code)
		code = co_sum(s, q.account, p->deadline, &sum, &e);
	if (code)
		chan_refuse(p, code, "%s", e.text);
	else
		usage_answer(p, &sum);
}
