/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "run/accounts_file.h"
#include "run/aliases_file.h"
#include "run/table_lines.h"

#include <stdio.h>
#include <string.h>

static void valid_lines(void **state)
{
	struct table_lines t =
		table_lines_of(STR("\xEF\xBB\xBF# top\r\n\r\n \t \none\r\n   # indented\n two \nlast"));
	struct str line;

	assert_true(table_lines_next(&t, &line));
	assert_str(line, "one");
	assert_int_equal(t.number, 4);
	assert_true(table_lines_next(&t, &line));
	assert_str(line, " two ");
	assert_true(table_lines_next(&t, &line));
	assert_str(line, "last");
	assert_int_equal(t.number, 7);
	assert_false(table_lines_next(&t, &line));
	assert_false(table_lines_next(&t, &line));
}

static void keys_that_begin_a_line(void **state)
{
	assert_true(table_key_begins_line(STR("a#")));
	assert_false(table_key_begins_line(STR("")));
	assert_false(table_key_begins_line(STR("#a")));
	assert_false(table_key_begins_line(STR(" a")));
	assert_false(table_key_begins_line(STR("\xEF\xBB\xBF"
					       "a")));
}

static void entries_continue(void **state)
{
	struct table_lines t = table_lines_of(STR(" first\na 1,\n# between\n\n\t2\nb 3\n"));
	struct buf joined;
	struct str entry;
	size_t number;

	buf_init(&joined, 100);
	assert_true(table_lines_next_entry(&t, &joined, &entry, &number));
	assert_str(entry, " first");
	assert_true(table_lines_next_entry(&t, &joined, &entry, &number));
	assert_str(entry, "a 1,\n\t2");
	assert_int_equal(number, 2);
	assert_true(table_lines_next_entry(&t, &joined, &entry, &number));
	assert_str(entry, "b 3");
	assert_int_equal(number, 6);
	assert_false(table_lines_next_entry(&t, &joined, &entry, &number));
	buf_free(&joined);
}

static void an_entry_above_the_ceiling_is_empty(void **state)
{
	struct table_lines t = table_lines_of(STR("a 1234\n 5678\nb 3"));
	struct buf joined;
	struct str entry;
	size_t number;

	buf_init(&joined, 10);
	assert_true(table_lines_next_entry(&t, &joined, &entry, &number));
	assert_str(entry, "");
	assert_true(table_lines_next_entry(&t, &joined, &entry, &number));
	assert_str(entry, "b 3");
	buf_free(&joined);
}

static void accounts(void **state)
{
	static const struct {
		const char *line, *address, *stored, *extra;
	} rows[] = {
		{"u@d.test|{PLAIN}x", "u@d.test", "{PLAIN}x", ""},
		{" u@d.test |{PLAIN}x|userdb_mail=mbox:~/mail:INBOX=~/inbox|y\r", "u@d.test", "{PLAIN}x",
		 "userdb_mail=mbox:~/mail:INBOX=~/inbox|y"},
		{"U.v+w@D.Test|$6$a$b", "U.v+w@D.Test", "$6$a$b", ""},
		{"\xC3\xA4@\xC3\xB6.test|{PLAIN}x # y", "\xC3\xA4@\xC3\xB6.test", "{PLAIN}x # y", ""},
	};
	struct account_line a;
	struct err e;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(account_line_parse(str_of(rows[i].line), &a, &e), 0);
		assert_str(a.address, rows[i].address);
		assert_str(a.stored, rows[i].stored);
		assert_str(a.extra, rows[i].extra);
	}
}

static void lines_that_are_no_account(void **state)
{
	static const char *const rows[] = {
		"",
		"x",
		"u@d.test",
		"u@d.test|",
		"|{PLAIN}x",
		"u|{PLAIN}x",
		"@d|{PLAIN}x",
		"u@|{PLAIN}x",
		"u@a@b|{PLAIN}x",
		"../x@d|{PLAIN}x",
		"..@d|{PLAIN}x",
		".@d|{PLAIN}x",
		"u@.|{PLAIN}x",
		"u@..|{PLAIN}",
		"u@d/e|{PLAIN}x",
		"u/v@d|{PLAIN}x",
		"u v@d|{PLAIN}x",
		"u\tv@d|{PLAIN}x",
		"u%v@d|{P}x",
		"u!v@d|{P}x",
		"\"u\"@d|{PLAIN}x",
		"u@[1.2.3.4]|{P}x",
		".u@d|{PLAIN}x",
		"u.@d|{PLAIN}x",
		"a..b@d|{P}x",
		"u@d.|{P}x",
		"u,v@d|{PLAIN}x",
		"u:v@d|{PLAIN}x",
		"u\x01@d|{PLAIN}x",
		"u\\@d|{PLAIN}x",
	};
	struct account_line a;
	struct err e;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		e.text[0] = 0;
		if (account_line_parse(str_of(rows[i]), &a, &e) != ERR_INVALID || !e.text[0])
			fail_msg("%s is taken", rows[i]);
	}
	assert_int_equal(account_line_parse(STR("a\0b@d|{PLAIN}x"), &a, &e), ERR_INVALID);
}

