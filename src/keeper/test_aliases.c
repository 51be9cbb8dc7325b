/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/unit.h"
#include "keeper/aliases.h"

#include <stdlib.h>

static struct aliases *tables(const char *virtuals, const char *regexps, const char *locals)
{
	const struct alias_files files = {str_of(virtuals), str_of(regexps), str_of(locals)};
	struct aliases *a = NULL;
	struct err e;

	assert_int_equal(aliases_new(&files, &a, &e), 0);
	return a;
}

/* The targets, joined with |. */
static void check_targets(const struct alias *alias, const char *want)
{
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; alias && i < alias->n; i++) {
		buf_add_z(&b, i ? "|" : "");
		buf_add_str(&b, alias->targets[i]);
	}
	assert_str(buf_str(&b), want);
	buf_free(&b);
}

static void virtual_entries(void **state)
{
	struct aliases *a =
		tables("Help@D.test Ann@d.test, bob@d.test\nhelp@d.test x@far.test\nroot ann@d.test\n"
		       "@e.test ann@d.test,\n  bob@d.test\n",
		       NULL, NULL);

	check_targets(aliases_virtual(a, STR("HELP@d.test")), "Ann@d.test|bob@d.test");
	check_targets(aliases_virtual(a, STR("Root")), "ann@d.test");
	check_targets(aliases_virtual(a, STR("@E.test")), "ann@d.test|bob@d.test");
	assert_null(aliases_virtual(a, STR("e.test")));
	assert_null(aliases_local(a, STR("root")));
	assert_true(aliases_has_domain(a, STR("E.TEST")));
	assert_true(aliases_has_domain(a, STR("d.test")));
	assert_false(aliases_has_domain(a, STR("far.test")));
	assert_false(aliases_has_domain(a, STR("")));
	assert_int_equal(a->warnings.n, 1);
	assert_string_equal(a->warnings.first->text,
			    "'help@d.test' has an earlier entry, this one is skipped");
	assert_int_equal(a->warnings.first->line, 2);
	aliases_destroy(&a);
	assert_null(a);
	aliases_destroy(&a);
}

static void local_entries(void **state)
{
	struct aliases *a = tables(
		NULL, NULL,
		"root: root, ann@d.test # the boss, mostly\n"
		"\"John Doe\":\n\tjohn\n"
		"Mixed: \"| /bin/cmd, x\", /var/file, :include:/list, \":include:/b\", \"/c\", bob@d.test\n"
		"cmd: |\"/bin/x y, z\"\n"
		"root: later\n"
		"no colon\n"
		"a@b: c\n"
		"empty: ,\n"
		"q: \"a b\"@far.test\n");
	static const struct {
		size_t line;
		const char *text;
	} want[] = {
		{4, "'| /bin/cmd, x' is a command: aliases do not run programs"},
		{4, "'/var/file' is a file: aliases do not write to files"},
		{4, "':include:/list' is another file: aliases do not read it"},
		{4, "':include:/b' is another file: aliases do not read it"},
		{4, "'/c' is a file: aliases do not write to files"},
		{5, "'|\"/bin/x y, z\"' is a command: aliases do not run programs"},
		{5, "'cmd' stands for nobody and is skipped"},
		{6, "'root' has an earlier entry, this one is skipped"},
		{7, "'no colon' is no name with a colon behind it"},
		{8, "'a@b' is no name with a colon behind it"},
		{9, "'empty' stands for nobody and is skipped"},
	};
	const struct warning *w = a->warnings.first;

	check_targets(aliases_local(a, STR("ROOT")), "root|ann@d.test");
	check_targets(aliases_local(a, STR("john doe")), "john");
	check_targets(aliases_local(a, STR("mixed")), "bob@d.test");
	check_targets(aliases_local(a, STR("q")), "\"a b\"@far.test");
	assert_null(aliases_local(a, STR("cmd")));
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++, w = w->next) {
		assert_non_null(w);
		assert_string_equal(w->text, want[i].text);
		assert_int_equal(w->line, want[i].line);
	}
	assert_null(w);
	aliases_destroy(&a);
}

