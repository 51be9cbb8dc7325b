/* SPDX-License-Identifier: Apache-2.0 */
/* The shard's own fibers: one greets spool, one looks after accounts (see shard.h). */
#include "mailbox/shard_parts.h"
#include "mailbox/unfolded.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/messages.h"

#include <stdlib.h>
#include <string.h>

#define ACCOUNTS_MAX 1000
#define IDLE_MS 5000
#define FOLD_MS 1000
/* RFC 3501, 5.4: at least 30 minutes. */
#define CLIENT_IDLE_MS (30 * 60 * 1000)
#define CLIENT_WRITE_MS (5 * 60 * 1000)
/* As many as the thread pool can serve, with one at hand. */
#define CARERS_MAX 4
#define CLIENT_LITERAL_MS (5 * 60 * 1000)
#define SEARCH_MS 20000
#define UPLOADS_MAX ((uint64_t)256 << 20)
/* A lone LF becomes two octets, and spool takes no more than 256 MiB at once. */
#define MESSAGE_MAX ((uint64_t)128 << 20)
#define GREET_AGAIN_MS 1000
#define LEASE_MS 60000
#define SESSIONS_MAX 5000

/* Nothing waits here: what it says counts before the end of that scan is heard. */
static void co_on_scanning(void *room, struct chan_parcel *p)
{
	struct shard *s = room;
	struct scanning_note m;

	if (scanning_take(p, &m))
		outlines_begun(&s->outlines, p->chan, m.letter);
}

const struct chan_handler shard_handlers[] = {{MSG_DELIVER, co_on_deliver},
					      {MSG_INBOX, co_on_inbox},
					      {MSG_EXPECT, co_on_expect},
					      {MSG_SESSION, co_on_session},
					      {MSG_SCANNING, co_on_scanning},
					      {MSG_USAGE, co_on_usage},
					      {MSG_REMOVE_ACCOUNT, co_on_remove_account},
					      {0, NULL}};

/* --- spool --------------------------------------------------------------------------------- */

bool shard_spool_ready(const struct shard *s)
{
	return s->greeted && chan_attached(s->spool);
}

int co_shard_meet_spool(struct shard *s, int64_t deadline)
{
	int code = 0;

	while (!code && !shard_spool_ready(s))
		code = co_waiters_park(&s->met, deadline);
	return code;
}

void shard_spool_came(struct shard *s)
{
	s->arrivals++;
	s->greeted = false;
	waiters_wake(&s->arrived);
}

static void each_account(struct shard *s, void (*fn)(struct account *a))
{
	for (size_t i = 0; i < SHARD_BUCKETS; i++)
		for (struct account *a = s->accounts[i]; a; a = a->next)
			fn(a);
}

/* What is kept of an account that spool was told of. */
struct told {
	struct folded_note note;
};

void shard_tell_folded(struct shard *s, uint32_t account, uint64_t serial)
{
	struct told *t = nummap_get(&s->folded, account);

	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			abort();
		nummap_put(&s->folded, account, t);
	}
	t->note = (struct folded_note){.account = account, .serial = serial};
	/* A spool that is away hears it when it is greeted. */
	if (s->greeted)
		folded_send(s->spool, &t->note);
}

static void tell_all_folded(const struct shard *s)
{
	const struct told *t;
	size_t at = 0;

	while ((t = nummap_next(&s->folded, &at)))
		folded_send(s->spool, &t->note);
}

int co_shard_letter_id(struct shard *s, uint64_t *id, struct err *e)
{
	struct lease_question q = {0};
	struct lease_answer a;
	struct chan_parcel store;
	int code = 0;

	while (!code && s->lease_left == 0) {
		code = co_ask_lease(s->spool, &q, deadline_in(LEASE_MS), &store, &a, e);
		if (code)
			return code;
		s->lease_next = a.first;
		s->lease_left = a.count;
		chan_parcel_free(&store);
	}
	s->lease_left--;
	*id = s->lease_next++;
	return 0;
}

static int co_greet(struct shard *s)
{
	struct shard_question q = {0};
	struct shard_answer a;
	struct chan_parcel store;
	struct err e;
	uint64_t arrivals = s->arrivals;
	int code = co_ask_shard(s->spool, &q, NO_DEADLINE, &store, &a, &e);

	if (code == ERR_CANCELLED || code == ERR_ROOM_GONE || code == ERR_TIMEOUT)
		return code == ERR_CANCELLED ? code : 0;
	if (code) {
		log_line(LOG_WARNING, "spool does not take this shard: %s", e.text);
		return co_sleep_until(deadline_in(GREET_AGAIN_MS));
	}
	/* The answer of the one who is still there, not of the one before. */
	if (s->arrivals == arrivals) {
		s->epoch = a.epoch;
		s->greetings++;
		s->greeted = true;
		tell_all_folded(s);
		each_account(s, account_resume);
		waiters_wake(&s->met);
	}
	chan_parcel_free(&store);
	return 0;
}

static void greeter_fiber(void *arg)
{
	struct shard *s = arg;
	int code = 0;

	while (!code)
		code = s->greeted || !chan_attached(s->spool) ? co_waiters_park(&s->arrived, NO_DEADLINE)
							      : co_greet(s);
}

/* --- care ----------------------------------------------------------------------------------- */

