/* SPDX-License-Identifier: Apache-2.0 */
/* When letters are due, and to whom (see queue.h). */
#include "spool/queue.h"

#include "base/clock.h"
#include "format/domain.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/timer.h"
#include "spool/core.h"
#include "spool/destination.h"
#include "spool/fate.h"
#include "spool/notice.h"
#include "spool/outcome.h"

#include <stdlib.h>

#define SECOND_MS INT64_C(1000)
#define DAY_MS (86400 * SECOND_MS)
/* A step of the wall clock is noticed within this. */
#define LOOK_MS (3600 * SECOND_MS)
/* What cannot be read is tried again; so is what had no fiber. */
#define UNREADABLE_MS (60 * SECOND_MS)
/* Tries are spread by a tenth to both sides, so that what failed together does not come
 * again together. */
#define SPREAD 10
#define DOUBLINGS_MAX 30
/* Reports that are written at once. */
#define NOTICES_OPEN 16

/* What a letter costs that waits for somebody elsewhere. */
struct outbound {
	struct outbound *next; /* of those that are due */
	struct outbound *next_untold;
	struct spool *spool;
	struct kept_letter *letter;
	struct timer timer;
	int64_t not_before; /* monotonic */
	bool due; /* in the list */
	bool telling; /* a report is being written, or waits for that */
};

void queue_rules_defaults(struct queue_rules *rules)
{
	*rules = (struct queue_rules){
		.retry_first_ms = 300 * SECOND_MS,
		.retry_last_ms = 4000 * SECOND_MS,
		.lifetime_ms = 5 * DAY_MS,
		.bounce_lifetime_ms = 5 * DAY_MS,
		.bounce_size = 50000,
		.hostname = "localhost",
	};
}

/* --- times ------------------------------------------------------------------------------- */

int64_t queue_expires_us(const struct spool *s, const struct envelope *env)
{
	const struct queue_rules *rules = &s->queue.rules;
	int64_t ms = env->reverse_path.n > 0 ? rules->lifetime_ms : rules->bounce_lifetime_ms;

	return (int64_t)env->received_us + ms * 1000;
}

int64_t queue_next_us(const struct spool *s, uint64_t letter, uint32_t tries, int64_t expires_us)
{
	const struct queue_rules *rules = &s->queue.rules;
	uint64_t seed[] = {letter, tries};
	int64_t delay = rules->retry_first_ms, now = clock_wall_us();

	for (uint32_t i = 1; i < tries && i < DOUBLINGS_MAX && delay < rules->retry_last_ms; i++)
		delay *= 2;
	if (delay > rules->retry_last_ms)
		delay = rules->retry_last_ms;
	int64_t spread = delay / SPREAD;

	delay += (int64_t)(siphash24(&s->journal_key, seed, sizeof(seed)) % (uint64_t)(2 * spread + 1)) -
		 spread;
	int64_t next = now + delay * 1000;

	if (next > expires_us)
		next = expires_us > now ? expires_us : now + 1;
	return next;
}

/* --- one letter ----------------------------------------------------------------------------- */

void letter_ended(struct kept_letter *k)
{
	char id[LETTER_ID_SIZE];

	if (k->open > 0 || k->removed)
		return;
	k->removed = true;
	letter_id_format(k->id, id);
	log_line(LOG_INFO, "%s: removed", id);
}

static void letter_due(void *arg);

static struct outbound *outbound_of(struct spool *s, struct kept_letter *k)
{
	struct outbound *o = k->outbound;

	if (o)
		return o;
	o = calloc(1, sizeof(*o));
	if (!o)
		abort();
	o->spool = s;
	o->letter = k;
	timer_init(&o->timer, letter_due, o);
	k->outbound = o;
	return o;
}

/* Nobody elsewhere is waited for any more.  What a list or a fiber has comes back here. */
static void outbound_end(struct kept_letter *k)
{
	struct outbound *o = k->outbound;

	if (!o || o->due || o->telling)
		return;
	timer_stop(&o->timer);
	free(o);
	k->outbound = NULL;
}

/* What is to be done for its recipients elsewhere, and those here whose account has ended. */
struct look {
	bool open; /* there is one that is not settled */
	bool bounced; /* a sender is to be told */
	int64_t next_us; /* the first try; INT64_MAX: none is to come */
};

static struct look look_at(const struct kept_letter *k)
{
	struct look look = {.next_us = INT64_MAX};

	for (uint32_t i = 0; i < k->recipient_count; i++) {
		if (letter_settled(k, i) || (k->accounts[i] != 0 && !letter_bounced(k, i)))
			continue;
		look.open = true;
		if (letter_bounced(k, i))
			look.bounced = true;
		else if (!letter_under_way(k, i) && letter_deaths(k, i) < DEATHS_HELD &&
			 fate_next_us(k, i) < look.next_us)
			look.next_us = fate_next_us(k, i);
	}
	return look;
}

