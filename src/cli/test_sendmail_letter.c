/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sendmail_letter.h"
#include "base/unit.h"

#include <string.h>

/* --- the end of the letter ------------------------------------------------------------- */

/* The letter that is read in pieces of `step` bytes. */
static void check_end(struct str input, size_t step, bool ends, const char *want)
{
	struct sendmail_end end = {0, 0};
	struct buf letter;
	bool ended = false;

	buf_init(&letter, 1000);
	while (input.n && !ended) {
		struct str piece = str_head(input, step);

		buf_add_str(&letter, piece);
		input = str_skip(input, piece.n);
		ended = sendmail_end_found(&end, &letter, false);
	}
	if (!ended)
		ended = sendmail_end_found(&end, &letter, true);
	assert_int_equal(ended, ends);
	assert_str(buf_str(&letter), want);
	buf_free(&letter);
}

static void ends_at_a_dot(void **state)
{
	static const struct {
		struct str input;
		bool ends;
		const char *want;
	} table[] = {
		{STR_INIT(""), false, ""},
		{STR_INIT("a\n"), false, "a\n"},
		{STR_INIT("a\n.\nb\n"), true, "a\n"},
		{STR_INIT("a\r\n.\r\nb\n"), true, "a\r\n"},
		{STR_INIT(".\n"), true, ""},
		{STR_INIT("."), true, ""},
		{STR_INIT("a\n."), true, "a\n"},
		{STR_INIT("a\n.\r"), true, "a\n"},
		{STR_INIT("a.\n"), false, "a.\n"},
		{STR_INIT("..\n"), false, "..\n"},
		{STR_INIT(". \n"), false, ". \n"},
		{STR_INIT(".\r\r\n"), false, ".\r\r\n"},
		{STR_INIT("a\n.b\n.\n"), true, "a\n.b\n"},
		{STR_INIT("\n\n.\n.\n"), true, "\n\n"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (size_t step = 1; step < 10; step++)
			check_end(table[i].input, step, table[i].ends, table[i].want);
}

/* --- addresses ----------------------------------------------------------------------- */

static void check_recipients(const struct sendmail_recipients *r, const char *want)
{
	struct buf all;

	buf_init(&all, 4000);
	for (size_t i = 0; i < r->count; i++)
		buf_printf(&all, "<%.*s>", STR_ARG(r->address[i]));
	assert_str(buf_str(&all), want);
	buf_free(&all);
}

static void lists(void **state)
{
	static const struct {
		const char *list;
		int code;
		const char *want;
	} table[] = {
		{"root", 0, "<root>"},
		{"a@b.test", 0, "<a@b.test>"},
		{"Anna <a@b.test>, \"B, C\" <b@c.test>", 0, "<a@b.test><b@c.test>"},
		{"a@b, a@b, A@b", 0, "<a@b><A@b>"},
		{"team: a@b, c@d;, e@f", 0, "<a@b><c@d><e@f>"},
		{"undisclosed-recipients:;", 0, ""},
		{"", 0, ""},
		{"\"a b\"@c.test", 0, "<\"a b\"@c.test>"},
		{"\"a>b\\\"c\"@c.test", 0, "<\"a>b\\\"c\"@c.test>"},
		{"a@[192.0.2.1]", 0, "<a@[192.0.2.1]>"},
		{"<@x,@y:a@b>", 0, "<a@b>"},
		{"a@b (comment), \r\n c@d", 0, "<a@b><c@d>"},
		{"a\x01@b", ERR_INVALID, ""},
		{"\"a\tb\"@c", ERR_INVALID, ""},
		{"@b", ERR_INVALID, ""},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sendmail_recipients r;
		struct err e;

		assert_int_equal(sendmail_recipients_init(&r), 0);
		assert_int_equal(sendmail_recipients_add(&r, str_of(table[i].list), &e), table[i].code);
		check_recipients(&r, table[i].want);
		sendmail_recipients_free(&r);
	}
}

static void limits(void **state)
{
	struct sendmail_recipients r;
	struct buf list;
	struct err e;

	buf_init(&list, 1 << 20);
	assert_int_equal(sendmail_recipients_init(&r), 0);
	for (int i = 0; i < SENDMAIL_RECIPIENTS_MAX; i++)
		buf_printf(&list, "u%d@b.test,", i);
	assert_int_equal(sendmail_recipients_add(&r, buf_str(&list), &e), 0);
	assert_int_equal(r.count, SENDMAIL_RECIPIENTS_MAX);
	assert_int_equal(sendmail_recipients_add(&r, STR("u0@b.test"), &e), 0);
	assert_int_equal(sendmail_recipients_add(&r, STR("one@more.test"), &e), ERR_TOO_BIG);
	sendmail_recipients_free(&r);

	buf_clear(&list);
	for (int i = 0; i < SENDMAIL_ADDRESS_MAX; i++)
		buf_add_c(&list, 'x');
	assert_int_equal(sendmail_recipients_init(&r), 0);
	assert_int_equal(sendmail_recipients_add(&r, buf_str(&list), &e), 0);
	buf_add_c(&list, 'x');
	assert_int_equal(sendmail_recipients_add(&r, buf_str(&list), &e), ERR_TOO_BIG);
	sendmail_recipients_free(&r);
	buf_free(&list);
}

static void senders(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *want;
	} table[] = {
		{"", 0, ""},
		{"<>", 0, ""},
		{" <> ", 0, ""},
		{"a@b", 0, "a@b"},
		{"www-data", 0, "www-data"},
		{"Anna <a@b>", 0, "a@b"},
		{"a@b, c@d", ERR_INVALID, ""},
		{":;", ERR_INVALID, ""},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf out;
		struct err e;

		buf_init(&out, 1000);
		assert_int_equal(sendmail_sender(table[i].text, &out, &e), table[i].code);
		assert_str(buf_str(&out), table[i].want);
		buf_free(&out);
	}
}

/* --- the header ------------------------------------------------------------------------ */

static void headers(void **state)
{
	static const struct {
		const char *letter;
		bool collect;
		const char *recipients, *front, *rest;
		bool from;
	} table[] = {
		{"To: a@b\nSubject: x\n\nbody\n", true, "<a@b>", "To: a@b\nSubject: x\n", "\nbody\n", false},
		{"From: me\r\nTo: a@b\r\nCc: c@d\r\nBcc: e@f\r\n\r\nbody", true, "<a@b><c@d><e@f>",
		 "From: me\r\nTo: a@b\r\nCc: c@d\r\n", "\r\nbody", true},
		/* folded, and more than one */
		{"Bcc: a@b,\n c@d\nX: y\nbcc : e@f\n\n", true, "<a@b><c@d><e@f>", "X: y\n", "\n", false},
		/* Resent-... alone count, and Bcc goes all the same */
		{"To: a@b\nBcc: z@z\nResent-To: c@d\nResent-Bcc: e@f\n\nb", true, "<c@d><e@f>",
		 "To: a@b\nResent-To: c@d\n", "\nb", false},
		/* without -t nothing is looked at */
		{"Bcc: a@b\n\nb", false, "", "Bcc: a@b\n", "\nb", false},
		/* no empty line: one is added */
		{"hello\n", true, "", "\n", "hello\n", false},
		{"", true, "", "\n", "", false},
		{"To: a@b", true, "<a@b>", "To: a@b\n\n", "", false},
		{"To: a@b\n", true, "<a@b>", "To: a@b\n\n", "", false},
		{"To: a@b\nhello there\n", true, "<a@b>", "To: a@b\n\n", "hello there\n", false},
		/* the body's lines are no fields */
		{"Subject: x\n\nTo: a@b\n", true, "", "Subject: x\n", "\nTo: a@b\n", false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sendmail_recipients r;
		struct sendmail_header h;
		struct err e;

		assert_int_equal(sendmail_recipients_init(&r), 0);
		assert_int_equal(
			sendmail_header_make(str_of(table[i].letter), table[i].collect ? &r : NULL, &h, &e),
			0);
		check_recipients(&r, table[i].recipients);
		assert_str(buf_str(&h.front), table[i].front);
		assert_str(h.rest, table[i].rest);
		assert_int_equal(h.has_from, table[i].from);
		sendmail_header_free(&h);
		sendmail_recipients_free(&r);
	}
}

static void bad_recipient_in_header(void **state)
{
	struct sendmail_recipients r;
	struct sendmail_header h;
	struct err e;

	assert_int_equal(sendmail_recipients_init(&r), 0);
	assert_int_equal(sendmail_header_make(STR("To: @b\n\n"), &r, &h, &e), ERR_INVALID);
	assert_string_equal(e.text, "'@b' is no address");
	sendmail_header_free(&h);
	sendmail_recipients_free(&r);
}

static void from_fields(void **state)
{
	static const struct {
		const char *name, *want;
	} table[] = {
		{"Cron Daemon", "From: \"Cron Daemon\" <root@mx.test>\n"},
		{"a \"b\" \\", "From: \"a \\\"b\\\" \\\\\" <root@mx.test>\n"},
		{"J\xC3\xB6rg", "From: =?UTF-8?B?SsO2cmc=?= <root@mx.test>\n"},
		{"a\nBcc: x@y", "From: =?UTF-8?B?YQpCY2M6IHhAeQ==?= <root@mx.test>\n"},
		/* 45 bytes would divide the character */
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xC3\xA9z",
		 "From: =?UTF-8?B?YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=?=\n "
		 "=?UTF-8?B?w6l6?= <root@mx.test>\n"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf out;

		buf_init(&out, 1000);
		sendmail_from_field(str_of(table[i].name), STR("root@mx.test"), &out);
		assert_str(buf_str(&out), table[i].want);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_at_a_dot), cmocka_unit_test(lists),
		cmocka_unit_test(limits),        cmocka_unit_test(senders),
		cmocka_unit_test(headers),       cmocka_unit_test(bad_recipient_in_header),
		cmocka_unit_test(from_fields),
	};

	return cmocka_run_group_tests_name("sendmail_letter", tests, NULL, NULL);
}
