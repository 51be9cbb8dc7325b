/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sendmail_place.h"
#include "base/test_temp.h"
#include "base/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Looks with a file of that text, or without one (NULL). */
static int find(const char *text, bool must_exist, const char *override, struct sendmail_place *p,
		struct err *e)
{
	char name[TEMP_NAME_MAX];
	struct settings_sources from = {.file = name,
					.file_must_exist = must_exist,
					.overrides = &override,
					.override_count = override != NULL};
	int fd = mkstemp(temp_name(name, "test_sendmail_place"));

	assert_true(fd >= 0);
	if (text)
		assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	if (!text)
		unlink(name);
	int code = sendmail_place_find(&from, p, e);

	unlink(name);
	return code;
}

static void finds(void **state)
{
	static const struct {
		const char *text;
		bool must_exist;
		const char *override, *socket;
	} table[] = {
		{NULL, false, NULL, "/var/lib/mailstead/run/submit"},
		{"", false, NULL, "/var/lib/mailstead/run/submit"},
		{"data_dir = /srv/m\n", false, NULL, "/srv/m/run/submit"},
		{"data_dir = /srv/m\n", true, NULL, "/srv/m/run/submit"},
		{"data_dir = /srv/m\n", true, "data_dir=/srv/o", "/srv/o/run/submit"},
		/* unusable as a whole: data_dir counts all the same */
		{"relay_password_file = /none\ndata_dir = /srv/m # here\nbad\n", false, NULL,
		 "/srv/m/run/submit"},
		{"gates = none\ndata_dir = /srv/a\ndata_dir = /srv/b\n", false, NULL, "/srv/b/run/submit"},
		{"gates = none\n", false, NULL, "/var/lib/mailstead/run/submit"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sendmail_place p;
		struct err e;

		assert_int_equal(find(table[i].text, table[i].must_exist, table[i].override, &p, &e), 0);
		assert_string_equal(p.socket, table[i].socket);
		assert_true(p.host[0] != 0);
	}
}

static void says_its_host(void **state)
{
	struct sendmail_place p;
	struct err e;

	assert_int_equal(find("hostname = mx.a.test\n", false, NULL, &p, &e), 0);
	assert_string_equal(p.host, "mx.a.test");
	assert_int_equal(find("hostname = mx.a.test\ngates = none\n", false, NULL, &p, &e), 0);
	assert_string_equal(p.host, "localhost");
}

static void refuses(void **state)
{
	struct sendmail_place p;
	struct err e;
	char text[200];

	assert_int_equal(find("gates = none\n", true, NULL, &p, &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "gates"));
	assert_int_equal(find(NULL, true, NULL, &p, &e), ERR_INVALID);
	snprintf(text, sizeof(text), "data_dir = /%0110d\n", 1);
	assert_int_equal(find(text, false, NULL, &p, &e), ERR_INVALID);
	assert_true(str_starts(str_of(e.text), STR("data_dir is too long for a socket: /00")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(says_its_host),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("sendmail_place", tests, NULL, NULL);
}
