/* SPDX-License-Identifier: Apache-2.0 */
/* unfolded with a played shard: it learns whose acts its indexes may lack, and of no others. */
#include "spool/test_house.h"

#include <stdlib.h>
#include <string.h>

static void run(fiber_fn *fn)
{
	struct spool_setup setup;

	spool_setup_defaults(&setup);
	setup.segment_size = 1 << 20;
	house_run(fn, &setup);
}

/* What the shard is told of its accounts; 0: none. */
static uint32_t co_first_unfolded(struct played_shard *sh, uint32_t after, struct str *address)
{
	static char kept[600];
	struct unfolded_question q = {after};
	struct unfolded_answer a;
	struct chan_parcel store;
	struct err e;

	assert_int_equal(co_ask_unfolded(sh->ours, &q, deadline_in(5000), &store, &a, &e), 0);
	struct reader r = reader_of(a.accounts);
	uint32_t id = a.accounts.n ? read_u32(&r) : 0;
	struct str found = read_str(&r, sizeof(kept));

	assert_true(a.accounts.n == 0 || reader_done(&r));
	assert_int_equal(a.next, 0);
	memcpy(kept, found.p ? found.p : "", found.n);
	*address = (struct str){kept, found.n};
	chan_parcel_free(&store);
	return id;
}

/* fiber */
static void asking_fiber(void *arg)
{
	struct played_shard *sh = shard_of_user(0), *other = &house.shards[1 - (sh - house.shards)];
	struct str address;
	struct err e;

	assert_int_equal(co_first_unfolded(sh, 0, &address), 0);
	assert_int_equal(co_append(1, co_new_id(), 1, &e), 0);
	assert_true(co_all_settled(5000));
	uint32_t id = co_first_unfolded(sh, 0, &address);

	assert_int_equal(id, accounts_by_address(&house.spool->accounts, address)->id);
	assert_int_equal(id, 1);
	assert_int_equal(co_first_unfolded(sh, id, &address), 0);
	assert_int_equal(co_first_unfolded(sh, UINT32_MAX, &address), 0);
	/* It is nobody else's, and a crash does not make it forgotten. */
	assert_int_equal(co_first_unfolded(other, 0, &address), 0);
	co_house_crash();
	assert_int_equal(co_first_unfolded(sh, 0, &address), id);
	struct folded_note note = {id, account_durable(accounts_get(&house.spool->accounts, id))};

	folded_send(sh->ours, &note);
	assert_int_equal(co_first_unfolded(sh, 0, &address), 0);
}

static void a_shard_learns_what_is_not_folded(void **state)
{
	run(asking_fiber);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_shard_learns_what_is_not_folded)};

	/* A failed assertion must not jump from a fiber's stack to another. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	return cmocka_run_group_tests_name("unfolded", tests, NULL, NULL);
}
