/* SPDX-License-Identifier: Apache-2.0 */
/* The queues of the shards (see deliver.h). */
#include "spool/deliver.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "spool/core.h"
#include "spool/fate.h"

#include <assert.h>
#include <stdlib.h>

#define DELIVER_OUTLINE_MAX ((size_t)48 << 10)
#define ARENA_MAX ((size_t)1 << 20)
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_LAST_MS 60000

struct delivery {
	struct delivery *next;
	struct kept_letter *letter;
	struct shard *shard;
	uint32_t recipient;
	int64_t due;
	int64_t backoff; /* before the next try after a refusal */
};

/* --- the queue ------------------------------------------------------------------------ */

static bool before(const struct delivery *a, const struct delivery *b)
{
	return a->letter->position != b->letter->position ? a->letter->position < b->letter->position
							  : a->recipient < b->recipient;
}

/* New letters go to the end; what comes back is older than nearly all and found from
 * the front. */
static void enqueue(struct shard *sh, struct delivery *d)
{
	struct delivery **at = &sh->queue;

	if (sh->last && before(sh->last, d))
		at = &sh->last->next;
	while (*at && before(*at, d))
		at = &(*at)->next;
	d->next = *at;
	*at = d;
	if (!d->next)
		sh->last = d;
}

static struct delivery *dequeue(struct shard *sh)
{
	struct delivery *d = sh->queue;

	sh->queue = d->next;
	if (!sh->queue)
		sh->last = NULL;
	return d;
}

static void drop(struct delivery *d)
{
	letter_set_under_way(d->letter, d->recipient, false);
	letters_unpin(&d->shard->spool->letters, d->letter);
	free(d);
}

static bool suspect(const struct delivery *d)
{
	return letter_deaths(d->letter, d->recipient) > 0;
}

/* --- one delivery ------------------------------------------------------------------------ */

/* What the log says of it. */
struct said {
	char id[LETTER_ID_SIZE];
	struct str to;
	double delay;
};

static void log_result(const struct said *said, const char *dsn, const char *status, const char *why)
{
	log_line(LOG_INFO, "%s: to=<%.*s>, relay=mailbox, delay=%.2f, dsn=%s, status=%s (%s)", said->id,
		 STR_ARG(said->to), said->delay, dsn, status, why);
}

static void end_delivery(struct delivery *d)
{
	letter_ended(d->letter);
	drop(d);
}

static void set_timer(struct shard *sh)
{
	int64_t due = NO_DEADLINE;

	for (const struct delivery *d = sh->later; d; d = d->next)
		if (d->due < due)
			due = d->due;
	timer_start(&sh->timer, due);
}

static void put_off(struct delivery *d)
{
	d->backoff = d->backoff ? d->backoff * 2 : BACKOFF_FIRST_MS;
	if (d->backoff > BACKOFF_LAST_MS)
		d->backoff = BACKOFF_LAST_MS;
	d->due = deadline_in(d->backoff);
	d->next = d->shard->later;
	d->shard->later = d;
	set_timer(d->shard);
}

/* Invariant 13: a delivery that ends with the shard again and again is held. */
static void after_death(struct delivery *d, const struct said *said)
{
	struct spool *s = d->shard->spool;

	letter_count_death(d->letter, d->recipient);
	letters_touch(&s->letters, d->letter);
	if (letter_deaths(d->letter, d->recipient) < DEATHS_HELD) {
		enqueue(d->shard, d);
		return;
	}
	log_result(said, "4.3.0", "held", "the mailbox process died each time it was delivered");
	drop(d);
}

static void after_answer(struct delivery *d, const struct said *said, int code, const struct err *e)
{
	if (letter_bounced(d->letter, d->recipient))
		drop(d); /* its account has ended meanwhile */
	else if (letter_settled(d->letter, d->recipient) && d->letter->dropped)
		end_delivery(d);
	else if (letter_settled(d->letter, d->recipient)) {
		log_result(said, "2.0.0", "sent", "delivered to mailbox");
		end_delivery(d);
	} else if (code == ERR_ROOM_GONE)
		after_death(d, said);
	else if (code == ERR_CANCELLED || code == ERR_CLOSED)
		enqueue(d->shard, d);
	else {
		log_result(said, "4.2.0", "deferred", code ? e->text : "answered, but nothing was stored");
		put_off(d);
	}
}

static int co_offer(struct delivery *d, const struct part *part, struct said *said, struct err *e)
{
	const struct letter *l = &part->letter;
	const struct recipient *to = &l->envelope.recipients[d->recipient];
	const struct account *account = accounts_get(&d->shard->spool->accounts, to->account);
	struct chan_parcel store;
	struct deliver_answer answer;

	said->to = to->address;
	if (!account)
		return err_set(e, ERR_NOT_FOUND, "there is no account %u", to->account);
	struct deliver_question q = {
		.letter = l->id,
		.recipient = d->recipient,
		.account = to->account,
		.address = account_address(account),
		.target = to->address,
		.sender = l->envelope.reverse_path,
		.received = (int64_t)l->envelope.received_us,
		.volume = d->letter->place.volume,
		.offset = d->letter->place.offset,
		.length = l->length,
		.stored = l->stored,
		.crc = l->crc,
		.transform = l->transform,
		.outline = l->outline.n <= DELIVER_OUTLINE_MAX ? l->outline : (struct str){NULL, 0},
	};
	int code = co_ask_deliver(d->shard->chan, &q, NO_DEADLINE, &store, &answer, e);

	if (code == 0)
		chan_parcel_free(&store);
	said->delay = (double)(clock_wall_us() - (int64_t)l->envelope.received_us) / 1e6;
	return code;
}

