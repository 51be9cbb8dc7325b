/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "keeper/accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct accounts *table(const char *contents)
{
	struct accounts *a = NULL;
	struct err e;

	assert_int_equal(accounts_new(str_of(contents), &a, &e), 0);
	return a;
}

static void finds_accounts_in_any_case(void **state)
{
	struct accounts *a = table("Ann@D.Test|{PLAIN}x|k=v\nbob@e.test|{PLAIN}y\n");
	const struct account *ann = accounts_find(a, STR("aNN@d.tEST"));

	assert_int_equal(a->n, 2);
	assert_non_null(ann);
	assert_str(ann->address, "ann@d.test");
	assert_str(ann->stored, "{PLAIN}x");
	assert_str(ann->extra, "k=v");
	assert_ptr_equal(a->first, ann);
	assert_str(ann->next->address, "bob@e.test");
	assert_null(ann->next->next);
	assert_true(accounts_has_domain(a, STR("E.TEST")));
	assert_false(accounts_has_domain(a, STR("test")));
	assert_null(accounts_find(a, STR("ann@d.tes")));
	assert_null(accounts_find(a, STR("")));
	accounts_destroy(&a);
	assert_null(a);
	accounts_destroy(&a);
}

static void a_long_name_is_nobody(void **state)
{
	struct accounts *a = table("ann@d.test|{PLAIN}x");
	char name[LOWER_KEY_MAX + 1];

	memset(name, 'a', sizeof(name));
	assert_null(accounts_find(a, (struct str){name, sizeof(name)}));
	assert_null(accounts_find(a, (struct str){name, LOWER_KEY_MAX}));
	accounts_destroy(&a);
}

static void says_which_lines_were_skipped(void **state)
{
	struct accounts *a =
		table("# c\nann@d.test|{PLAIN}x\nnonsense\r\nANN@d.test|{PLAIN}z\nbob@d.test|\n");
	const struct warning *w = a->warnings.first;
	static const struct {
		size_t line;
		const char *text;
	} want[] = {
		{3, "'nonsense' has no domain name"},
		{4, "'ANN@d.test' has an earlier line, this one is skipped"},
		{5, "'bob@d.test' has no password"},
	};

	assert_int_equal(a->n, 1);
	assert_str(accounts_find(a, STR("ann@d.test"))->stored, "{PLAIN}x");
	assert_int_equal(a->warnings.n, 3);
	for (size_t i = 0; i < 3; i++, w = w->next) {
		assert_int_equal(w->line, want[i].line);
		assert_string_equal(w->text, want[i].text);
		assert_string_equal(w->file, "postfix-accounts.cf");
	}
	assert_null(w);
	accounts_destroy(&a);
}

static void keeps_a_hundred_warnings(void **state)
{
	char lines[3 * WARNINGS_MAX + 4] = "";
	struct accounts *a;
	size_t kept = 0;

	for (size_t i = 0; i < WARNINGS_MAX + 1; i++)
		memcpy(lines + 3 * i, "no\n", 3);
	a = table(lines);
	for (const struct warning *w = a->warnings.first; w; w = w->next)
		kept++;
	assert_int_equal(kept, WARNINGS_MAX);
	assert_int_equal(a->warnings.n, WARNINGS_MAX + 1);
	accounts_destroy(&a);
}

static void a_file_above_the_limit_is_an_error(void **state)
{
	char *large = calloc(1, ACCOUNTS_FILE_MAX + 1);
	struct accounts *a = NULL;
	struct err e;

	assert_non_null(large);
	assert_int_equal(accounts_new((struct str){large, ACCOUNTS_FILE_MAX + 1}, &a, &e), ERR_TOO_BIG);
	assert_string_equal(e.text, "postfix-accounts.cf is larger than 16 MiB");
	assert_null(a);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_accounts_in_any_case),
		cmocka_unit_test(a_long_name_is_nobody),
		cmocka_unit_test(says_which_lines_were_skipped),
		cmocka_unit_test(keeps_a_hundred_warnings),
		cmocka_unit_test(a_file_above_the_limit_is_an_error),
	};

	return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
