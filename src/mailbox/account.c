/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an account in its shard: opened at a touch, closed when idle (see account.h). */
#include "mailbox/delivery.h"
#include "mailbox/shard_parts.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "store/shards.h"

#include <stdlib.h>
#include <string.h>

#define ADDRESS_MAX 512
#define PAGE_MAX 73728
#define PAGE_ACTS_MAX 4096
#define PAGE_ARENA_MAX (64u << 20)
/* How long a touch waits for another account to make room. */
#define ROOM_WAIT_MS 5000

/* --- opening ------------------------------------------------------------------------------ */

/* For the thread pool: what it may touch of the account, and what came of it. */
struct open_task {
	const char *data_path;
	struct str user, domain;
	uint32_t account;
	struct index *index;
	struct err err;
	int code;
};

static void open_in_pool(void *arg)
{
	struct open_task *t = arg;

	t->code = index_open(t->data_path, t->domain, t->user, t->account, true, &t->index, &t->err);
}

static int co_open_index(struct account *a, struct err *e)
{
	struct open_task *t = calloc(1, sizeof(*t));

	if (!t)
		return err_set(e, ERR_MEMORY, "no memory to open an account");
	*t = (struct open_task){
		.data_path = a->shard->data_path, .user = a->user, .domain = a->domain, .account = a->id};
	co_run_blocking(open_in_pool, t);
	int code = t->code;

	a->index = t->index;
	if (code)
		*e = t->err;
	free(t);
	return code;
}

/* A page of acts from the journal, folded without going through views. */
struct page_task {
	struct index *index;
	char bytes[PAGE_MAX];
	size_t n;
	size_t acts;
	uint64_t applied;
	struct err err;
	int code;
};

static int read_page(struct page_task *t, struct arena *arena, struct act_body *acts)
{
	struct reader r = reader_of((struct str){t->bytes, t->n});
	int code = 0;

	while (!code && !r.failed && r.rest.n > 0 && t->acts < PAGE_ACTS_MAX) {
		uint64_t serial = read_u64(&r);
		uint32_t volume = read_u32(&r);
		uint64_t place = delivery_place(volume, read_u64(&r));
		struct str body = read_str(&r, PAGE_MAX);

		if (!r.failed && place)
			code = act_body_set_place(t->bytes + (body.p - t->bytes), body.n, place, &t->err);
		if (!r.failed && !code)
			code = act_body_get(body, serial, arena, &acts[t->acts++], &t->err);
	}
	if (!code && !reader_done(&r))
		code = err_set(&t->err, ERR_CORRUPT, "the journal's acts are not in their form");
	return code;
}

static void page_in_pool(void *arg)
{
	struct page_task *t = arg;
	struct arena arena;
	struct act_body *acts = calloc(PAGE_ACTS_MAX, sizeof(*acts));

	arena_init(&arena, PAGE_ARENA_MAX);
	t->code = acts ? read_page(t, &arena, acts)
		       : err_set(&t->err, ERR_MEMORY, "no memory for acts of the journal");
	if (!t->code)
		t->code = index_fold(t->index, acts, t->acts, &t->err);
	t->applied = index_applied(t->index);
	free(acts);
	arena_free(&arena);
}

static int co_fold_page(struct account *a, struct str page, struct err *e)
{
	struct page_task *t = page.n <= PAGE_MAX ? calloc(1, sizeof(*t)) : NULL;
	uint64_t before = a->applied;

	if (!t)
		return err_set(e, ERR_MEMORY, "no memory for acts of the journal");
	t->index = a->index;
	t->n = page.n;
	memcpy(t->bytes, page.p, page.n);
	co_run_blocking(page_in_pool, t);
	int code = t->code;

	a->applied = t->applied;
	if (code)
		*e = t->err;
	else if (page.n > 0 && a->applied <= before)
		code = err_set(e, ERR_CORRUPT, "the journal gave acts that the index has already");
	free(t);
	return code;
}

/* Folds what the journal has and the index has not (architecture 5, invariant 9). */
static int co_catch_up(struct account *a, int64_t deadline, struct err *e)
{
	bool last = false;
	int code = co_shard_meet_spool(a->shard, deadline);

	if (code)
		return err_set(e, code, "spool is not there");
	a->applied = index_applied(a->index);
	while (!code && !last) {
		struct acts_question q = {.account = a->id, .after = a->applied};
		struct acts_answer page;
		struct chan_parcel store;

		code = co_ask_acts(a->shard->spool, &q, deadline, &store, &page, e);
		if (code)
			return code;
		last = page.last;
		if (page.acts.n > 0)
			code = co_fold_page(a, page.acts, e);
		else if (!last)
			code = err_set(e, ERR_CORRUPT, "the journal gave an empty page of acts");
		chan_parcel_free(&store);
	}
	return code;
}