static void targets_are_limited(void **state)
{
	struct buf b;
	struct aliases *a;

	buf_init(&b, 2 * ALIAS_ENTRY_MAX);
	buf_add_z(&b, "a@d ");
	for (int i = 0; i < ALIAS_TARGETS_MAX + 1; i++)
		buf_printf(&b, "t%d@d,", i);
	buf_add_z(&b, "\nb@d ");
	for (int i = 0; i < ALIAS_ENTRY_MAX; i++)
		buf_add_c(&b, 'x');
	buf_add_c(&b, 0);
	a = tables(b.p, NULL, NULL);
	assert_int_equal(aliases_virtual(a, STR("a@d"))->n, ALIAS_TARGETS_MAX);
	assert_null(aliases_virtual(a, STR("b@d")));
	assert_int_equal(a->warnings.n, 2);
	aliases_destroy(&a);
	buf_free(&b);
}

static void a_file_above_the_limit_is_an_error(void **state)
{
	char *large = calloc(1, ALIASES_FILE_MAX + 1);
	const struct alias_files files = {.regexps = {large, ALIASES_FILE_MAX + 1}};
	struct aliases *a = NULL;
	struct err e;

	assert_non_null(large);
	assert_int_equal(aliases_new(&files, &a, &e), ERR_TOO_BIG);
	assert_null(a);
	free(large);
}

/* What a table gives for a subject: targets, or "-" for no match, or the error. */
static void regexps(void **state)
{
	static const struct {
		const char *rules, *subject;
		int rc;
		const char *want;
	} rows[] = {
		{"/^test[0-9]+@example\\.com$/ qa@example.com", "test12@example.com", 0, "qa@example.com"},
		{"/^test[0-9]+@example\\.com$/ qa@example.com", "test@example.com", ERR_NOT_FOUND, NULL},
		/* case is ignored, unless the flag toggles that */
		{"/^a@d$/ x", "A@D", 0, "x"},
		{"/^a@d$/i x", "A@D", ERR_NOT_FOUND, NULL},
		{"/^a@d$/i x", "a@d", 0, "x"},
		{"/^ a @ d $/x x", "a@d", 0, "x"},
		{"/b@d/A x", "ab@d", ERR_NOT_FOUND, NULL},
		{"/(a+)(.*)/U $1", "aaa@d", 0, "a"},
		{"/a/X x", "a", 0, "x"},
		/* substitution */
		{"/^(.*)-(.*)@d$/ $2@d, ${1}x@e $(1)", "u-v@d", 0, "v@d, ux@e u"},
		{"/^(a)|(b)/ [$2]", "a@d", 0, "[]"},
		{"/a/ $$x$$", "a", 0, "$x$"},
		{"/^(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)$/ $11$1", "abcdefghijk", 0, "ka"},
		/* the first match wins */
		{"/a/ one\n/a/ two", "a", 0, "one"},
		/* other delimiters, and the delimiter itself */
		{"|^a/b@d$| x", "a/b@d", 0, "x"},
		{"/^a\\/b@d$/ x", "a/b@d", 0, "x"},
		{"/a/\n x,\n y", "a", 0, "x,\n y"},
		{"!/@d$/ out", "a@e", 0, "out"},
		{"!/@d$/ out", "a@d", ERR_NOT_FOUND, NULL},
		/* conditions */
		{"if /@d$/\n/a/ one\nendif\n/a/ two", "a@d", 0, "one"},
		{"if /@d$/\n/a/ one\nendif\n/a/ two", "a@e", 0, "two"},
		{"if !/@d$/\n/a/ one\nENDIF\n/a/ two", "a@d", 0, "two"},
		{"if /@d/\nif /b/\n/a/ one\nendif\n/a/ two\nendif\n/a/ three", "a@d", 0, "two"},
		{"if /@d/\nif /b/\n/a/ one\nendif\n/a/ two\nendif\n/a/ three", "a@e", 0, "three"},
		{"endif\n/a/ one", "a", 0, "one"},
		/* the block of a broken condition is for nobody */
		{"if /(/\n/a/ one\nendif\n/a/ two", "a", 0, "two"},
		/* what could pass for several targets matches nothing */
		{"/^(.*)@d$/ $1@e", "\"x,evil@f\"@d", ERR_NOT_FOUND, NULL},
		{"/^(.*)@d$/ $1@e", "x y@d", ERR_NOT_FOUND, NULL},
		/* runs away: the limit of steps ends it */
		{"/^(a+)+$/ x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@", ERR_TOO_BIG, NULL},
		{"/^((.*)(.*)(.*)(.*)(.*)(.*)x)*$/ x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 ERR_TOO_BIG, NULL},
	};
	struct arena arena;

	arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct aliases *a = tables(NULL, rows[i].rules, NULL);
		struct str targets = {0};
		size_t tries = 100;
		int rc = regexp_rules_match(&a->regexps, str_of(rows[i].subject), &tries, &arena, &targets);

		if (rc != rows[i].rc)
			fail_msg("row %zu answers %d", i, rc);
		if (rc == 0)
			assert_str(targets, rows[i].want);
		aliases_destroy(&a);
	}
	arena_free(&arena);
}

