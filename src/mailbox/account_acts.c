/* SPDX-License-Identifier: Apache-2.0 */
/* Acts on their way to spool and back (see account.h, invariants 1 to 4). */
#include "mailbox/delivery.h"
#include "mailbox/shard_parts.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "format/outline.h"
#include "net/log.h"
#include "net/messages.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An act travels in one message, with its head. */
#define ENTRY_BYTES_MAX 73728
#define HEAD_BYTES_MAX 8192
#define BODY_BYTES_MAX (ENTRY_BYTES_MAX - HEAD_BYTES_MAX)
/* Less where the outline of a letter goes along. */
#define LETTER_BODY_MAX ((size_t)16000)
#define OUTLINE_INLINE ((size_t)48 << 10)
#define HEAD_ITEMS_MAX 256
#define RETRY_MS 100

/* --- the act --------------------------------------------------------------------------------- */

void account_act_release(struct account_act *act)
{
	if (--act->refs > 0)
		return;
	buf_free(&act->body);
	buf_free(&act->outline);
	upload_release(&act->letter);
	free(act->holds);
	free(act->settles);
	free(act);
}

size_t account_act_bytes(const struct account_act *act)
{
	return act->body.n + act->outline.n;
}

static void *copy_array(const void *p, size_t n, size_t size)
{
	void *copy = calloc(n ? n : 1, size);

	if (copy && n)
		memcpy(copy, p, n * size);
	return copy;
}

static struct account_act *act_new(struct account *a, const struct act_draft *draft, struct err *e)
{
	struct account_act *act = calloc(1, sizeof(*act));
	int code;

	if (!act) {
		err_set(e, ERR_MEMORY, "no memory for a change of an account");
		return NULL;
	}
	act->refs = 1;
	act->account = a;
	act->serial = a->checks.serial + 1;
	act->holds = copy_array(draft->holds, draft->hold_count, sizeof(*draft->holds));
	act->hold_count = draft->hold_count;
	act->settles = copy_array(draft->settles, draft->settle_count, sizeof(*draft->settles));
	act->settle_count = draft->settle_count;
	buf_init(&act->body, draft->letter ? LETTER_BODY_MAX : BODY_BYTES_MAX);
	buf_init(&act->outline, OUTLINE_MAX);
	buf_add_str(&act->outline, draft->outline);
	act->letter = draft->letter ? upload_hold(draft->letter) : NULL;

	const struct act_body body = {.serial = act->serial, .changes = draft->changes, .n = draft->n};

	if (!act->holds || !act->settles || buf_failed(&act->outline))
		code = err_set(e, ERR_MEMORY, "no memory for a change of an account");
	else if (draft->hold_count > HEAD_ITEMS_MAX || draft->settle_count > HEAD_ITEMS_MAX)
		code = err_set(e, ERR_TOO_BIG, "the change names too many letters");
	else
		code = act_body_put(&act->body, &body, e);
	if (code) {
		account_act_release(act);
		return NULL;
	}
	return act;
}

/* The payload of the journal's entry, with the epoch of today. */
static void put_entry(const struct account_act *act, struct buf *b)
{
	struct part part = {.kind = PART_ACT,
			    .act = {.account = act->account->id,
				    .serial = act->serial,
				    .epoch = act->account->shard->epoch,
				    .holds = act->holds,
				    .hold_count = act->hold_count,
				    .settles = act->settles,
				    .settle_count = act->settle_count,
				    .body = buf_str(&act->body)}};

	entry_put(b, &part);
}

/* --- outcomes ------------------------------------------------------------------------------------ */

bool account_settled(const struct account *a, const struct settle *s)
{
	for (size_t i = 0; i < SETTLED_KEPT; i++)
		if (a->settled[i].letter == s->letter && a->settled[i].recipient == s->recipient)
			return true;
	return false;
}

void account_remember(struct account *a, const struct settle *s)
{
	a->settled[a->settled_next++ % SETTLED_KEPT] = *s;
}

struct account_act *account_settling(const struct account *a, const struct settle *s)
{
	for (struct account_act *act = a->first; act; act = act->next)
		for (uint32_t i = 0; i < act->settle_count; i++)
			if (act->settles[i].letter == s->letter && act->settles[i].recipient == s->recipient)
				return act;
	return NULL;
}

static void queue_for_fold(struct account *a, struct account_act *act)
{
	act->next = act->prev = NULL;
	act->refs++;
	*a->unfolded_end = act;
	a->unfolded_end = &act->next;
	if (a->unfolded_count++ == 0)
		a->unfolded_since = clock_ms();
	a->unfolded_bytes += account_act_bytes(act);
	a->shard->unfolded_bytes += account_act_bytes(act);
	shard_care_by(a->shard, account_due(a));
}

