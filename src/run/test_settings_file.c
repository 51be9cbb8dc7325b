/* SPDX-License-Identifier: Apache-2.0 */
#include "run/settings_file.h"
#include "base/unit.h"

/* Each file as "line:key=value|" with comments cut off, "line!key" where wrong. */
static void check(const char *text, const char *want)
{
	struct settings_reader r;
	struct settings_line line;
	struct buf got;

	buf_init(&got, 10000);
	settings_reader_init(&r, str_of(text));
	while (settings_reader_next(&r, &line)) {
		buf_printf(&got, "%u%c%.*s", line.line, line.wrong ? '!' : ':', STR_ARG(line.key));
		if (!line.wrong) {
			struct buf value;

			buf_init(&value, line.raw.n);
			settings_join(line.raw, true, &value);
			assert_false(buf_failed(&value));
			buf_printf(&got, "=%.*s", STR_ARG(buf_str(&value)));
			buf_free(&value);
		}
		buf_add_c(&got, '|');
	}
	assert_str(buf_str(&got), want);
	buf_free(&got);
}

static void files(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} rows[] = {
		{"", ""},
		{"\n\n", ""},
		{"a=b", "1:a=b|"},
		{"a = b\nc = d\n", "1:a=b|2:c=d|"},
		{"a=b\r\nc=d\r\n", "1:a=b|2:c=d|"},
		{"\xEF\xBB\xBF"
		 "a=b",
		 "1:a=b|"},
		{"# note\n\n  # more\na=b", "4:a=b|"},
		{"a=", "1:a=|"},
		{"a = x=y\n", "1:a=x=y|"},
		/* Continuation, over comments and empty lines as well. */
		{"a = 1\n  2\n\t3\nb=4", "1:a=1 2 3|4:b=4|"},
		{"a =\n  2\nb=4", "1:a=2|3:b=4|"},
		{"a = 1\n# no\n\n   # nor this\n  2\nb=3", "1:a=1 2|6:b=3|"},
		{"a = 1\n# no\n\nb=3", "1:a=1|4:b=3|"},
		{"a = 1\r\n  2\r\n", "1:a=1 2|"},
		{"a = 1\n   \t\n", "1:a=1|"},
		/* Comments behind a value. */
		{"a = 1 # one\n  2# two\n  3\t# three", "1:a=1 2# two 3|"},
		{"a = # nothing\n", "1:a=|"},
		{"a = b#c", "1:a=b#c|"},
		/* What is wrong. */
		{"  a = b\nc=d", "1!a = b|2:c=d|"},
		{"abc\n  d = e\nf=g", "1!abc|3:f=g|"},
		{"= x", "1!= x|"},
		{" = x", "1!= x|"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(rows[i].text, rows[i].want);
}

static void hashes_kept(void **state)
{
	struct buf value;

	buf_init(&value, 100);
	settings_join(STR(" a #b\n# comment\n  c # d\r\n"), false, &value);
	assert_str(buf_str(&value), "a #b c # d");
	buf_clear(&value);
	settings_join(STR(" #"), false, &value);
	assert_str(buf_str(&value), "#");
	buf_free(&value);
}

/* A key, then many comments, many times: still linear. */
static void long_files(void **state)
{
	struct settings_reader r;
	struct settings_line line;
	struct buf text;
	unsigned lines = 0;

	buf_init(&text, 8000000);
	for (int i = 0; i < 1000; i++) {
		buf_add_z(&text, "key = value\n");
		for (int j = 0; j < 100; j++)
			buf_add_z(&text, "# comment\n");
	}
	settings_reader_init(&r, buf_str(&text));
	while (settings_reader_next(&r, &line))
		assert_int_equal(line.line, 1 + 101 * lines++);
	assert_int_equal(lines, 1000);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(hashes_kept),
		cmocka_unit_test(long_files),
	};

	return cmocka_run_group_tests_name("settings_file", tests, NULL, NULL);
}
