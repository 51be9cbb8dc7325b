/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an account with played shards: it is whole or gone, whatever dies meanwhile. */
#include "spool/test_post.h"

#include <stdlib.h>

#define TURNS 12

static struct played_shard *other_shard(const struct played_shard *sh)
{
	return &house.shards[sh == &house.shards[0]];
}

static int co_end(struct played_shard *sh, uint32_t account)
{
	struct end_account_question q = {account};
	struct end_account_answer a;
	struct chan_parcel store;
	struct err e;

	/* It was killed meanwhile. */
	if (!sh->ours)
		return ERR_CLOSED;
	int code = co_ask_end_account(sh->ours, &q, deadline_in(20000), &store, &a, &e);

	if (code == 0)
		chan_parcel_free(&store);
	return code;
}

/* From user 0 to user 1, under that account id or one that is still to be given. */
static int co_write_to(uint32_t account, uint64_t id)
{
	struct err e;
	struct recipient to = {.account = account, .address = user_of(1)};
	struct envelope env = {.reverse_path = user_of(0),
			       .received_us = (uint64_t)clock_wall_us(),
			       .recipients = &to,
			       .recipient_count = 1};

	return co_append_envelope(id, id, &env, STR(LETTER), &e);
}

static bool co_held(uint64_t id, uint32_t account)
{
	struct kept_letter *k;
	struct err e;

	assert_int_equal(co_letter_fetch(house.spool, id, &k, &e), 0);
	bool held = letter_held_by(k, account);

	letters_unpin(&house.spool->letters, k);
	return held;
}

static bool co_dead(uint64_t id)
{
	struct kept_letter *k;
	struct err e;

	assert_int_equal(co_letter_fetch(house.spool, id, &k, &e), 0);
	bool dead = letter_dead(k);

	letters_unpin(&house.spool->letters, k);
	return dead;
}

static uint32_t id_of(unsigned user)
{
	const struct account *a = accounts_by_address(&house.spool->accounts, user_of(user));

	return a ? a->id : 0;
}

static unsigned co_ended_addresses(struct played_shard *sh)
{
	struct ended_question q = {0};
	struct ended_answer a;
	struct chan_parcel store;
	struct err e;
	unsigned n = 0;

	assert_int_equal(co_ask_ended(sh->ours, &q, deadline_in(20000), &store, &a, &e), 0);
	struct reader r = reader_of(a.addresses);

	for (; r.rest.n > 0; n++)
		assert_str(read_str(&r, 512), user_of(1).p);
	assert_true(reader_done(&r));
	assert_int_equal(a.next, 0);
	chan_parcel_free(&store);
	return n;
}

/* fiber */
static void end_fiber(void *arg)
{
	uint64_t shared = co_new_id(), own = co_new_id(), open = co_new_id();
	struct played_shard *sh = shard_of_user(1);
	struct err e;

	assert_int_equal(co_append(1, shared, 3, &e), 0);
	assert_int_equal(co_write_to(ACCOUNT_TO_COME, own), 0);
	assert_true(co_all_settled(5000));
	sh->manner = MANNER_REFUSE;
	uint32_t id = id_of(1);

	assert_int_equal(co_write_to(id, open), 0);
	assert_int_equal(co_end(other_shard(sh), id), ERR_DENIED);
	assert_int_equal(co_end(sh, 77), ERR_DENIED);
	house.fail_syncs = 1;
	assert_int_equal(co_end(sh, id), ERR_IO);
	assert_true(co_held(shared, id) && co_held(own, id));
	assert_int_equal(id_of(1), id);
	assert_int_equal(co_ended_addresses(sh), 0);
	assert_int_equal(co_end(sh, id), 0);
	sh->manner = MANNER_STORE;
	/* What was on its way comes back. */
	assert_true(co_ended(open, 5000));
	assert_true(co_all_settled(5000));
	assert_int_equal(co_reports(), 2);
	for (unsigned round = 0; round < 4; round++) {
		assert_int_equal(co_end(sh, id), 0);
		assert_false(co_held(shared, id));
		assert_true(co_held(shared, id_of(0)));
		assert_true(co_dead(own) && !co_dead(shared));
		assert_int_equal(co_write_to(id, co_new_id()), ERR_NOT_FOUND);
		assert_int_equal(co_reports(), 2);
		assert_int_equal(co_ended_addresses(sh), id_of(1) == 0);
		/* Its address lives again, and nothing of that is undone. */
		if (round == 1) {
			assert_int_equal(id_of(1), 0);
			assert_int_equal(co_write_to(ACCOUNT_TO_COME, co_new_id()), 0);
			assert_true(co_all_settled(5000));
		}
		if (round >= 1)
			assert_true(id_of(1) > id);
		if (round % 2)
			co_house_crash();
		else
			co_house_restart();
	}
	assert_false(logged("damaged"));
}