static void regexps_that_are_skipped(void **state)
{
	static const struct {
		const char *rule, *why;
	} rows[] = {
		{"/(/ x", "missing closing parenthesis, at character 2 of the pattern"},
		{"/a/q x", "Unknown flag in 'q'"},
		{"/a x", "No pattern between two delimiters"},
		{"abc x", "No pattern between two delimiters"},
		{"/a\\/", "No pattern between two delimiters"},
		{"/", "No pattern between two delimiters"},
		{"/a/", "The pattern has no target"},
		{"/(a)/ $2", "$2: the pattern has 1 groups"},
		{"/(a)/ $x", "A dollar sign is not followed by the number of a group"},
		{"/(a)/ ${1", "A dollar sign is not followed by the number of a group"},
		{"/(a)/ x$", "A dollar sign is not followed by the number of a group"},
		{"/(a)/ ${100}", "A dollar sign is not followed by the number of a group"},
		{"!/(a)/ $1", "A pattern that must not match has no groups for $1"},
		{"/\\C/ x", "using \\C is disabled by the application, at character 3 of the pattern"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct aliases *a = tables(NULL, rows[i].rule, NULL);

		assert_int_equal(a->warnings.n, 1);
		assert_string_equal(a->warnings.first->text, rows[i].why);
		assert_string_equal(a->warnings.first->file, "postfix-regexp.cf");
		assert_int_equal(a->regexps.n, 0);
		aliases_destroy(&a);
	}
}

static void tries_are_counted(void **state)
{
	struct aliases *a = tables(NULL, "/x/ 1\n/y/ 2\n/a/ 3", NULL);
	struct arena arena;
	struct str targets;
	size_t tries = 3;

	arena_init(&arena, 1 << 20);
	assert_int_equal(regexp_rules_match(&a->regexps, STR("a"), &tries, &arena, &targets), 0);
	assert_int_equal(tries, 0);
	tries = 2;
	assert_int_equal(regexp_rules_match(&a->regexps, STR("a"), &tries, &arena, &targets), ERR_TOO_BIG);
	arena_free(&arena);
	aliases_destroy(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(virtual_entries),
		cmocka_unit_test(local_entries),
		cmocka_unit_test(targets_are_limited),
		cmocka_unit_test(a_file_above_the_limit_is_an_error),
		cmocka_unit_test(regexps),
		cmocka_unit_test(regexps_that_are_skipped),
		cmocka_unit_test(tries_are_counted),
	};

	return cmocka_run_group_tests_name("aliases", tests, NULL, NULL);
}
