/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what the server writes. */
#include "format/imap_quote.h"

#include "base/unit.h"
#include "format/imap_flag.h"

#include <string.h>

typedef void put_string(struct buf *out, struct str s, bool utf8);

static const struct {
	put_string *put;
	struct str in;
	bool utf8;
	const char *want;
} strings[] = {
	{imap_put_string, STR_INIT(""), false, "\"\""},
	{imap_put_string, STR_INIT("a b"), false, "\"a b\""},
	{imap_put_string, STR_INIT("a\"b\\c"), false, "\"a\\\"b\\\\c\""},
	{imap_put_string, STR_INIT("a\tb"), false, "\"a\tb\""},
	{imap_put_string, STR_INIT("NIL"), false, "\"NIL\""},
	{imap_put_string, STR_INIT("a\r\nb"), false, "{4}\r\na\r\nb"},
	{imap_put_string, STR_INIT("a\nb"), true, "{3}\r\na\nb"},
	{imap_put_string, STR_INIT("\xc3\xa4"), false, "{2}\r\n\xc3\xa4"},
	{imap_put_string, STR_INIT("\xc3\xa4"), true, "\"\xc3\xa4\""},
	{imap_put_string, STR_INIT("\xc3"), true, "{1}\r\n\xc3"},
	/* No string may have a NUL. */
	{imap_put_string, STR_INIT("a\0b"), false,
	 "{3}\r\na\x80"
	 "b"},
	{imap_put_nstring, {NULL, 0}, false, "NIL"},
	{imap_put_nstring, STR_INIT(""), false, "\"\""},
	{imap_put_nstring, STR_INIT("x"), false, "\"x\""},
	{imap_put_astring, STR_INIT("Sent"), false, "Sent"},
	{imap_put_astring, STR_INIT("a.b-c/d"), false, "a.b-c/d"},
	{imap_put_astring, STR_INIT(""), false, "\"\""},
	{imap_put_astring, STR_INIT("nil"), false, "\"nil\""},
	{imap_put_astring, STR_INIT("a b"), false, "\"a b\""},
	{imap_put_astring, STR_INIT("a]"), false, "\"a]\""},
	{imap_put_astring, STR_INIT("a*"), false, "\"a*\""},
	{imap_put_astring, STR_INIT("a{1}"), false, "\"a{1}\""},
	{imap_put_astring, STR_INIT("a\x7f"), false, "\"a\x7f\""},
	{imap_put_mailbox, STR_INIT("INBOX"), false, "INBOX"},
	{imap_put_mailbox, STR_INIT("A&B"), false, "A&-B"},
	{imap_put_mailbox, STR_INIT("A&B"), true, "A&B"},
	{imap_put_mailbox, STR_INIT("Entw\xc3\xbcrfe"), false, "Entw&APw-rfe"},
	{imap_put_mailbox, STR_INIT("Entw\xc3\xbcrfe"), true, "\"Entw\xc3\xbcrfe\""},
	{imap_put_mailbox, STR_INIT("My \xf0\x9f\x98\x80"), false, "\"My &2D3eAA-\""},
};

static void writes_strings(void **state)
{
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		buf_clear(&b);
		strings[i].put(&b, strings[i].in, strings[i].utf8);
		assert_str(buf_str(&b), strings[i].want);
	}
	buf_free(&b);
}

static void writes_long_strings_as_literals(void **state)
{
	char text[IMAP_QUOTED_MAX + 1];
	struct buf b;

	memset(text, 'x', sizeof(text));
	buf_init(&b, 4000);
	imap_put_string(&b, (struct str){text, IMAP_QUOTED_MAX}, false);
	assert_int_equal(b.n, IMAP_QUOTED_MAX + 2);
	buf_clear(&b);
	imap_put_astring(&b, (struct str){text, sizeof(text)}, false);
	assert_true(str_starts(buf_str(&b), STR("{1001}\r\nxxx")));
	buf_free(&b);
}

/* Three bytes become seven here, which is the most there is. */
static void writes_the_longest_names(void **state)
{
	struct buf b;
	char name[999];

	for (size_t i = 0; i < sizeof(name); i += 3)
		memcpy(name + i, "\xc3\xa4z", 3);
	buf_init(&b, 8000);
	imap_put_mailbox(&b, (struct str){name, sizeof(name)}, false);
	assert_false(buf_failed(&b));
	assert_true(str_starts(buf_str(&b), STR("{1998}\r\n&AOQ-z&AOQ-z")));
	buf_clear(&b);
	for (size_t i = 0; i < sizeof(name); i += 3)
		memcpy(name + i, "\1zz", 3);
	imap_put_mailbox(&b, (struct str){name, 1}, false);
	assert_str(buf_str(&b), "&AAE-");
	buf_clear(&b);
	imap_put_mailbox(&b, (struct str){name, sizeof(name)}, false);
	assert_true(str_starts(buf_str(&b), STR("{2331}\r\n&AAE-zz&AAE-zz")));
	buf_clear(&b);
	imap_put_mailbox(&b, STR("\xff"), false);
	assert_true(buf_failed(&b));
	buf_free(&b);
}

static void writes_flags(void **state)
{
	const struct str keywords[] = {STR("$Junk"), STR("x")};
	struct buf b;

	buf_init(&b, 1000);
	imap_put_flags(&b, 0, NULL, 0);
	assert_str(buf_str(&b), "()");
	buf_clear(&b);
	imap_put_flags(&b, IMAP_SEEN | IMAP_RECENT, keywords, 2);
	assert_str(buf_str(&b), "(\\Seen \\Recent $Junk x)");
	buf_clear(&b);
	imap_put_flags(&b, 63, NULL, 0);
	assert_str(buf_str(&b), "(\\Answered \\Flagged \\Deleted \\Seen \\Draft \\Recent)");
	buf_clear(&b);
	imap_put_flags(&b, 0, keywords, 1);
	assert_str(buf_str(&b), "($Junk)");
	buf_clear(&b);
	imap_put_internaldate(&b, STR("17-Jul-1996 02:44:25 -0700"));
	assert_str(buf_str(&b), "\"17-Jul-1996 02:44:25 -0700\"");
	buf_free(&b);
}

static void knows_flags(void **state)
{
	for (unsigned i = 0; i < IMAP_FLAG_COUNT; i++)
		assert_int_equal(imap_flag_of(imap_flag_name(i)), 1u << i);
	assert_int_equal(imap_flag_of(STR("\\SEEN")), IMAP_SEEN);
	assert_int_equal(imap_flag_of(STR("Seen")), 0);
	assert_int_equal(imap_flag_of(STR("\\See")), 0);
	assert_int_equal(imap_flag_of(STR("\\*")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_strings),
		cmocka_unit_test(writes_long_strings_as_literals),
		cmocka_unit_test(writes_the_longest_names),
		cmocka_unit_test(writes_flags),
		cmocka_unit_test(knows_flags),
	};

	return cmocka_run_group_tests_name("imap_quote", tests, NULL, NULL);
}