static int64_t deadline_of(const struct outbound *o, const struct look *look)
{
	int64_t now_us = clock_wall_us(), ms = NO_DEADLINE, at;

	if (look->next_us != INT64_MAX)
		ms = look->next_us > now_us ? (look->next_us - now_us) / 1000 + 1 : 0;
	if (look->bounced && !o->telling && o->letter->bundles == 0)
		ms = 0;
	if (ms == NO_DEADLINE)
		return NO_DEADLINE;
	at = deadline_in(ms < LOOK_MS ? ms : LOOK_MS);
	return at > o->not_before ? at : o->not_before;
}

void queue_look(struct spool *s, struct kept_letter *k)
{
	struct look look = look_at(k);

	if (!look.open) {
		outbound_end(k);
		return;
	}
	struct outbound *o = outbound_of(s, k);

	if (fate_held(k) || o->due)
		timer_stop(&o->timer);
	else
		timer_start(&o->timer, deadline_of(o, &look));
}

void letter_go(struct spool *s, struct kept_letter *k)
{
	deliver_letter(s, k);
	queue_look(s, k);
}

void queue_put_off(struct kept_letter *k, int64_t ms)
{
	if (k->outbound)
		k->outbound->not_before = deadline_in(ms);
}

void queue_hurry(struct spool *s, struct kept_letter *k)
{
	fate_hurry(k);
	queue_put_off(k, 0);
	queue_look(s, k);
}

/* --- reports ------------------------------------------------------------------------------------ */

static void tell_more(struct queue *q)
{
	while (q->untold && q->notices < NOTICES_OPEN) {
		struct outbound *o = q->untold;
		struct kept_letter *k = o->letter;

		q->untold = o->next_untold;
		if (!q->untold)
			q->untold_end = &q->untold;
		o->telling = notice_begin(q->spool, k);
		q->notices += o->telling;
		if (!o->telling) {
			queue_put_off(k, UNREADABLE_MS);
			queue_look(q->spool, k);
		}
		letters_unpin(&q->spool->letters, k);
	}
}

static void tell(struct queue *q, struct outbound *o)
{
	letters_pin(o->letter);
	o->telling = true;
	o->next_untold = NULL;
	*q->untold_end = o;
	q->untold_end = &o->next_untold;
	tell_more(q);
}

void queue_told(struct spool *s, struct kept_letter *k)
{
	s->queue.notices--;
	k->outbound->telling = false;
	queue_look(s, k);
	tell_more(&s->queue);
}

/* --- by next hop ------------------------------------------------------------------------------- */

/* A recipient who is due, and where to. */
struct hop {
	uint32_t recipient;
	struct str domain; /* normal form; empty with relay_host */
	bool good; /* the domain is one */
};

static void find_hop(const struct queue *q, struct arena *a, struct str address, struct hop *hop)
{
	size_t at = str_rfind(address, '@');
	struct domain domain;

	hop->good = q->rules.relay_all;
	hop->domain = STR("");
	if (hop->good || at == STR_NONE || domain_parse(str_skip(address, at + 1), true, &domain) != 0)
		return;
	hop->domain = arena_str(a, domain_str(&domain));
	hop->good = hop->domain.n > 0;
}

static int hop_order(const void *a, const void *b)
{
	const struct hop *x = a, *y = b;
	int order = str_cmp(x->domain, y->domain);

	return order ? order : x->recipient < y->recipient ? -1 : x->recipient > y->recipient;
}

static uint32_t find_hops(const struct queue *q, const struct kept_letter *k, struct letter_entry *entry,
			  struct hop *hops)
{
	const struct recipient *to = entry->part.letter.envelope.recipients;
	int64_t now = clock_wall_us();
	uint32_t n = 0;

	for (uint32_t i = 0; i < k->recipient_count; i++) {
		if (!letter_remote_open(k, i) || letter_under_way(k, i) || fate_next_us(k, i) > now ||
		    letter_deaths(k, i) >= DEATHS_HELD)
			continue;
		hops[n].recipient = i;
		find_hop(q, &entry->arena, to[i].address, &hops[n++]);
	}
	qsort(hops, n, sizeof(hops[0]), hop_order);
	return n;
}

/* Those with one domain, from the first on; how many they are. */
static uint32_t add_group(struct queue *q, struct kept_letter *k, const struct hop *hops, uint32_t count,
			  uint32_t *places)
{
	uint32_t n = 0;

	while (n < count && hops[n].good && str_eq(hops[n].domain, hops[0].domain)) {
		places[n] = hops[n].recipient;
		n++;
	}
	if (n > 0)
		destination_add(q, hops[0].domain, k, places, n);
	return n;
}

