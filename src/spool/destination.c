/* SPDX-License-Identifier: Apache-2.0 */
/* Destinations and the questions to relay (see destination.h). */
#include "spool/destination.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "spool/core.h"
#include "spool/fate.h"
#include "spool/outcome.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOMAIN_BYTES 256 /* the question's field */
#define RECIPIENTS_BYTES 60000
#define WINDOW_FIRST 5
/* Deaths of relay from which on a bundle is asked alone. */
#define DEATHS_ALONE 2
#define SWEEP_FROM 256
#define REPLY_MAX 500
/* An entry that cannot be read is looked at again. */
#define UNREADABLE_MS 60000

struct bundle {
	struct bundle *next;
	struct destination *to;
	struct kept_letter *letter;
	uint32_t count;
	uint32_t recipients[];
};

struct destination {
	struct destination *next; /* of those whose turn comes */
	struct destination *same; /* next one with the same hash */
	uint64_t hash;
	bool in_turn;
	unsigned open, window;
	struct bundle *waiting, **end;
	int64_t suspended_until; /* monotonic; 0: it is not */
	char status[OUTCOME_STATUS_MAX + 1]; /* why */
	char text[REPLY_MAX + 1];
	size_t domain_n;
	char domain[];
};

/* A bundle in the hands of its fiber. */
struct asking {
	struct queue *q;
	struct bundle *b;
	struct letter_entry entry;
	struct verdict *list;
	uint32_t count;
};

/* --- destinations -------------------------------------------------------------------------- */

static bool suspended(const struct destination *d)
{
	return d->suspended_until > clock_ms();
}

static struct destination *destination_find(const struct queue *q, struct str domain, uint64_t hash)
{
	struct destination *d = nummap_get(&q->destinations, hash);

	while (d && !str_eq(domain, (struct str){d->domain, d->domain_n}))
		d = d->same;
	return d;
}

static void destination_drop(struct queue *q, struct destination *gone)
{
	struct destination *first = nummap_remove(&q->destinations, gone->hash), **at = &first;

	while (*at != gone)
		at = &(*at)->same;
	*at = gone->same;
	if (first)
		nummap_put(&q->destinations, gone->hash, first);
	free(gone);
}

static bool idle(const struct destination *d)
{
	return !d->waiting && d->open == 0 && !d->in_turn && !suspended(d);
}

/* Those that only the end of their suspension kept. */
static void sweep(struct queue *q)
{
	size_t n = 0, at = 0, max = q->destinations.n;
	struct destination **gone = calloc(max + 1, sizeof(struct destination *)), *d;

	if (!gone)
		abort();
	while (n < max && (d = nummap_next(&q->destinations, &at)))
		if (idle(d))
			gone[n++] = d;
	while (n > 0)
		destination_drop(q, gone[--n]);
	free(gone);
	q->sweep_at = q->destinations.n * 2 + SWEEP_FROM;
}

static struct destination *destination_make(struct queue *q, struct str domain)
{
	uint64_t hash = siphash24(&q->spool->journal_key, domain.p ? domain.p : "", domain.n);
	struct destination *d = destination_find(q, domain, hash);

	if (d)
		return d;
	if (q->destinations.n >= q->sweep_at)
		sweep(q);
	d = calloc(1, sizeof(*d) + domain.n + 1);
	if (!d)
		abort();
	d->hash = hash;
	d->window = WINDOW_FIRST;
	d->end = &d->waiting;
	d->domain_n = domain.n;
	memcpy(d->domain, domain.p ? domain.p : "", domain.n);
	d->same = nummap_get(&q->destinations, hash);
	nummap_put(&q->destinations, hash, d);
	return d;
}

static void take_turn(struct queue *q, struct destination *d)
{
	if (d->in_turn || !d->waiting)
		return;
	d->in_turn = true;
	d->next = NULL;
	*q->end = d;
	q->end = &d->next;
}

static struct destination *next_in_turn(struct queue *q)
{
	struct destination *d = q->first;

	q->first = d->next;
	if (!q->first)
		q->end = &q->first;
	d->in_turn = false;
	return d;
}

/* --- bundles -------------------------------------------------------------------------------- */

static void bundle_wait(struct bundle *b, bool front)
{
	struct destination *d = b->to;

	b->next = front ? d->waiting : NULL;
	if (front)
		d->waiting = b;
	else
		*d->end = b;
	if (!b->next)
		d->end = &b->next;
}

static struct bundle *bundle_take(struct destination *d)
{
	struct bundle *b = d->waiting;

	d->waiting = b->next;
	if (!d->waiting)
		d->end = &d->waiting;
	return b;
}

