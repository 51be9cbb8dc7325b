/* SPDX-License-Identifier: Apache-2.0 */
/* The end of accounts (see account_end.h). */
#include "spool/account_end.h"

#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "spool/acts.h"
#include "spool/core.h"
#include "spool/fate.h"

#include <stdlib.h>

#define ENTRY_PUT_MAX 2048
#define ADDRESSES_MAX 65536

/* --- what it means ------------------------------------------------------------------------- */

/* Its sender got a 250: he hears that nobody will read it. */
static bool bounce(struct kept_letter *k, uint32_t account)
{
	bool any = false;

	for (uint32_t i = 0; i < k->recipient_count; i++) {
		const struct outcome o = {.letter = k->id,
					  .recipient = i,
					  .result = OUTCOME_BOUNCED,
					  .status = STR("5.1.1"),
					  .text = STR("the account was removed")};

		if (k->accounts[i] != account || letter_settled(k, i) || letter_bounced(k, i))
			continue;
		letter_set_bounced(k, i, true);
		fate_note(k, &o);
		any = true;
	}
	return any;
}

void account_end(struct spool *s, struct account *a)
{
	struct kept_letter *k;
	size_t at = 0;

	a->ended = true;
	a->dirty = true;
	account_forget_acts(a, UINT64_MAX);
	while ((k = nummap_next(&s->letters.map, &at))) {
		bool changed = letter_release(k, a->id);

		if (bounce(k, a->id) || changed)
			letters_touch(&s->letters, k);
	}
}

/* --- the entry ------------------------------------------------------------------------------ */

struct end_request {
	struct spool *spool;
	const struct shard *shard;
	struct account *account;
	uint32_t id;
	bool joined;
};

static bool ended_before(const struct end_request *q)
{
	const struct account *a = accounts_get(&q->spool->accounts, q->id);

	return a && a->ended && q->shard &&
	       &q->spool->shards[shard_of(account_address(a), q->spool->setup.shards)] == q->shard;
}

static int join_end(struct commit_request *r, struct commit *c, struct err *e)
{
	struct end_request *q = r->arg;
	struct buf entry;

	/* Ended by one that is in this group, or was durable before: the answer waits for it. */
	if (ended_before(q))
		return 0;
	q->account = account_of_shard(q->spool, q->shard, q->id);
	if (!q->account)
		return err_set(e, ERR_DENIED, "account %u is not this shard's", q->id);
	struct part part = {.kind = PART_ACCOUNT,
			    .account = {.id = q->id, .ended = true, .address = account_address(q->account)}};

	buf_init(&entry, ENTRY_PUT_MAX);
	entry_put(&entry, &part);
	int code = buf_failed(&entry) ? err_set(e, ERR_INVALID, "this cannot be written to the journal")
				      : commit_entry(c, r, buf_str(&entry), true, e);

	buf_free(&entry);
	q->joined = code == 0;
	/* What joins behind it must not hold or settle for it any more. */
	q->account->ended = q->joined;
	return code;
}

static void look_at_bounced(struct spool *s, uint32_t account)
{
	struct kept_letter *k;
	size_t at = 0;

	while ((k = nummap_next(&s->letters.map, &at)))
		for (uint32_t i = 0; i < k->recipient_count; i++)
			if (k->accounts[i] == account && letter_bounced(k, i) && !letter_settled(k, i)) {
				queue_look(s, k);
				break;
			}
}

static void end_accepted(struct commit_request *r, uint64_t position)
{
	struct end_request *q = r->arg;

	if (!q->joined)
		return;
	q->account->ending = position;
	account_end(q->spool, q->account);
	look_at_bounced(q->spool, q->id);
	log_line(LOG_INFO, "account <%.*s> has ended (id %u)", STR_ARG(account_address(q->account)), q->id);
}

static void end_refused(struct commit_request *r)
{
	struct end_request *q = r->arg;

	if (q->joined)
		q->account->ended = false;
	q->joined = false;
}

static const struct commit_kind end_kind = {join_end, end_accepted, end_refused};

/* --- what only the catalogue knows ------------------------------------------------------------ */

struct held_job {
	struct catalogue *catalogue;
	uint32_t account;
	uint64_t after, ids[HELD_PAGE];
	size_t n;
	int code;
	struct err e;
};

static void find_held(void *arg)
{
	struct held_job *j = arg;

	j->code = catalogue_held(j->catalogue, j->account, j->after, j->ids, HELD_PAGE, &j->n, &j->e);
}

static int co_release_page(struct spool *s, struct held_job *j, struct err *e)
{
	int code = 0;

	co_lane_enter(&s->lane);
	co_run_blocking(find_held, j);
	lane_leave(&s->lane);
	if (j->code)
		*e = j->e;
	for (size_t i = 0; j->code == 0 && code == 0 && i < j->n; i++) {
		struct kept_letter *k;

		j->after = j->ids[i];
		code = co_letter_fetch(s, j->after, &k, e);
		if (code)
			break;
		if (letter_release(k, j->account))
			letters_touch(&s->letters, k);
		letters_unpin(&s->letters, k);
	}
	return j->code ? j->code : code;
}

/* Until it is done no checkpoint passes the entry: after a crash recovery does it. */
static void co_release_all(struct spool *s, struct account *a)
{
	struct held_job *j = calloc(1, sizeof(*j));
	struct err e = {0};
	int code;

	if (!j)
		abort();
	j->catalogue = s->catalogue;
	j->account = a->id;
	fiber_shield(true);
	do
		code = co_release_page(s, j, &e);
	while (code == 0 && j->n == HELD_PAGE);
	fiber_shield(false);
	if (code == 0)
		a->ending = 0;
	else
		log_line(LOG_ERROR, "letters of account %u are kept until the next start: %s", a->id, e.text);
	free(j);
}

void co_on_end_account(void *room, struct chan_parcel *p)
{
	struct spool *s = room;
	struct end_account_question q;
	struct end_account_answer answer = {0};
	struct err e;

	if (!end_account_take(p, &q))
		return;
	struct end_request end = {.spool = s, .shard = shard_of_chan(s, p->chan), .id = q.account};
	struct commit_request r = {.kind = &end_kind, .arg = &end};
	int code = co_commit(&s->commit, &r, &e);

	if (code == 0 && end.joined)
		co_release_all(s, end.account);
	if (code)
		chan_refuse(p, code, "%s", e.text);
	else
		end_account_answer(p, &answer);
}

/* --- what is left of them -------------------------------------------------------------------------- */

void co_on_ended(void *room, struct chan_parcel *p)
{
	struct spool *s = room;
	const struct shard *shard = shard_of_chan(s, p->chan);
	struct ended_question q;
	struct ended_answer answer = {0};
	struct buf out;
	uint64_t id;

	if (!ended_take(p, &q))
		return;
	buf_init(&out, ADDRESSES_MAX);
	/* An end that is on its way to the disk may still not happen. */
	co_commit_settled(&s->commit);
	for (id = (uint64_t)q.after + 1; id < s->accounts.next_id; id++) {
		const struct account *a = accounts_get(&s->accounts, (uint32_t)id);

		if (!a || !a->ended || accounts_by_address(&s->accounts, account_address(a)) ||
		    &s->shards[shard_of(account_address(a), s->setup.shards)] != shard)
			continue;
		if (out.n + sizeof(uint32_t) + a->address_n > ADDRESSES_MAX) {
			answer.next = (uint32_t)id - 1;
			break;
		}
		buf_put_str(&out, account_address(a));
	}
	answer.addresses = buf_str(&out);
	ended_answer(p, &answer);
	buf_free(&out);
}
