/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the queue by hand (see queue_change.h). */
#include "spool/queue_change.h"

#include "net/log.h"
#include "spool/core.h"
#include "spool/destination.h"
#include "spool/fate.h"

#include <stdlib.h>

/* Letters, and parts, of one entry: both end it. */
#define BATCH_LETTERS 256
#define BATCH_PARTS 4096
#define ENTRY_PUT_MAX ((size_t)1 << 20)
#define BY_HAND "held by the operator"

struct change {
	struct spool *spool;
	const uint64_t *ids; /* what is left */
	size_t left;
	/* The batch that is under way. */
	struct kept_letter *letters[BATCH_LETTERS];
	size_t count;
	struct settle *settled; /* BATCH_PARTS and a letter more */
	size_t settled_count;
	size_t parts;
	struct buf entry;
};

/* --- for one letter, while its group is made ------------------------------------------------ */

static bool is_poison(const struct kept_letter *k)
{
	for (uint32_t i = 0; i < k->recipient_count; i++)
		if (!letter_settled(k, i) && letter_deaths(k, i) >= DEATHS_HELD)
			return true;
	return false;
}

static bool put_hold(struct change *c, struct kept_letter *k)
{
	struct part part = {.kind = PART_HOLD, .hold = {.letter = k->id, .reason = STR(BY_HAND)}};

	if (fate_held(k))
		return false;
	entry_put(&c->entry, &part);
	c->parts++;
	return true;
}

static bool put_release(struct change *c, struct kept_letter *k)
{
	struct part part = {.kind = PART_HOLD, .hold = {.letter = k->id, .released = true}};

	if (!fate_held(k) && !is_poison(k))
		return false;
	entry_put(&c->entry, &part);
	c->parts++;
	return true;
}

static bool put_delete(struct change *c, struct kept_letter *k)
{
	for (uint32_t i = 0; i < k->recipient_count; i++) {
		struct part part = {.kind = PART_OUTCOME,
				    .outcome = {.letter = k->id,
						.recipient = i,
						.result = OUTCOME_CLOSED,
						.text = STR("deleted by the operator")}};

		if (letter_settled(k, i))
			continue;
		entry_put(&c->entry, &part);
		letter_settle(k, i);
		c->settled[c->settled_count++] = (struct settle){k->id, i};
		c->parts++;
	}
	return true;
}

/* --- for one letter, when it is durable -------------------------------------------------------- */

static void log_change(const struct kept_letter *k, const char *what)
{
	char id[LETTER_ID_SIZE];

	letter_id_format(k->id, id);
	log_line(LOG_INFO, "%s: %s", id, what);
}

static void held(struct spool *s, struct kept_letter *k)
{
	fate_hold(k, STR(BY_HAND));
	log_change(k, BY_HAND);
	queue_look(s, k);
}

static void released(struct spool *s, struct kept_letter *k)
{
	fate_release(k);
	letter_forget_deaths(k);
	log_change(k, "released by the operator");
	letter_go(s, k);
}

static void deleted(struct spool *s, struct kept_letter *k)
{
	k->dropped = true;
	log_change(k, "deleted by the operator");
	letter_ended(k);
	queue_look(s, k);
}

static const struct action_row {
	bool (*put)(struct change *c, struct kept_letter *k);
	void (*done)(struct spool *s, struct kept_letter *k);
} rows[QUEUE_ACTIONS] = {
	[QUEUE_HOLD] = {put_hold, held},
	[QUEUE_RELEASE] = {put_release, released},
	[QUEUE_DELETE] = {put_delete, deleted},
};

/* --- a batch ---------------------------------------------------------------------------------------- */

struct change_request {
	struct change *c;
	const struct action_row *row;
	size_t taken; /* of the ids */
	bool joined;
};

static void take_back(struct change *c)
{
	while (c->settled_count > 0) {
		const struct settle *one = &c->settled[--c->settled_count];

		letter_unsettle(letters_get(&c->spool->letters, one->letter), one->recipient);
	}
}

static void put_batch(struct change_request *q)
{
	struct change *c = q->c;
	struct letters *letters = &c->spool->letters;

	while (q->taken < c->left && c->count < BATCH_LETTERS && c->parts < BATCH_PARTS) {
		struct kept_letter *k = letters_get(letters, c->ids[q->taken++]);

		if (!k || k->open == 0)
			continue;
		if (!q->row->put(c, k))
			continue;
		/* Dirty from now on, so that it stays in memory until this is decided. */
		letters_touch(letters, k);
		c->letters[c->count++] = k;
	}
}

static int join_change(struct commit_request *r, struct commit *commit, struct err *e)
{
	struct change_request *q = r->arg;
	struct change *c = q->c;
	int code;

	buf_clear(&c->entry);
	c->count = c->settled_count = c->parts = 0;
	q->taken = 0;
	put_batch(q);
	if (c->count == 0)
		return 0;
	code = buf_failed(&c->entry) ? err_set(e, ERR_TOO_BIG, "the change fits into no entry")
				     : commit_entry(commit, r, buf_str(&c->entry), true, e);
	if (code)
		take_back(c);
	q->joined = code == 0;
	return code;
}

static void change_accepted(struct commit_request *r, uint64_t position)
{
	struct change_request *q = r->arg;

	for (size_t i = 0; q->joined && i < q->c->count; i++) {
		letters_touch(&q->c->spool->letters, q->c->letters[i]);
		q->row->done(q->c->spool, q->c->letters[i]);
	}
}

static void change_refused(struct commit_request *r)
{
	struct change_request *q = r->arg;

	if (q->joined)
		take_back(q->c);
	q->joined = false;
}

static const struct commit_kind change_kind = {join_change, change_accepted, change_refused};

static int co_batch(struct change *c, const struct action_row *row, uint32_t *done, struct err *e)
{
	struct change_request q = {.c = c, .row = row};
	struct commit_request r = {.kind = &change_kind, .arg = &q};
	int code = co_commit(&c->spool->commit, &r, e);

	if (code)
		return code;
	*done += (uint32_t)c->count;
	c->ids += q.taken;
	c->left -= q.taken;
	return 0;
}

/* --- all ------------------------------------------------------------------------------------------------ */

static uint32_t flush(struct spool *s, const uint64_t *ids, size_t count)
{
	uint32_t done = 0;

	destinations_hurry(&s->queue);
	for (size_t i = 0; i < count; i++) {
		struct kept_letter *k = letters_get(&s->letters, ids[i]);

		if (!k || k->open == 0 || fate_held(k))
			continue;
		queue_hurry(s, k);
		done++;
	}
	for (unsigned i = 0; i < s->setup.shards; i++)
		deliver_hurry(&s->shards[i]);
	return done;
}

int co_queue_change(struct spool *s, enum queue_action action, const uint64_t *ids, size_t count,
		    uint32_t *done, struct err *e)
{
	int code = 0;

	*done = 0;
	if (action == QUEUE_FLUSH) {
		*done = flush(s, ids, count);
		return 0;
	}
	struct change *c = calloc(1, sizeof(*c));

	if (!c || !(c->settled = calloc(BATCH_PARTS + ENVELOPE_RECIPIENTS_MAX, sizeof(c->settled[0]))))
		abort();
	c->spool = s;
	c->ids = ids;
	c->left = count;
	buf_init(&c->entry, ENTRY_PUT_MAX);
	while (code == 0 && c->left > 0)
		code = co_batch(c, &rows[action], done, e);
	buf_free(&c->entry);
	free(c->settled);
	free(c);
	return code;
}
