/* SPDX-License-Identifier: Apache-2.0 */
#include "format/words.h"
#include "base/unit.h"
#include "format/charset.h"

static void assert_decodes(const struct charset_fn *cs, struct str in, const char *want)
{
	struct buf out;

	buf_init(&out, 100000);
	words_decode(in, cs, &out);
	assert_str(buf_str(&out), want);
	assert_false(buf_failed(&out));
	buf_free(&out);
}

static void decodes_words(void **state)
{
	static const struct {
		struct str in;
		const char *want;
	} table[] = {
		{STR_INIT("plain text"), "plain text"},
		{STR_INIT("=?us-ascii?Q?Keith_Moore?= <x>"), "Keith Moore <x>"},
		{STR_INIT("=?ISO-8859-1?Q?Andr=E9?= Pirard"), "Andr\xC3\xA9 Pirard"},
		{STR_INIT("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?="), "If you can read this yo"},
		/* RFC 2047 section 8 */
		{STR_INIT("(=?ISO-8859-1?Q?a?=)"), "(a)"},
		{STR_INIT("(=?ISO-8859-1?Q?a?= b)"), "(a b)"},
		{STR_INIT("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)"), "(ab)"},
		{STR_INIT("(=?ISO-8859-1?Q?a_b?=)"), "(a b)"},
		{STR_INIT("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?_b?=)"), "(a b)"},
		{STR_INIT("=?iso-8859-1*en?q?lang?="), "lang"},
		/* a character split between neighbours */
		{STR_INIT("=?utf-8?Q?=C3?= =?utf-8?Q?=A9?="), "\xC3\xA9"},
		{STR_INIT("=?utf-8?B?4oI=?= =?UTF-8?B?rA==?="), "\xE2\x82\xAC"},
		{STR_INIT("=?utf-8?Q?=C3?= x =?utf-8?Q?=A9?="), "\xEF\xBF\xBD x \xEF\xBF\xBD"},
		/* inside words, blanks inside */
		{STR_INIT("[x]=?utf-8?Q?y?=z"), "[x]yz"},
		{STR_INIT("=?utf-8?q?this is it?="), "this is it"},
		{STR_INIT("=?utf-8?Q?"
			  "?= x"),
		 " x"},
		/* no words */
		{STR_INIT("=?"), "=?"},
		{STR_INIT("=?utf-8?Q"), "=?utf-8?Q"},
		{STR_INIT("=?utf-8?Q?x"), "=?utf-8?Q?x"},
		{STR_INIT("=?utf-8?Q?x?"), "=?utf-8?Q?x?"},
		{STR_INIT("=?utf-8?X?x?="), "=?utf-8?X?x?="},
		{STR_INIT("=??Q?x?="), "=??Q?x?="},
		{STR_INIT("=?x-nobody?Q?x?= y"), "=?x-nobody?Q?x?= y"},
		{STR_INIT("=?=?utf-8?Q?x?="), "=?x"},
		{STR_INIT("=?utf-8?Q?=4?="), "=4"},
		/* nothing that could begin a line of its own */
		{STR_INIT("=?utf-8?Q?a=0D=0ABcc:_x=00=1B[?="), "a  Bcc: x  ["},
		{STR_INIT("a\r\nb\x7F"), "a  b "},
		/* raw bytes that are not UTF-8 */
		{STR_INIT("caf\xE9"), "caf\xEF\xBF\xBD"},
		{STR_INIT(""), ""},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_decodes(NULL, table[i].in, table[i].want);
}

static void asks_the_converter(void **state)
{
	struct charsets c;
	struct charset_fn fn;

	charsets_open(&c);
	fn = charsets_fn(&c);
	assert_decodes(&fn, STR("=?iso-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?="),
		       "u understand the example.");
	assert_decodes(&fn, STR("=?koi8-r?B?0NLJ18XU?="), "привет");
	assert_decodes(&fn, STR("=?iso-2022-jp?B?GyRCJCIbKEI=?="), "あ");
	charsets_close(&c);
}

/* Trailing blanks and unfinished words, many of them: must not go quadratic (the
 * test's time limit would tell). */
static void hostile_lengths(void **state)
{
	struct buf in, out;

	buf_init(&in, 4000000);
	for (int i = 0; i < 100000; i++)
		buf_add_z(&in, i & 1 ? "=?utf-8?Q?x?=" : "=?=?a?B? ");
	for (int i = 0; i < 1000000; i++)
		buf_add_c(&in, ' ');
	buf_init(&out, 4000000);
	words_decode(buf_str(&in), NULL, &out);
	assert_int_equal(out.n, 100000 / 2 * 10 + 1000000);
	buf_free(&in);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_words),
		cmocka_unit_test(asks_the_converter),
		cmocka_unit_test(hostile_lengths),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
