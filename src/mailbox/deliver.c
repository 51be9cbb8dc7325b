/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `deliver`: a letter for an account, answered when its act is durable.
 *
 * spool may ask again what was done, after its own death or ours.  The act settles
 * (letter, recipient), so a second one never happens: what is remembered or under
 * way is answered from here, everything older is refused by spool with ERR_EXISTS.
 */
#include "mailbox/delivery.h"
#include "mailbox/shard_parts.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/messages.h"

#define HEAD_MAX 2048

static int check_question(const struct deliver_question *q, struct err *e)
{
	if (!letter_id_valid(q->letter))
		return err_set(e, ERR_INVALID, "a letter without id");
	if (q->received < 0 || q->target.n == 0)
		return err_set(e, ERR_INVALID, "a delivery without time or recipient");
	return 0;
}

static void log_stored(const struct account *a, const struct deliver_question *q, uint32_t uid)
{
	char id[LETTER_ID_SIZE];

	letter_id_format(q->letter, id);
	log_line(LOG_INFO, "%s: to=<%.*s>, account=<%.*s>, uid=%u, folder=INBOX: stored", id,
		 STR_ARG(q->target), STR_ARG(a->address), uid);
}

/* No wait between looking at the account and submitting: what the draft says of it is true. */
static int make_act(struct account *a, const struct deliver_question *q, struct account_act **out,
		    uint32_t *uid, struct err *e)
{
	const struct settle settle = {q->letter, q->recipient};
	const struct delivery_letter letter = {.letter = q->letter,
					       .target = q->target,
					       .sender = q->sender,
					       .received_us = q->received,
					       .volume = q->volume,
					       .offset = q->offset,
					       .length = q->length,
					       .outline = q->outline};
	struct delivery d = {.n = 0};
	struct buf head;

	buf_init(&head, HEAD_MAX);
	int code = delivery_head(&head, q->target, q->sender, e);

	if (!code)
		code = delivery_make(&d, &a->checks, &letter, buf_str(&head),
				     (uint32_t)(clock_wall_us() / 1000000), e);
	if (!code) {
		const struct act_draft draft = {.changes = d.changes,
						.n = d.n,
						.holds = &q->letter,
						.hold_count = 1,
						.settles = &settle,
						.settle_count = 1,
						.outline = q->outline};

		*uid = d.uid;
		code = account_submit(a, &draft, out, e);
	}
	buf_free(&head);
	return code;
}

/* One act: 0 done, 1 to be made again, or an error. */
static int co_store_once(struct account *a, const struct deliver_question *q, int64_t deadline, struct err *e)
{
	const struct settle settle = {q->letter, q->recipient};
	struct account_act *act;
	uint32_t uid = 0;
	int code = co_account_ready(a, deadline, e);

	if (code || account_settled(a, &settle))
		return code;
	act = account_settling(a, &settle);
	if (act)
		act->refs++;
	else if ((code = make_act(a, q, &act, &uid, e)))
		return code;
	code = co_account_act_wait(act, deadline, e);
	bool again = code && act->done && act->undone;

	account_act_release(act);
	if (code == 0 && uid)
		log_stored(a, q, uid);
	/* Of a life before this one. */
	if (code == ERR_EXISTS && !again) {
		account_remember(a, &settle);
		code = 0;
	}
	return again ? 1 : code;
}

static int co_store(struct account *a, const struct deliver_question *q, int64_t deadline, struct err *e)
{
	int code;

	do
		code = co_store_once(a, q, deadline, e);
	while (code == 1);
	return code;
}

void co_on_deliver(void *room, struct chan_parcel *p)
{
	struct shard *s = room;
	struct deliver_question q;
	struct deliver_answer done = {0};
	struct account *a;
	struct err e = {0};

	if (!deliver_take(p, &q))
		return;
	int code = check_question(&q, &e);

	if (!code)
		code = co_account_touch(s, q.account, q.address, p->deadline, &a, &e);
	if (!code) {
		code = co_store(a, &q, p->deadline, &e);
		account_leave(a);
	}
	if (code)
		chan_refuse(p, code, "%s", e.text);
	else
		deliver_answer(p, &done);
}
