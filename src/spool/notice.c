/* SPDX-License-Identifier: Apache-2.0 */
/* Reports to senders (see notice.h). */
#include "spool/notice.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "net/verdicts.h"
#include "spool/core.h"
#include "spool/fate.h"
#include "spool/grants.h"
#include "spool/outcome.h"

#include <stdlib.h>
#include <string.h>

/* Recipients in one report: what is said of them fits beside the letter into a small one. */
#define TOLD_MAX 50
#define REPORT_MAX (LETTER_OWN_FILE - 1)
#define TARGET_MAX 512
/* Behind the header: mail programs show no more of it. */
#define AGAIN_MS 5000
#define ASK_MS 5000

/* A report in the making. */
struct notice {
	struct spool *spool;
	struct kept_letter *letter;
	struct letter_entry entry;
	struct verdict *list; /* those that it ends */
	struct dsn_recipient *told;
	uint32_t count, told_count;
	struct report report;
	struct buf bytes;
	struct buf original;
};

static const struct envelope *envelope_of(const struct notice *n)
{
	return &n->entry.part.letter.envelope;
}

/* RFC 3461 4.1: without NOTIFY failures are told. */
static bool asks_for_it(const struct recipient *to)
{
	return to->notify == 0 || to->notify & NOTIFY_FAILURE;
}

/* --- who --------------------------------------------------------------------------------- */

static void add_told(struct notice *n, uint32_t at)
{
	const struct recipient *to = &envelope_of(n)->recipients[at];
	struct reason r = fate_reason(n->letter, at);

	n->told[n->told_count++] = (struct dsn_recipient){
		.address = to->address, .orcpt = to->orcpt, .status = r.status, .mta = r.mta, .text = r.text};
}

static void collect(struct notice *n)
{
	const struct envelope *env = envelope_of(n);

	n->list = calloc(env->recipient_count + 1, sizeof(n->list[0]));
	n->told = calloc(TOLD_MAX, sizeof(n->told[0]));
	if (!n->list || !n->told)
		abort();
	for (uint32_t i = 0; i < env->recipient_count; i++) {
		bool tell = env->reverse_path.n > 0 && asks_for_it(&env->recipients[i]);

		if (!letter_bounced(n->letter, i) || letter_settled(n->letter, i) ||
		    (tell && n->told_count == TOLD_MAX))
			continue;
		if (tell)
			add_told(n, i);
		n->list[n->count].address = env->recipients[i].address;
		n->list[n->count++].outcome =
			(struct outcome){.letter = n->letter->id, .recipient = i, .result = OUTCOME_CLOSED};
	}
}

/* --- to whom -------------------------------------------------------------------------------- */

static int co_add_target(struct notice *n, struct reader *targets, struct envelope *env, struct err *e)
{
	bool local = read_u8(targets) == TARGET_LOCAL;
	struct str account = read_str(targets, TARGET_MAX), as = read_str(targets, TARGET_MAX);
	struct recipient *to = &env->recipients[env->recipient_count];

	if (targets->failed)
		return err_set(e, ERR_INVALID, "what keeper answered cannot be read");
	*to = (struct recipient){.address = arena_str(&n->entry.arena, local ? as : account)};
	if (to->address.n == 0)
		return err_set(e, ERR_INVALID, "keeper gave an empty address");
	int code = local ? co_own_account(n->spool, account, &to->account, e) : 0;

	env->recipient_count += code == 0;
	return code;
}

static int co_add_targets(struct notice *n, struct str targets, struct err *e)
{
	struct envelope *env = &n->report.letter.envelope;
	struct reader r = reader_of(targets);
	size_t most = targets.n / 9 + 1; /* a kind and two lengths */
	int code = 0;

	if (most > ENVELOPE_RECIPIENTS_MAX)
		most = ENVELOPE_RECIPIENTS_MAX;
	env->recipients = arena_calloc(&n->entry.arena, most, sizeof(env->recipients[0]));
	if (!env->recipients)
		return err_set(e, ERR_MEMORY, "no memory for a report");
	while (code == 0 && r.rest.n > 0 && env->recipient_count < most)
		code = co_add_target(n, &r, env, e);
	return code;
}

static int add_remote(struct notice *n, struct err *e)
{
	struct envelope *env = &n->report.letter.envelope;

	env->recipients = arena_calloc(&n->entry.arena, 1, sizeof(env->recipients[0]));
	if (!env->recipients)
		return err_set(e, ERR_MEMORY, "no memory for a report");
	env->recipients[env->recipient_count++].address = envelope_of(n)->reverse_path;
	return 0;
}

static void log_dropped(const struct notice *n)
{
	char id[LETTER_ID_SIZE];

	letter_id_format(n->letter->id, id);
	log_line(LOG_WARNING, "%s: nobody can be told: <%.*s> does not exist here", id,
		 STR_ARG(envelope_of(n)->reverse_path));
}

/* Fills in the report's recipients; none when the sender does not exist. */
static int co_find_sender(struct notice *n, struct err *e)
{
	struct recipient_question q = {.address = envelope_of(n)->reverse_path};
	struct recipient_answer a;
	struct chan_parcel store;

	if (!n->spool->queue.keeper)
		return err_set(e, ERR_BUSY, "there is no keeper");
	int code = co_ask_recipient(n->spool->queue.keeper, &q, deadline_in(ASK_MS), &store, &a, e);

	if (code)
		return code;
	if (a.verdict == RECIPIENT_OK)
		code = co_add_targets(n, a.targets, e);
	else if (a.verdict == RECIPIENT_NOT_OURS)
		code = add_remote(n, e);
	else
		log_dropped(n);
	chan_parcel_free(&store);
	return code;
}