struct ledger_task {
	struct index *index;
	struct ledger ledger;
	struct err err;
	int code;
};

static void ledger_in_pool(void *arg)
{
	struct ledger_task *t = arg;

	t->code = index_folders(t->index, &t->ledger, &t->err);
}

static int co_load_ledger(struct account *a, struct err *e)
{
	struct ledger_task *t = calloc(1, sizeof(*t));

	if (!t)
		return err_set(e, ERR_MEMORY, "no memory for the folders of an account");
	t->index = a->index;
	co_run_blocking(ledger_in_pool, t);
	int code = t->code;

	if (code)
		*e = t->err;
	else {
		ledger_free(&a->views.ledger);
		a->views.ledger = t->ledger;
		ledger_free(&a->checks);
		if (ledger_copy(&a->views.ledger, &a->checks) != 0)
			code = err_set(e, ERR_MEMORY, "no memory for the folders of an account");
	}
	free(t);
	return code;
}

static void co_open(struct account *a, int64_t deadline)
{
	struct err e = {0};
	int code = co_open_index(a, &e);

	if (!code)
		code = co_catch_up(a, deadline, &e);
	if (!code)
		code = co_load_ledger(a, &e);
	if (code) {
		log_line(LOG_ERROR, "account %.*s cannot be opened: %s", STR_ARG(a->address), e.text);
		account_fail(a, &e);
		return;
	}
	a->synced = index_synced(a->index);
	/* What was folded now may not be synced yet. */
	if (a->applied > a->synced)
		a->unsynced_since = clock_ms();
	a->state = ACCOUNT_OPEN;
	account_tell_folded(a);
	waiters_wake(&a->changed);
}

/* --- the table ---------------------------------------------------------------------------------- */

struct account *shard_find(struct shard *s, uint32_t id)
{
	struct account *a = s->accounts[id % SHARD_BUCKETS];

	while (a && a->id != id)
		a = a->next;
	return a;
}

static struct account *make_account(struct shard *s, uint32_t id, struct str address, struct err *e)
{
	size_t at = str_rfind(address, '@');

	if (id == 0 || at == STR_NONE || at == 0 || at + 1 == address.n || address.n > ADDRESS_MAX) {
		err_set(e, ERR_INVALID, "not the address of an account: %.*s",
			STR_ARG(str_head(address, 80)));
		return NULL;
	}
	struct account *a = calloc(1, sizeof(*a));
	char *bytes = malloc(address.n);

	if (!a || !bytes) {
		free(a);
		free(bytes);
		err_set(e, ERR_MEMORY, "no memory for an account");
		return NULL;
	}
	memcpy(bytes, address.p, address.n);
	a->shard = s;
	a->id = id;
	a->address_bytes = bytes;
	a->address = (struct str){bytes, address.n};
	a->user = str_head(a->address, at);
	a->domain = str_skip(a->address, at + 1);
	a->unfolded_end = &a->unfolded;
	a->uploads = (struct upload_budget){.of = &s->uploads, .max = s->uploads.max / 2};
	views_init(&a->views);
	ledger_init(&a->checks);
	ledger_init(&a->counted);
	a->next = s->accounts[id % SHARD_BUCKETS];
	s->accounts[id % SHARD_BUCKETS] = a;
	s->account_count++;
	return a;
}

void account_pass(struct account *a)
{
	a->passing = true;
	a->shard->passing++;
}

static void stop_passing(struct account *a)
{
	if (!a->passing)
		return;
	a->passing = false;
	a->shard->passing--;
	waiters_wake(&a->shard->passed);
}

static void drop_from_table(struct account *a)
{
	struct shard *s = a->shard;
	struct account **at = &s->accounts[a->id % SHARD_BUCKETS];

	stop_passing(a);

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	s->account_count--;
	waiters_wake(&s->room);
}

void account_free(struct account *a)
{
	a->shard->unfolded_bytes -= a->unfolded_bytes;
	while (a->unfolded) {
		struct account_act *act = a->unfolded;

		a->unfolded = act->next;
		account_act_release(act);
	}
	index_close(&a->index);
	derived_close(&a->derived);
	views_free(&a->views);
	recents_free(&a->recents);
	ledger_free(&a->checks);
	ledger_free(&a->counted);
	free(a->address_bytes);
	free(a);
}

/* Waits until the table has room for one more. */
static int co_make_room(struct shard *s, int64_t deadline, struct err *e)
{
	int64_t latest = deadline_in(ROOM_WAIT_MS);
	int code = 0;

	while (!code && s->account_count >= s->accounts_max) {
		s->crowded = true;
		shard_care_by(s, clock_ms());
		code = co_waiters_park(&s->room, deadline < latest ? deadline : latest);
	}
	s->crowded = s->crowded && s->room.first;
	if (code == ERR_CANCELLED)
		return err_set(e, code, "the shard ends");
	return code ? err_set(e, ERR_BUSY, "too many accounts are in use at once") : 0;
}

