/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/unit.h"

#include <stdalign.h>
#include <string.h>

static void hands_out_zeroed_aligned_memory(void **state)
{
	struct arena a;

	arena_init(&a, 1 << 20);
	for (size_t n = 1; n < 5000; n = n * 3 + 1) {
		char *p = arena_alloc(&a, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xAA, n);
	}
	/* memory that was used before is zeroed again */
	arena_reset(&a);
	char *again = arena_alloc(&a, 500);

	for (size_t i = 0; i < 500; i++)
		assert_int_equal(again[i], 0);
	arena_free(&a);
}

static void stops_at_its_ceiling(void **state)
{
	struct arena a;

	arena_init(&a, 100);
	assert_non_null(arena_alloc(&a, 64));
	assert_null(arena_alloc(&a, 64));
	assert_null(arena_calloc(&a, SIZE_MAX, 2));
	assert_null(arena_join(&a, STR("0123456789"), (struct str){"", SIZE_MAX}, STR("x")).p);
	assert_null(arena_str(&a, STR("this is longer than what is left of it...")).p);
	arena_free(&a);
}

static void copies_strings(void **state)
{
	struct arena a;

	arena_init(&a, 1000);
	assert_str(arena_str(&a, STR("abc")), "abc");
	assert_str(arena_str_lower(&a, STR("Ab@[Z\xC4")), "ab@[z\xC4");
	assert_str(arena_join(&a, STR("ab"), str_of(NULL), STR("c")), "abc");
	assert_str(arena_join(&a, STR(""), STR(""), STR("")), "");
	assert_string_equal(arena_z(&a, STR("xyz")), "xyz");
	assert_string_equal(arena_z(&a, str_of(NULL)), "");
	arena_free(&a);
}

static void wipes(void **state)
{
	struct arena a;

	arena_init(&a, 10000);
	arena_wipe(&a);
	/* More than one block. */
	for (int i = 0; i < 9; i++)
		assert_non_null(arena_alloc(&a, 1000));
	arena_wipe(&a);
	assert_null(a.blocks);
	assert_int_equal(a.used, 0);
	assert_non_null(arena_alloc(&a, 10000));
	arena_wipe(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_out_zeroed_aligned_memory),
		cmocka_unit_test(stops_at_its_ceiling),
		cmocka_unit_test(copies_strings),
		cmocka_unit_test(wipes),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
