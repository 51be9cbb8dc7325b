/* SPDX-License-Identifier: Apache-2.0 */
#include "format/imap_outline.h"
#include "base/unit.h"
#include "format/imap_wellformed.h"

static void nstrings(void **state)
{
	static const struct {
		struct str s;
		bool utf8;
		const char *want;
	} table[] = {
		{{NULL, 0}, false, "NIL"},
		{STR_INIT(""), false, "\"\""},
		{STR_INIT("a b"), false, "\"a b\""},
		{STR_INIT("a\"b\\c"), false, "\"a\\\"b\\\\c\""},
		{STR_INIT("a\tb"), false, "\"a\tb\""},
		{STR_INIT("\x01"), false, "{1}\r\n\x01"},
		{STR_INIT("\x7F"), true, "{1}\r\n\x7F"},
		{STR_INIT("\xC3\xA9"), false, "{2}\r\n\xC3\xA9"},
		{STR_INIT("\xC3\xA9"), true, "\"\xC3\xA9\""},
		{STR_INIT("\xE9"), true, "{1}\r\n\xE9"},
	};
	struct buf out;

	buf_init(&out, 5000);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		buf_clear(&out);
		imap_render_nstring(&out, table[i].s, table[i].utf8);
		assert_str(buf_str(&out), table[i].want);
	}
	for (size_t n = IMAP_QUOTED_MAX; n <= IMAP_QUOTED_MAX + 1; n++) {
		char text[IMAP_QUOTED_MAX + 1];

		for (size_t i = 0; i < n; i++)
			text[i] = 'x';
		buf_clear(&out);
		imap_render_nstring(&out, (struct str){text, n}, false);
		assert_int_equal(out.p[0], n == IMAP_QUOTED_MAX ? '"' : '{');
	}
	buf_free(&out);
}

enum item { ENVELOPE, BODY, BODYSTRUCTURE };

static void assert_renders(enum item item, struct str letter, const char *want)
{
	struct outline o;
	struct arena a;
	struct buf out;

	arena_init(&a, OUTLINE_ARENA_MAX);
	buf_init(&out, 100000);
	assert_int_equal(outline_build(&o, &a, letter, NULL), 0);
	if (item == ENVELOPE)
		imap_render_envelope(&out, o.parts[0].envelope, false);
	else if (item == BODY)
		imap_render_body(&out, &o, false);
	else
		imap_render_bodystructure(&out, &o, false);
	assert_str(buf_str(&out), want);
	assert_true(imap_wellformed(buf_str(&out)));
	buf_free(&out);
	arena_free(&a);
}

