/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes in the journal (see outcome.h). */
#include "spool/outcome.h"

#include "base/clock.h"
#include "format/log_text.h"
#include "net/log.h"
#include "net/loop.h"
#include "spool/arrival.h"
#include "spool/core.h"
#include "spool/fate.h"

#include <stdlib.h>

#define ENTRY_PUT_MAX ((size_t)8 << 20)
#define AGAIN_MS 1000
/* A reply in a log line. */
#define SAID_MAX 600

struct outcome_request {
	struct verdicts *v;
	struct buf entry;
	bool joined;
};

/* --- in the log --------------------------------------------------------------------------- */

static const struct result_row {
	const char *status, *dsn;
} results[] = {
	[OUTCOME_SENT] = {"sent", "2.0.0"},
	[OUTCOME_DEFERRED] = {"deferred", "4.0.0"},
	[OUTCOME_BOUNCED] = {"bounced", "5.0.0"},
};

static void log_verdict(const struct verdicts *v, const struct verdict *one)
{
	const struct outcome *o = &one->outcome;
	const struct result_row *row = &results[o->result];
	char id[LETTER_ID_SIZE];
	struct buf said;

	if (o->result == OUTCOME_CLOSED)
		return;
	buf_init(&said, SAID_MAX);
	log_text_add(&said, o->text, SAID_MAX);
	letter_id_format(v->letter->id, id);
	log_line(LOG_INFO, "%s: to=<%.*s>, relay=%.*s, delay=%.2f, dsn=%.*s, status=%s (%.*s)", id,
		 STR_ARG(one->address), STR_ARG(o->mta.n ? o->mta : STR("none")),
		 (double)(clock_wall_us() - v->received_us) / 1e6,
		 STR_ARG(o->status.n ? o->status : str_of(row->dsn)), row->status, STR_ARG(buf_str(&said)));
	buf_free(&said);
}

/* --- joining a group ------------------------------------------------------------------------- */

static bool settles(const struct outcome *o)
{
	return o->result == OUTCOME_SENT || o->result == OUTCOME_CLOSED;
}

static void take_back(struct verdicts *v)
{
	for (uint32_t i = 0; i < v->count; i++) {
		struct verdict *one = &v->list[i];

		if (!one->joined)
			continue;
		one->joined = false;
		if (settles(&one->outcome))
			letter_unsettle(v->letter, one->outcome.recipient);
		else if (one->outcome.result == OUTCOME_BOUNCED)
			letter_set_bounced(v->letter, one->outcome.recipient, false);
	}
}

/* What was settled meanwhile stays so. */
static uint32_t put_verdicts(struct outcome_request *q)
{
	struct kept_letter *k = q->v->letter;
	uint32_t n = 0;

	for (uint32_t i = 0; i < q->v->count; i++) {
		struct verdict *one = &q->v->list[i];
		struct part part = {.kind = PART_OUTCOME, .outcome = one->outcome};

		one->joined = !letter_settled(k, one->outcome.recipient);
		if (!one->joined)
			continue;
		entry_put(&q->entry, &part);
		if (settles(&one->outcome))
			letter_settle(k, one->outcome.recipient);
		else if (one->outcome.result == OUTCOME_BOUNCED)
			letter_set_bounced(k, one->outcome.recipient, true);
		n++;
	}
	return n;
}

/* The volume's batch first, for the letter's place stands in the entry. */
static int put_report(struct outcome_request *q, struct commit *c, struct err *e)
{
	struct letter *l = &q->v->report->letter;
	const struct record record = {l->id, l->length, l->stored, l->crc, l->transform};
	int code = commit_letter(c, &record, q->v->report->bytes, &l->place, e);
	struct part part = {.kind = PART_LETTER, .letter = *l};

	if (code == 0)
		entry_put(&q->entry, &part);
	return code;
}

static int join_outcomes(struct commit_request *r, struct commit *c, struct err *e)
{
	struct outcome_request *q = r->arg;
	bool frees = !q->v->report;
	int code = 0;

	buf_clear(&q->entry);
	/* Dirty from now on, so that it stays in memory until this is decided. */
	letters_touch(&q->v->spool->letters, q->v->letter);
	if (put_verdicts(q) == 0)
		return 0;
	if (q->v->report)
		code = put_report(q, c, e);
	if (code == 0 && buf_failed(&q->entry))
		code = err_set(e, ERR_TOO_BIG, "the outcomes fit into no entry");
	if (code == 0)
		code = commit_entry(c, r, buf_str(&q->entry), frees, e);
	if (code)
		take_back(q->v);
	q->joined = code == 0;
	return code;
}

static void outcomes_accepted(struct commit_request *r, uint64_t position)
{
	struct outcome_request *q = r->arg;
	struct verdicts *v = q->v;

	if (!q->joined)
		return;
	for (uint32_t i = 0; i < v->count; i++) {
		if (!v->list[i].joined)
			continue;
		if (!settles(&v->list[i].outcome))
			fate_note(v->letter, &v->list[i].outcome);
		log_verdict(v, &v->list[i]);
	}
	letters_touch(&v->spool->letters, v->letter);
	if (v->report)
		letter_arrived(v->spool, &v->report->letter, position, buf_str(&q->entry));
	letter_ended(v->letter);
}

static void outcomes_refused(struct commit_request *r)
{
	struct outcome_request *q = r->arg;

	if (q->joined)
		take_back(q->v);
	q->joined = false;
}

static const struct commit_kind outcome_kind = {join_outcomes, outcomes_accepted, outcomes_refused};

int co_verdicts(struct verdicts *v, struct err *e)
{
	struct outcome_request q = {.v = v};
	struct commit_request r = {.kind = &outcome_kind, .arg = &q};

	buf_init(&q.entry, ENTRY_PUT_MAX);
	int code = co_commit(&v->spool->commit, &r, e);

	buf_free(&q.entry);
	return code;
}

int co_verdicts_surely(struct verdicts *v)
{
	struct err e;
	int code;

	/* What relay has done cannot be taken back: forgotten, it would be done twice. */
	while ((code = co_verdicts(v, &e)) != 0 && code != ERR_CLOSED && code != ERR_CANCELLED)
		if (co_sleep_until(deadline_in(AGAIN_MS)) != 0)
			return ERR_CANCELLED;
	return code;
}