/* The views see it; what cannot be in view stops the account. */
static void make_durable(struct account *a, struct account_act *act)
{
	struct arena arena;
	struct act_body body;
	struct err e = {0};

	arena_init(&arena, ACT_ARENA_MAX);
	int code = act_body_get(buf_str(&act->body), act->serial, &arena, &body, &e);

	if (!code)
		code = views_apply(&a->views, &body, &e);
	arena_free(&arena);
	for (uint32_t i = 0; i < act->settle_count; i++)
		account_remember(a, &act->settles[i]);
	if (code) {
		log_line(LOG_ERROR, "account %.*s stops: %s", STR_ARG(a->address), e.text);
		account_fail(a, &e);
	} else
		queue_for_fold(a, act);
}

static void notify_watches(const struct account *a)
{
	for (struct account_watch *w = a->watches; w; w = w->next)
		w->notify(w);
}

void account_watch(struct account *a, struct account_watch *w)
{
	w->next = a->watches;
	a->watches = w;
}

void account_unwatch(struct account *a, struct account_watch *w)
{
	struct account_watch **at = &a->watches;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
}

static void take_outcome(struct account *a, struct account_act *act)
{
	if (act->outcome.code == 0 && !a->refused)
		make_durable(a, act);
	else if (act->outcome.code == 0) {
		struct err e;

		/* Its serial is not what the account's next act would have. */
		err_set(&e, ERR_CORRUPT, "spool took act %llu after it had refused one before",
			(unsigned long long)act->serial);
		log_line(LOG_ERROR, "account %.*s stops: %s", STR_ARG(a->address), e.text);
		account_fail(a, &e);
	} else {
		act->undone = act->undone || a->refused;
		a->refused = true;
	}
	/* The journal has something else under this serial: it must be read anew. */
	if (act->outcome.code == ERR_CORRUPT)
		account_fail(a, &act->outcome);
	if (!act->outcome.code || a->state == ACCOUNT_FAILED)
		notify_watches(a);
}

static void remake_checks(struct account *a)
{
	struct err e = {0};

	ledger_free(&a->checks);
	if (ledger_copy(&a->views.ledger, &a->checks) != 0) {
		err_set(&e, ERR_MEMORY, "no memory for the folders of an account");
		account_fail(a, &e);
	}
	a->refused = false;
}

/* Outcomes count in the order of the serials, whatever order the answers had. */
static void advance(struct account *a)
{
	while (a->first && a->first->answered) {
		struct account_act *act = a->first;

		a->first = act->next;
		if (a->first)
			a->first->prev = NULL;
		else
			a->last = NULL;
		take_outcome(a, act);
		act->done = true;
		waiters_wake(&act->finished);
		account_act_release(act);
	}
	if (!a->first && a->refused)
		remake_checks(a);
	if (!a->first) {
		waiters_wake(&a->changed);
		shard_care_by(a->shard, account_due(a));
	}
}

/* --- sending ---------------------------------------------------------------------------------------- */

/* An act after a letter waits for its answer: spool takes longer over the letter than over the
 * act, and would see a gap. */
static bool may_follow(const struct account_act *act, const struct account_act *before)
{
	return before->answered || (!before->letter && before->greeting == act->account->shard->greetings);
}

/* Behind the one before it, and only to a spool that was greeted. */
static int co_wait_turn(struct account_act *act)
{
	struct shard *s = act->account->shard;
	int code = 0;

	while (!code) {
		const struct account_act *before = act->prev;

		if (shard_spool_ready(s) && (!before || may_follow(act, before)))
			break;
		code = co_waiters_park(&act->turn, NO_DEADLINE);
	}
	return code;
}

static int co_ask_plain(const struct account_act *act, struct str entry, struct err *e)
{
	struct act_question q = {.entry = entry};
	struct act_answer answer;
	struct chan_parcel store;
	int code = co_ask_act(act->account->shard->spool, &q, NO_DEADLINE, &store, &answer, e);

	if (!code)
		chan_parcel_free(&store);
	return code;
}

/* The answer says where the letter lies: what the act could not know. */
static int take_place(struct account_act *act, const struct append_act_answer *answer, struct err *e)
{
	uint64_t place = delivery_place(answer->volume, answer->offset);

	return place ? act_body_set_place(act->body.p, act->body.n, place, e) : 0;
}

static int co_ask_with_letter(struct account_act *act, struct str entry, struct err *e)
{
	const struct str outline = buf_str(&act->outline);
	bool wide = outline.n > OUTLINE_INLINE;
	struct append_act_question q = {.letter = act->holds[0],
					.size = act->letter->size,
					.entry = entry,
					.outline_size = (uint32_t)outline.n,
					.outline = wide ? (struct str){0} : outline,
					.file = act->letter->file,
					.wide = -1};
	struct append_act_answer answer;
	struct chan_parcel store;
	int code = wide ? sealed_make("outline", outline, &q.wide, e) : 0;

	if (!code)
		code = co_ask_append_act(act->account->shard->spool, &q, NO_DEADLINE, &store, &answer, e);
	if (q.wide >= 0)
		close(q.wide);
	if (code)
		return code;
	code = take_place(act, &answer, e);
	chan_parcel_free(&store);
	return code;
}