void destination_add(struct queue *q, struct str domain, struct kept_letter *k, const uint32_t *recipients,
		     uint32_t count)
{
	struct destination *d = destination_make(q, domain);

	while (count > 0) {
		uint32_t n = count < BUNDLE_MAX ? count : BUNDLE_MAX;
		struct bundle *b = calloc(1, sizeof(*b) + n * sizeof(b->recipients[0]));

		if (!b)
			abort();
		b->to = d;
		b->letter = k;
		b->count = n;
		memcpy(b->recipients, recipients, n * sizeof(recipients[0]));
		for (uint32_t i = 0; i < n; i++)
			letter_set_under_way(k, recipients[i], true);
		k->bundles++;
		bundle_wait(b, false);
		recipients += n;
		count -= n;
	}
	take_turn(q, d);
}

static unsigned deaths_of(const struct bundle *b)
{
	unsigned most = 0;

	for (uint32_t i = 0; i < b->count; i++)
		if (letter_deaths(b->letter, b->recipients[i]) > most)
			most = letter_deaths(b->letter, b->recipients[i]);
	return most;
}

/* Nothing more is done with it now. */
static void bundle_end(struct queue *q, struct bundle *b)
{
	struct kept_letter *k = b->letter;

	for (uint32_t i = 0; i < b->count; i++)
		letter_set_under_way(k, b->recipients[i], false);
	free(b);
	k->bundles--;
	queue_look(q->spool, k);
	letters_written(&q->spool->letters, k, 0);
}

/* --- what became of it ------------------------------------------------------------------------ */

static struct outcome outcome_of(const struct bundle *b, uint32_t recipient, uint8_t result)
{
	return (struct outcome){.letter = b->letter->id, .recipient = recipient, .result = result};
}

/* Later, or for good when the letter is too old (RFC 5321 4.5.4.1). */
static void defer(struct asking *a, struct outcome *o, struct buf *text)
{
	const struct envelope *env = &a->entry.part.letter.envelope;
	int64_t expires = queue_expires_us(a->q->spool, env);

	if (clock_wall_us() < expires) {
		o->result = OUTCOME_DEFERRED;
		o->tries = fate_tries(a->b->letter, o->recipient) + 1;
		o->until_us = (uint64_t)queue_next_us(a->q->spool, o->letter, o->tries, expires);
		return;
	}
	buf_init(text, OUTCOME_TEXT_MAX);
	buf_printf(text, "delivery time expired; last: %s%.*s%s%.*s", o->mta.n ? "host " : "",
		   STR_ARG(o->mta), o->mta.n ? " said: " : "", STR_ARG(str_head(o->text, REPLY_MAX)));
	*o = outcome_of(a->b, o->recipient, OUTCOME_BOUNCED);
	o->status = STR("4.4.7");
	o->text = buf_str(text);
}

static void log_expired(const struct asking *a)
{
	char id[LETTER_ID_SIZE];

	letter_id_format(a->b->letter->id, id);
	log_line(LOG_INFO, "%s: from=<%.*s>, status=expired, returned to sender", id,
		 STR_ARG(a->entry.part.letter.envelope.reverse_path));
}

static int co_decide(struct asking *a)
{
	struct buf *texts = calloc(a->count + 1, sizeof(*texts));
	struct verdicts v = {.spool = a->q->spool,
			     .letter = a->b->letter,
			     .list = a->list,
			     .count = a->count,
			     .received_us = (int64_t)a->entry.part.letter.envelope.received_us};
	bool expired = false;

	if (!texts)
		abort();
	for (uint32_t i = 0; i < a->count; i++) {
		struct outcome *o = &a->list[i].outcome;

		if (o->result == OUTCOME_DEFERRED)
			defer(a, o, &texts[i]);
		expired |= texts[i].n > 0;
	}
	if (expired)
		log_expired(a);
	int code = co_verdicts_surely(&v);

	for (uint32_t i = 0; i < a->count; i++)
		if (texts[i].p)
			buf_free(&texts[i]);
	free(texts);
	return code;
}

static void all_deferred(struct asking *a, const char *status, struct str text)
{
	for (uint32_t i = 0; i < a->count; i++) {
		struct outcome *o = &a->list[i].outcome;

		o->result = OUTCOME_DEFERRED;
		o->status = str_of(status);
		o->text = text;
	}
}

