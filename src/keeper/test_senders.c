/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "keeper/senders.h"

static const struct alias_files files = {
	.virtuals = STR_INIT(
		"alias@d.test Ann@D.test\nteam@d.test ann@d.test bob@d.test,cy@d.test\n"
		"chain@d.test alias@d.test\n@e.test ann@d.test\nhost ann@d.test\ntag+x@d.test ann@d.test\n"),
	.regexps = STR_INIT("/^sales-(.*)@d\\.test$/ ann@d.test, $1@d.test\n"),
	.locals = STR_INIT("root: ann@d.test\n"),
};

struct row {
	const char *login, *sender;
	bool want;
};

static void check_rows(const struct row *rows, size_t n, const struct alias_files *instead_files)
{
	struct accounts *accounts = NULL;
	struct aliases *aliases = NULL, *instead = NULL;
	struct arena arena;
	struct err e;

	arena_init(&arena, 1 << 20);
	assert_int_equal(accounts_new(STR("ann@d.test|x\nbob@d.test|x\n"), &accounts, &e), 0);
	assert_int_equal(aliases_new(&files, &aliases, &e), 0);
	if (instead_files)
		assert_int_equal(aliases_new(instead_files, &instead, &e), 0);
	const struct directory d = {accounts, aliases, STR("mail.d.test"), STR("+"), STR(""), false};

	for (size_t i = 0; i < n; i++)
		if (sender_allowed(&d, instead, str_of(rows[i].login), str_of(rows[i].sender), &arena) !=
		    rows[i].want)
			fail_msg("%s as <%s>", rows[i].login, rows[i].sender);
	accounts_destroy(&accounts);
	aliases_destroy(&aliases);
	aliases_destroy(&instead);
	arena_free(&arena);
}

#define CHECK(rows, instead) check_rows((rows), sizeof(rows) / sizeof(*(rows)), (instead))

static void the_usual_owners(void **state)
{
	static const struct row rows[] = {
		/* the null sender is everybody's */
		{"ann@d.test", "", true},
		/* the address of the login, in any case */
		{"ann@d.test", "ann@d.test", true},
		{"ann@d.test", "ANN@D.TEST", true},
		{"ANN@d.test", "ann@d.test", true},
		{"ann@d.test", "bob@d.test", false},
		{"ann@d.test", "nobody@far.test", false},
		/* an alias is its targets' */
		{"ann@d.test", "alias@d.test", true},
		{"ann@d.test", "ALIAS@d.test", true},
		{"bob@d.test", "alias@d.test", false},
		{"bob@d.test", "team@d.test", true},
		{"cy@d.test", "team@d.test", true},
		/* but not their targets' */
		{"ann@d.test", "chain@d.test", false},
		{"alias@d.test", "chain@d.test", true},
		/* never with a tag, unless an entry or the login has it */
		{"ann@d.test", "ann+tag@d.test", false},
		{"ann@d.test", "alias+tag@d.test", false},
		{"ann@d.test", "tag+x@d.test", true},
		{"ann+tag@d.test", "ann+tag@d.test", true},
		/* a catch-all owns nothing */
		{"ann@d.test", "anything@e.test", false},
		{"ann@d.test", "@e.test", false},
		/* regular expressions */
		{"ann@d.test", "sales-x@d.test", true},
		{"bob@d.test", "sales-bob@d.test", true},
		{"bob@d.test", "sales-ann@d.test", false},
		/* bare names */
		{"ann@d.test", "root", true},
		{"bob@d.test", "root", false},
		{"ann@d.test", "host", true},
		{"ann@d.test", "root@mail.d.test", false},
		{"ann@d.test", "host@mail.d.test", false},
		{"ann", "ann", true},
		/* a beginning is not the name */
		{"ann@d.test", "ann@d.tes", false},
		{"ann@d.tes", "ann@d.test", false},
		{"", "ann@d.test", false},
	};

	CHECK(rows, NULL);
}

static void a_table_of_the_owners_own(void **state)
{
	static const struct alias_files own = {
		.virtuals = STR_INIT(
			"boss@d.test ann@d.test\nann@d.test ann@d.test,bob@d.test\n@d.test cy@d.test\n"
			"local ann@d.test\n"),
		.regexps = STR_INIT("/^(.*)@id\\.test$/ ${1}@id.test\n"),
	};
	static const struct row rows[] = {
		{"ann@d.test", "", true},
		{"ann@d.test", "boss@d.test", true},
		{"bob@d.test", "boss@d.test", false},
		{"bob@d.test", "ann@d.test", true},
		/* the first form that is there decides */
		{"cy@d.test", "ann@d.test", false},
		{"cy@d.test", "other@d.test", true},
		{"ann@d.test", "ann+tag@d.test", true},
		{"cy@d.test", "ann+tag@d.test", false},
		/* the default owners do not count any more */
		{"ann@d.test", "alias@d.test", false},
		{"bob@d.test", "bob@d.test", false},
		{"bob@d.test", "team@d.test", false},
		{"ann@d.test", "root", false},
		{"u@id.test", "u@id.test", true},
		{"v@id.test", "u@id.test", false},
		/* bare names, at our own host names only */
		{"ann@d.test", "local@localhost", true},
		{"ann@d.test", "local+x@mail.d.test", true},
		{"ann@d.test", "local@far.test", false},
		{"ann@d.test", "nobody@far.test", false},
		{"cy@d.test", "@d.test", false},
	};

	CHECK(rows, &own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usual_owners),
		cmocka_unit_test(a_table_of_the_owners_own),
	};

	return cmocka_run_group_tests_name("senders", tests, NULL, NULL);
}
