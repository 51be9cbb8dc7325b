/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "run/edit.h"

#include <string.h>

#define ACCOUNTS "# people\r\nann@d.test|{PLAIN}a|x=y\r\n\n  bob@d.test |{PLAIN}b\nANN@e.test|{PLAIN}c"
#define ALIASES                                                              \
	"# names\nhelp@d.test ann@d.test,bob@d.test\n@e.test ANN@d.test\n\n" \
	"team@d.test bob@d.test, # him\n\tann@d.test\ninfo@d.test\tx@far.test"

/* One edit and what comes of it: the new contents, or the error. */
struct row {
	const char *first, *second; /* the arguments behind the contents */
	int rc;
	const char *want; /* contents, or sentence */
};

static void check_rows(const struct row *rows, size_t n,
		       int (*edit)(const struct row *row, struct buf *out, struct err *e))
{
	struct buf out;
	struct err e;

	buf_init(&out, 4096);
	for (size_t i = 0; i < n; i++) {
		buf_clear(&out);
		int rc = edit(&rows[i], &out, &e);

		if (rc != rows[i].rc)
			fail_msg("row %zu answers %d (%s)", i, rc, rc ? e.text : "");
		assert_str(rc ? str_of(e.text) : buf_str(&out), rows[i].want);
	}
	buf_free(&out);
}

#define CHECK(rows, edit) check_rows((rows), sizeof(rows) / sizeof(*(rows)), (edit))

static int add_account(const struct row *row, struct buf *out, struct err *e)
{
	return edit_account_add(STR(ACCOUNTS), STR(ALIASES), str_of(row->first), str_of(row->second), out, e);
}

static void adds_accounts(void **state)
{
	static const struct row rows[] = {
		{"new@d.test", "{PLAIN}n", 0, ACCOUNTS "\nnew@d.test|{PLAIN}n\n"},
		{"new", "{PLAIN}n", ERR_INVALID, "'new' should include the domain (eg: user@example.com)"},
		{"ann@d.test", "{PLAIN}n", ERR_EXISTS, "'ann@d.test' already exists"},
		{"bob@D.test", "{PLAIN}n", ERR_EXISTS, "'bob@D.test' already exists"},
		{"ann@e.test", "{PLAIN}n", ERR_EXISTS, "'ann@e.test' already exists"},
		{"help@d.test", "{PLAIN}n", ERR_EXISTS, "'help@d.test' is already defined as an alias"},
		/* the beginning of an alias's line is enough */
		{"help@d.tes", "{PLAIN}n", ERR_EXISTS, "'help@d.tes' is already defined as an alias"},
		{"a/b@d.test", "{PLAIN}n", ERR_INVALID,
		 "'a/b@d.test' has a local part that no account can have"},
		{"#a@d.test", "{PLAIN}n", ERR_INVALID,
		 "'#a@d.test' has a local part that no account can have"},
		{"ab@[::1]", "{PLAIN}n", ERR_INVALID, "'ab@[::1]' has no domain name"},
	};

	CHECK(rows, add_account);
}

static int add_first_account(const struct row *row, struct buf *out, struct err *e)
{
	return edit_account_add(STR(""), STR(""), str_of(row->first), str_of(row->second), out, e);
}

static void adds_to_an_empty_file(void **state)
{
	static const struct row rows[] = {{"a@d", "{PLAIN}n", 0, "a@d|{PLAIN}n\n"}};

	CHECK(rows, add_first_account);
}

static int update_account(const struct row *row, struct buf *out, struct err *e)
{
	return edit_account_update(STR(ACCOUNTS), str_of(row->first), str_of(row->second), out, e);
}

static void updates_accounts(void **state)
{
	static const struct row rows[] = {
		{"ann@d.test", "{PLAIN}n", 0,
		 "# people\r\nann@d.test|{PLAIN}n\n\n  bob@d.test |{PLAIN}b\nANN@e.test|{PLAIN}c"},
		{"bob@d.test", "{PLAIN}n", 0,
		 "# people\r\nann@d.test|{PLAIN}a|x=y\r\n\nbob@d.test|{PLAIN}n\nANN@e.test|{PLAIN}c"},
		{"joe@d.test", "{PLAIN}n", ERR_NOT_FOUND, "'joe@d.test' does not exist"},
		{"ann@d", "{PLAIN}n", ERR_NOT_FOUND, "'ann@d' does not exist"},
	};

	CHECK(rows, update_account);
}