static void envelopes(void **state)
{
	assert_renders(ENVELOPE, STR("\r\n"), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
	/* RFC 9051 section 8 */
	assert_renders(ENVELOPE,
		       STR("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray "
			   "<gray@cac.washington.edu>\r\n"
			   "Subject: IMAP4rev2 WG mtg summary and minutes\r\nTo: imap@cac.washington.edu\r\n"
			   "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
			   "Message-Id: <B27397-0100000@cac.washington.ed>\r\n\r\n"),
		       "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and minutes\" "
		       "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		       "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		       "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		       "((NIL NIL \"imap\" \"cac.washington.edu\")) "
		       "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" "
		       "\"MIT.EDU\")) NIL NIL "
		       "\"<B27397-0100000@cac.washington.ed>\")");
	/* empty is not absent, except for addresses; groups; Sender and Reply-To of their own */
	assert_renders(
		ENVELOPE,
		STR("Subject:\nDate: \nFrom: a@b\nSender: c@d\nReply-To:\nTo: g: e@f;\nIn-Reply-To: <x>\n\n"),
		"(\"\" \"\" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) ((NIL NIL \"a\" \"b\")) "
		"((NIL NIL \"g\" NIL)(NIL NIL \"e\" \"f\")(NIL NIL NIL NIL)) NIL NIL \"<x>\" NIL)");
	/* what could break out of its string */
	assert_renders(ENVELOPE, STR("Subject: a\rb\"c\\\r\n\td\0e\nFrom: \"x\r\n y\" <a@b>\n\n"),
		       "(NIL \"a b\\\"c\\\\\td e\" ((\"x y\" NIL \"a\" \"b\")) ((\"x y\" NIL \"a\" \"b\")) "
		       "((\"x y\" NIL \"a\" \"b\")) NIL NIL NIL NIL NIL)");
}

static void bodies(void **state)
{
	assert_renders(BODY, STR("\r\n"),
		       "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)");
	assert_renders(BODYSTRUCTURE,
		       STR("Content-Type: TEXT/html; x=\"1 2\"\nContent-Transfer-Encoding: 8BIT\n\na\nb\n"),
		       "(\"TEXT\" \"html\" (\"x\" \"1 2\" \"charset\" \"us-ascii\") NIL NIL \"8BIT\" 4 2 NIL "
		       "NIL NIL NIL)");
	assert_renders(
		BODYSTRUCTURE,
		STR("Content-Type: image/png; name=a\nContent-Disposition: attachment; filename*=utf-8''%41\n"
		    "Content-ID: <i>\nContent-Description: d\nContent-MD5: m\nContent-Language: en, de\n"
		    "Content-Location: l\n\nxyz"),
		"(\"image\" \"png\" (\"name\" \"a\") \"<i>\" \"d\" \"7bit\" 3 \"m\" (\"attachment\" "
		"(\"filename*\" "
		"\"utf-8''%41\")) (\"en\" \"de\") \"l\")");
	assert_renders(BODYSTRUCTURE,
		       STR("Content-Type: a/b\nContent-Disposition: inline\nContent-Language: en\n\n"),
		       "(\"a\" \"b\" NIL NIL NIL \"7bit\" 0 NIL (\"inline\" NIL) \"en\" NIL)");
}

static void composite_bodies(void **state)
{
	static const struct str letter = STR_INIT(
		"Content-Type: multipart/mixed; boundary=b\nContent-Language: en\n\n--b\n\none\n\n--b\n"
		"Content-Type: message/rfc822\n\nSubject: s\n\nin\n--b--\n");

	assert_renders(
		BODY, letter,
		"((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 4 1)"
		"(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 14 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) "
		"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 2 0) 2) \"mixed\")");
	assert_renders(
		BODYSTRUCTURE, letter,
		"((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 4 1 NIL NIL NIL NIL)"
		"(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 14 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) "
		"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 2 0 NIL NIL NIL NIL) 2 NIL "
		"NIL NIL NIL)"
		" \"mixed\" (\"boundary\" \"b\") NIL \"en\" NIL)");
	/* the default type of a digest's parts; a multipart without parts */
	assert_renders(
		BODY, STR("Content-Type: multipart/digest; boundary=b\n\n--b\n\n\nx\n--b--"),
		"((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 2 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) "
		"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0) 1) \"digest\")");
	assert_renders(BODY, STR("Content-Type: multipart/mixed\n\nx\n"),
		       "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 2 1) \"mixed\")");
}

static void limits_show_as_octets(void **state)
{
	struct outline o;
	struct arena a;
	struct buf letter, out;

	buf_init(&letter, 100000);
	buf_init(&out, 1000000);
	for (int i = 0; i < 150; i++)
		buf_add_z(&letter, "Content-Type: message/rfc822\n\n");
	arena_init(&a, OUTLINE_ARENA_MAX);
	assert_int_equal(outline_build(&o, &a, buf_str(&letter), NULL), 0);
	imap_render_bodystructure(&out, &o, false);
	assert_true(imap_wellformed(buf_str(&out)));
	assert_true(str_find_str(buf_str(&out),
				 STR("(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" 1500 NIL NIL "
				     "NIL NIL)")) != STR_NONE);
	buf_free(&letter);
	buf_free(&out);
	arena_free(&a);
}

/* The checker of the other tests can fail. */
static void the_checker_refuses(void **state)
{
	static const struct str bad[] = {
		STR_INIT(""),           STR_INIT("NIL"),         STR_INIT("("),        STR_INIT("())"),
		STR_INIT("(NIL"),       STR_INIT("( NIL)"),      STR_INIT("(NIL )"),   STR_INIT("(NIL  1)"),
		STR_INIT("(\"a)"),      STR_INIT("(\"a\r\"b)"),  STR_INIT("(\"a\"b)"), STR_INIT("(x)"),
		STR_INIT("({2}\r\na)"), STR_INIT("({1}\r\n\0)"), STR_INIT("({1}a)"),   STR_INIT("(\"a\n\")"),
		STR_INIT("(1\r\n)"),    STR_INIT("()"),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(imap_wellformed(bad[i]));
	assert_true(imap_wellformed(STR("((NIL 1)(\"a\\\"\" {2}\r\n\r\n) \"x\")")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nstrings),
		cmocka_unit_test(envelopes),
		cmocka_unit_test(bodies),
		cmocka_unit_test(composite_bodies),
		cmocka_unit_test(limits_show_as_octets),
		cmocka_unit_test(the_checker_refuses),
	};

	return cmocka_run_group_tests_name("imap_outline", tests, NULL, NULL);
}
