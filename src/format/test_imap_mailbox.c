/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mailbox names. */
#include "format/imap_mailbox.h"

#include "base/unit.h"

#include <string.h>

static const struct {
	const char *wire;
	bool utf8;
	const char *want; /* NULL: refused */
} cases[] = {
	{"INBOX", false, "INBOX"},
	{"inBox", false, "INBOX"},
	{"inbox.Sub.inbox", false, "INBOX.Sub.inbox"},
	{"inboxes", false, "inboxes"},
	{"Sent", false, "Sent"},
	{"a/b c*%", false, "a/b c*%"},
	{"Entw&APw-rfe", false, "Entw\xc3\xbcrfe"},
	{"Entw\xc3\xbcrfe", true, "Entw\xc3\xbcrfe"},
	{"Entw&APw-rfe", true, "Entw&APw-rfe"},
	/* Form D becomes form C. */
	{"u\xcc\x88", true, "\xc3\xbc"},
	{"u&Awg-", false, "\xc3\xbc"},
	{"Entw\xc3\xbcrfe", false, NULL},
	{"\xc3", true, NULL},
	{"", false, NULL},
	{".", false, NULL},
	{".a", false, NULL},
	{"a.", false, NULL},
	{"a..b", false, NULL},
	{"a\tb", true, NULL},
	{"&AAk-", false, NULL},
	{"&AAA-", false, NULL},
	{"a\x7f", true, NULL},
	{"\xc2\x85", true, NULL},
	{"\xe2\x80\xa8", true, NULL},
	{"a\r\nb", true, NULL},
};

static void reads(void **state)
{
	struct buf b;

	buf_init(&b, 4 * IMAP_MAILBOX_MAX);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = {0};
		int rc = imap_mailbox_read(str_of(cases[i].wire), cases[i].utf8, &b, &e);

		assert_int_equal(rc, cases[i].want ? 0 : ERR_INVALID);
		assert_int_equal(rc == 0, e.text[0] == '\0');
		if (cases[i].want)
			assert_str(buf_str(&b), cases[i].want);
	}
	buf_free(&b);
}

static void new_names_may_end_in_a_separator(void **state)
{
	struct buf b;
	struct err e;

	buf_init(&b, 4 * IMAP_MAILBOX_MAX);
	assert_int_equal(imap_mailbox_read_new(STR("a.b."), false, &b, &e), 0);
	assert_str(buf_str(&b), "a.b");
	assert_int_equal(imap_mailbox_read_new(STR("a.b"), false, &b, &e), 0);
	assert_str(buf_str(&b), "a.b");
	assert_int_equal(imap_mailbox_read_new(STR("a.."), false, &b, &e), ERR_INVALID);
	assert_int_equal(imap_mailbox_read_new(STR("."), false, &b, &e), ERR_INVALID);
	buf_free(&b);
}

static int read_repeated(const char *unit, size_t times, struct buf *b, bool utf8)
{
	char wire[2001];
	size_t len = strlen(unit);
	struct err e;

	for (size_t i = 0; i < times; i++)
		memcpy(wire + i * len, unit, len);
	return imap_mailbox_read((struct str){wire, times * len}, utf8, b, &e);
}

static void has_limits(void **state)
{
	struct buf b;

	buf_init(&b, 4 * IMAP_MAILBOX_MAX);
	assert_int_equal(read_repeated("x", IMAP_MAILBOX_MAX, &b, false), 0);
	assert_int_equal(b.n, IMAP_MAILBOX_MAX);
	assert_int_equal(read_repeated("x", IMAP_MAILBOX_MAX + 1, &b, false), ERR_TOO_BIG);
	assert_int_equal(read_repeated("x", 2001, &b, true), ERR_TOO_BIG);
	assert_int_equal(read_repeated("\xc3\xbc", 501, &b, true), ERR_TOO_BIG);
	assert_int_equal(read_repeated("a.", IMAP_MAILBOX_DEPTH, &b, false), ERR_INVALID);
	assert_int_equal(read_repeated(".a", IMAP_MAILBOX_DEPTH, &b, false), ERR_INVALID);
	/* U+1D15E has no composed form: its form C is longer than itself. */
	assert_int_equal(read_repeated("\xf0\x9d\x85\x9e", 200, &b, true), ERR_TOO_BIG);

	char deep[2 * IMAP_MAILBOX_DEPTH + 2];
	struct err e;

	for (size_t i = 0; i < sizeof(deep); i++)
		deep[i] = i % 2 ? '.' : 'a';
	assert_int_equal(imap_mailbox_read((struct str){deep, 2 * IMAP_MAILBOX_DEPTH - 1}, false, &b, &e), 0);
	assert_int_equal(imap_mailbox_read((struct str){deep, 2 * IMAP_MAILBOX_DEPTH + 1}, false, &b, &e),
			 ERR_TOO_BIG);
	buf_free(&b);
}

static void knows_inbox(void **state)
{
	assert_true(imap_mailbox_in_inbox(STR("iNBOX")));
	assert_true(imap_mailbox_in_inbox(STR("INBOX.a")));
	assert_false(imap_mailbox_in_inbox(STR("INBOXa")));
	assert_false(imap_mailbox_in_inbox(STR("INBO")));
	assert_false(imap_mailbox_in_inbox(STR("a.INBOX")));
}

static void reads_patterns(void **state)
{
	struct buf b;
	struct err e;

	buf_init(&b, 4 * IMAP_MAILBOX_MAX);
	assert_int_equal(imap_mailbox_read_pattern(STR("a&APw-."), STR("%&APw-*"), false, &b, &e), 0);
	assert_str(buf_str(&b), "a\xc3\xbc.%\xc3\xbc*");
	assert_int_equal(imap_mailbox_read_pattern(STR(""), STR(""), false, &b, &e), 0);
	assert_str(buf_str(&b), "");
	assert_int_equal(imap_mailbox_read_pattern(STR(""), STR("u\xcc\x88*"), true, &b, &e), 0);
	assert_str(buf_str(&b), "\xc3\xbc*");
	assert_int_equal(imap_mailbox_read_pattern(STR(""), STR("&*-"), false, &b, &e), ERR_INVALID);
	assert_int_equal(imap_mailbox_read_pattern(STR("&"), STR(""), false, &b, &e), ERR_INVALID);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),          cmocka_unit_test(new_names_may_end_in_a_separator),
		cmocka_unit_test(has_limits),     cmocka_unit_test(knows_inbox),
		cmocka_unit_test(reads_patterns),
	};

	return cmocka_run_group_tests_name("imap_mailbox", tests, NULL, NULL);
}