static int co_ask_once(struct account_act *act, struct err *e)
{
	struct buf entry;

	buf_init(&entry, ENTRY_BYTES_MAX);
	put_entry(act, &entry);
	if (buf_failed(&entry)) {
		buf_free(&entry);
		return err_set(e, ERR_TOO_BIG, "the change is too large");
	}
	act->greeting = act->account->shard->greetings;
	if (act->next)
		waiters_wake(&act->next->turn);
	int code = act->letter ? co_ask_with_letter(act, buf_str(&entry), e)
			       : co_ask_plain(act, buf_str(&entry), e);

	buf_free(&entry);
	return code;
}

/* Asked until there is a real answer (invariant 2). */
static int co_send(struct account_act *act, struct err *e)
{
	for (;;) {
		int code = co_wait_turn(act);

		if (!code)
			code = co_ask_once(act, e);
		else
			return err_set(e, code, "the shard ends");
		if (code == ERR_TIMEOUT || code == ERR_BUSY) {
			if (co_sleep_until(deadline_in(RETRY_MS)) != 0)
				return err_set(e, ERR_CANCELLED, "the shard ends");
		} else if (code != ERR_ROOM_GONE)
			return code;
	}
}

static void sender_fiber(void *arg)
{
	struct account_act *act = arg;
	struct account *a = act->account;

	if (!act->never_sent) {
		act->outcome.code = co_send(act, &act->outcome);
		act->answered = true;
		upload_release(&act->letter);
		/* Without the one before it spool sees a gap and says no more than that. */
		act->undone = act->outcome.code && act->prev && !act->prev->answered;
		a->shard->pending_bytes -= account_act_bytes(act);
		if (act->next)
			waiters_wake(&act->next->turn);
		advance(a);
	}
	account_act_release(act);
}

void account_resume(struct account *a)
{
	if (a->first)
		waiters_wake(&a->first->turn);
}

/* --- for sessions -------------------------------------------------------------------------------------- */

int co_account_ready(struct account *a, int64_t deadline, struct err *e)
{
	int64_t latest = deadline_in(ACT_LONGEST_MS);
	int code = 0;

	while (!code && a->state == ACCOUNT_OPEN && a->refused)
		code = co_waiters_park(&a->changed, deadline < latest ? deadline : latest);
	if (code)
		return err_set(e, code, "account %.*s waits for spool", STR_ARG(a->address));
	if (a->state == ACCOUNT_FAILED) {
		*e = a->failure;
		return e->code;
	}
	return 0;
}

static int append(struct account *a, struct account_act *act, const struct act_draft *draft, struct err *e)
{
	const struct act_body body = {.serial = act->serial, .changes = draft->changes, .n = draft->n};
	int code = ledger_apply(&a->checks, &body, e);

	if (code)
		return code;
	act->prev = a->last;
	if (a->last)
		a->last->next = act;
	else
		a->first = act;
	a->last = act;
	act->refs++;
	a->shard->pending_bytes += account_act_bytes(act);
	return 0;
}

int account_submit(struct account *a, const struct act_draft *draft, struct account_act **out, struct err *e)
{
	struct shard *s = a->shard;
	struct account_act *act;

	if (s->ended)
		return err_set(e, ERR_CLOSED, "the shard ends");
	if (account_releasing(a, draft->holds, draft->hold_count))
		return err_set(e, ERR_BUSY, "the letter is being given up");
	act = act_new(a, draft, e);
	if (!act)
		return e->code;
	if (s->pending_bytes + account_act_bytes(act) > SHARD_PENDING_BYTES ||
	    s->unfolded_bytes > SHARD_UNFOLDED_BYTES || fiber_start(&s->senders, sender_fiber, act) != 0) {
		account_act_release(act);
		return err_set(e, ERR_BUSY, "too many changes wait for spool");
	}
	act->refs++; /* the sender's */
	int code = append(a, act, draft, e);

	if (code) {
		act->never_sent = true;
		account_act_release(act);
		return code;
	}
	*out = act;
	return 0;
}

int co_account_act_wait(struct account_act *act, int64_t deadline, struct err *e)
{
	int64_t latest = deadline_in(ACT_LONGEST_MS);
	int code = 0;

	while (!code && !act->done)
		code = co_waiters_park(&act->finished, deadline < latest ? deadline : latest);
	if (code)
		return err_set(e, code, "spool did not take the change in time");
	if (act->outcome.code)
		*e = act->outcome;
	return act->outcome.code;
}
