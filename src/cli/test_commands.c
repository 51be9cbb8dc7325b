/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "base/unit.h"

#include <string.h>

static void table_is_consistent(void **state)
{
	for (unsigned i = 0; i < CMD_COUNT; i++) {
		const struct command_row *row = &command_rows[i];

		assert_non_null(row->name);
		assert_non_null(row->arguments);
		assert_int_equal(command_find(str_of(row->name)), i);
		if (i > 0)
			assert_true(strcmp(command_rows[i - 1].name, row->name) < 0);
		assert_int_equal(row->meaning[strlen(row->meaning) - 1], '.');
	}
}

static void nearest(void **state)
{
	assert_int_equal(command_find(STR("sevre")), CMD_COUNT);
	assert_int_equal(command_find(STR("")), CMD_COUNT);
	assert_str(command_nearest(STR("sevre")), "serve");
	assert_str(command_nearest(STR("conf")), "config");
	assert_str(command_nearest(STR("zzz")), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_consistent),
		cmocka_unit_test(nearest),
	};

	return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