/* Relay's answer: the recipients in the order of the question. */
static bool take_outcomes(struct asking *a, struct str outcomes)
{
	struct reader r = reader_of(outcomes);

	for (uint32_t i = 0; i < a->count; i++) {
		struct outcome *o = &a->list[i].outcome;
		uint32_t place = read_u32(&r);

		o->result = read_u8(&r);
		o->status = read_str(&r, OUTCOME_STATUS_MAX);
		o->mta = read_str(&r, OUTCOME_MTA_MAX);
		o->text = read_str(&r, REPLY_MAX);
		if (place != o->recipient || o->result < OUTCOME_SENT || o->result > OUTCOME_BOUNCED)
			r.failed = true;
	}
	return reader_done(&r);
}

static void copy_text(char *to, size_t size, struct str from)
{
	struct str s = str_head(from, size - 1);

	memcpy(to, s.p ? s.p : "", s.n);
	to[s.n] = 0;
}

/* No host was reached for anybody: the next letters need not find that out again. */
static void learn(struct asking *a)
{
	struct destination *d = a->b->to;

	for (uint32_t i = 0; i < a->count; i++) {
		const struct outcome *o = &a->list[i].outcome;

		if (o->result != OUTCOME_DEFERRED || o->mta.n > 0 || !str_starts(o->status, STR("4.4."))) {
			d->window += d->window < DESTINATION_OPEN;
			d->suspended_until = 0;
			return;
		}
	}
	d->window = 1;
	d->suspended_until = deadline_in(a->q->rules.retry_first_ms);
	copy_text(d->status, sizeof(d->status), a->list[0].outcome.status);
	copy_text(d->text, sizeof(d->text), a->list[0].outcome.text);
}

/* --- one question ------------------------------------------------------------------------------- */

static void make_list(struct asking *a)
{
	const struct bundle *b = a->b;

	a->list = calloc(b->count + 1, sizeof(a->list[0]));
	if (!a->list)
		abort();
	for (uint32_t i = 0; i < b->count; i++) {
		uint32_t at = b->recipients[i];

		if (!letter_remote_open(b->letter, at))
			continue;
		a->list[a->count].outcome = outcome_of(b, at, OUTCOME_DEFERRED);
		a->list[a->count++].address = a->entry.part.letter.envelope.recipients[at].address;
	}
}

static void put_recipients(const struct asking *a, struct buf *out)
{
	for (uint32_t i = 0; i < a->count; i++) {
		uint32_t at = a->list[i].outcome.recipient;
		const struct recipient *to = &a->entry.part.letter.envelope.recipients[at];

		buf_put_u32(out, at);
		buf_put_u8(out, to->notify);
		buf_put_str(out, to->address);
		buf_put_str(out, to->orcpt);
	}
}

static int co_send(struct asking *a, int file, uint64_t size, struct chan_parcel *store,
		   struct relay_answer *answer, struct err *e)
{
	const struct envelope *env = &a->entry.part.letter.envelope;
	const struct destination *d = a->b->to;
	struct buf recipients;

	buf_init(&recipients, RECIPIENTS_BYTES);
	put_recipients(a, &recipients);
	struct relay_question q = {
		.letter = a->b->letter->id,
		.domain = {d->domain, d->domain_n},
		.sender = env->reverse_path,
		.body = env->body,
		.smtputf8 = env->smtputf8,
		.ret = env->ret,
		.envid = env->envid,
		.recipients = buf_str(&recipients),
		.size = size,
		.file = file,
	};
	int code = buf_failed(&recipients) ? err_set(e, ERR_TOO_BIG, "the recipients fit into no question")
					   : co_ask_relay(a->q->relay, &q, NO_DEADLINE, store, answer, e);

	buf_free(&recipients);
	return code;
}

/* Fills in the outcomes from relay's answer and makes them durable. */
static int co_ask(struct asking *a, struct err *e)
{
	struct relay_answer answer;
	struct chan_parcel store;
	uint64_t size;
	int file, code = co_letter_file(a->q->spool, a->b->letter, &file, &size, e);

	if (code)
		return code;
	code = co_send(a, file, size, &store, &answer, e);
	close(file);
	if (code)
		return code;
	if (!take_outcomes(a, answer.outcomes))
		all_deferred(a, "4.3.0", STR("what relay answered cannot be read"));
	learn(a);
	code = co_decide(a);
	chan_parcel_free(&store);
	return code;
}

static int co_defer_suspended(struct asking *a)
{
	char status[OUTCOME_STATUS_MAX + 1], said[REPLY_MAX + 1];
	struct buf text;

	/* The destination may learn something else meanwhile. */
	copy_text(status, sizeof(status), str_of(a->b->to->status));
	copy_text(said, sizeof(said), str_of(a->b->to->text));
	buf_init(&text, REPLY_MAX + 64);
	buf_printf(&text, "delivery temporarily suspended: %s", said);
	all_deferred(a, status, buf_str(&text));
	int code = co_decide(a);

	buf_free(&text);
	return code;
}