static void lengths_of_an_account(void **state)
{
	char text[2000], part[1200];
	struct account_line a;
	struct err e;

	memset(part, 'a', sizeof(part));
	snprintf(text, sizeof(text), "%.64s@d|x", part);
	assert_int_equal(account_line_parse(str_of(text), &a, &e), 0);
	snprintf(text, sizeof(text), "%.65s@d|x", part);
	assert_int_equal(account_line_parse(str_of(text), &a, &e), ERR_INVALID);
	snprintf(text, sizeof(text), "a@%.255s|x", part);
	assert_int_equal(account_line_parse(str_of(text), &a, &e), 0);
	snprintf(text, sizeof(text), "a@%.256s|x", part);
	assert_int_equal(account_line_parse(str_of(text), &a, &e), ERR_INVALID);
	snprintf(text, sizeof(text), "a@d|%.1024s", part);
	assert_int_equal(account_line_parse(str_of(text), &a, &e), 0);
	snprintf(text, sizeof(text), "a@d|%.1025s", part);
	assert_int_equal(account_line_parse(str_of(text), &a, &e), ERR_INVALID);
}

static void parts_of_an_address(void **state)
{
	assert_str(account_address_local(STR("a@b@c")), "a@b");
	assert_str(account_address_domain(STR("a@b@c")), "c");
	assert_str(account_address_local(STR("root")), "root");
	assert_str(account_address_domain(STR("root")), "");
	assert_str(account_address_local(STR("@c")), "");
	assert_true(address_is_plain(STR("a.b+c#d%e!f@\xC3\xA4.test")));
	assert_false(address_is_plain(STR("\"a\"@b")));
	assert_false(address_is_plain(STR("a,b@c")));
	assert_false(address_is_plain(STR("a b@c")));
	assert_false(address_is_plain(STR("a\0b@c")));
	assert_false(address_is_plain(STR("a@[::1]")));
}

static void aliases(void **state)
{
	static const struct {
		const char *entry, *key, *targets; /* targets joined with | */
	} rows[] = {
		{"a@d b@d", "a@d", "b@d"},
		{"a@d\tb@d,c@e , f", "a@d", "b@d|c@e|f"},
		{"@d b@d # all of it", "@d", "b@d"},
		{"root a@d # one,\n b@d # two", "root", "a@d|b@d"},
		{"a@d \"x, y\"@d,\"q\\\"z \"@e", "a@d", "\"x, y\"@d|\"q\\\"z \"@e"},
		{"a@d b#c@d", "a@d", "b#c@d"},
		{"a@d \"open, end", "a@d", "\"open|end"},
		{"a@d mid\"dle, e\"nd", "a@d", "mid\"dle|e\"nd"},
		{"a@d \"x\\\", y", "a@d", "\"x\\\"|y"},
	};
	struct alias_line a;
	struct str target;
	struct buf b;
	struct err e;

	buf_init(&b, 200);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(alias_line_parse(str_of(rows[i].entry), &a, &e), 0);
		assert_str(a.key, rows[i].key);
		buf_clear(&b);
		while (alias_target_next(&a.targets, &target)) {
			buf_add_z(&b, b.n ? "|" : "");
			buf_add_str(&b, target);
		}
		assert_str(buf_str(&b), rows[i].targets);
	}
	buf_free(&b);
}

static void entries_that_are_no_alias(void **state)
{
	static const char *const rows[] = {"", "a@d", "a@d ,", "a@d # b@d", "a@ b@d", "@ b@d", "a,b c"};
	struct alias_line a;
	struct err e;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (alias_line_parse(str_of(rows[i]), &a, &e) != ERR_INVALID)
			fail_msg("%s is taken", rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_lines),
		cmocka_unit_test(keys_that_begin_a_line),
		cmocka_unit_test(entries_continue),
		cmocka_unit_test(an_entry_above_the_ceiling_is_empty),
		cmocka_unit_test(accounts),
		cmocka_unit_test(lines_that_are_no_account),
		cmocka_unit_test(lengths_of_an_account),
		cmocka_unit_test(parts_of_an_address),
		cmocka_unit_test(aliases),
		cmocka_unit_test(entries_that_are_no_alias),
	};

	return cmocka_run_group_tests_name("table_files", tests, NULL, NULL);
}