static int co_touch_new(struct shard *s, uint32_t id, struct str address, int64_t deadline, struct err *e)
{
	int code = co_make_room(s, deadline, e);

	/* Somebody else may have made it meanwhile. */
	if (code || shard_find(s, id))
		return code;
	struct account *a = make_account(s, id, address, e);

	if (!a)
		return e->code;
	a->users++;
	co_open(a, deadline);
	account_leave(a);
	return 0;
}

/* Waits until the account is neither on its way in nor out: then 0 and *gone says
 * whether it must be looked for again. */
static int co_settle_state(struct account *a, int64_t deadline, bool *gone, struct err *e)
{
	int code = 0;

	while (!code && (a->state == ACCOUNT_OPENING || a->state == ACCOUNT_CLOSING))
		code = co_waiters_park(&a->changed, deadline);
	*gone = a->state == ACCOUNT_GONE;
	if (code)
		return err_set(e, code, "account %.*s was not opened in time", STR_ARG(a->address));
	if (a->state == ACCOUNT_FAILED) {
		*e = a->failure;
		return e->code;
	}
	return 0;
}

int co_account_touch(struct shard *s, uint32_t id, struct str address, int64_t deadline, struct account **out,
		     struct err *e)
{
	int code = 0;

	/* Two writers of one index would be two truths. */
	if (s->shards > 0 && shard_of(address, s->shards) != s->index)
		return err_set(e, ERR_NOT_FOUND, "the account lives in another shard");
	while (!code) {
		struct account *a = shard_find(s, id);
		bool gone = true;

		if (s->stopping)
			return err_set(e, ERR_BUSY, "the mailbox room is stopping");
		if (!a) {
			code = co_touch_new(s, id, address, deadline, e);
			continue;
		}
		if (!str_eq_nocase(a->address, address))
			return err_set(e, ERR_INVALID, "account %u is %.*s, not %.*s", id,
				       STR_ARG(str_head(a->address, 80)), STR_ARG(str_head(address, 80)));
		a->users++;
		code = co_settle_state(a, deadline, &gone, e);
		if (!code && !gone) {
			stop_passing(a);
			*out = a;
			return 0;
		}
		account_leave(a);
	}
	return code;
}

void account_leave(struct account *a)
{
	if (a->state != ACCOUNT_FAILED)
		a->used_ms = clock_ms();
	if (--a->users > 0)
		return;
	if (a->state == ACCOUNT_GONE)
		account_free(a);
	else {
		waiters_wake(&a->changed);
		shard_care_by(a->shard, account_due(a));
	}
}

void account_fail(struct account *a, const struct err *why)
{
	if (a->state == ACCOUNT_FAILED)
		return;
	a->state = ACCOUNT_FAILED;
	a->failure = *why;
	a->used_ms = clock_ms();
	waiters_wake(&a->changed);
}

/* --- care ------------------------------------------------------------------------------------------ */

