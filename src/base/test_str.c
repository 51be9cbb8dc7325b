/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "base/unit.h"

static void compares(void **state)
{
	assert_true(str_eq(STR("ab"), str_of("ab")));
	assert_false(str_eq(STR("ab"), STR("abc")));
	assert_true(str_eq(STR(""), str_of(NULL)));
	assert_true(str_eq_nocase(STR("MaIl"), STR("mAiL")));
	/* ASCII only: bytes above 0x7E compare as they are. */
	assert_false(str_eq_nocase(STR("\xC4"), STR("\xE4")));
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_true(str_cmp_nocase(STR("B"), STR("a")) > 0);
	/* [ lies between Z and a: folding must not reach it. */
	assert_false(str_eq_nocase(STR("["), STR("{")));
}

static void searches(void **state)
{
	assert_int_equal(str_find(STR("a.b.c"), '.'), 1);
	assert_int_equal(str_rfind(STR("a.b.c"), '.'), 3);
	assert_int_equal(str_find(STR("abc"), '.'), STR_NONE);
	assert_int_equal(str_find(str_of(NULL), '.'), STR_NONE);
	assert_int_equal(str_find_str(STR("hello"), STR("ll")), 2);
	assert_int_equal(str_find_str(STR("hello"), STR("")), 0);
	assert_int_equal(str_find_str(STR("he"), STR("hell")), STR_NONE);
	assert_true(str_starts(STR("hello"), STR("he")));
	assert_false(str_starts(STR("h"), STR("he")));
	assert_true(str_ends_nocase(STR("a@B.Test"), STR(".TEST")));
}

static void cuts(void **state)
{
	struct str s = STR("a,b,,c");

	assert_str(str_cut(&s, ','), "a");
	assert_str(str_cut(&s, ','), "b");
	assert_str(str_cut(&s, ','), "");
	assert_str(str_cut(&s, ','), "c");
	assert_int_equal(s.n, 0);

	struct str w = STR("  one\ttwo   ");

	assert_str(str_cut_word(&w), "one");
	assert_str(str_cut_word(&w), "two");
	assert_str(str_cut_word(&w), "");
	assert_str(str_trim_line(STR(" x y\r\n")), "x y");
	assert_str(str_skip(STR("abc"), 99), "");
	assert_str(str_head(STR("abc"), 99), "abc");
}

static void numbers(void **state)
{
	uint64_t v = 7;
	uint32_t w = 7;

	assert_true(str_to_u64(STR("18446744073709551615"), &v));
	assert_true(v == UINT64_MAX);
	assert_false(str_to_u64(STR("18446744073709551616"), &v));
	assert_false(str_to_u64(STR(""), &v));
	assert_false(str_to_u64(STR("-1"), &v));
	assert_false(str_to_u64(STR("1 "), &v));
	assert_true(str_to_u32(STR("4294967295"), &w));
	assert_false(str_to_u32(STR("4294967296"), &w));
	assert_true(w == UINT32_MAX);
	for (int c = -128; c < 128; c++) {
		size_t at = str_find(STR("0123456789abcdefABCDEF"), (char)c);
		int value = at == STR_NONE ? -1 : (int)at;

		assert_int_equal(ascii_hex((char)c), value > 15 ? value - 6 : value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares),
		cmocka_unit_test(searches),
		cmocka_unit_test(cuts),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
