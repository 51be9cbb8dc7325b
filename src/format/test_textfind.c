/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the search without regard to case. */
#include "format/textfind.h"

#include "base/err.h"
#include "base/unit.h"

#include <string.h>

static const struct {
	struct str needle, text;
	bool want;
} cases[] = {
	{STR_INIT(""), STR_INIT(""), true},
	{STR_INIT(""), STR_INIT("x"), true},
	{STR_INIT("x"), STR_INIT(""), false},
	{STR_INIT("WoRLd"), STR_INIT("hello world"), true},
	{STR_INIT("world!"), STR_INIT("hello world"), false},
	{STR_INIT("aab"), STR_INIT("aaab"), true},
	{STR_INIT("[x]"), STR_INIT("{X}"), false},
	{STR_INIT("a\0b"), STR_INIT("xA\0By"), true},
	/* \u00c4 and \u00e4; Greek with both small sigmas; sharp s and ss; Kelvin sign and k */
	{STR_INIT("\xc3\x84"), STR_INIT("m\xc3\xa4h"), true},
	{STR_INIT("\xcf\x83"), STR_INIT("\xce\x9f\xce\xa3"), true},
	{STR_INIT("\xcf\x82"), STR_INIT("\xcf\x83"), true},
	{STR_INIT("STRASSE"),
	 STR_INIT("Stra\xc3\x9f"
		  "e"),
	 true},
	{STR_INIT("stra\xc3\x9f"
		  "e"),
	 STR_INIT("STRASSE"), true},
	{STR_INIT("k"), STR_INIT("\xe2\x84\xaa"), true},
	{STR_INIT("\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"),
	 STR_INIT("- \xd0\xbf\xd0\xa0\xd0\x98\xd0\x92\xd0\x95\xd0\xa2!"), true},
	/* Case folding is no search without accents. */
	{STR_INIT("a"), STR_INIT("\xc3\xa4"), false},
	/* Bytes that are not UTF-8 compare as they are and hide nothing. */
	{STR_INIT("\xe4"), STR_INIT("m\xe4h"), true},
	{STR_INIT("\xe4"), STR_INIT("m\xc4h"), false},
	{STR_INIT("h"), STR_INIT("\xff\xc3H"), true},
	{STR_INIT("\xc3\xa4"), STR_INIT("\xe5\x8f\xc3\x84"), true},
	{STR_INIT("\xc3\xa4"), STR_INIT("\xf0\x9f\x98\xc3\x84"), true},
	{STR_INIT("\xf0\x9f\x98\x80"), STR_INIT("x\xf0\x9f\x98\x80y"), true},
	{STR_INIT("\xf0\x9f\x98\x80"), STR_INIT("x\xf0\x9f\x98\x81y"), false},
	{STR_INIT("\xf0\x9f"), STR_INIT("ends in \xf0\x9f"), true},
};

/* Whole, in every two pieces, and byte by byte. */
static void finds(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = cases[i].text;
		struct needle n;
		struct textfind f;

		assert_int_equal(needle_init(&n, cases[i].needle), 0);
		if (needle_in(&n, text) != cases[i].want)
			fail_msg("row %zu", i);
		textfind_init(&f, &n);
		for (size_t cut = 0; cut <= text.n; cut++) {
			textfind_reset(&f);
			textfind_add(&f, str_head(text, cut));
			textfind_add(&f, str_skip(text, cut));
			assert_int_equal(textfind_end(&f), cases[i].want);
		}
		textfind_reset(&f);
		for (size_t at = 0; at < text.n; at++)
			textfind_add(&f, (struct str){text.p + at, 1});
		assert_int_equal(textfind_end(&f), cases[i].want);
		textfind_free(&f);
		needle_free(&n);
	}
}

static void finds_in_long_texts(void **state)
{
	static char text[100000];
	struct needle n;

	assert_int_equal(needle_init(&n, STR("needle")), 0);
	memset(text, 'n', sizeof(text));
	assert_false(needle_in(&n, (struct str){text, sizeof(text)}));
	/* Across the places where a long text is cut. */
	for (size_t at = 8185; at < 8195; at++) {
		memset(text, 'n', sizeof(text));
		memcpy(text + at, "NEEDLE", 6);
		assert_true(needle_in(&n, (struct str){text, sizeof(text)}));
	}
	memset(text, 'n', sizeof(text));
	memcpy(text + sizeof(text) - 6, "Needle", 6);
	assert_true(needle_in(&n, (struct str){text, sizeof(text)}));
	assert_false(needle_in(&n, (struct str){text, sizeof(text) - 1}));
	needle_free(&n);
}

/* What is remembered between pieces has a bound. */
static void keeps_little(void **state)
{
	static char text[65536];
	struct textfind f;
	struct needle n;

	assert_int_equal(needle_init(&n, STR("needle")), 0);
	textfind_init(&f, &n);
	/* U+0390 folds to three characters. */
	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "\xce\x90", 2);
	for (int i = 0; i < 50; i++)
		assert_false(textfind_add(&f, (struct str){text, sizeof(text)}));
	assert_false(f.failed);
	assert_true(f.window.cap <= 30000);
	assert_true(f.window.n < 6);
	textfind_free(&f);
	needle_free(&n);
}

static void limits_the_needle(void **state)
{
	static char text[(1 << 16) + 1];
	struct needle n;

	assert_int_equal(needle_init(&n, (struct str){text, sizeof(text)}), ERR_MEMORY);
	needle_free(&n);
	assert_int_equal(needle_init(&n, (struct str){text, sizeof(text) - 1}), 0);
	assert_true(needle_in(&n, (struct str){text, sizeof(text)}));
	needle_free(&n);
}

/* A text that begins like the needle everywhere costs no more than any other. */
static void is_never_slow(void **state)
{
	static char text[4 << 20];
	struct needle n;

	memset(text, 'a', sizeof(text));
	text[60000] = 'b';
	assert_int_equal(needle_init(&n, (struct str){text, 60001}), 0);
	assert_false(needle_in(&n, (struct str){text + 60001, sizeof(text) - 60001}));
	assert_true(needle_in(&n, (struct str){text, sizeof(text)}));
	needle_free(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),         cmocka_unit_test(finds_in_long_texts),
		cmocka_unit_test(keeps_little),  cmocka_unit_test(limits_the_needle),
		cmocka_unit_test(is_never_slow),
	};

	return cmocka_run_group_tests_name("textfind", tests, NULL, NULL);
}
