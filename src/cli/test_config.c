/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/config.h"
#include "cli/options.h"
#include "base/unit.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
	struct settings s;
	char *out;
	char *errors;
	int status;
};

/* Runs `config ARGS` (words between blanks) on settings with those overrides. */
static void run(struct fixture *f, const char *const *overrides, const char *args)
{
	struct settings_sources from = {.overrides = overrides};
	struct str rest = str_of(args);
	char *argv[8] = {(char *)"config"};
	struct arena arena;
	struct err err;
	size_t n, m;
	int argc = 1;

	arena_init(&arena, 1000);
	while (rest.n)
		argv[argc++] = arena_z(&arena, str_cut_word(&rest));
	while (overrides && overrides[from.override_count])
		from.override_count++;
	assert_int_equal(settings_load(&f->s, &from, &err), 0);
	FILE *out = open_memstream(&f->out, &n);
	FILE *errors = open_memstream(&f->errors, &m);

	f->status = cmd_config(argc, argv, &f->s, out, errors);
	fclose(out);
	fclose(errors);
	arena_free(&arena);
}

static void end(struct fixture *f)
{
	free(f->out);
	free(f->errors);
	settings_free(&f->s);
}

static const char *const changed[] = {
	"relay_port=2525",         "relay_user=u",           "relay_password=marked-secret",
	"hostname=mx.example.org", "message_size_limit=50M", NULL};

static void one_setting(void **state)
{
	struct fixture f;

	run(&f, changed, "relay_port");
	assert_int_equal(f.status, EXIT_DONE);
	assert_string_equal(f.out, "# Port for deliveries to the hosts that MX records name.\n"
				   "#   default: 25\n"
				   "#   set by: -o relay_port\n"
				   "relay_port = 2525\n");
	end(&f);
	run(&f, NULL, "mynetworks");
	assert_string_equal(f.out, "# Networks whose clients may relay without a login.\n"
				   "#   default: none\n"
				   "mynetworks =\n");
	end(&f);
	run(&f, changed, "hostname");
	assert_non_null(strstr(f.out, "#   default: the machine's full name (here "));
	end(&f);
}

static void only_what_differs(void **state)
{
	struct fixture f;

	run(&f, changed, "-n");
	assert_int_equal(f.status, EXIT_DONE);
	assert_non_null(strstr(f.out, "\nrelay_port = 2525\n"));
	assert_non_null(strstr(f.out, "\nhostname = mx.example.org\n"));
	/* 50M is the default in other words. */
	assert_null(strstr(f.out, "message_size_limit ="));
	assert_null(strstr(f.out, "gates ="));
	end(&f);
	run(&f, changed, "-n gates relay_port");
	assert_non_null(strstr(f.out, "relay_port ="));
	assert_null(strstr(f.out, "gates ="));
	assert_null(strstr(f.out, "hostname ="));
	end(&f);
	run(&f, NULL, "-n");
	assert_string_equal(f.out, "");
	end(&f);
}

static void secrets(void **state)
{
	struct fixture f;

	run(&f, changed, "");
	assert_non_null(strstr(f.out, "\nrelay_password = ********\n"));
	assert_null(strstr(f.out, "marked-secret"));
	end(&f);
	/* That there is none is no secret. */
	run(&f, NULL, "relay_password");
	assert_non_null(strstr(f.out, "\nrelay_password =\n"));
	end(&f);
}

/* All of it is a configuration file, with every key and no long line. */
static void everything(void **state)
{
	struct fixture f;
	unsigned keys = 0;

	run(&f, NULL, "");
	struct str rest = str_of(f.out);

	while (rest.n) {
		struct str line = str_cut(&rest, '\n');

		assert_true(line.n <= 110);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		assert_int_equal(setting_find(str_cut_word(&line)), keys);
		keys++;
	}
	assert_int_equal(keys, SET_COUNT);
	end(&f);
}

static void wrong_usage(void **state)
{
	static const struct {
		const char *args;
		const char *says;
	} rows[] = {
		{"hotsname", "mailstead: unknown setting 'hotsname'; did you mean 'hostname'?\n"},
		{"gates colour", "mailstead: unknown setting 'colour'; `mailstead config` lists all\n"},
		{"-x", "mailstead: config knows no option '-x'; usage: mailstead config [-n] [KEY...]\n"},
		{"-- -n", "mailstead: unknown setting '-n'"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;

		run(&f, NULL, rows[i].args);
		assert_int_equal(f.status, EXIT_USAGE);
		assert_string_equal(f.out, "");
		assert_int_equal(strncmp(f.errors, rows[i].says, strlen(rows[i].says)), 0);
		end(&f);
	}
}

static void full_disk(void **state)
{
	struct settings_sources from = {0};
	char *argv[] = {(char *)"config", NULL};
	struct settings s;
	struct err err;
	char *said;
	size_t n;
	FILE *errors = open_memstream(&said, &n);
	FILE *full = fopen("/dev/full", "w");

	assert_non_null(full);
	assert_int_equal(settings_load(&s, &from, &err), 0);
	assert_int_equal(cmd_config(1, argv, &s, full, errors), EXIT_FAILED);
	fclose(full);
	fclose(errors);
	assert_string_equal(said, "mailstead: cannot write the settings\n");
	free(said);
	settings_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_setting), cmocka_unit_test(only_what_differs),
		cmocka_unit_test(secrets),     cmocka_unit_test(everything),
		cmocka_unit_test(wrong_usage), cmocka_unit_test(full_disk),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
