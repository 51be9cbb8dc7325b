/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spell.h"
#include "base/unit.h"

#include <string.h>

static void measures(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		size_t distance;
	} rows[] = {
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"ABC", "abc", 0},
		{"abc", "abd", 1},
		{"abc", "ab", 1},
		{"abc", "acb", 1},
		{"ca", "abc", 3},
		{"kitten", "sitting", 3},
		{"hotsname", "hostname", 1},
		{"abcdef", "badcfe", 3},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(spell_distance(str_of(rows[i].a), str_of(rows[i].b)), rows[i].distance);
		assert_int_equal(spell_distance(str_of(rows[i].b), str_of(rows[i].a)), rows[i].distance);
	}
}

static void long_words(void **state)
{
	char a[1000], b[1000];

	memset(a, 'a', sizeof(a));
	memset(b, 'b', sizeof(b));
	assert_int_equal(spell_distance((struct str){a, 1000}, (struct str){b, 1000}), SPELL_MAX);
	assert_int_equal(spell_distance((struct str){a, 1000}, (struct str){a, 64}), 0);
}

static struct str guess(const char *asked)
{
	static const char *const known[] = {"data_dir", "hostname", "no", "relay_host", "relay_port", "yes"};
	struct spell s;

	spell_init(&s, str_of(asked));
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		spell_try(&s, str_of(known[i]));
	return spell_found(&s);
}

static void finds(void **state)
{
	assert_str(guess("hotsname"), "hostname");
	assert_str(guess("HOSTNAME"), "hostname");
	assert_str(guess("datadir"), "data_dir");
	assert_str(guess("host"), "hostname");
	assert_str(guess("relay-port"), "relay_port");
	/* Equally near: the first. */
	assert_str(guess("relay_"), "relay_host");
	assert_str(guess("on"), "no");
	assert_str(guess("yesyes"), "yes");
	assert_str(guess("x"), "");
	assert_str(guess(""), "");
	assert_str(guess("quota"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measures),
		cmocka_unit_test(long_words),
		cmocka_unit_test(finds),
	};

	return cmocka_run_group_tests_name("spell", tests, NULL, NULL);
}