static int delete_account(const struct row *row, struct buf *out, struct err *e)
{
	return edit_account_del(STR(ACCOUNTS), str_of(row->first), out, e);
}

static void deletes_accounts(void **state)
{
	static const struct row rows[] = {
		{"ann@d.test", NULL, 0, "# people\r\n\n  bob@d.test |{PLAIN}b\nANN@e.test|{PLAIN}c"},
		{"ann@e.test", NULL, 0, "# people\r\nann@d.test|{PLAIN}a|x=y\r\n\n  bob@d.test |{PLAIN}b\n"},
		{"ann", NULL, ERR_NOT_FOUND, "'ann' does not exist"},
	};

	CHECK(rows, delete_account);
}

static int forget_in_aliases(const struct row *row, struct buf *out, struct err *e)
{
	return edit_aliases_forget(STR(ALIASES), str_of(row->first), out, e);
}

static void forgets_an_account_in_aliases(void **state)
{
	static const struct row rows[] = {
		{"ann@d.test", NULL, 0,
		 "# names\nhelp@d.test bob@d.test\n\nteam@d.test bob@d.test\ninfo@d.test\tx@far.test"},
		{"x@far.test", NULL, 0,
		 "# names\nhelp@d.test ann@d.test,bob@d.test\n@e.test ANN@d.test\n\n"
		 "team@d.test bob@d.test, # him\n\tann@d.test\n"},
		{"joe@d.test", NULL, 0, ALIASES},
		/* a key is no target */
		{"help@d.test", NULL, 0, ALIASES},
	};

	CHECK(rows, forget_in_aliases);
}

static int forget_in_quotas(const struct row *row, struct buf *out, struct err *e)
{
	return edit_quotas_forget(STR("# q\na@d:5M\nA@D:6M\nb@d:0\n"), str_of(row->first), out, e);
}

static void forgets_quotas(void **state)
{
	static const struct row rows[] = {
		{"a@d", NULL, 0, "# q\nb@d:0\n"},
		{"c@d", NULL, 0, "# q\na@d:5M\nA@D:6M\nb@d:0\n"},
	};

	CHECK(rows, forget_in_quotas);
}

static int add_alias(const struct row *row, struct buf *out, struct err *e)
{
	if (strncmp(row->first, "open", 4) == 0)
		return edit_alias_add(STR(""), STR("open@d.test a@d,\"b\n"), str_of(row->first),
				      str_of(row->second), out, e);
	return edit_alias_add(STR(ACCOUNTS), STR(ALIASES), str_of(row->first), str_of(row->second), out, e);
}

static void adds_aliases(void **state)
{
	static const struct row rows[] = {
		{"new@d.test", "ann@d.test", 0, ALIASES "\nnew@d.test ann@d.test\n"},
		{"@d.test", "ann@d.test", 0, ALIASES "\n@d.test ann@d.test\n"},
		{"HELP@d.test", "x@far.test", 0,
		 "# names\nhelp@d.test ann@d.test,bob@d.test,x@far.test\n@e.test ANN@d.test\n\n"
		 "team@d.test bob@d.test, # him\n\tann@d.test\ninfo@d.test\tx@far.test"},
		{"team@d.test", "x@far.test", 0,
		 "# names\nhelp@d.test ann@d.test,bob@d.test\n@e.test ANN@d.test\n\n"
		 "team@d.test bob@d.test,ann@d.test,x@far.test\ninfo@d.test\tx@far.test"},
		{"team@d.test", "ann@d.test", ERR_EXISTS,
		 "'team@d.test' is already an alias for recipient: 'ann@d.test'"},
		{"help@d.test", "ANN@d.test", ERR_EXISTS,
		 "'help@d.test' is already an alias for recipient: 'ANN@d.test'"},
		{"ann@d.test", "bob@d.test", ERR_EXISTS, "'ann@d.test' is already defined as an account"},
		{"ann@d.te", "bob@d.test", ERR_EXISTS, "'ann@d.te' is already defined as an account"},
		{"two words", "bob@d.test", ERR_INVALID, "'two words' is no address, name or @domain"},
		{"\"a b\"@d", "bob@d.test", ERR_INVALID, "'\"a b\"@d' is no address, name or @domain"},
		{"", "bob@d.test", ERR_INVALID, "'' is no address, name or @domain"},
		{"# no", "bob@d.test", ERR_INVALID, "'# no' is no address, name or @domain"},
		{"new@d.test", "a@d,b@d", ERR_INVALID, "'a@d,b@d' is no recipient"},
		{"new@d.test", "a@d\nevil@d b@d", ERR_INVALID, "'a@d\nevil@d b@d' is no recipient"},
		{"new@d.test", "", ERR_INVALID, "'' is no recipient"},
		{"new@d.test", "\"a\n\"@d", ERR_INVALID, "'\"a\n\"@d' is no recipient"},
		{"new@d.test", "\"open", ERR_INVALID, "'\"open' is no recipient"},
		{"open@d.test", "x@far.test", ERR_INVALID,
		 "The line of 'open@d.test' has a quote that is not closed"},
	};

	CHECK(rows, add_alias);
}

