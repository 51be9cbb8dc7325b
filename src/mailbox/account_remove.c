/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remove_account: an account goes with all its mail.
 *
 *   nobody may touch it -> its sessions end -> closed in order -> spool: ended, durable
 *                       -> its folder is removed -> answered
 *
 * Until spool has answered the account is whole, afterwards it is gone: nobody has its id any
 * more, and its folder, if we die before it is removed, goes at the next start (shard_clean_fiber)
 * or when another account of that address comes first (account.c).
 */
#include "mailbox/shard_parts.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "store/account_dir.h"

#include <stdlib.h>
#include <string.h>

#define CLOSE_MS 30000
/* Between two looks at an account that is still in use. */
#define LOOK_MS 20
#define ASK_MS 60000
#define ADDRESS_MAX 512 /* what the question takes */
/* How far the clock may be behind a UIDVALIDITY. */
#define VALIDITY_WAIT_S 60

struct removal {
	struct removal *next;
	struct str address;
};

bool shard_removes(const struct shard *s, struct str address)
{
	const struct removal *r = s->removals;

	while (r && !str_eq_nocase(r->address, address))
		r = r->next;
	return r != NULL;
}

static void removal_end(struct shard *s, const struct removal *r)
{
	struct removal **at = &s->removals;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
}

/* --- out of the shard -------------------------------------------------------------------------- */

/* Each session once: what it does then may wait again. */
static void end_sessions(struct account *a)
{
	a->removing = true;
	for (struct account_watch *w = a->watches; w; w = w->next) {
		if (w->fiber)
			fiber_cancel(w->fiber);
		w->fiber = NULL;
	}
}

static bool may_close(const struct account *a)
{
	return a->users == 1 && !a->first && !a->in_care &&
	       (a->state == ACCOUNT_OPEN || a->state == ACCOUNT_FAILED);
}

/* UIDVALIDITY is made of the clock, and the next account of this address knows nothing of this one:
 * so it must begin later (RFC 3501, 2.3.1.1). */
static int co_outlive(const struct account *a, struct err *e)
{
	int64_t after = (int64_t)a->checks.next_uidvalidity - clock_wall_us() / 1000000;

	if (after > VALIDITY_WAIT_S)
		return err_set(e, ERR_BUSY, "the clock is %lld s behind the account's UIDVALIDITY",
			       (long long)after);
	return after > 0 ? co_sleep_until(deadline_in(after * 1000)) : 0;
}

/* Open, or failed: what cannot be opened can still be removed. */
static struct account *co_take(struct shard *s, uint32_t id, struct str address, struct err *e)
{
	struct account *a = NULL;

	if (co_account_take(s, id, address, deadline_in(CLOSE_MS), &a, e) == 0)
		return a;
	a = shard_find(s, id);
	if (a)
		a->users++;
	return a;
}

/* Ends its sessions, waits for all others, and closes it. */
static int co_evict(struct shard *s, uint32_t id, struct str address, struct err *e)
{
	int64_t deadline = deadline_in(CLOSE_MS);
	struct account *a = co_take(s, id, address, e);
	int code = 0;

	if (!a)
		return e->code;
	while (!code && a->state != ACCOUNT_GONE && !may_close(a)) {
		/* Again and again: some may have waited for it to open. */
		end_sessions(a);
		code = clock_ms() < deadline ? co_sleep_until(deadline_in(LOOK_MS)) : ERR_TIMEOUT;
	}
	if (code)
		err_set(e, code, "the account is still in use");
	else if (a->state == ACCOUNT_OPEN)
		code = co_outlive(a, e);
	if (!code && a->state != ACCOUNT_GONE)
		co_account_close(a);
	a->removing = false;
	account_leave(a);
	return code;
}

/* --- spool and the disk ------------------------------------------------------------------------- */

static int co_find(struct shard *s, struct str address, uint32_t *id, struct err *e)
{
	struct account_question q = {.address = address};
	struct account_answer a;
	struct chan_parcel store;
	int code = co_ask_account(s->spool, &q, deadline_in(ASK_MS), &store, &a, e);

	if (code)
		return code;
	*id = a.account;
	chan_parcel_free(&store);
	return 0;
}

static int co_end(struct shard *s, uint32_t id, struct err *e)
{
	struct end_account_question q = {.account = id};
	struct end_account_answer a;
	struct chan_parcel store;
	int code = co_ask_end_account(s->spool, &q, deadline_in(ASK_MS), &store, &a, e);

	if (code == 0)
		chan_parcel_free(&store);
	return code;
}

struct remove_task {
	const char *data_path;
	struct str user, domain;
	bool had;
	int code;
	struct err err;
};

