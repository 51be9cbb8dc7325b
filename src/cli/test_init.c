/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/init.h"
#include "base/file.h"
#include "base/test_temp.h"
#include "base/unit.h"
#include "cli/test_command.h"
#include "cli/options.h"
#include "run/password.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A folder of its own for each test: FILE, config and data are made in it. */
struct house {
	char top[TEMP_NAME_MAX], file[80], config[100], data[80];
	const char *overrides[8];
	size_t override_count;
	char out[8192];
};

static int set_up(void **state)
{
	struct house *h = calloc(1, sizeof(*h));

	if (!h)
		return -1;
	*state = h;
	if (!mkdtemp(temp_name(h->top, "test_init")))
		return -1;
	snprintf(h->file, sizeof(h->file), "%s/etc/m.conf", h->top);
	snprintf(h->config, sizeof(h->config), "config_dir=%s/etc/tables", h->top);
	snprintf(h->data, sizeof(h->data), "data_dir=%s/data", h->top);
	h->overrides[0] = h->config;
	h->overrides[1] = h->data;
	h->override_count = 2;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"etc/m.conf", "etc/tables/postfix-accounts.cf",
					    "etc/tables/.setup.lock", "etc/tables/postfix-virtual.cf"};
	static const char *const folders[] = {"data", "etc/tables", "etc", ""};
	struct house *h = *state;
	char path[100];
	int code = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", h->top, names[i]);
		unlink(path);
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", h->top, folders[i]);
		code = rmdir(path);
	}
	free(h);
	return code;
}

struct init_run {
	struct settings_sources sources;
	const char *address;
};

static int run_init(void *arg)
{
	struct init_run *r = arg;
	char *argv[] = {(char *)(uintptr_t) "init", (char *)(uintptr_t)r->address, NULL};

	return cmd_init(r->address ? 2 : 1, argv, &r->sources, stdout);
}

/* `init [address]` with the input; its output and sentences are h->out. */
static int run(struct house *h, const char *address, const char *input)
{
	struct init_run r = {.sources = {.file = h->file,
					 .file_must_exist = true,
					 .overrides = h->overrides,
					 .override_count = h->override_count},
			     .address = address};
	struct command_talk talk = {.input = input, .out = h->out, .out_size = sizeof(h->out)};

	return command_run(run_init, &r, &talk);
}

static bool says(const struct house *h, const char *text)
{
	return strstr(h->out, text) != NULL;
}

static void load_file(const char *file, struct buf *text)
{
	struct err e;

	buf_init(text, 1 << 20);
	assert_int_equal(file_read(file, text, &e), 0);
	assert_non_null(buf_room(text, 1));
	text->p[text->n] = 0;
}

/* The stored password of the only account is of this one. */
static void check_password(const struct house *h, const char *address, struct str password)
{
	char path[100];
	struct buf text;

	snprintf(path, sizeof(path), "%s/etc/tables/postfix-accounts.cf", h->top);
	load_file(path, &text);
	struct str stored = str_trim_line(buf_str(&text));

	assert_str(str_cut(&stored, '|'), address);
	assert_int_equal(password_verify(stored, password), 0);
	buf_free(&text);
}

