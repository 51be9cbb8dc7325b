/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts are spread evenly, and always to the same process. */
#include "store/shards.h"

#include "base/unit.h"

#include <stdio.h>

static void accounts_are_spread(void **state)
{
	unsigned count[4] = {0};

	for (int i = 0; i < 4000; i++) {
		char address[40];

		snprintf(address, sizeof(address), "user%d@example.test", i);
		unsigned shard = shard_of(str_of(address), 4);

		assert_true(shard < 4);
		count[shard]++;
		/* Twice as many processes split each, they do not mix. */
		assert_int_equal(shard_of(str_of(address), 8) / 2, shard);
		assert_int_equal(shard_of(str_of(address), 1), 0);
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(count[i], 800, 1200);
}

static void letters_of_either_case_are_one(void **state)
{
	for (unsigned n = 1; n <= SHARD_SLOTS; n *= 2)
		assert_int_equal(shard_of(STR("Anna@Example.Test"), n),
				 shard_of(STR("anna@example.test"), n));
	/* The files lie by these numbers: they must not change. */
	assert_int_equal(shard_of(STR("anna@example.test"), SHARD_SLOTS), 135);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accounts_are_spread),
		cmocka_unit_test(letters_of_either_case_are_one),
	};

	return cmocka_run_group_tests_name("shards", tests, NULL, NULL);
}
