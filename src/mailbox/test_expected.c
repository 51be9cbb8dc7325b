/* SPDX-License-Identifier: Apache-2.0 */
/* Announced sessions: once, for one service, for a while. */
#include "mailbox/expected.h"

#include "base/err.h"
#include "base/unit.h"

#include <string.h>

static const struct str ann = STR_INIT("ann@d.test"), bob = STR_INIT("bob@d.test");

static void take(struct expected *x, uint64_t number, uint8_t service, int64_t now, struct str want)
{
	struct str got = expected_take(x, number, service, now);

	assert_int_equal(got.n, want.n);
	assert_true(str_eq(got, want));
}

static void each_number_serves_once(void **state)
{
	struct expected x = {0};

	assert_int_equal(expected_add(&x, 7, 1, ann, 0, 10), 0);
	assert_int_equal(expected_add(&x, 8, 1, bob, 0, 10), 0);
	assert_int_equal(expected_add(&x, 8, 1, ann, 0, 10), ERR_EXISTS);
	take(&x, 9, 1, 5, STR(""));
	take(&x, 8, 1, 5, bob);
	take(&x, 8, 1, 5, STR(""));
	take(&x, 7, 1, 9, ann);
	take(&x, 7, 1, 9, STR(""));
	expected_free(&x);
}

static void it_ends_with_its_time_and_its_service(void **state)
{
	struct expected x = {0};

	assert_int_equal(expected_add(&x, 1, 1, ann, 0, 10), 0);
	take(&x, 1, 1, 10, STR(""));
	assert_int_equal(expected_add(&x, 2, 1, ann, 5, 15), 0);
	/* The wrong service uses it up, too. */
	take(&x, 2, 2, 6, STR(""));
	take(&x, 2, 1, 6, STR(""));
	/* A number that comes again while the old one still stands in the row. */
	assert_int_equal(expected_add(&x, 2, 1, bob, 7, 17), 0);
	assert_int_equal(expected_add(&x, 3, 1, ann, 15, 25), 0);
	take(&x, 2, 1, 16, bob);
	expected_free(&x);
}

static void there_is_a_ceiling(void **state)
{
	struct expected x = {0};
	char name[EXPECTED_ACCOUNT_MAX + 1];

	memset(name, 'a', sizeof(name));
	assert_int_equal(expected_add(&x, 0, 1, ann, 0, 10), ERR_INVALID);
	assert_int_equal(expected_add(&x, 1, 1, STR(""), 0, 10), ERR_INVALID);
	assert_int_equal(expected_add(&x, 1, 1, (struct str){name, sizeof(name)}, 0, 10), ERR_INVALID);
	for (uint64_t n = 1; n <= EXPECTED_MAX; n++)
		assert_int_equal(expected_add(&x, n, 1, ann, 0, (int64_t)(10 + n)), 0);
	assert_int_equal(expected_add(&x, EXPECTED_MAX + 1, 1, ann, 0, 10), ERR_BUSY);
	/* Those that were used count until their time is over. */
	take(&x, EXPECTED_MAX, 1, 0, ann);
	assert_int_equal(expected_add(&x, EXPECTED_MAX + 1, 1, ann, 10, 20), ERR_BUSY);
	assert_int_equal(expected_add(&x, EXPECTED_MAX + 1, 1, ann, 11, 20), 0);
	assert_int_equal(x.count, EXPECTED_MAX);
	expected_free(&x);
	assert_int_equal(x.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_number_serves_once),
		cmocka_unit_test(it_ends_with_its_time_and_its_service),
		cmocka_unit_test(there_is_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
