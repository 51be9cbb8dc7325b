/* SPDX-License-Identifier: Apache-2.0 */
/* Letter ids: each once, by the gate that leased it. */
#include "spool/leases.h"

#include "base/unit.h"

static const char one, two;

static void an_id_is_used_once(void **state)
{
	struct leases l;

	leases_init(&l, 5000);
	leases_add(&l, &one, 5000, LEASE_COUNT);
	leases_add(&l, &two, 6000, LEASE_COUNT);
	static const struct {
		const void *who;
		uint64_t id;
		enum lease_answer_kind answer;
	} rows[] = {
		{&one, 5000, LEASE_GOOD}, {&one, 5999, LEASE_GOOD},  {&one, 6000, LEASE_WRONG},
		{&two, 6000, LEASE_GOOD}, {&two, 5999, LEASE_WRONG}, {&two, 7000, LEASE_WRONG},
		{&one, 4999, LEASE_OLD},  {&one, 1, LEASE_OLD},      {&one, UINT64_MAX, LEASE_WRONG},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(leases_look(&l, rows[i].who, rows[i].id), rows[i].answer);
	leases_use(&l, 5999, true);
	assert_int_equal(leases_look(&l, &one, 5999), LEASE_WRONG);
	assert_int_equal(leases_look(&l, &one, 5998), LEASE_GOOD);
	leases_use(&l, 5999, false);
	assert_int_equal(leases_look(&l, &one, 5999), LEASE_GOOD);
	leases_use(&l, 123456, true);
	leases_free(&l);
}

static void blocks_are_bounded(void **state)
{
	struct leases l;

	leases_init(&l, 1);
	/* A used-up block goes, so a busy gate keeps all it has. */
	leases_add(&l, &one, 1, LEASE_COUNT);
	for (uint64_t id = 1; id <= LEASE_COUNT; id++)
		leases_use(&l, id, true);
	for (unsigned i = 0; i < LEASES_EACH; i++)
		leases_add(&l, &one, 10000 + 1000 * i, LEASE_COUNT);
	assert_int_equal(leases_look(&l, &one, 10000), LEASE_GOOD);
	assert_int_equal(leases_look(&l, &one, 1), LEASE_WRONG);
	/* One that only leases loses its oldest, and no other gate's. */
	leases_add(&l, &two, 90000000, LEASE_COUNT);
	leases_add(&l, &one, 80000000, LEASE_COUNT);
	assert_int_equal(leases_look(&l, &one, 10000), LEASE_WRONG);
	assert_int_equal(leases_look(&l, &one, 11000), LEASE_GOOD);
	assert_int_equal(leases_look(&l, &two, 90000000), LEASE_GOOD);
	leases_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_used_once),
		cmocka_unit_test(blocks_are_bounded),
	};

	return cmocka_run_group_tests_name("leases", tests, NULL, NULL);
}
