/* SPDX-License-Identifier: Apache-2.0 */
#include "format/header.h"
#include "base/unit.h"
#include "format/header_lex.h"

#include <stdio.h>

/* Writes the fields as "[name|value]" and "{junk}", then "body". */
static void assert_scan(struct str bytes, const char *want)
{
	struct header_scan scan = header_scan_of(bytes);
	struct header_field f;
	struct buf out;
	size_t at = 0;

	buf_init(&out, 100000);
	while (header_next(&scan, &f)) {
		/* Fields cover the header without gaps. */
		assert_ptr_equal(f.raw.p, bytes.p + at);
		assert_true(f.raw.n > 0);
		at += f.raw.n;
		if (f.id == HEADER_JUNK) {
			assert_int_equal(f.name.n + f.value.n, 0);
			buf_printf(&out, "{%.*s}", STR_ARG(header_line_text(f.raw)));
		} else {
			assert_int_equal(f.id, header_id_of(f.name));
			buf_printf(&out, "[%.*s|%.*s]", STR_ARG(f.name), STR_ARG(f.value));
		}
	}
	buf_add_str(&out, scan.rest);
	assert_str(buf_str(&out), want);
	buf_free(&out);
}

static void finds_fields(void **state)
{
	static const struct {
		struct str bytes;
		const char *want;
	} table[] = {
		{STR_INIT("A: b\r\nC:d\r\n\r\nbody"), "[A| b][C|d]body"},
		{STR_INIT("A: b\nC:d\n\nbody"), "[A| b][C|d]body"},
		{STR_INIT("A: b\r\n c\r\n\td\r\n\r\n"), "[A| b\r\n c\r\n\td]"},
		{STR_INIT("\r\nbody"), "body"},
		{STR_INIT("\nbody"), "body"},
		{STR_INIT(""), ""},
		/* no line end, no body */
		{STR_INIT("A: b"), "[A| b]"},
		{STR_INIT("A:"), "[A|]"},
		{STR_INIT("A: b\r\n c"), "[A| b\r\n c]"},
		/* obs-FWS: a line of blanks continues */
		{STR_INIT("A: b\r\n \r\nC: d\r\n\r\nx"), "[A| b\r\n ][C| d]x"},
		/* blanks before the colon, none in the name */
		{STR_INIT("A \t: b\r\n\r\n"), "[A| b]"},
		{STR_INIT("A B: c\r\n\r\n"), "A B: c\r\n\r\n"},
		/* bare CR is an ordinary byte */
		{STR_INIT("A: b\rC: d\r\n\r\n"), "[A| b\rC: d]"},
		/* mailbox files */
		{STR_INIT("From me@x Mon Jan  1 10:00:00\nA: b\n\nx"),
		 "{From me@x Mon Jan  1 10:00:00}[A| b]x"},
		{STR_INIT(">From me@x\nA: b\n\nx"), "{>From me@x}[A| b]x"},
		{STR_INIT("A: b\nFrom me@x\nC: d\n\nx"), "[A| b]{From me@x}[C| d]x"},
		/* a lost fold: junk because a field follows */
		{STR_INIT("A: b\r\nlost\r\nC: d\r\n\r\nx"), "[A| b]{lost}[C| d]x"},
		{STR_INIT("A: b\r\nlost\r\n and folded\r\nC: d\r\n\r\nx"),
		 "[A| b]{lost\r\n and folded}[C| d]x"},
		/* a lost separator: the header ends before text */
		{STR_INIT("A: b\r\ntext\r\n\r\nmore"), "[A| b]text\r\n\r\nmore"},
		{STR_INIT("A: b\r\ntext\r\nmore text\r\nC: d\r\n"), "[A| b]text\r\nmore text\r\nC: d\r\n"},
		{STR_INIT("text only"), "text only"},
		{STR_INIT("A: b\n--x\nC: d\n\n"), "[A| b]--x\nC: d\n\n"},
		{STR_INIT("  indented text\r\nmore"), "  indented text\r\nmore"},
		{STR_INIT("  lost\r\nA: b\r\n\r\n"), "{  lost}[A| b]"},
		{STR_INIT(": no name\r\n\r\n"), ": no name\r\n\r\n"},
		{STR_INIT("\xC3\xA9: utf-8 name\r\n\r\n"), "\xC3\xA9: utf-8 name\r\n\r\n"},
		{STR_INIT("A: \xC3\xA9\r\n\r\n"), "[A| \xC3\xA9]"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_scan(table[i].bytes, table[i].want);
}

static void knows_names(void **state)
{
	assert_int_equal(header_id_of(STR("sUBJECT")), HEADER_SUBJECT);
	assert_int_equal(header_id_of(STR("X-Nobody-Knows")), HEADER_OTHER);
	assert_int_equal(header_id_of(STR("")), HEADER_OTHER);
	assert_str(header_name_of(HEADER_MESSAGE_ID), "Message-ID");
	assert_str(header_name_of(HEADER_JUNK), "");
	assert_str(header_name_of(HEADER_COUNT), "");
	for (int i = HEADER_JUNK + 1; i < HEADER_COUNT; i++) {
		assert_true(header_name_of((enum header_id)i).n > 0);
		assert_int_equal(header_id_of(header_name_of((enum header_id)i)), i);
	}
	/* The numbers are stored: these may never change. */
	assert_int_equal(HEADER_FROM, 2);
	assert_int_equal(HEADER_CONTENT_TYPE, 14);
	assert_int_equal(HEADER_X_SPAM_STATUS, 53);
}

static void unfolds(void **state)
{
	static const struct {
		struct str value;
		const char *want;
	} table[] = {
		{STR_INIT(" a"), "a"},
		{STR_INIT(" a\r\n b \t"), "a b"},
		{STR_INIT("a\n\tb"), "a\tb"},
		{STR_INIT("a \r\n  b"), "a   b"},
		{STR_INIT("a\r\nb\rc\nd"), "a  b c d"},
		{STR_INIT("a\0b"), "a b"},
		{STR_INIT(" \r\n \r\n"), ""},
		{STR_INIT(""), ""},
	};
	struct arena a;

	arena_init(&a, 1000);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_str(header_unfold_arena(table[i].value, &a), table[i].want);
	assert_non_null(header_unfold_arena(STR(""), &a).p);
	arena_free(&a);
	arena_init(&a, 2);
	assert_null(header_unfold_arena(STR("long"), &a).p);
	arena_free(&a);
}

static void lists_message_ids(void **state)
{
	struct str rest = STR(" <a@b>\r\n (<not@this>) <>junk <c@d> <open@end");
	struct str id;

	assert_true(header_next_msg_id(&rest, &id));
	assert_str(id, "a@b");
	assert_true(header_next_msg_id(&rest, &id));
	assert_str(id, "junk");
	assert_true(header_next_msg_id(&rest, &id));
	assert_str(id, "c@d");
	assert_true(header_next_msg_id(&rest, &id));
	assert_str(id, "open@end");
	assert_false(header_next_msg_id(&rest, &id));
}

static void skips_comments(void **state)
{
	static const struct {
		struct str value;
		const char *comment, *rest;
	} table[] = {
		{STR_INIT(" (a) b"), "a", "b"},
		{STR_INIT("(a(b)c)(d) e"), "d", "e"},
		{STR_INIT("(a(b)c) e"), "a(b)c", "e"},
		{STR_INIT("(a\\)b) e"), "a)b", "e"},
		{STR_INIT("(never closed"), "never closed", ""},
		{STR_INIT("(a\r\n b)"), "a b", ""},
		{STR_INIT("(\\"), "\\", ""},
		{STR_INIT("x(a)"), "", "x(a)"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct str rest = table[i].value;
		struct buf comment;

		buf_init(&comment, 100);
		bool taken = lex_skip_cfws(&rest, &comment);

		assert_int_equal(taken, rest.n < table[i].value.n);
		assert_str(buf_str(&comment), table[i].comment);
		assert_str(rest, table[i].rest);
		buf_free(&comment);
	}
}

static void depth_costs_no_stack(void **state)
{
	struct buf deep;
	struct str rest;

	buf_init(&deep, 2000000);
	for (int i = 0; i < 1000000; i++)
		buf_add_c(&deep, '(');
	rest = buf_str(&deep);
	assert_true(lex_skip_cfws(&rest, NULL));
	assert_int_equal(rest.n, 0);
	buf_free(&deep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_fields),   cmocka_unit_test(knows_names),
		cmocka_unit_test(unfolds),        cmocka_unit_test(lists_message_ids),
		cmocka_unit_test(skips_comments), cmocka_unit_test(depth_costs_no_stack),
	};

	return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