static void remove_in_pool(void *arg)
{
	struct remove_task *t = arg;

	t->code = account_dir_remove(t->data_path, t->domain, t->user, &t->had, &t->err);
}

static int co_remove_folder(struct shard *s, struct str address, bool *had, struct err *e)
{
	size_t at = str_rfind(address, '@');
	struct remove_task *t = calloc(1, sizeof(*t));

	if (!t)
		return err_set(e, ERR_MEMORY, "no memory to remove an account");
	*t = (struct remove_task){.data_path = s->data_path,
				  .user = str_head(address, at),
				  .domain = str_skip(address, at + 1)};
	/* The address is not ours to keep. */
	fiber_shield(true);
	co_run_blocking(remove_in_pool, t);
	fiber_shield(false);
	int code = t->code;

	*had |= t->had;
	if (code)
		*e = t->err;
	free(t);
	return code;
}

/* --- the whole ---------------------------------------------------------------------------------- */

static int co_end_living(struct shard *s, uint32_t id, struct str address, struct err *e)
{
	int code = co_evict(s, id, address, e);

	return code ? code : co_end(s, id, e);
}

/* leftovers: only what is left of accounts that have ended. */
static int co_remove(struct shard *s, struct str address, bool leftovers, bool *had, struct err *e)
{
	struct removal r = {s->removals, address};
	size_t at = str_rfind(address, '@');
	uint32_t id = 0;

	*had = false;
	if (at == STR_NONE || at == 0 || at + 1 == address.n)
		return err_set(e, ERR_INVALID, "not the address of an account");
	if (shard_removes(s, address))
		return err_set(e, ERR_BUSY, "the account is being removed");
	/* It leaves the list before this returns: */
	/* cppcheck-suppress autoVariables */
	s->removals = &r;
	int code = co_find(s, address, &id, e);

	if (!code && id && !leftovers) {
		code = co_end_living(s, id, address, e);
		*had = true;
	}
	if (!code && (!id || !leftovers))
		code = co_remove_folder(s, address, had, e);
	removal_end(s, &r);
	return code;
}

void co_on_remove_account(void *room, struct chan_parcel *p)
{
	struct shard *s = room;
	struct remove_account_question q;
	struct remove_account_answer answer = {0};
	char lower[ADDRESS_MAX];
	struct err e = {0};
	bool had = false;

	if (!remove_account_take(p, &q) || !shard_is_command(p))
		return;
	int code = shard_check_own(s, q.account, &e);

	/* The name of a folder has a case. */
	for (size_t i = 0; i < q.account.n; i++)
		lower[i] = ascii_lower(q.account.p[i]);
	if (!code)
		code = co_remove(s, (struct str){lower, q.account.n}, false, &had, &e);
	answer.had = had;
	if (code)
		chan_refuse(p, code, "%s", e.text);
	else {
		log_line(LOG_INFO, "account=<%.*s>: %s", STR_ARG(q.account),
			 had ? "removed with its mail" : "nothing was there to be removed");
		remove_account_answer(p, &answer);
	}
}

/* --- leftovers ------------------------------------------------------------------------------------ */

static int co_clean_page(struct shard *s, struct str addresses, struct err *e)
{
	struct reader r = reader_of(addresses);
	int code = 0;

	while (code != ERR_CANCELLED && r.rest.n > 0) {
		struct str address = read_str(&r, addresses.n);
		bool had = false;

		if (r.failed)
			return err_set(e, ERR_INVALID, "the list of ended accounts cannot be read");
		code = co_remove(s, address, true, &had, e);
		if (code && code != ERR_CANCELLED)
			log_line(LOG_WARNING, "what is left of <%.*s> stays: %s", STR_ARG(address), e->text);
		else if (had)
			log_line(LOG_INFO, "account=<%.*s>: removed with its mail", STR_ARG(address));
	}
	return code == ERR_CANCELLED ? code : 0;
}

/* fiber */
void shard_clean_fiber(void *arg)
{
	struct shard *s = arg;
	struct ended_question q = {0};
	struct ended_answer a = {.next = 0};
	struct chan_parcel store;
	struct err e = {0};
	int code = co_shard_meet_spool(s, NO_DEADLINE);

	do {
		if (code == 0)
			code = co_ask_ended(s->spool, &q, deadline_in(ASK_MS), &store, &a, &e);
		if (code)
			break;
		q.after = a.next;
		code = co_clean_page(s, a.addresses, &e);
		chan_parcel_free(&store);
	} while (code == 0 && q.after);
	if (code && code != ERR_CANCELLED)
		log_line(LOG_WARNING, "leftovers of ended accounts were not looked for: %s", e.text);
}