void shard_care_by(struct shard *s, int64_t when)
{
	if (when >= s->care_at)
		return;
	s->care_at = when;
	waiters_wake(&s->care);
}

static void care_fiber(void *arg)
{
	struct account *a = arg;
	struct shard *s = a->shard;

	co_account_care(a);
	s->care_at = 0;
	waiters_wake(&s->care);
}

static struct account *most_urgent(struct shard *s, int64_t *due)
{
	struct account *found = NULL;

	*due = INT64_MAX;
	for (size_t i = 0; i < SHARD_BUCKETS; i++)
		for (struct account *a = s->accounts[i]; a; a = a->next)
			if (account_due(a) < *due) {
				*due = account_due(a);
				found = a;
			}
	return found;
}

static void caretaker_fiber(void *arg)
{
	struct shard *s = arg;
	int code = 0;

	while (!code) {
		int64_t due;
		struct account *a = most_urgent(s, &due);

		if (a && due <= clock_ms()) {
			a->in_care = true;
			if (fiber_start(&s->carers, care_fiber, a) == 0)
				continue;
			/* All carers are busy: the first that ends wakes us. */
			a->in_care = false;
			due = INT64_MAX;
		}
		s->care_at = due;
		code = co_waiters_park(&s->care, due);
		if (code == ERR_TIMEOUT)
			code = 0;
	}
}

/* --- life ------------------------------------------------------------------------------------- */

struct shard *shard_new(void)
{
	struct shard *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	fiber_group_init(&s->own, 4);
	fiber_group_init(&s->senders, SHARD_PENDING_MAX);
	fiber_group_init(&s->carers, CARERS_MAX);
	fiber_group_init(&s->sessions, SESSIONS_MAX);
	charsets_open(&s->charsets);
	for (unsigned i = 0; i < SEARCH_SEATS; i++)
		charsets_open(&s->seats[i].charsets);
	s->charset_fn = charsets_fn(&s->charsets);
	return s;
}

void shard_set_message_max(struct shard *s, uint64_t max)
{
	s->message_max = max && max < MESSAGE_MAX ? max : MESSAGE_MAX;
}

int shard_start(struct shard *s, const struct shard_options *options, struct err *e)
{
	s->spool = options->spool;
	s->outlines.scans = options->scans;
	s->data_path = strdup(options->data_path);
	s->data_folder = options->data_folder;
	s->index = options->index;
	s->shards = options->shards;
	s->accounts_max = options->accounts_max ? options->accounts_max : ACCOUNTS_MAX;
	s->idle_ms = options->idle_ms ? options->idle_ms : IDLE_MS;
	s->fold_ms = options->fold_ms ? options->fold_ms : FOLD_MS;
	s->client_idle_ms = options->client_idle_ms ? options->client_idle_ms : CLIENT_IDLE_MS;
	s->client_write_ms = options->client_write_ms ? options->client_write_ms : CLIENT_WRITE_MS;
	s->client_literal_ms = options->client_literal_ms ? options->client_literal_ms : CLIENT_LITERAL_MS;
	s->uploads.max = options->uploads_max ? options->uploads_max : UPLOADS_MAX;
	shard_set_message_max(s, options->message_max);
	s->search_ms = options->search_ms ? options->search_ms : SEARCH_MS;
	s->expect_ms = options->expect_ms ? options->expect_ms : EXPECTED_MS;
	s->co_imap = options->co_imap;
	if (!s->data_path || fiber_start(&s->own, greeter_fiber, s) != 0 ||
	    fiber_start(&s->own, caretaker_fiber, s) != 0 || fiber_start(&s->own, unfolded_fiber, s) != 0 ||
	    fiber_start(&s->own, shard_clean_fiber, s) != 0)
		return err_set(e, ERR_MEMORY, "no memory for the shard's fibers");
	return 0;
}

void co_shard_stop(struct shard *s, int64_t deadline)
{
	int code;

	s->stopping = true;
	/* They leave their accounts. */
	fiber_group_cancel(&s->sessions);
	code = co_group_join(&s->sessions, deadline);
	while (!code && s->account_count > 0) {
		shard_care_by(s, 0);
		code = co_waiters_park(&s->room, deadline);
	}
	if (s->account_count > 0)
		log_line(LOG_WARNING, "%zu accounts were not closed in time; the journal has what they miss",
			 s->account_count);
}

void co_shard_end(struct shard *s)
{
	struct fiber_group *const groups[] = {&s->sessions, &s->own, &s->carers, &s->senders};

	s->stopping = true;
	s->ended = true;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		fiber_group_cancel(groups[i]);
		co_group_join(groups[i], NO_DEADLINE);
	}
}

void shard_destroy(struct shard **s)
{
	struct shard *old = *s;

	if (!old)
		return;
	for (size_t i = 0; i < SHARD_BUCKETS; i++)
		while (old->accounts[i]) {
			struct account *a = old->accounts[i];

			old->accounts[i] = a->next;
			account_free(a);
		}
	struct told *t;
	size_t at = 0;

	while ((t = nummap_next(&old->folded, &at)))
		free(t);
	nummap_free(&old->folded);
	charsets_close(&old->charsets);
	for (unsigned i = 0; i < SEARCH_SEATS; i++)
		charsets_close(&old->seats[i].charsets);
	expected_free(&old->expected);
	free(old->data_path);
	free(old);
	*s = NULL;
}