static void first_time(void **state)
{
	struct house *h = *state;
	struct stat st;
	char path[100];

	h->overrides[h->override_count++] = "hostname=mx.a.test";
	assert_int_equal(run(h, "Anna@a.test", "secret\n"), EXIT_DONE);
	assert_true(says(h, "m.conf: written, with every setting and its meaning.\n"));
	assert_true(says(h, "Anna@a.test: account added.\n"));
	assert_true(says(h, "a.test. IN MX 10 mx.a.test.\n"));
	assert_true(says(h, "a.test. IN TXT \"v=spf1 mx -all\"\n"));
	assert_true(says(h, "_dmarc.a.test. IN TXT"));
	assert_false(says(h, "DKIM"));
	assert_true(says(h, "/data/tls"));
	assert_true(says(h, "Start it with: mailstead serve -c "));
	check_password(h, "anna@a.test", STR("secret"));
	assert_int_equal(stat(h->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	snprintf(path, sizeof(path), "%s/data", h->top);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711 & ~(umask(022)));
}

static void second_time(void **state)
{
	struct house *h = *state;
	struct buf before, after;

	assert_int_equal(run(h, "anna@a.test", "secret\n"), EXIT_DONE);
	load_file(h->file, &before);
	assert_int_equal(run(h, "anna@a.test", "other\n"), EXIT_DONE);
	assert_true(says(h, "m.conf: there already, left as it is.\n"));
	assert_true(says(h, "data: data_dir, there already.\n"));
	assert_true(says(h, "anna@a.test: there already, with its password.\n"));
	load_file(h->file, &after);
	assert_str(buf_str(&after), before.p);
	check_password(h, "anna@a.test", STR("secret"));
	buf_free(&before);
	buf_free(&after);
}

static void makes_a_password(void **state)
{
	struct house *h = *state;

	assert_int_equal(run(h, "anna@a.test", ""), EXIT_DONE);
	const char *at = strstr(h->out, "with the password ");

	assert_non_null(at);
	struct str word = str_of(at + strlen("with the password "));

	word = str_cut_word(&word);
	assert_int_equal(word.n, 23);
	check_password(h, "anna@a.test", word);
}

static void without_an_address(void **state)
{
	struct house *h = *state;

	assert_int_equal(run(h, NULL, ""), EXIT_DONE);
	assert_false(says(h, "account"));
	assert_false(says(h, "IN MX"));
}

/* A machine's name without a dot is of no use to others. */
static void chooses_a_host_name(void **state)
{
	struct house *h = *state;
	struct buf text;

	assert_int_equal(run(h, "anna@a.test", ""), EXIT_DONE);
	load_file(h->file, &text);
	if (says(h, "hostname: set to")) {
		assert_true(says(h, "hostname: set to mail.a.test there"));
		assert_non_null(strstr(text.p, "\nhostname = mail.a.test\n"));
		assert_true(says(h, "IN MX 10 mail.a.test."));
	} else {
		assert_null(strstr(text.p, "\nhostname = "));
	}
	buf_free(&text);
	unlink(h->file);
	h->overrides[h->override_count++] = "hostname=box";
	assert_int_equal(run(h, "anna@a.test", ""), EXIT_DONE);
	assert_true(says(h, "hostname is 'box', which no other server can find"));
	assert_false(says(h, "IN MX"));
}

/* Every key is there once, and what the '#' hides is what the program would do. */
static void file_is_the_table(void **state)
{
	struct house *h = *state;
	struct settings s;
	struct buf text;
	struct err e;

	assert_int_equal(run(h, NULL, ""), EXIT_DONE);
	load_file(h->file, &text);
	for (unsigned i = 0; i < SET_COUNT; i++) {
		char line[80];

		snprintf(line, sizeof(line), "\n%s%s =", i == SET_CONFIG_DIR || i == SET_DATA_DIR ? "" : "#",
			 setting_rows[i].name);
		const char *at = strstr(text.p, line);

		assert_non_null(at);
		assert_null(strstr(at + 1, line));
	}
	for (size_t i = 0; i + 1 < text.n; i++)
		if (text.p[i] == '\n' && text.p[i + 1] == '#' && text.p[i + 2] != ' ')
			text.p[i + 1] = ' ';
	/* a blank would continue the line before: the keys move up to it */
	FILE *f = fopen(h->file, "we");

	assert_non_null(f);
	for (size_t i = 0; i < text.n; i++)
		if (!(text.p[i] == ' ' && i > 0 && text.p[i - 1] == '\n'))
			fputc(text.p[i], f);
	fclose(f);
	struct settings_sources sources = {.file = h->file, .file_must_exist = true};

	assert_int_equal(settings_load(&s, &sources, &e), 0);
	assert_int_equal(s.note_count, 0);
	for (unsigned i = 0; i < SET_COUNT; i++)
		if (i != SET_CONFIG_DIR && i != SET_DATA_DIR)
			assert_true(settings_is_default(&s, (enum setting_key)i));
	settings_free(&s);
	buf_free(&text);
}

static void secrets_are_private(void **state)
{
	struct house *h = *state;
	struct stat st;

	h->overrides[h->override_count++] = "relay_host=[mx.b.test]:587";
	h->overrides[h->override_count++] = "relay_user=u";
	h->overrides[h->override_count++] = "relay_password=p";
	assert_int_equal(run(h, NULL, ""), EXIT_DONE);
	assert_int_equal(stat(h->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void refusals(void **state)
{
	struct house *h = *state;
	char path[100];

	assert_int_equal(run(h, "anna", ""), EXIT_USAGE);
	assert_string_equal(h->out, "mailstead: 'anna' is no address, like anna@example.org\n");
	assert_int_equal(run(h, "-x", ""), EXIT_USAGE);
	h->overrides[h->override_count++] = "gates=none";
	assert_int_equal(run(h, "anna@a.test", ""), EXIT_FAILED);
	assert_true(says(h, "gates"));
	assert_int_equal(access(h->file, F_OK), -1);
	h->override_count--;
	/* an alias has the name */
	assert_int_equal(run(h, NULL, ""), EXIT_DONE);
	snprintf(path, sizeof(path), "%s/etc/tables/postfix-virtual.cf", h->top);
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs("info@a.test anna@a.test\n", f);
	fclose(f);
	assert_int_equal(run(h, "info@a.test", ""), EXIT_FAILED);
	assert_true(says(h, "mailstead: 'info@a.test' is already defined as an alias\n"));
}

/* Where the folder of the file cannot be made nothing else is. */
static void nowhere_to_write(void **state)
{
	struct house *h = *state;

	snprintf(h->file, sizeof(h->file), "/proc/none/m.conf");
	assert_int_equal(run(h, "anna@a.test", ""), EXIT_FAILED);
	assert_true(says(h, "mailstead: Cannot make the folder '/proc/none'"));
	snprintf(h->file, sizeof(h->file), "%s/etc/m.conf", h->top);
	assert_int_equal(run(h, NULL, ""), EXIT_DONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_time),          TEST(second_time),       TEST(makes_a_password),
		TEST(without_an_address),  TEST(file_is_the_table), TEST(chooses_a_host_name),
		TEST(secrets_are_private), TEST(refusals),          TEST(nowhere_to_write),
	};

	return cmocka_run_group_tests_name("init", tests, NULL, NULL);
}
