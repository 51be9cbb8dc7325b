/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts that nobody opens after a start (architecture 5, invariant 9): what the journal has
 * and their index has not is folded behind the others, or spool would keep its journal for them.
 *
 * Spool says which they are.  Each is touched like any other and closed as soon as nobody else
 * wants it; a few at once, so that the thread pool has room for those who wait.
 */
#include "mailbox/unfolded.h"

#include "base/clock.h"
#include "mailbox/shard_parts.h"
#include "net/log.h"
#include "net/messages.h"

#define PASSING_MAX 2
#define TOUCH_MS 60000
#define ADDRESS_MAX 512
/* Some may have failed, then or later. */
#define AGAIN_MS (10 * 60 * 1000)

struct round {
	size_t accounts, failed;
};

static int co_wait_for_passing(struct shard *s)
{
	int code = 0;

	while (!code && s->passing >= PASSING_MAX)
		code = co_waiters_park(&s->passed, NO_DEADLINE);
	return code;
}

/* Only a code that ends all. */
static int co_pass(struct shard *s, uint32_t id, struct str address, struct round *round)
{
	struct account *a = shard_find(s, id);
	struct err e = {0};

	/* In use: it folds and syncs by itself. */
	if (a)
		return 0;
	int code = co_wait_for_passing(s);

	if (!code)
		code = co_account_touch(s, id, address, deadline_in(TOUCH_MS), &a, &e);
	if (code == ERR_CANCELLED)
		return code;
	round->accounts++;
	if (code)
		round->failed++;
	else {
		if (a->users == 1)
			account_pass(a);
		account_leave(a);
	}
	return 0;
}

static int co_pass_page(struct shard *s, struct str page, struct round *round)
{
	struct reader r = reader_of(page);
	int code = 0;

	while (!code && !r.failed && r.rest.n > 0) {
		uint32_t id = read_u32(&r);
		struct str address = read_str(&r, ADDRESS_MAX);

		if (!r.failed)
			code = co_pass(s, id, address, round);
	}
	return code;
}

static int co_pass_all(struct shard *s, struct round *round)
{
	struct unfolded_question q = {0};
	struct unfolded_answer a;
	int code = 0;

	do {
		struct chan_parcel store;
		struct err e;

		code = co_ask_unfolded(s->spool, &q, NO_DEADLINE, &store, &a, &e);
		/* Without spool there is nothing to fold from; the next one is asked anew. */
		if (code)
			return code == ERR_CANCELLED ? code : 0;
		code = co_pass_page(s, a.accounts, round);
		q.after = a.next;
		chan_parcel_free(&store);
	} while (!code && q.after && !s->stopping);
	return code;
}

static int co_wait_for_next(struct shard *s, uint64_t greeting)
{
	int64_t deadline = deadline_in(AGAIN_MS);
	int code = 0;

	while (!code && s->greetings == greeting)
		code = co_waiters_park(&s->met, deadline);
	return code == ERR_TIMEOUT ? 0 : code;
}

void unfolded_fiber(void *arg)
{
	struct shard *s = arg;
	int code = 0;

	while (!code) {
		struct round round = {0};
		int64_t begun;
		uint64_t greeting;

		code = co_shard_meet_spool(s, NO_DEADLINE);
		greeting = s->greetings;
		begun = clock_ms();
		if (!code)
			code = co_pass_all(s, &round);
		if (!code && round.accounts > 0)
			log_line(LOG_INFO,
				 "folded what the journal had for %zu accounts in %lld ms, %zu failed",
				 round.accounts, (long long)(clock_ms() - begun), round.failed);
		if (!code)
			code = co_wait_for_next(s, greeting);
	}
}
