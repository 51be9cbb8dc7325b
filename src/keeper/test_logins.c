/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "keeper/logins.h"
#include "run/password.h"

#include <stdio.h>
#include <string.h>

static const struct account ann = {.address = STR_INIT("ann@d.test"), .stored = STR_INIT("{PLAIN}x")};

static void remembers_for_a_minute(void **state)
{
	struct logins *l = logins_new(100);

	assert_false(logins_knows(l, &ann, STR("x"), 1000));
	logins_remember(l, &ann, STR("x"), 1000);
	assert_true(logins_knows(l, &ann, STR("x"), 1000));
	assert_true(logins_knows(l, &ann, STR("x"), 1000 + LOGINS_MEMORY_MS - 1));
	assert_false(logins_knows(l, &ann, STR("x"), 1000 + LOGINS_MEMORY_MS));
	logins_remember(l, &ann, STR("x"), 1000 + LOGINS_MEMORY_MS);
	assert_true(logins_knows(l, &ann, STR("x"), 1000 + LOGINS_MEMORY_MS));
	logins_destroy(&l);
	assert_null(l);
	logins_destroy(&l);
}

static void knows_this_login_only(void **state)
{
	const struct account bob = {.address = STR_INIT("bob@d.test"), .stored = STR_INIT("{PLAIN}x")};
	const struct account changed = {.address = STR_INIT("ann@d.test"), .stored = STR_INIT("{PLAIN}y")};
	const struct account shifted = {.address = STR_INIT("ann@d.tes"), .stored = STR_INIT("t{PLAIN}x")};
	struct logins *l = logins_new(100);

	logins_remember(l, &ann, STR("x"), 0);
	assert_false(logins_knows(l, &ann, STR("y"), 1));
	assert_false(logins_knows(l, &ann, STR(""), 1));
	assert_false(logins_knows(l, &ann, STR("x\0"), 1));
	assert_false(logins_knows(l, &bob, STR("x"), 1));
	assert_false(logins_knows(l, &changed, STR("x"), 1));
	assert_false(logins_knows(l, &shifted, STR("x"), 1));
	logins_destroy(&l);
}

static void each_table_has_its_own_key(void **state)
{
	struct logins *l = logins_new(4), *other = logins_new(4);

	logins_remember(l, &ann, STR("x"), 0);
	assert_false(logins_knows(other, &ann, STR("x"), 0));
	logins_destroy(&l);
	logins_destroy(&other);
}

static void the_oldest_gives_way(void **state)
{
	struct logins *l = logins_new(1);
	char passwords[6][2];

	for (int i = 0; i < 6; i++) {
		snprintf(passwords[i], sizeof(passwords[i]), "%d", i);
		logins_remember(l, &ann, str_of(passwords[i]), 100 + i);
		/* the first one is used again and again, and stays */
		logins_remember(l, &ann, str_of(passwords[0]), 100 + i);
	}
	for (int i = 0; i < 6; i++)
		assert_int_equal(logins_knows(l, &ann, str_of(passwords[i]), 200), i == 0 || i > 2);
	logins_destroy(&l);
}

static void too_long_is_not_remembered(void **state)
{
	char large[2048];
	struct logins *l = logins_new(4);

	memset(large, 'p', sizeof(large));
	logins_remember(l, &ann, (struct str){large, sizeof(large)}, 0);
	assert_false(logins_knows(l, &ann, (struct str){large, sizeof(large)}, 0));
	logins_remember(l, &ann, (struct str){large, PASSWORD_MAX}, 0);
	assert_true(logins_knows(l, &ann, (struct str){large, PASSWORD_MAX}, 0));
	logins_destroy(&l);
	assert_null(logins_new(SIZE_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remembers_for_a_minute),     cmocka_unit_test(knows_this_login_only),
		cmocka_unit_test(each_table_has_its_own_key), cmocka_unit_test(the_oldest_gives_way),
		cmocka_unit_test(too_long_is_not_remembered),
	};

	return cmocka_run_group_tests_name("logins", tests, NULL, NULL);
}
