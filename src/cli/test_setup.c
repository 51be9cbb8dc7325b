/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/test_temp.h"
#include "base/unit.h"
#include "cli/test_command.h"
#include "cli/setup.h"
#include "cli/table_edit.h"
#include "run/accounts_file.h"
#include "run/password.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A configuration folder of its own for each test, and what the last command printed. */
struct house {
	char top[TEMP_NAME_MAX];
	char dir[80];
	char out[4096], err[4096];
	bool served; /* there is a server */
};

/* --- a server that is played ----------------------------------------------------------------- */

/* Bytes of each account; the letter stands for what it does. */
static const struct {
	const char *address;
	uint64_t bytes;
} mails[] = {
	{"none@d.test", 0},         {"small@d.test", 1},
	{"k@d.test", 1024},         {"more@d.test", 1025},
	{"nine@d.test", 9 * 1024},  {"ten@d.test", 10 * 1024 + 1},
	{"full@d.test", 1047553},   {"mega@d.test", 5 * 1024 * 1024 + 1},
	{"big@d.test", 3ull << 40}, {"edge@d.test", 1023 * 1024},
};

static bool played_runs(void *arg)
{
	return true;
}

static int played_usage(void *arg, struct str address, uint64_t *bytes)
{
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++)
		if (str_eq(address, str_of(mails[i].address))) {
			*bytes = mails[i].bytes;
			return 0;
		}
	return ERR_ROOM_GONE;
}

static int played_reload(void *arg)
{
	printf("reload\n");
	return 0;
}

static int played_remove(void *arg, struct str address, bool *had, struct err *e)
{
	printf("remove %.*s\n", STR_ARG(address));
	if (str_starts(address, STR("busy")))
		return err_set(e, ERR_BUSY, "the account is still in use");
	*had = !str_starts(address, STR("none")) && !str_starts(address, STR("joe"));
	return 0;
}

static const struct setup_server played = {.data_dir = "/data",
					   .runs = played_runs,
					   .usage = played_usage,
					   .reload = played_reload,
					   .remove = played_remove};

static int set_up(void **state)
{
	struct house *h = calloc(1, sizeof(*h));

	if (!h)
		return -1;
	if (!mkdtemp(temp_name(h->top, "test_setup"))) {
		free(h);
		return -1;
	}
	snprintf(h->dir, sizeof(h->dir), "%s/a/b", h->top);
	*state = h;
	return 0;
}

static const char *path_of(const struct house *h, const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", h->dir, name);
	return path;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"postfix-accounts.cf", "postfix-virtual.cf", "dovecot-quotas.cf",
					    ".setup.lock", "link"};
	struct house *h = *state;
	char path[100];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(path_of(h, names[i]));
	rmdir(h->dir);
	snprintf(path, sizeof(path), "%s/a", h->top);
	rmdir(path);
	/* fails when a command left anything else behind */
	int rc = rmdir(h->top);

	free(h);
	return rc;
}

struct setup_run {
	const struct house *house;
	char *argv[12];
	int argc;
};

static int run_setup(void *arg)
{
	struct setup_run *r = arg;

	return cmd_setup(r->argc, r->argv, r->house->dir, r->house->served ? &played : NULL);
}

/* Runs `setup words` with the input on its standard input. */
static int run(struct house *h, const char *words, const char *input)
{
	struct setup_run r = {.house = h, .argv = {(char *)"setup"}, .argc = 1};
	struct command_talk talk = {.input = input,
				    .out = h->out,
				    .err = h->err,
				    .out_size = sizeof(h->out),
				    .err_size = sizeof(h->err)};
	char *copy = strdup(words), *rest = copy, *word;

	while ((word = strsep(&rest, " ")))
		if (*word && r.argc < 11)
			r.argv[r.argc++] = word;
	int status = command_run(run_setup, &r, &talk);

	free(copy);
	return status;
}