static void kick(struct shard *sh);

/* fiber */
static void delivery_fiber(void *arg)
{
	struct delivery *d = arg;
	struct shard *sh = d->shard;
	uint64_t epoch = sh->epoch;
	bool alone = suspect(d);
	struct kept_letter *k = d->letter;
	struct said said = {.to = STR("")};
	struct part part = {0};
	struct arena a;
	struct err e;
	int code;

	arena_init(&a, ARENA_MAX);
	letter_id_format(k->id, said.id);
	if (letter_part((struct str){k->entry, k->entry_n}, &a, &part) &&
	    d->recipient < part.letter.envelope.recipient_count)
		code = co_offer(d, &part, &said, &e);
	else
		code = err_set(&e, ERR_CORRUPT, "its entry cannot be read");
	if (code == ERR_ROOM_GONE && sh->epoch == epoch)
		sh->ready = false;
	/* The act may have come before the shard died, and its fate be open. */
	if (code)
		co_commit_settled(&sh->spool->commit);
	sh->open--;
	sh->alone &= !alone;
	after_answer(d, &said, code, &e);
	arena_free(&a);
	kick(sh);
}

/* --- feeding ---------------------------------------------------------------------------- */

/* The neighbour that got the epoch is still there, and there is room for the next one. */
static bool may_offer(const struct shard *sh)
{
	if (sh->spool->commit.stopped || !sh->ready || !sh->queue || !chan_attached(sh->chan) ||
	    chan_epoch(sh->chan) != sh->process)
		return false;
	return sh->open < DELIVERIES_OPEN && !sh->alone && (sh->open == 0 || !suspect(sh->queue));
}

static void offer(struct shard *sh, struct delivery *d)
{
	sh->open++;
	sh->alone = suspect(d);
	if (fiber_start(sh->spool->setup.fibers, delivery_fiber, d) == 0)
		return;
	sh->open--;
	sh->alone = false;
	put_off(d);
}

/* Offers what is first, as long as there is room.  The letters are read here, one after
 * the other, so that they keep their order. */
/* fiber */
static void feed_fiber(void *arg)
{
	struct shard *sh = arg;

	while (may_offer(sh)) {
		struct delivery *d = sh->queue;

		if (letter_settled(d->letter, d->recipient))
			co_commit_settled(&sh->spool->commit);
		int code = co_letter_load(sh->spool, d->letter);

		/* Another may stand first now, or the shard be gone. */
		if (code == 0 && (!may_offer(sh) || sh->queue != d))
			continue;
		d = dequeue(sh);
		if (fate_held(d->letter) || letter_bounced(d->letter, d->recipient))
			drop(d);
		else if (letter_settled(d->letter, d->recipient))
			end_delivery(d);
		else if (code)
			put_off(d);
		else
			offer(sh, d);
	}
	sh->feeding = false;
}

static void kick(struct shard *sh)
{
	if (!sh->feeding && may_offer(sh))
		sh->feeding = fiber_start(sh->spool->setup.fibers, feed_fiber, sh) == 0;
}

static void later_is_now(void *arg)
{
	struct shard *sh = arg;
	int64_t now = clock_ms();

	for (struct delivery **at = &sh->later; *at;) {
		struct delivery *d = *at;

		if (d->due > now) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		enqueue(sh, d);
	}
	set_timer(sh);
	kick(sh);
}

/* --- from outside ------------------------------------------------------------------------- */

void shard_init(struct shard *shard, struct spool *s, struct chan *chan)
{
	*shard = (struct shard){.spool = s, .chan = chan};
	timer_init(&shard->timer, later_is_now, shard);
}

static void free_list(struct delivery *d)
{
	while (d) {
		struct delivery *next = d->next;

		free(d);
		d = next;
	}
}

void shard_free(struct shard *shard)
{
	timer_stop(&shard->timer);
	free_list(shard->queue);
	free_list(shard->later);
	shard->queue = shard->last = shard->later = NULL;
}

static struct shard *shard_for(struct spool *s, uint32_t account)
{
	const struct account *a = accounts_get(&s->accounts, account);

	return a && !a->ended ? &s->shards[shard_of(account_address(a), s->setup.shards)] : NULL;
}

void deliver_letter(struct spool *s, struct kept_letter *k)
{
	for (uint32_t i = 0; i < k->recipient_count; i++) {
		struct shard *sh = shard_for(s, k->accounts[i]);

		if (!sh || fate_held(k) || letter_settled(k, i) || letter_bounced(k, i) ||
		    letter_under_way(k, i) || letter_deaths(k, i) >= DEATHS_HELD)
			continue;
		struct delivery *d = calloc(1, sizeof(*d));

		if (!d)
			abort();
		d->letter = k;
		d->shard = sh;
		d->recipient = i;
		letters_pin(k);
		letter_set_under_way(k, i, true);
		enqueue(sh, d);
		kick(sh);
	}
}

void deliver_begin(struct shard *shard)
{
	shard->ready = true;
	kick(shard);
}

void deliver_hurry(struct shard *shard)
{
	for (struct delivery *d = shard->later; d; d = d->next)
		d->due = 0;
	later_is_now(shard);
}