/* Nobody can be asked about an address without a domain. */
static void co_bounce_bad(struct queue *q, struct kept_letter *k, const struct letter_entry *entry,
			  const struct hop *hops, uint32_t count)
{
	const struct envelope *env = &entry->part.letter.envelope;
	struct verdict *list = calloc(count + 1, sizeof(list[0]));
	struct verdicts v = {
		.spool = q->spool, .letter = k, .list = list, .received_us = (int64_t)env->received_us};

	if (!list)
		abort();
	for (uint32_t i = 0; i < count; i++) {
		if (hops[i].good)
			continue;
		list[v.count].address = env->recipients[hops[i].recipient].address;
		list[v.count++].outcome = (struct outcome){.letter = k->id,
							   .recipient = hops[i].recipient,
							   .result = OUTCOME_BOUNCED,
							   .status = STR("5.1.2"),
							   .text = STR("the address has no valid domain")};
	}
	if (v.count > 0)
		co_verdicts_surely(&v);
	free(list);
}

static void co_sort(struct queue *q, struct kept_letter *k)
{
	struct hop *hops = calloc(k->recipient_count + 1, sizeof(hops[0]));
	uint32_t *places = calloc(k->recipient_count + 1, sizeof(places[0]));
	struct letter_entry entry = {0};
	struct err e;
	uint32_t n = 0;

	if (!hops || !places)
		abort();
	if (co_letter_entry(q->spool, k, &entry, &e) == 0)
		n = find_hops(q, k, &entry, hops);
	else {
		log_line(LOG_ERROR, "%s", e.text);
		queue_put_off(k, UNREADABLE_MS);
	}
	for (uint32_t i = 0; i < n;) {
		uint32_t group = add_group(q, k, hops + i, n - i, places);

		i += group ? group : 1;
	}
	co_bounce_bad(q, k, &entry, hops, n);
	letter_entry_free(&entry);
	free(hops);
	free(places);
}

/* --- letters that are due ----------------------------------------------------------------------- */

static struct outbound *next_due(struct queue *q)
{
	struct outbound *o = q->due;

	q->due = o->next;
	if (!q->due)
		q->due_end = &q->due;
	o->due = false;
	return o;
}

/* The sender of one whose round is over is told; the rest is sorted. */
static void co_serve(struct queue *q, struct outbound *o)
{
	struct kept_letter *k = o->letter;
	struct look look = look_at(k);

	if (fate_held(k))
		return;
	if (look.bounced && !o->telling && k->bundles == 0)
		tell(q, o);
	if (look.next_us <= clock_wall_us())
		co_sort(q, k);
}

/* fiber */
static void sort_fiber(void *arg)
{
	struct queue *q = arg;

	while (q->due && !q->spool->commit.stopped) {
		struct outbound *o = next_due(q);
		struct kept_letter *k = o->letter;

		co_serve(q, o);
		queue_look(q->spool, k);
		letters_unpin(&q->spool->letters, k);
		destinations_turn(q);
		if (co_breathe() != 0)
			break;
	}
	q->sorting = false;
}

static void letter_due(void *arg)
{
	struct outbound *o = arg;
	struct queue *q = &o->spool->queue;

	/* It may be deleted before its turn. */
	letters_pin(o->letter);
	o->due = true;
	o->next = NULL;
	*q->due_end = o;
	q->due_end = &o->next;
	if (!q->sorting)
		q->sorting = fiber_start(o->spool->setup.fibers, sort_fiber, q) == 0;
}

/* --- the whole ------------------------------------------------------------------------------------ */

void queue_init(struct queue *q, struct spool *s)
{
	*q = (struct queue){.spool = s, .rules = s->setup.queue};
	q->due_end = &q->due;
	q->untold_end = &q->untold;
	q->end = &q->first;
}

void co_queue_stop(struct queue *q, int64_t deadline)
{
	q->stopping = true;
	q->stopper = fiber_self();
	while (q->open > 0 && co_park(deadline) == 0)
		;
	q->stopper = NULL;
	if (q->open > 0)
		log_line(LOG_WARNING, "%u letters are with relay at the end: they may be sent again",
			 q->open);
}

void queue_free(struct queue *q)
{
	struct kept_letter *k;
	size_t at = 0;

	while ((k = nummap_next(&q->spool->letters.map, &at))) {
		if (k->outbound)
			timer_stop(&k->outbound->timer);
		free(k->outbound);
		k->outbound = NULL;
	}
	destinations_free(q);
}
