/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "format/log_text.h"

static const struct {
	struct str in;
	size_t max;
	const char *want;
} vectors[] = {
	{STR_INIT(""), 3, ""},
	{STR_INIT("user@example.test"), 100, "user@example.test"},
	{STR_INIT("a\r\nJan 1 fake: line"), 100, "a\\x0D\\x0AJan 1 fake: line"},
	{STR_INIT("\x1B[2J"), 100, "\\x1B[2J"},
	{STR_INIT("a\0b\x7F\x80\xFF"), 100, "a\\x00b\\x7F\\x80\\xFF"},
	{STR_INIT("\\x41"), 100, "\\x5Cx41"},
	{STR_INIT("abcdef"), 6, "abcdef"},
	{STR_INIT("abcdefg"), 6, "abc..."},
	{STR_INIT("abcdefg"), 3, "..."},
	/* The cut never leaves half an escape. */
	{STR_INIT("ab\n\n\n"), 9, "ab\\x0A..."},
	{STR_INIT("ab\n\n\n"), 8, "ab..."},
	{STR_INIT("\n"), 4, "\\x0A"},
	{STR_INIT("\n"), 3, "..."},
};

static void escapes_and_cuts(void **state)
{
	struct buf out;

	buf_init(&out, 200);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		buf_clear(&out);
		log_text_add(&out, vectors[i].in, vectors[i].max);
		assert_str(buf_str(&out), vectors[i].want);
		assert_true(out.n <= vectors[i].max);
	}
	buf_free(&out);
}

static void every_byte_comes_out_printable(void **state)
{
	struct buf out;

	buf_init(&out, 2000);
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;

		log_text_add(&out, (struct str){&byte, 1}, 10);
	}
	for (size_t i = 0; i < out.n; i++)
		assert_true(out.p[i] >= 0x20 && out.p[i] <= 0x7E);
	assert_int_equal(out.n, 94 + (256 - 94) * 4);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_and_cuts),
		cmocka_unit_test(every_byte_comes_out_printable),
	};

	return cmocka_run_group_tests_name("log_text", tests, NULL, NULL);
}