static bool idle(const struct account *a)
{
	return a->users == 0 && !a->first && (a->state == ACCOUNT_OPEN || a->state == ACCOUNT_FAILED);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t fold_due(const struct account *a)
{
	if (a->unfolded_count == 0)
		return INT64_MAX;
	if (a->unfolded_count >= FOLD_ACTS || a->shard->unfolded_bytes >= FOLD_BYTES)
		return 0;
	return a->unfolded_since + a->shard->fold_ms;
}

static int64_t idle_due(const struct account *a)
{
	if (!idle(a))
		return INT64_MAX;
	return a->shard->stopping || a->shard->crowded || a->passing ? 0 : a->used_ms + a->shard->idle_ms;
}

int64_t account_due(const struct account *a)
{
	int64_t due = idle_due(a);

	if (a->in_care || a->state == ACCOUNT_OPENING || a->state == ACCOUNT_CLOSING)
		return INT64_MAX;
	if (a->state == ACCOUNT_OPEN)
		due = sooner(due, fold_due(a));
	if (a->state == ACCOUNT_OPEN && a->unsynced_since)
		due = sooner(due, a->unsynced_since + SYNC_AFTER_MS);
	return due;
}

void account_tell_folded(const struct account *a)
{
	if (a->synced > 0)
		shard_tell_folded(a->shard, a->id, a->synced);
}

/* Letters to release, as of a sync. */
struct releases {
	struct index_release r[INDEX_ROWS_MAX];
	size_t n;
};

struct sync_task {
	struct index *index;
	struct derived *derived;
	bool checkpoint, close;
	struct releases *releases; /* NULL: not looked for */
	struct recent_row *recent; /* to be written; NULL: nothing is new */
	size_t recent_count;
	uint64_t synced;
	struct err err;
	int code;
};

static void sync_in_pool(void *arg)
{
	struct sync_task *t = arg;
	struct err ignored; /* what is lost here is only older */

	if (t->derived && t->recent)
		derived_put_recent(t->derived, t->recent, t->recent_count, &ignored);
	if (t->derived && t->checkpoint)
		derived_checkpoint(t->derived, &ignored);
	t->code = t->checkpoint ? index_checkpoint(t->index, &t->err) : index_sync(t->index, &t->err);
	t->synced = index_synced(t->index);
	if (!t->code && t->releases)
		t->code = index_releases(t->index, t->releases->r, INDEX_ROWS_MAX, &t->releases->n, &t->err);
	/* What is to be released is released first. */
	if (t->close && (t->code || !t->releases || t->releases->n == 0)) {
		index_close(&t->index);
		derived_close(&t->derived);
	}
}

/* The index is locked by the caller. */
static int co_sync(struct account *a, bool closing, struct releases *releases, struct err *e)
{
	struct sync_task *t = calloc(1, sizeof(*t));

	if (!t)
		return err_set(e, ERR_MEMORY, "no memory to sync an index");
	if (releases)
		releases->n = 0;
	/* SQLite itself never empties the WAL: with it a commit would wait for two syncs. */
	*t = (struct sync_task){.index = a->index,
				.derived = a->derived,
				.checkpoint = closing || a->wal_bytes > FOLD_BYTES,
				.close = closing,
				.releases = releases};
	if (a->recents.changed)
		t->recent = recents_copy(&a->recents, &a->views.ledger, &t->recent_count);
	a->recents.changed = false;
	co_run_blocking(sync_in_pool, t);
	int code = t->code;

	a->index = t->index;
	a->derived = t->derived;
	if (t->checkpoint)
		a->wal_bytes = 0;
	if (code)
		*e = t->err;
	else if (t->synced > a->synced || a->unsynced_since) {
		a->synced = t->synced;
		a->unsynced_since = 0;
		account_tell_folded(a);
	}
	free(t->recent);
	free(t);
	return code;
}

static int co_sync_locked(struct account *a, bool closing, struct releases *releases, struct err *e)
{
	int code = co_account_lock(a);

	if (code)
		return err_set(e, code, "the shard ends");
	code = co_sync(a, closing, releases, e);
	account_unlock(a);
	return code;
}

/* Syncs and gives up the letters whose last row has gone with that.  A failure of the latter is
 * none of the account: they are found again at the next sync. */
static int co_sync_and_release(struct account *a, bool closing, struct err *e)
{
	struct releases *found = shard_spool_ready(a->shard) ? calloc(1, sizeof(*found)) : NULL;
	int code = co_sync_locked(a, closing, found, e);
	bool some = !code && found && found->n > 0, left = false;
	struct err why;

	if (some && co_account_release(a, found->r, found->n, &left, &why) != 0) {
		log_line(LOG_WARNING, "account %.*s keeps letters for now: %s", STR_ARG(a->address),
			 why.text);
		left = true;
	}
	if (left && !a->unsynced_since)
		a->unsynced_since = clock_ms();
	free(found);
	return some && closing ? co_sync_locked(a, true, NULL, e) : code;
}

static void co_close(struct account *a)
{
	bool failed = a->state == ACCOUNT_FAILED;
	struct err e = {0};
	int code = 0;

	a->state = ACCOUNT_CLOSING;
	if (!failed)
		code = co_account_fold(a, &e);
	if (a->index) {
		int synced =
			failed || code ? co_sync_locked(a, true, NULL, &e) : co_sync_and_release(a, true, &e);

		if (!failed && !code)
			code = synced;
	}
	/* The journal has it all; the next touch tries again. */
	if (code)
		log_line(LOG_ERROR, "account %.*s was not closed in order: %s", STR_ARG(a->address), e.text);
	a->state = ACCOUNT_GONE;
	drop_from_table(a);
	waiters_wake(&a->changed);
	if (a->users == 0)
		account_free(a);
}

static void co_fold_and_sync(struct account *a, int64_t now)
{
	struct err e = {0};
	int code = 0;

	if (fold_due(a) <= now)
		code = co_account_fold(a, &e);
	if (!code && a->unsynced_since && a->unsynced_since + SYNC_AFTER_MS <= now)
		code = co_sync_and_release(a, false, &e);
	if (code && code != ERR_CANCELLED) {
		log_line(LOG_ERROR, "account %.*s stops: %s", STR_ARG(a->address), e.text);
		account_fail(a, &e);
	}
}

void co_account_care(struct account *a)
{
	int64_t now = clock_ms();

	if (idle_due(a) <= now)
		co_close(a);
	else {
		co_fold_and_sync(a, now);
		a->in_care = false;
		shard_care_by(a->shard, account_due(a));
	}
}
