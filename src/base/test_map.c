/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/map.h"
#include "base/unit.h"

#include <stdio.h>

static const struct siphash_key key = {1, 2};

static void keeps_what_was_put(void **state)
{
	static int values[1000];
	struct arena a;
	struct map m;
	char name[16];

	arena_init(&a, 1 << 20);
	map_init(&m, &a, key);
	assert_null(map_get(&m, STR("k0")));
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		assert_int_equal(map_put(&m, arena_str(&a, str_of(name)), &values[i]), 0);
	}
	assert_int_equal(m.n, 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		assert_ptr_equal(map_get(&m, str_of(name)), &values[i]);
	}
	assert_false(map_has(&m, STR("k1000")));
	assert_false(map_has(&m, STR("K1")));
	arena_free(&a);
}

static void the_first_value_of_a_key_stays(void **state)
{
	int one = 1, two = 2;
	struct arena a;
	struct map m;

	arena_init(&a, 4096);
	map_init(&m, &a, key);
	assert_int_equal(map_put(&m, STR(""), &one), 0);
	assert_int_equal(map_put(&m, STR(""), &two), ERR_EXISTS);
	assert_ptr_equal(map_get(&m, STR("")), &one);
	assert_int_equal(map_put(&m, STR("present"), NULL), 0);
	assert_true(map_has(&m, STR("present")));
	arena_free(&a);
}

static void stops_at_the_ceiling_of_its_arena(void **state)
{
	struct arena a;
	struct map m;
	char names[64];
	int put = 0;

	arena_init(&a, 2000);
	map_init(&m, &a, key);
	for (int i = 0; i < 64; i++) {
		names[i] = (char)i;
		put += map_put(&m, (struct str){names + i, 1}, NULL) == 0;
	}
	assert_true(put >= 12 && put < 64);
	for (int i = 0; i < put; i++)
		assert_true(map_has(&m, (struct str){names + i, 1}));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_was_put),
		cmocka_unit_test(the_first_value_of_a_key_stays),
		cmocka_unit_test(stops_at_the_ceiling_of_its_arena),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
