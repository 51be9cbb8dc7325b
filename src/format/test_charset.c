/* SPDX-License-Identifier: Apache-2.0 */
#include "format/charset.h"
#include "base/err.h"
#include "base/unit.h"

#include <string.h>

static void assert_converts(const struct charset_fn *fn, const char *charset, struct str in, const char *want)
{
	struct buf out;

	buf_init(&out, 100000);
	assert_int_equal(charset_convert(fn, str_of(charset), in, &out), 0);
	assert_str(buf_str(&out), want);
	buf_free(&out);
}

static void built_in(void **state)
{
	struct buf out;

	assert_converts(NULL, "UTF-8", STR("a\xC3\xA9"), "a\xC3\xA9");
	assert_converts(NULL, "utf-8", STR("\xC3(\xED\xA0\x80"),
			"\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
	assert_converts(NULL, "ISO-8859-1", STR("\xE9\x80z"), "\xC3\xA9\xC2\x80z");
	assert_converts(NULL, "us-ascii", STR("caf\xC3\xA9 \xFF"), "caf\xC3\xA9 \xEF\xBF\xBD");
	buf_init(&out, 100);
	assert_int_equal(charset_convert(NULL, STR("koi8-r"), STR("x"), &out), ERR_NOT_FOUND);
	assert_int_equal(out.n, 0);
	/* text: read as UTF-8, without control characters */
	charset_text(NULL, STR("koi8-r"), STR("x\r\n\0\x7F\xC3\xA9"), &out);
	assert_str(buf_str(&out), "x    \xC3\xA9");
	buf_free(&out);
}

static void by_iconv(void **state)
{
	struct charsets c;
	struct charset_fn fn;
	struct buf out;

	charsets_open(&c);
	assert_int_equal(c.missing, 0);
	fn = charsets_fn(&c);
	assert_converts(&fn, "windows-1252", STR("\x80"), "€");
	assert_converts(&fn, "CP1252", STR("\x93x\x94"), "“x”");
	assert_converts(&fn, "iso-8859-15", STR("\xA4"), "€");
	assert_converts(&fn, "ISO-8859-9", STR("\xFD"), "ı");
	assert_converts(&fn, "gb2312", STR("\xC4\xE3"), "你");
	assert_converts(&fn, "big5", STR("\xA7\x41"), "你");
	assert_converts(&fn, "shift_jis", STR("\x82\xA0"), "あ");
	assert_converts(&fn, "euc-kr", STR("\xB0\xA1"), "가");
	assert_converts(&fn, "utf-16le", STR("a\0"), "a");
	/* converters that wait for a combining character at the end */
	assert_converts(&fn, "windows-1255", STR("\xE0"), "א");
	assert_converts(&fn, "windows-1258", STR("ba"), "ba");
	assert_converts(&fn, "big5", STR("\x88\x66"), "Ê");
	/* bad and unfinished characters; the state of one call does not leak into the next */
	assert_converts(&fn, "shift_jis", STR("a\x82"), "a\xEF\xBF\xBD");
	assert_converts(&fn, "euc-kr", STR("\xFF\xFFz"), "\xEF\xBF\xBD\xEF\xBF\xBDz");
	assert_converts(&fn, "iso-2022-jp", STR("\x1B$B$"), "\xEF\xBF\xBD");
	assert_converts(&fn, "iso-2022-jp", STR("ab"), "ab");
	buf_init(&out, 100000);
	assert_int_equal(charset_convert(&fn, STR("x-unknown"), STR("x"), &out), ERR_NOT_FOUND);
	/* never a path or a transliteration suffix of iconv's own */
	assert_int_equal(charset_convert(&fn, STR("koi8-r//TRANSLIT"), STR("x"), &out), ERR_NOT_FOUND);
	assert_int_equal(out.n, 0);
	buf_free(&out);
	charsets_close(&c);
}

static void long_texts_go_in_chunks(void **state)
{
	char in[3000];
	struct charsets c;
	struct charset_fn fn;
	struct buf out;

	memset(in, 0xA4, sizeof(in));
	charsets_open(&c);
	fn = charsets_fn(&c);
	buf_init(&out, 100000);
	assert_int_equal(charset_convert(&fn, STR("iso-8859-15"), (struct str){in, sizeof(in)}, &out), 0);
	assert_int_equal(out.n, 3 * sizeof(in));
	for (size_t i = 0; i < out.n; i += 3)
		assert_memory_equal(out.p + i, "€", 3);
	buf_free(&out);
	/* a ceiling ends it */
	buf_init(&out, 1000);
	assert_int_equal(charset_convert(&fn, STR("iso-8859-15"), (struct str){in, sizeof(in)}, &out), 0);
	assert_true(buf_failed(&out));
	buf_free(&out);
	charsets_close(&c);
}

static void utf8_lengths(void **state)
{
	assert_int_equal(charset_utf8_length(STR("a")), 1);
	assert_int_equal(charset_utf8_length(STR("\xF0\x9F\x98\x80")), 4);
	assert_int_equal(charset_utf8_length(STR("\xF0\x9F\x98")), 0);
	assert_int_equal(charset_utf8_length(STR("\xC0\x80")), 0);
	assert_int_equal(charset_utf8_length(STR("")), 0);
	assert_int_equal(charset_utf8_length(STR("\0")), 1);
}

static const struct {
	const char *charset;
	struct str in;
	const char *want;
} streams[] = {
	{"utf-8", STR_INIT("caf\xC3\xA9 \xFF"), "caf\xC3\xA9 \xFF"},
	{"x-klingon", STR_INIT("a\xFF\x80z"), "a\xFF\x80z"},
	{"ISO-8859-1", STR_INIT("\xE9z"), "éz"},
	{"windows-1252", STR_INIT("\x93x\x94"), "“x”"},
	{"koi8-r", STR_INIT("\xF0\xD2\xC9"), "При"},
	{"gb2312", STR_INIT("\xC4\xE3\xBA\xC3"), "你好"},
	{"gb18030", STR_INIT("a\x81\x30\x84\x36z"), "a¥z"},
	{"big5", STR_INIT("\xA7\x41\xA6\x6E"), "你好"},
	{"shift_jis", STR_INIT("\x82\xA0\x82\xA2x"), "あいx"},
	{"euc-jp", STR_INIT("\xA4\xA2\xA4\xA4"), "あい"},
	{"iso-2022-jp", STR_INIT("a\x1B$B$\"$$\x1B(Bz"), "aあいz"},
	{"utf-16le", STR_INIT("a\0\x3D\xD8\x00\xDE"), "a😀"},
	{"utf-16", STR_INIT("\xFE\xFF\0a\0z"), "az"},
	{"utf-7", STR_INIT("Hi +Jjo-!"), "Hi ☺!"},
	{"windows-1255", STR_INIT("\xE0"), "א"},
	/* unfinished, and never a character */
	{"shift_jis", STR_INIT("a\x82"), "a\xEF\xBF\xBD"},
	{"euc-kr", STR_INIT("\xFF\xFFz"), "\xEF\xBF\xBD\xEF\xBF\xBDz"},
	{"utf-16le", STR_INIT("a\0b"), "a\xEF\xBF\xBD"},
};

static void streams_are_cut_anywhere(void **state)
{
	struct charsets c;
	struct charset_stream s;
	struct buf out;

	charsets_open(&c);
	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		for (size_t step = 1; step <= streams[i].in.n; step++) {
			struct str rest = streams[i].in;

			buf_clear(&out);
			charset_stream_begin(&s, &c, str_of(streams[i].charset));
			for (; rest.n; rest = str_skip(rest, step))
				charset_stream_add(&s, str_head(rest, step), &out);
			charset_stream_end(&s, &out);
			assert_str(buf_str(&out), streams[i].want);
		}
	/* Without converters: byte by byte. */
	buf_clear(&out);
	charset_stream_begin(&s, NULL, STR("koi8-r"));
	charset_stream_add(&s, STR("\xF0"), &out);
	charset_stream_end(&s, &out);
	assert_str(buf_str(&out), "\xF0");
	buf_free(&out);
	charsets_close(&c);
}

/* No bytes make a stream keep more than its few, or give more than it says. */
static void any_bytes_stream(void **state)
{
	static const char *const names[] = {
		"utf-7",  "iso-2022-jp", "iso-2022-kr", "gb18030",      "big5",         "euc-jp", "shift_jis",
		"euc-kr", "utf-16",      "utf-16be",    "windows-1255", "windows-1258", "tis-620"};
	struct charsets c;
	struct charset_stream s;
	struct buf out;
	uint32_t random = 1;

	charsets_open(&c);
	buf_init(&out, 100000);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		charset_stream_begin(&s, &c, str_of(names[i]));
		for (unsigned round = 0; round < 300; round++) {
			char piece[64];
			size_t n = 1 + (random >> 16) % sizeof(piece);

			for (size_t k = 0; k < n; k++) {
				random = random * 1664525 + 1013904223;
				piece[k] = random >> 30 ? (char)(random >> 16) : '\x1B';
			}
			buf_clear(&out);
			charset_stream_add(&s, (struct str){piece, n}, &out);
			assert_in_range(out.n, 0, 4 * n + 64);
			assert_in_range(s.torn_n, 0, CHARSET_TORN_MAX - 1);
		}
		charset_stream_end(&s, &out);
	}
	buf_free(&out);
	charsets_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_in),
		cmocka_unit_test(by_iconv),
		cmocka_unit_test(long_texts_go_in_chunks),
		cmocka_unit_test(utf8_lengths),
		cmocka_unit_test(streams_are_cut_anywhere),
		cmocka_unit_test(any_bytes_stream),
	};

	return cmocka_run_group_tests_name("charset", tests, NULL, NULL);
}