/* Invariant 13: what ends with relay again and again is not offered any more. */
static void count_death(struct asking *a)
{
	struct kept_letter *k = a->b->letter;
	char id[LETTER_ID_SIZE];

	letters_touch(&a->q->spool->letters, k);
	letter_id_format(k->id, id);
	for (uint32_t i = 0; i < a->count; i++) {
		letter_count_death(k, a->list[i].outcome.recipient);
		if (letter_deaths(k, a->list[i].outcome.recipient) == DEATHS_HELD)
			log_line(LOG_INFO,
				 "%s: to=<%.*s>, relay=none, dsn=4.3.0, status=held (the relay process "
				 "died each time it was sent)",
				 id, STR_ARG(a->list[i].address));
	}
}

/* Whether it is done with; else it goes back in front. */
static bool co_work(struct asking *a)
{
	struct err e;
	int code = co_letter_entry(a->q->spool, a->b->letter, &a->entry, &e);

	if (code) {
		log_line(LOG_ERROR, "%s", e.text);
		queue_put_off(a->b->letter, UNREADABLE_MS);
		return true;
	}
	make_list(a);
	if (a->count == 0 || fate_held(a->b->letter))
		return true;
	if (suspended(a->b->to))
		return co_defer_suspended(a) == 0;
	code = co_ask(a, &e);
	if (code == 0)
		return true;
	if (code == ERR_CANCELLED || code == ERR_CLOSED)
		return false;
	if (code == ERR_ROOM_GONE) {
		count_death(a);
		return deaths_of(a->b) >= DEATHS_HELD;
	}
	all_deferred(a, "4.3.0", str_of(e.text));
	return co_decide(a) == 0;
}

/* fiber */
static void ask_fiber(void *arg)
{
	struct asking *a = arg;
	struct queue *q = a->q;
	struct bundle *b = a->b;
	struct destination *d = b->to;
	uint64_t size = b->letter->stored;
	bool done = co_work(a);

	letter_entry_free(&a->entry);
	free(a->list);
	free(a);
	d->open--;
	q->open--;
	q->bytes -= size;
	q->alone = false;
	if (done)
		bundle_end(q, b);
	else
		bundle_wait(b, true);
	take_turn(q, d);
	if (idle(d))
		destination_drop(q, d);
	destinations_turn(q);
}

/* --- turns ------------------------------------------------------------------------------------------ */

static bool may_ask(const struct queue *q, const struct destination *d)
{
	uint64_t size = d->waiting->letter->stored, max = q->spool->setup.bytes_max;

	if (q->alone || d->open >= d->window || q->open >= QUESTIONS_OPEN)
		return false;
	if (q->open == 0)
		return true;
	if (deaths_of(d->waiting) >= DEATHS_ALONE || (d->open > 0 && QUESTIONS_OPEN - q->open <= d->open))
		return false;
	return size <= max && q->bytes <= max - size;
}

static bool ask(struct queue *q, struct destination *d)
{
	struct asking *a = calloc(1, sizeof(*a));

	if (!a)
		abort();
	*a = (struct asking){.q = q, .b = bundle_take(d)};
	q->alone = deaths_of(a->b) >= DEATHS_ALONE;
	q->open++;
	q->bytes += a->b->letter->stored;
	d->open++;
	if (fiber_start(q->spool->setup.fibers, ask_fiber, a) == 0)
		return true;
	bundle_wait(a->b, true);
	q->open--;
	q->bytes -= a->b->letter->stored;
	q->alone = false;
	d->open--;
	free(a);
	return false;
}

void destinations_turn(struct queue *q)
{
	const struct destination *stop = NULL;

	if (!q->relay || !chan_attached(q->relay) || q->spool->commit.stopped)
		return;
	while (q->first && q->first != stop && q->open < QUESTIONS_OPEN) {
		struct destination *d = next_in_turn(q);

		if (may_ask(q, d) && ask(q, d))
			stop = NULL;
		else if (!stop)
			stop = d;
		take_turn(q, d);
	}
}

void destinations_hurry(struct queue *q)
{
	struct destination *d;
	size_t at = 0;

	while ((d = nummap_next(&q->destinations, &at)))
		for (; d; d = d->same)
			d->suspended_until = 0;
}

void destinations_free(struct queue *q)
{
	struct destination *d;
	size_t at = 0;

	while ((d = nummap_next(&q->destinations, &at)))
		while (d) {
			struct destination *same = d->same;

			while (d->waiting)
				free(bundle_take(d));
			free(d);
			d = same;
		}
	nummap_free(&q->destinations);
}
