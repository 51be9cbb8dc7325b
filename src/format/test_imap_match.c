/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of LIST patterns. */
#include "format/imap_match.h"

#include "base/unit.h"
#include "format/imap_mailbox.h"

#include <string.h>

static const struct {
	const char *pattern, *name;
	bool want;
} cases[] = {
	{"", "", true},
	{"", "a", false},
	{"a", "", false},
	{"*", "", true},
	{"%", "", true},
	{"*", "a.b.c", true},
	{"%", "a", true},
	{"%", "a.b", false},
	{"%.%", "a.b", true},
	{"%.%", "a.b.c", false},
	{"%.%", "a", false},
	{"*.%", "a.b.c", true},
	{"%.*", "a.b.c", true},
	{"a*", "a", true},
	{"a*c", "a.b.c", true},
	{"a%c", "a.b.c", false},
	{"a%c", "abbbc", true},
	{"*a.%b", "xa.ya.zb", true},
	{"%a.%b", "xa.ya.zb", false},
	{"%u%v", "aubuv", true},
	{"%u%v", "aub.uv", false},
	{"**", "a.b", true},
	{"%%", "a", true},
	{"%%", "a.b", false},
	{"%*", "a.b", true},
	{"*%", "a.b", true},
	{"a.", "a", false},
	{"a", "A", false},
	{"inbox", "INBOX", true},
	{"InBox", "INBOX", true},
	{"inbox.x", "INBOX.x", true},
	{"inbox.x", "INBOX.X", false},
	{"in*", "INBOX", true},
	{"inboxes", "INBOXES", false},
	{"*box", "INBOX", true},
	/* Non-ASCII bytes are bytes like others; a wildcard in a name is itself. */
	{"\xc3\xa4%", "\xc3\xa4\xc3\xb6", true},
	{"100%", "100%", true},
	{"*", "a*b", true},
};

static void matches(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (imap_match(str_of(cases[i].pattern), str_of(cases[i].name)) != cases[i].want)
			fail_msg("\"%s\" against \"%s\"", cases[i].pattern, cases[i].name);
}

/* Patterns that make a backtracking matcher try for ever. */
static void is_never_slow(void **state)
{
	static const char *const units[] = {"*a", "%a", "*%a", "*a%", "%a*.", "*aa%aa"};
	char name[IMAP_MAILBOX_MAX + 1], pattern[2001];

	memset(name, 'a', sizeof(name));
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
		size_t len = strlen(units[u]), n = 0;

		for (; n + len < sizeof(pattern); n += len)
			memcpy(pattern + n, units[u], len);
		pattern[n++] = 'b';
		for (int round = 0; round < 10; round++)
			assert_false(
				imap_match((struct str){pattern, n}, (struct str){name, IMAP_MAILBOX_MAX}));
	}
	assert_true(imap_match(STR("*"), (struct str){name, IMAP_MAILBOX_MAX}));
	assert_true(imap_match(STR("%a%"), (struct str){name, IMAP_MAILBOX_MAX}));
	assert_false(imap_match(STR("*"), (struct str){name, IMAP_MAILBOX_MAX + 1}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),
		cmocka_unit_test(is_never_slow),
	};

	return cmocka_run_group_tests_name("imap_match", tests, NULL, NULL);
}