static void put(const struct house *h, const char *name, const char *text, mode_t mode)
{
	char part[100];

	snprintf(part, sizeof(part), "%s/a", h->top);
	mkdir(part, 0755);
	mkdir(h->dir, 0755);
	int fd = open(path_of(h, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0 && fchmod(fd, mode) == 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void check_file(const struct house *h, const char *name, const char *want)
{
	char text[2048];
	int fd = open(path_of(h, name), O_RDONLY);

	assert_true(fd >= 0);
	command_read(fd, text, sizeof(text));
	assert_string_equal(text, want);
}

/* Standard error is log lines `time LEVEL script: text`; the first has this tail. */
static void check_log(const struct house *h, const char *want)
{
	struct str rest = str_of(h->err), line = str_cut(&rest, '\n'), stamp = str_cut_word(&line);

	assert_int_equal(stamp.n, strlen("2026-01-02T03:04:05+00:00"));
	assert_int_equal(stamp.p[10], 'T');
	assert_int_equal(stamp.p[22], ':');
	assert_str(line, want);
}

static void check_failure(struct house *h, const char *words, const char *input, const char *want)
{
	assert_int_equal(run(h, words, input), 1);
	check_log(h, want);
	assert_non_null(strstr(h->err, ": Aborting\n"));
	assert_string_equal(h->out, "");
}

/* The password that is stored in the line of the account. */
static void check_password(const struct house *h, const char *address, const char *password)
{
	char text[2048];
	struct account_line account;
	struct err e;

	command_read(open(path_of(h, "postfix-accounts.cf"), O_RDONLY), text, sizeof(text));
	for (struct str rest = str_of(text), line; (line = str_cut(&rest, '\n')).n;)
		if (account_line_parse(line, &account, &e) == 0 && str_eq(account.address, str_of(address))) {
			assert_true(str_starts(account.stored, STR("{SHA512-CRYPT}$6$")));
			assert_int_equal(password_verify(account.stored, str_of(password)), 0);
			return;
		}
	fail_msg("no account %s", address);
}

static void adds_and_updates_accounts(void **state)
{
	struct house *h = *state;
	struct stat st;

	assert_int_equal(run(h, "email add ann@d.test secret", ""), 0);
	assert_string_equal(h->out, "");
	assert_string_equal(h->err, "");
	check_password(h, "ann@d.test", "secret");
	assert_int_equal(stat(path_of(h, "postfix-accounts.cf"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(run(h, "email add Bob@D.test", " two words \n two words \n"), 0);
	check_log(h, "WARN  addmailuser: Mail account 'Bob@D.test' has uppercase letters and will be "
		     "normalized to "
		     "'bob@d.test'");
	assert_string_equal(h->out, "");
	check_password(h, "bob@d.test", " two words ");
	check_password(h, "ann@d.test", "secret");
	assert_int_equal(run(h, "email update ann@d.test other", ""), 0);
	check_password(h, "ann@d.test", "other");
	assert_int_equal(run(h, "email list", ""), 0);
	assert_string_equal(h->out, "* ann@d.test\n\n* bob@d.test\n\n");
}

static void refuses_accounts(void **state)
{
	struct house *h = *state;

	put(h, "postfix-accounts.cf", "ann@d.test|x\n", 0644);
	put(h, "postfix-virtual.cf", "help@d.test ann@d.test\n", 0644);
	check_failure(h, "email add ann", "",
		      "ERROR addmailuser: 'ann' should include the domain (eg: user@example.com)");
	check_failure(h, "email add ann@d.test", "", "ERROR addmailuser: 'ann@d.test' already exists");
	check_failure(h, "email add help@d.test x", "",
		      "ERROR addmailuser: 'help@d.test' is already defined as an alias");
	check_failure(h, "email update joe@d.test x", "",
		      "ERROR updatemailuser: 'joe@d.test' does not exist");
	check_failure(h, "email add new@d.test", "", "ERROR addmailuser: Password must not be empty");
	check_failure(h, "email add new@d.test", "\n\n", "ERROR addmailuser: Password must not be empty");
	check_failure(h, "email add new@d.test", "a\nb\n", "ERROR addmailuser: Passwords do not match!");
	check_failure(h, "email update ann@d.test", "a\n", "ERROR updatemailuser: Passwords do not match!");
	check_file(h, "postfix-accounts.cf", "ann@d.test|x\n");
}

static void refuses_long_passwords(void **state)
{
	struct house *h = *state;
	char words[PASSWORD_MAX + 40] = "email add ann@d.test ", input[2 * PASSWORD_MAX + 10];

	memset(words + strlen(words), 'p', PASSWORD_MAX + 1);
	check_failure(h, words, "", "ERROR addmailuser: Password is longer than 511 bytes");
	snprintf(input, sizeof(input), "%s\n%s\n", words + 21, words + 21);
	check_failure(h, "email add ann@d.test", input,
		      "ERROR addmailuser: Password is longer than 511 bytes");
	words[21 + PASSWORD_MAX] = 0;
	assert_int_equal(run(h, words, ""), 0);
	check_password(h, "ann@d.test", words + 21);
}

static void deletes_accounts(void **state)
{
	struct house *h = *state;

	assert_int_equal(run(h, "email del ann@d.test", ""), 0);
	assert_string_equal(h->err, "");
	put(h, "postfix-accounts.cf", "# c\nann@d.test|x\nbob@d.test|y\ncy@d.test|z\n", 0644);
	put(h, "postfix-virtual.cf", "help@d.test ann@d.test,bob@d.test\ninfo@d.test ann@d.test\n", 0644);
	put(h, "dovecot-quotas.cf", "ann@d.test:5M\nbob@d.test:0\n", 0644);
	assert_int_equal(run(h, "email del -n ann@d.test", ""), 0);
	check_log(h, "INFO  delmailuser: 'ann@d.test' and associated data (aliases, quotas) deleted");
	check_file(h, "postfix-accounts.cf", "# c\nbob@d.test|y\ncy@d.test|z\n");
	check_file(h, "postfix-virtual.cf", "help@d.test bob@d.test\n");
	check_file(h, "dovecot-quotas.cf", "bob@d.test:0\n");
	check_failure(h, "email del -n joe@d.test bob@d.test", "",
		      "ERROR delmailuser: 'joe@d.test' does not exist");
	/* asked: the answer is no, then yes */
	assert_int_equal(run(h, "email del bob@d.test", "\n"), 0);
	check_log(h, "INFO  delmailuser: 'bob@d.test' and associated data (aliases, quotas) deleted");
	check_failure(
		h, "email del cy@d.test", "y\n",
		"ERROR delmailuser: Mails can be removed only while the server runs: nothing was deleted");
	check_file(h, "postfix-accounts.cf", "# c\ncy@d.test|z\n");
}

static void deletes_with_mail(void **state)
{
	struct house *h = *state;

	h->served = true;
	put(h, "postfix-accounts.cf", "ann@d.test|x\nnone@d.test|y\nbusy@d.test|z\nkeep@d.test|z\n", 0644);
	/* The tables are taken over before the mail goes. */
	assert_int_equal(run(h, "email del -y ann@d.test", ""), 0);
	assert_string_equal(h->out, "reload\nremove ann@d.test\n");
	check_log(h, "INFO  delmailuser: 'ann@d.test' and associated data (aliases, quotas) deleted");
	assert_int_equal(run(h, "email del -y none@d.test", ""), 1);
	check_log(h, "ERROR delmailuser: Mailbox data directory '/data/accounts/d.test/none' does not exist");
	assert_int_equal(run(h, "email del -y busy@d.test keep@d.test", ""), 1);
	check_log(
		h,
		"ERROR delmailuser: The mails of 'busy@d.test' could not be removed: the account is still in "
		"use");
	check_file(h, "postfix-accounts.cf", "keep@d.test|z\n");
	/* What was left goes without an account. */
	assert_int_equal(run(h, "email del -y left@d.test", ""), 0);
	assert_string_equal(h->out, "reload\nremove left@d.test\n");
	assert_int_equal(run(h, "email del -y joe@d.test", ""), 1);
	check_log(h, "ERROR delmailuser: 'joe@d.test' does not exist");
	assert_int_equal(run(h, "email del -n keep@d.test", ""), 0);
	assert_string_equal(h->out, "");
}

static void lists_sizes(void **state)
{
	static const char want[] = "* none@d.test ( 0 / ~ ) [0%]\n\n"
				   "* small@d.test ( 1.0K / ~ ) [0%]\n\n"
				   "* k@d.test ( 1.0K / ~ ) [0%]\n    [ aliases -> i@d.test ]\n\n"
				   "* more@d.test ( 2.0K / ~ ) [0%]\n\n"
				   "* nine@d.test ( 9.0K / ~ ) [0%]\n\n"
				   "* ten@d.test ( 11K / ~ ) [0%]\n\n"
				   "* full@d.test ( 1.0M / ~ ) [0%]\n\n"
				   "* mega@d.test ( 5.1M / ~ ) [0%]\n\n"
				   "* big@d.test ( 3.0T / ~ ) [0%]\n\n"
				   "* edge@d.test ( 1023K / ~ ) [0%]\n\n"
				   "* unknown@d.test\n\n";
	struct house *h = *state;
	struct buf accounts;

	h->served = true;
	buf_init(&accounts, 2048);
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++)
		buf_printf(&accounts, "%s|x\n", mails[i].address);
	buf_add(&accounts, "unknown@d.test|x\n", sizeof("unknown@d.test|x\n"));
	put(h, "postfix-accounts.cf", accounts.p, 0644);
	put(h, "postfix-virtual.cf", "i@d.test k@d.test\n", 0644);
	buf_free(&accounts);
	assert_int_equal(run(h, "email list", ""), 0);
	assert_string_equal(h->out, want);
}

static void deletes_several(void **state)
{
	struct house *h = *state;

	put(h, "postfix-accounts.cf", "ann@d.test|x\nbob@d.test|y\ncy@d.test|z\n", 0644);
	h->served = true;
	assert_int_equal(run(h, "email del -y ann@d.test cy@d.test", ""), 0);
	check_file(h, "postfix-accounts.cf", "bob@d.test|y\n");
	assert_int_equal(run(h, "email del -x bob@d.test", ""), 1);
	check_log(h, "ERROR delmailuser: The option '?' is unknown");
	assert_string_equal(h->out, "Usage: setup email del [-y|-n] <EMAIL ADDRESS>...\n");
	assert_int_equal(run(h, "email del -y", ""), 1);
	assert_string_equal(h->out, "Usage: setup email del [-y|-n] <EMAIL ADDRESS>...\n");
}

static void changes_aliases(void **state)
{
	struct house *h = *state;

	assert_int_equal(run(h, "alias del a@d.test b@d.test", ""), 0);
	assert_int_equal(run(h, "alias add a@d.test b@d.test", ""), 0);
	assert_int_equal(run(h, "alias add a@d.test c@d.test", ""), 0);
	assert_int_equal(run(h, "alias add @d.test c@d.test", ""), 0);
	check_file(h, "postfix-virtual.cf", "a@d.test b@d.test,c@d.test\n@d.test c@d.test\n");
	assert_int_equal(run(h, "alias list", ""), 0);
	assert_string_equal(h->out, "* a@d.test b@d.test,c@d.test\n\n* @d.test c@d.test\n\n");
	check_failure(h, "alias add a@d.test b@d.test", "",
		      "ERROR addalias: 'a@d.test' is already an alias for recipient: 'b@d.test'");
	put(h, "postfix-accounts.cf", "ann@d.test|x\n", 0644);
	check_failure(h, "alias add ann@d.test b@d.test", "",
		      "ERROR addalias: 'ann@d.test' is already defined as an account");
	assert_int_equal(run(h, "alias del a@d.test b@d.test", ""), 0);
	assert_int_equal(run(h, "alias del a@d.test c@d.test", ""), 0);
	check_file(h, "postfix-virtual.cf", "@d.test c@d.test\n");
	assert_int_equal(run(h, "alias del nobody c@d.test", ""), 0);
	check_file(h, "postfix-virtual.cf", "@d.test c@d.test\n");
}

static void lists_need_a_file(void **state)
{
	struct house *h = *state;
	char want[300];

	snprintf(want, sizeof(want), "ERROR listmailuser: '%s/postfix-accounts.cf' does not exist", h->dir);
	check_failure(h, "email list", "", want);
	/* asking makes no folder */
	assert_int_equal(access(h->dir, F_OK), -1);
	put(h, "postfix-virtual.cf", "", 0644);
	snprintf(want, sizeof(want), "ERROR listalias: '%s/postfix-virtual.cf' is empty, nothing to list",
		 h->dir);
	check_failure(h, "alias list", "", want);
}

static void mode_stays_and_nothing_is_left(void **state)
{
	struct house *h = *state;
	struct stat before, after;

	put(h, "postfix-virtual.cf", "a@d.test b@d.test\n", 0604);
	assert_int_equal(stat(path_of(h, "postfix-virtual.cf"), &before), 0);
	assert_int_equal(run(h, "alias add a@d.test c@d.test", ""), 0);
	assert_int_equal(stat(path_of(h, "postfix-virtual.cf"), &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_uid, before.st_uid);
	assert_true(after.st_ino != before.st_ino);
	/* nothing to change: not written */
	assert_int_equal(run(h, "alias del a@d.test x@d.test", ""), 0);
	assert_int_equal(stat(path_of(h, "postfix-virtual.cf"), &before), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(access(path_of(h, ".postfix-virtual.cf.new"), F_OK), -1);
}

static void a_link_is_not_replaced(void **state)
{
	struct house *h = *state;

	put(h, "link", "a@d.test b@d.test\n", 0644);
	assert_int_equal(symlink("link", path_of(h, "postfix-virtual.cf")), 0);
	check_failure(h, "alias add a@d.test c@d.test", "",
		      "ERROR addalias: 'postfix-virtual.cf' is not a regular file");
	check_file(h, "link", "a@d.test b@d.test\n");
}

static void editors_wait_for_each_other(void **state)
{
	struct house *h = *state;
	struct table_folder f;
	struct err e;
	int pid;

	assert_int_equal(table_folder_lock(&f, h->dir, &e), 0);
	pid = fork();
	if (pid == 0) {
		/* what it inherited is the same lock, not another one */
		table_folder_close(&f);
		_exit(run(h, "alias add a@d.test b@d.test", ""));
	}
	usleep(100000);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(table_write(&f, "postfix-virtual.cf", STR("x@d.test y@d.test\n"), false, &e), 0);
	table_folder_close(&f);
	waitpid(pid, NULL, 0);
	check_file(h, "postfix-virtual.cf", "x@d.test y@d.test\na@d.test b@d.test\n");
}

static void says_what_there_is(void **state)
{
	static const struct {
		const char *words;
		int status;
		const char *out, *err;
	} rows[] = {
		{"", 0, "Usage: setup <email|alias> <COMMAND>", ""},
		{"help", 0, "    setup alias list ", ""},
		{"email help", 0, "    setup email update <EMAIL ADDRESS> [<PASSWORD>]", ""},
		{"email add help", 0, "Usage: setup email add <EMAIL ADDRESS> [<PASSWORD>]\n", ""},
		{"email list help", 0, "Usage: setup email list", ""},
		{"email add", 1, "Usage: setup email add <EMAIL ADDRESS> [<PASSWORD>]\n", ""},
		{"alias add a@d.test", 1, "Usage: setup alias add <ALIAS> <RECIPIENT>\n", ""},
		{"frobnicate", 2, "",
		 "The command 'frobnicate' is invalid.\nUse 'setup help' to see all commands.\n"},
		{"email", 2, "", "The command 'email' is invalid.\n"},
		{"email frob x", 2, "", "The command 'email frob x' is invalid.\n"},
		{"quota set a@d.test 5M", 2, "", "The command 'quota set a@d.test 5M' is invalid.\n"},
	};
	struct house *h = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (run(h, rows[i].words, "") != rows[i].status)
			fail_msg("status of %s", rows[i].words);
		if (!strstr(h->out, rows[i].out) || !strstr(h->err, rows[i].err))
			fail_msg("%s prints \"%s\" \"%s\"", rows[i].words, h->out, h->err);
		assert_int_equal(h->out[0] == 0, rows[i].out[0] == 0);
		assert_int_equal(h->err[0] == 0, rows[i].err[0] == 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(adds_and_updates_accounts),
		TEST(refuses_accounts),
		TEST(refuses_long_passwords),
		TEST(deletes_accounts),
		TEST(deletes_several),
		TEST(deletes_with_mail),
		TEST(lists_sizes),
		TEST(changes_aliases),
		TEST(lists_need_a_file),
		TEST(mode_stays_and_nothing_is_left),
		TEST(a_link_is_not_replaced),
		TEST(editors_wait_for_each_other),
		TEST(says_what_there_is),
	};

	return cmocka_run_group_tests_name("setup", tests, NULL, NULL);
}