/* --- what --------------------------------------------------------------------------------------- */

/* What is returned: the letter, or its header when it is large, binary (RFC 3030 has no way
 * to enclose it), or RET asks for no more. */
static bool co_read_original(struct notice *n)
{
	const struct envelope *env = envelope_of(n);
	bool all = false;
	struct err e;

	if (co_letter_head(n->spool, n->letter, n->spool->queue.rules.bounce_size, &n->original, &all, &e)) {
		log_line(LOG_ERROR, "%s", e.text);
		buf_clear(&n->original);
	}
	if (all && env->ret != RET_HDRS && env->body != BODY_BINARYMIME)
		return false;
	buf_truncate(&n->original, dsn_header_of(buf_str(&n->original)).n);
	return true;
}

static void co_write(struct notice *n)
{
	const struct queue_rules *rules = &n->spool->queue.rules;
	const struct envelope *env = envelope_of(n);
	char id[LETTER_ID_SIZE], of[LETTER_ID_SIZE];
	bool header_only = co_read_original(n);

	letter_id_format(n->report.letter.id, id);
	letter_id_format(n->letter->id, of);
	struct dsn dsn = {
		.language = rules->language,
		.hostname = str_of(rules->hostname),
		.id = str_of(id),
		.letter = str_of(of),
		.sender = env->reverse_path,
		.envid = env->envid,
		.now_us = clock_wall_us(),
		.arrival_us = (int64_t)env->received_us,
		.smtputf8 = env->smtputf8,
		.header_only = header_only,
		.original = buf_str(&n->original),
		.recipients = n->told,
		.count = n->told_count,
	};

	dsn_write(&dsn, &n->bytes);
	/* Without the letter it fits in any case. */
	if (buf_failed(&n->bytes)) {
		buf_clear(&n->bytes);
		dsn.original = STR("");
		dsn.header_only = true;
		dsn_write(&dsn, &n->bytes);
	}
}

static void make_letter(struct notice *n)
{
	struct letter *l = &n->report.letter;

	n->report.bytes = buf_str(&n->bytes);
	/* Nobody repeats it, and no other has its id. */
	memcpy(l->ticket, &l->id, sizeof(l->id));
	l->length = l->stored = n->bytes.n;
	l->crc = crc32c(0, n->bytes.p, n->bytes.n);
	l->envelope.received_us = (uint64_t)clock_wall_us();
	l->envelope.smtputf8 = envelope_of(n)->smtputf8;
	l->envelope.body = dsn_has_8bit(n->report.bytes) ? BODY_8BITMIME : BODY_7BIT;
}

static int co_make_report(struct notice *n, struct err *e)
{
	int code = co_find_sender(n, e);

	if (code || n->report.letter.envelope.recipient_count == 0)
		return code;
	code = co_own_id(n->spool, &n->report.letter.id, e);
	if (code)
		return code;
	co_write(n);
	if (buf_failed(&n->bytes))
		return err_set(e, ERR_TOO_BIG, "the report is too large");
	make_letter(n);
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------------ */

static void log_told(const struct notice *n)
{
	char id[LETTER_ID_SIZE], report[LETTER_ID_SIZE];

	letter_id_format(n->letter->id, id);
	letter_id_format(n->report.letter.id, report);
	log_line(LOG_INFO, "%s: sender non-delivery notification: %s", id, report);
}

static int co_tell(struct notice *n, struct err *e)
{
	int code = co_letter_entry(n->spool, n->letter, &n->entry, e);

	if (code)
		return code;
	collect(n);
	struct verdicts v = {.spool = n->spool,
			     .letter = n->letter,
			     .list = n->list,
			     .count = n->count,
			     .received_us = (int64_t)envelope_of(n)->received_us};

	if (n->told_count > 0)
		code = co_make_report(n, e);
	if (n->report.bytes.n > 0)
		v.report = &n->report;
	if (code == 0)
		code = co_verdicts(&v, e);
	if (code == 0 && v.report)
		log_told(n);
	return code;
}

/* fiber */
static void notice_fiber(void *arg)
{
	struct notice *n = arg;
	struct spool *s = n->spool;
	struct err e;
	int code = co_tell(n, &e);

	if (code && code != ERR_CANCELLED && code != ERR_CLOSED) {
		log_line(LOG_WARNING, "a sender cannot be told yet: %s", e.text);
		queue_put_off(n->letter, AGAIN_MS);
	}
	letter_entry_free(&n->entry);
	buf_free(&n->bytes);
	buf_free(&n->original);
	free(n->list);
	free(n->told);
	queue_told(s, n->letter);
	letters_unpin(&s->letters, n->letter);
	free(n);
}

bool notice_begin(struct spool *s, struct kept_letter *k)
{
	struct notice *n = calloc(1, sizeof(*n));

	if (!n)
		abort();
	n->spool = s;
	n->letter = k;
	buf_init(&n->bytes, REPORT_MAX);
	if (fiber_start(s->setup.fibers, notice_fiber, n) != 0) {
		free(n);
		return false;
	}
	letters_pin(k);
	return true;
}
