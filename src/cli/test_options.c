/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"
#include "base/test_temp.h"
#include "base/unit.h"

#include <stdlib.h>
#include <unistd.h>

#define ARGS_MAX 8

struct row {
	const char *args[ARGS_MAX]; /* behind the program's name */
	const char *file;
	const char *overrides; /* each with a '|' behind it */
	const char *rest; /* likewise */
};

static void join(struct buf *b, size_t n, const char *const *list)
{
	buf_clear(b);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s|", list[i]);
}

static void check(const struct row *row)
{
	char *argv[ARGS_MAX + 2] = {(char *)"mailstead"};
	struct options o;
	struct err err = {0};
	struct buf b;
	int argc = 1;

	for (; row->args[argc - 1]; argc++)
		argv[argc] = (char *)row->args[argc - 1];
	buf_init(&b, 1000);
	assert_int_equal(options_take(&o, argc, argv, &err), 0);
	assert_true(str_eq(str_of(o.file), str_of(row->file)));
	join(&b, o.override_count, o.overrides);
	assert_str(buf_str(&b), row->overrides);
	join(&b, (size_t)o.argc, (const char *const *)o.argv);
	assert_str(buf_str(&b), row->rest);
	assert_null(o.argv[o.argc]);
	buf_free(&b);
}

static void takes(void **state)
{
	static const struct row rows[] = {
		{{NULL}, NULL, "", ""},
		{{"serve"}, NULL, "", "serve|"},
		{{"-c", "f", "serve"}, "f", "", "serve|"},
		{{"serve", "-c", "f"}, "f", "", "serve|"},
		{{"-o", "a=1", "config", "-n", "-o", "b=2", "hostname"},
		 NULL,
		 "a=1|b=2|",
		 "config|-n|hostname|"},
		{{"config", "-oa=1"}, NULL, "a=1|", "config|"},
		{{"config", "-o", "a=", "-o", "a=b=c"}, NULL, "a=|a=b=c|", "config|"},
		{{"sendmail", "-oi", "-t", "-odb"}, NULL, "", "sendmail|-oi|-t|-odb|"},
		{{"x", "-cf", "-", "--config"}, NULL, "", "x|-cf|-|--config|"},
		{{"-c", "f", "x", "--", "-c", "g", "-o"}, "f", "", "x|--|-c|g|-o|"},
		{{"-c", "--", "x"}, "--", "", "x|"},
		{{"-c", "-o", "x"}, "-o", "", "x|"},
		{{"x", "", "-o", "k=v"}, NULL, "k=v|", "x||"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

static void refuses(void **state)
{
	static const struct {
		const char *args[ARGS_MAX];
		const char *says;
	} rows[] = {
		{{"x", "-c"}, "-c wants a file's name behind it"},
		{{"x", "-c", ""}, "-c wants a file's name"},
		{{"-c", "a", "x", "-c", "b"}, "-c stands twice"},
		{{"x", "-o"}, "-o wants KEY=VALUE behind it"},
		{{"x", "-o", "y"}, "-o wants KEY=VALUE, not 'y'"},
		{{"x", "-o", "=y"}, "-o wants KEY=VALUE, not '=y'"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *argv[ARGS_MAX + 2] = {(char *)"mailstead"};
		struct options o;
		struct err err = {0};
		int argc = 1;

		for (; rows[i].args[argc - 1]; argc++)
			argv[argc] = (char *)rows[i].args[argc - 1];
		assert_int_equal(options_take(&o, argc, argv, &err), ERR_INVALID);
		assert_string_equal(err.text, rows[i].says);
	}
}

static void limits(void **state)
{
	char *argv[OPTIONS_OVERRIDES_MAX + 3] = {(char *)"mailstead"};
	struct options o;
	struct err err = {0};

	for (int i = 0; i <= OPTIONS_OVERRIDES_MAX; i++)
		argv[i + 1] = (char *)"-oa=b";
	assert_int_equal(options_take(&o, OPTIONS_OVERRIDES_MAX + 2, argv, &err), ERR_INVALID);
	assert_string_equal(err.text, "more than 64 options -o");
	assert_int_equal(options_take(&o, OPTIONS_OVERRIDES_MAX + 1, argv, &err), 0);
	assert_int_equal(o.override_count, OPTIONS_OVERRIDES_MAX);
	argv[0] = NULL;
	assert_int_equal(options_take(&o, 0, argv, &err), 0);
	assert_int_equal(o.argc, 0);
}

/* Runs options_load on a file of that text; what was written to errors in *said. */
static int load(const char *text, const char *override, struct settings *s, char **said)
{
	char path[TEMP_NAME_MAX];
	int fd = mkstemp(temp_name(path, "test_options"));
	struct options o = {.file = path, .overrides = {override}, .override_count = override ? 1 : 0};
	size_t n;
	FILE *errors = open_memstream(said, &n);

	assert_true(fd >= 0 && errors);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	int status = options_load(&o, NULL, s, errors);

	fclose(errors);
	unlink(path);
	return status;
}

static void loads(void **state)
{
	struct settings s;
	char *said;

	assert_int_equal(load("gates = 2\n", "shards=3", &s, &said), EXIT_DONE);
	assert_string_equal(said, "");
	assert_int_equal(settings_number(&s, SET_GATES), 2);
	assert_int_equal(settings_number(&s, SET_SHARDS), 3);
	free(said);
	settings_free(&s);

	assert_int_equal(load("gates = 2\ngates = 3\n", NULL, &s, &said), EXIT_DONE);
	assert_non_null(strstr(said, "mailstead: warning: /"));
	free(said);
	settings_free(&s);

	assert_int_equal(load("gate = 2\nshard = 3\n", NULL, &s, &said), EXIT_FAILED);
	assert_non_null(strstr(said, ":1: unknown setting 'gate'; did you mean 'gates'?\nmailstead: /"));
	assert_non_null(strstr(said, ":2: unknown setting 'shard'; did you mean 'shards'?\n"));
	free(said);
	settings_free(&s);
}

/* A file that -c names must exist. */
static void missing(void **state)
{
	struct options o = {.file = "/nonexistent/x.conf"};
	struct settings s;
	char *said;
	size_t n;
	FILE *errors = open_memstream(&said, &n);

	assert_int_equal(options_load(&o, NULL, &s, errors), EXIT_FAILED);
	fclose(errors);
	assert_string_equal(said, "mailstead: cannot read /nonexistent/x.conf: No such file or directory\n");
	free(said);
	settings_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes), cmocka_unit_test(refuses), cmocka_unit_test(limits),
		cmocka_unit_test(loads), cmocka_unit_test(missing),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