static int delete_alias(const struct row *row, struct buf *out, struct err *e)
{
	return edit_alias_del(STR(ALIASES), str_of(row->first), str_of(row->second), out, e);
}

static void deletes_aliases(void **state)
{
	static const struct row rows[] = {
		{"help@d.test", "ANN@d.test", 0,
		 "# names\nhelp@d.test bob@d.test\n@e.test ANN@d.test\n\n"
		 "team@d.test bob@d.test, # him\n\tann@d.test\ninfo@d.test\tx@far.test"},
		{"info@d.test", "x@far.test", 0,
		 "# names\nhelp@d.test ann@d.test,bob@d.test\n@e.test ANN@d.test\n\n"
		 "team@d.test bob@d.test, # him\n\tann@d.test\n"},
		{"info@d.test", "y@far.test", 0, ALIASES},
		{"joe@d.test", "ann@d.test", 0, ALIASES},
	};

	CHECK(rows, delete_alias);
}

static void print_size(void *context, struct str address, struct buf *out)
{
	buf_add_z(out, str_eq(address, STR("ann@d.test")) ? (const char *)context : " ( 0 / ~ ) [0%]");
}

static void lists(void **state)
{
	char size[] = " ( 12K / 50M ) [0%]";
	struct buf out;
	struct err e;

	buf_init(&out, 1000);
	assert_int_equal(edit_account_list(STR("# c\nann@d.test|{PLAIN}a\nbroken\nbob@e.test|{PLAIN}b"),
					   STR(ALIASES), print_size, size, &out, &e),
			 0);
	assert_str(buf_str(&out), "* ann@d.test ( 12K / 50M ) [0%]\n"
				  "    [ aliases -> help@d.test, @e.test, team@d.test ]\n\n"
				  "* bob@e.test ( 0 / ~ ) [0%]\n\n");
	buf_clear(&out);
	assert_int_equal(edit_account_list(STR("a@d|x"), STR(""), NULL, NULL, &out, &e), 0);
	assert_str(buf_str(&out), "* a@d\n\n");
	buf_clear(&out);
	assert_int_equal(edit_alias_list(STR("# c\na b,c\r\n\nd e"), &out, &e), 0);
	assert_str(buf_str(&out), "* a b,c\n\n* d e\n\n");
	buf_free(&out);
}

static void says_when_the_file_is_full(void **state)
{
	struct buf out;
	struct err e;

	buf_init(&out, 10);
	assert_int_equal(edit_alias_add(STR(""), STR("a@d b@d\n"), STR("c@d"), STR("d@d"), &out, &e),
			 ERR_TOO_BIG);
	assert_string_equal(e.text, "The file would become larger than 10 bytes");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_accounts),
		cmocka_unit_test(adds_to_an_empty_file),
		cmocka_unit_test(updates_accounts),
		cmocka_unit_test(deletes_accounts),
		cmocka_unit_test(forgets_an_account_in_aliases),
		cmocka_unit_test(forgets_quotas),
		cmocka_unit_test(adds_aliases),
		cmocka_unit_test(deletes_aliases),
		cmocka_unit_test(lists),
		cmocka_unit_test(says_when_the_file_is_full),
	};

	return cmocka_run_group_tests_name("edit", tests, NULL, NULL);
}
