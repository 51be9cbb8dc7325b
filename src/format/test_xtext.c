/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/unit.h"
#include "format/xtext.h"

static void codes_both_ways(void **state)
{
	static const struct {
		const char *plain, *coded;
	} vectors[] = {
		{"", ""},
		{"user@example.test", "user@example.test"},
		{"a+b=c d", "a+2Bb+3Dc+20d"},
		{"~!", "~!"},
	};
	struct buf out;

	buf_init(&out, 100);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		buf_clear(&out);
		xtext_encode(str_of(vectors[i].plain), &out);
		assert_str(buf_str(&out), vectors[i].coded);
		assert_true(xtext_valid(buf_str(&out)));
		buf_clear(&out);
		assert_int_equal(xtext_decode(str_of(vectors[i].coded), &out), 0);
		assert_str(buf_str(&out), vectors[i].plain);
	}
	buf_clear(&out);
	assert_int_equal(xtext_decode(STR("+2b"), &out), 0);
	assert_str(buf_str(&out), "+");
	buf_clear(&out);
	xtext_encode(STR("\r\n\xFF\0"), &out);
	assert_str(buf_str(&out), "+0D+0A+FF+00");
	buf_free(&out);
}

static void refuses_what_is_no_xtext_or_not_printable(void **state)
{
	static const struct str refused[] = {
		STR_INIT("+"),    STR_INIT("+2"),   STR_INIT("a+"),   STR_INIT("+G0"),  STR_INIT("a b"),
		STR_INIT("a=b"),  STR_INIT("a\tb"), STR_INIT("\x7F"), STR_INIT("\x80"), STR_INIT("+0D+0A"),
		STR_INIT("x+00"), STR_INIT("+7F"),  STR_INIT("+C3"),  STR_INIT("a\0"),
	};
	struct buf out;

	buf_init(&out, 100);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(xtext_decode(refused[i], &out), ERR_INVALID);
		assert_false(xtext_valid(refused[i]));
	}
	buf_free(&out);
	buf_init(&out, 2);
	assert_int_equal(xtext_decode(STR("abc"), &out), ERR_TOO_BIG);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_both_ways),
		cmocka_unit_test(refuses_what_is_no_xtext_or_not_printable),
	};

	return cmocka_run_group_tests_name("xtext", tests, NULL, NULL);
}