static void an_account_that_has_ended_holds_nothing(void **state)
{
	RUN(end_fiber);
}

static struct spool_setup busy_setup(void)
{
	struct spool_setup setup = quick_setup();

	setup.look_ms = 1;
	setup.write_every_ms = 0;
	setup.keep_ms = 0;
	return setup;
}

static void so_does_one_in_the_catalogue(void **state)
{
	struct spool_setup setup = busy_setup();

	house_run(end_fiber, &setup);
}

/* --- crashes --------------------------------------------------------------------------------- */

struct ending {
	uint32_t id;
	int code;
};

static void ask_fiber(void *arg)
{
	struct ending *ending = arg;

	ending->code = co_end(shard_of_user(1), ending->id);
}

/* Whole or gone: never one without the other. */
static bool co_check_whole_or_gone(uint32_t id, const uint64_t *letters, size_t n, uint64_t open)
{
	const struct account *a = accounts_get(&house.spool->accounts, id);

	for (size_t i = 0; i < n; i++)
		assert_true(co_held(letters[i], id) != a->ended);
	if (kept(open) && !letter_settled(kept(open), 0))
		assert_true(letter_bounced(kept(open), 0) == a->ended);
	return a->ended;
}

/* Spool dies a little later in each turn. */
/* fiber */
static void cuts_fiber(void *arg)
{
	struct played_shard *sh = shard_of_user(1);
	unsigned whole = 0, gone = 0;

	for (unsigned turn = 0; turn < TURNS; turn++) {
		uint64_t letters[4], open = co_new_id();
		struct ending ending = {.code = 1};

		sh->manner = MANNER_STORE;
		for (size_t i = 0; i < 4; i++) {
			letters[i] = co_new_id();
			assert_int_equal(co_write_to(ACCOUNT_TO_COME, letters[i]), 0);
		}
		assert_true(co_all_settled(5000));
		ending.id = id_of(1);
		/* The house counts the acts of its users by themselves. */
		sh->manner = MANNER_REFUSE;
		assert_int_equal(co_write_to(ending.id, open), 0);
		assert_int_equal(fiber_start(&house.askers, ask_fiber, &ending), 0);
		for (unsigned i = 0; i < turn; i++)
			co_yield ();
		if (turn >= TURNS / 2)
			co_sleep_until(deadline_in(turn - TURNS / 2));
		co_house_crash();
		co_group_join(&house.askers, NO_DEADLINE);
		bool ended = co_check_whole_or_gone(ending.id, letters, 4, open);

		assert_true(ended || ending.code != 0);
		whole += !ended;
		gone += ended;
		sh->manner = MANNER_REFUSE;
		assert_int_equal(co_end(sh, ending.id), 0);
		assert_true(co_check_whole_or_gone(ending.id, letters, 4, open));
		assert_true(co_ended(open, 5000));
	}
	assert_true(whole > 0 && gone > 0);
	sh->manner = MANNER_STORE;
	assert_true(co_all_settled(5000));
	assert_false(logged("damaged"));
}

static void it_is_whole_or_gone(void **state)
{
	RUN(cuts_fiber);
}

static void also_between_checkpoints(void **state)
{
	struct spool_setup setup = busy_setup();

	house_run(cuts_fiber, &setup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_account_that_has_ended_holds_nothing),
		cmocka_unit_test(so_does_one_in_the_catalogue),
		cmocka_unit_test(it_is_whole_or_gone),
		cmocka_unit_test(also_between_checkpoints),
	};

	/* A failed assertion must not jump from a fiber's stack to another. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	return cmocka_run_group_tests_name("account_end", tests, NULL, NULL);
}
