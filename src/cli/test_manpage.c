/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/manpage.h"
#include "base/unit.h"
#include "run/settings.h"

static const struct command_row commands[] = {
	{"one", "", "Does one."},
	{"two", "[-n] NAME [KEY...]", "Does \\two-."},
};

static int write_page(const char *template, struct buf *out, struct err *err)
{
	buf_clear(out);
	return manpage_write(str_of(template), "1.0", commands, 2, out, err);
}

static void templates(void **state)
{
	static const struct {
		const char *template;
		const char *want;
	} rows[] = {
		{"", ""},
		{"text\n.Pp\n", "text\n.Pp\n"},
		{"no newline", "no newline\n"},
		{".Os M @VERSION@ x\n", ".Os M 1.0 x\n"},
		{".Bl\n@COMMANDS@\n.El\n", ".Bl\n"
					   ".It Cm one\nDoes one.\n"
					   ".It Cm two Oo Fl n Oc Ar NAME Oo Ar KEY... Oc\nDoes \\etwo\\-.\n"
					   ".El\n"},
	};
	struct buf out;
	struct err err = {0};

	buf_init(&out, 100000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(write_page(rows[i].template, &out, &err), 0);
		assert_str(buf_str(&out), rows[i].want);
	}
	assert_int_equal(write_page("@NONSENSE@\n", &out, &err), ERR_INVALID);
	assert_string_equal(err.text, "the template's line '@NONSENSE@' means nothing");
	buf_free(&out);
	buf_init(&out, 50);
	assert_int_equal(write_page("@SETTINGS@\n", &out, &err), ERR_TOO_BIG);
	buf_free(&out);
}

/* Every setting is documented, and the secrets with the form that names a file. */
static void settings(void **state)
{
	struct buf out, want;
	struct err err;

	buf_init(&out, 100000);
	buf_init(&want, 1000);
	assert_int_equal(write_page("@SETTINGS@\n", &out, &err), 0);
	for (unsigned key = 0; key < SET_COUNT; key++) {
		buf_clear(&want);
		buf_printf(&want, ".It Ic %s\n", setting_rows[key].name);
		manpage_text(str_of(setting_rows[key].meaning), &want);
		buf_add_z(&want, "\nValue: ");
		assert_int_not_equal(str_find_str(buf_str(&out), buf_str(&want)), STR_NONE);
	}
	assert_int_not_equal(str_find_str(buf_str(&out), STR("\nDefault: 5m.\n")), STR_NONE);
	assert_int_not_equal(str_find_str(buf_str(&out), STR("Secret:\n.Ic relay_password_file\n")),
			     STR_NONE);
	buf_free(&want);
	buf_free(&out);
}

static void escapes(void **state)
{
	struct buf out;

	buf_init(&out, 100);
	manpage_text(STR(".a -b \\c 'd'\n'e .f"), &out);
	assert_str(buf_str(&out), "\\&.a \\-b \\ec 'd'\n\\&'e .f");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(templates),
		cmocka_unit_test(settings),
		cmocka_unit_test(escapes),
	};

	return cmocka_run_group_tests_name("manpage", tests, NULL, NULL);
}
