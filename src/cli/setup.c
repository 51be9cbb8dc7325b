/* SPDX-License-Identifier: Apache-2.0 */
/* `setup email ...` and `setup alias ...`. */
#include "cli/setup.h"

#include "cli/table_edit.h"
#include "run/accounts_file.h"
#include "run/aliases_file.h"
#include "run/edit.h"
#include "run/password.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define QUOTAS_FILE "dovecot-quotas.cf"

/* One command line: what stands behind the name of the command. */
struct call {
	const char *config_dir;
	const struct setup_server *server; /* NULL: none */
	const char *script; /* the name in log lines */
	const char *usage;
	int argc;
	char **argv;
};

/* docker-mailserver's line: time, level, script, text; coloured on a terminal. */
static void log_line(const struct call *call, const char *level, const char *colour, const char *text)
{
	bool tty = isatty(STDERR_FILENO);
	time_t now = time(NULL);
	char stamp[40];
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S%z", &tm);
	/* RFC 3339 wants a colon in the zone */
	fprintf(stderr, "%.22s:%s %s%s%s %s: %s\n", stamp, stamp + 22, tty ? colour : "", level,
		tty ? "\033[0m" : "", call->script, text);
}

static int fail(const struct call *call, const char *text)
{
	log_line(call, "ERROR", "\033[91m", text);
	log_line(call, "ERROR", "\033[91m", "Aborting");
	return 1;
}

/* The three files, with room for the new contents of one. */
struct tables {
	struct table_folder folder;
	struct buf accounts, aliases, quotas, out;
	bool has_accounts, has_aliases, has_quotas;
};

static void tables_close(struct tables *t)
{
	table_folder_close(&t->folder);
	buf_free(&t->accounts);
	buf_free(&t->aliases);
	buf_free(&t->quotas);
	buf_free(&t->out);
}

/* Reads the files; with change under the lock.  Close it in any case. */
static int tables_open(struct tables *t, const struct call *call, bool change, struct err *e)
{
	/* read() gets whole pieces of 4096 bytes to fill */
	size_t max = TABLE_FILE_MAX + 2 * 4096;

	*t = (struct tables){.folder = {-1, -1}};
	buf_init(&t->accounts, max);
	buf_init(&t->aliases, max);
	buf_init(&t->quotas, max);
	buf_init(&t->out, TABLE_FILE_MAX);
	int rc = change ? table_folder_lock(&t->folder, call->config_dir, e)
			: table_folder_open(&t->folder, call->config_dir, e);

	if (rc == 0)
		rc = table_read(&t->folder, ACCOUNTS_FILE, &t->accounts, &t->has_accounts, e);
	if (rc == 0)
		rc = table_read(&t->folder, ALIASES_FILE, &t->aliases, &t->has_aliases, e);
	if (rc == 0)
		rc = table_read(&t->folder, QUOTAS_FILE, &t->quotas, &t->has_quotas, e);
	return rc;
}

/* Writes t->out unless it is what is there already. */
static int tables_save(struct tables *t, const char *name, const struct buf *old, struct err *e)
{
	if (str_eq(buf_str(&t->out), buf_str(old)))
		return 0;
	return table_write(&t->folder, name, buf_str(&t->out), old == &t->accounts, e);
}

static void set_echo(bool on)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &t))
		return;
	t.c_lflag = on ? t.c_lflag | ECHO : t.c_lflag & ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &t);
}

/* One line of standard input without its end; on a terminal behind the prompt.
 * false when the line is longer than size - 1. */
static bool ask(const char *prompt, bool secret, char *line, size_t size)
{
	bool tty = isatty(STDIN_FILENO), whole = true;
	size_t n = 0;
	int c;

	if (tty)
		fputs(prompt, stderr);
	if (tty && secret)
		set_echo(false);
	while ((c = getchar()) != EOF && c != '\n') {
		whole = n + 1 < size;
		if (whole)
			line[n++] = (char)c;
	}
	line[n] = 0;
	if (tty && secret) {
		set_echo(true);
		fputc('\n', stderr);
	}
	return whole;
}

/* The password of the command line, or asked for twice; room for size bytes. */
static int get_password(const struct call *call, char *password, size_t size, struct err *e)
{
	char again[PASSWORD_MAX + 1];
	bool whole = true, same = true;

	if (call->argc > 1 && call->argv[1][0])
		whole = (size_t)snprintf(password, size, "%s", call->argv[1]) < size;
	else {
		whole = ask("Enter Password: ", true, password, size);
		if (whole && !password[0])
			return err_set(e, ERR_INVALID, "Password must not be empty");
		whole = ask("Confirm Password: ", true, again, sizeof(again)) && whole;
		same = strcmp(password, again) == 0;
		explicit_bzero(again, sizeof(again));
	}
	if (!whole)
		return err_set(e, ERR_INVALID, "Password is longer than %d bytes", PASSWORD_MAX);
	return same ? 0 : err_set(e, ERR_INVALID, "Passwords do not match!");
}

static int hash_password(const struct call *call, struct buf *stored, struct err *e)
{
	char password[PASSWORD_MAX + 1];
	int rc = get_password(call, password, sizeof(password), e);

	if (rc == 0)
		rc = password_make(str_of(password), stored, e);
	explicit_bzero(password, sizeof(password));
	return rc;
}

/* The address in lower case, with a warning when it was not. */
static void lower_address(const struct call *call)
{
	char *address = call->argv[0];
	char text[512];
	struct buf b;

	buf_init(&b, 400);
	buf_add_z(&b, address);
	for (char *p = address; *p; p++)
		*p = ascii_lower(*p);
	if (!buf_failed(&b) && !str_eq(buf_str(&b), str_of(address))) {
		snprintf(text, sizeof(text),
			 "Mail account '%.*s' has uppercase letters and will be normalized to '%s'",
			 STR_ARG(buf_str(&b)), address);
		log_line(call, "WARN ", "\033[93m", text);
	}
	buf_free(&b);
}

/* What can be said before a password is asked for. */
static int check_account(const struct call *call, bool add, struct err *e)
{
	struct str address = str_of(call->argv[0]);
	struct tables t;
	int rc = tables_open(&t, call, false, e);

	if (rc == 0)
		rc = add ? edit_account_may_add(buf_str(&t.accounts), buf_str(&t.aliases), address, e)
			 : edit_account_must_exist(buf_str(&t.accounts), address, e);
	tables_close(&t);
	return rc;
}

static int store_account(const struct call *call, bool add, struct str stored, struct err *e)
{
	struct str address = str_of(call->argv[0]);
	struct tables t;
	int rc = tables_open(&t, call, true, e);

	if (rc == 0)
		rc = add ? edit_account_add(buf_str(&t.accounts), buf_str(&t.aliases), address, stored,
					    &t.out, e)
			 : edit_account_update(buf_str(&t.accounts), address, stored, &t.out, e);
	if (rc == 0)
		rc = tables_save(&t, ACCOUNTS_FILE, &t.accounts, e);
	tables_close(&t);
	return rc;
}

static int try_set_account(const struct call *call, bool add, struct err *e)
{
	struct buf stored;

	buf_init(&stored, PASSWORD_STORED_MAX);
	lower_address(call);
	int rc = check_account(call, add, e);

	if (rc == 0)
		rc = hash_password(call, &stored, e);
	if (rc == 0)
		rc = store_account(call, add, buf_str(&stored), e);
	buf_free(&stored);
	return rc;
}

static int set_account(const struct call *call, bool add)
{
	struct err e;

	return try_set_account(call, add, &e) ? fail(call, e.text) : 0;
}

static int email_add(const struct call *call)
{
	return set_account(call, true);
}

static int email_update(const struct call *call)
{
	return set_account(call, false);
}

/* Takes one address out of all files, the accounts last, so that it can be tried again. */
static int delete_account(const struct call *call, struct str address, struct err *e)
{
	struct tables t;
	int rc = tables_open(&t, call, true, e);

	if (rc == 0)
		rc = edit_account_must_exist(buf_str(&t.accounts), address, e);
	if (rc == 0)
		rc = edit_aliases_forget(buf_str(&t.aliases), address, &t.out, e);
	if (rc == 0)
		rc = tables_save(&t, ALIASES_FILE, &t.aliases, e);
	buf_clear(&t.out);
	if (rc == 0)
		rc = edit_quotas_forget(buf_str(&t.quotas), address, &t.out, e);
	if (rc == 0)
		rc = tables_save(&t, QUOTAS_FILE, &t.quotas, e);
	buf_clear(&t.out);
	if (rc == 0)
		rc = edit_account_del(buf_str(&t.accounts), address, &t.out, e);
	if (rc == 0)
		rc = tables_save(&t, ACCOUNTS_FILE, &t.accounts, e);
	tables_close(&t);
	return rc;
}

static int has_any_account(const struct call *call, bool *any, struct err *e)
{
	struct tables t;
	int rc = tables_open(&t, call, false, e);

	*any = t.accounts.n > 0;
	tables_close(&t);
	return rc;
}

static bool server_runs(const struct call *call)
{
	return call->server && call->server->runs(call->server->arg);
}

/* The account is in no table any more, which the server has to know before its mail goes: else
 * more would come. */
static int remove_mail(const struct call *call, struct str address, bool *had, struct err *e)
{
	const struct setup_server *server = call->server;

	if (server->reload(server->arg) != 0)
		return err_set(e, ERR_BUSY, "The server did not take the tables over: '%.*s' keeps its mails",
			       STR_ARG(address));
	int rc = server->remove(server->arg, address, had, e);

	return rc ? err_prefix(e, "The mails of '%.*s' could not be removed", STR_ARG(address)), rc : 0;
}

static int no_mail(const struct call *call, struct str address, struct err *e)
{
	struct str user = str_cut(&address, '@');

	return err_set(e, ERR_NOT_FOUND, "Mailbox data directory '%s/accounts/%.*s/%.*s' does not exist",
		       call->server->data_dir, STR_ARG(address), STR_ARG(user));
}

/* Mail that was left when its removal failed goes without the account being there. */
static int delete_with_mail(const struct call *call, struct str address, struct err *e)
{
	bool had = false;
	struct err absent;
	int rc = delete_account(call, address, &absent), removed;

	if (rc && rc != ERR_NOT_FOUND) {
		*e = absent;
		return rc;
	}
	removed = remove_mail(call, address, &had, e);
	if (removed)
		return removed;
	if (rc && !had)
		*e = absent;
	return had ? 0 : rc ? rc : no_mail(call, address, e);
}

static int delete_accounts(const struct call *call, bool with_mail)
{
	char text[512];
	struct err e;

	if (with_mail && !server_runs(call))
		return fail(call, "Mails can be removed only while the server runs: nothing was deleted");
	for (int i = 0; i < call->argc; i++) {
		struct str address = str_of(call->argv[i]);

		if (with_mail ? delete_with_mail(call, address, &e) : delete_account(call, address, &e))
			return fail(call, e.text);
		snprintf(text, sizeof(text), "'%.300s' and associated data (aliases, quotas) deleted",
			 call->argv[i]);
		log_line(call, "INFO ", "\033[94m", text);
	}
	return 0;
}

static int email_del(const struct call *call)
{
	struct call rest = *call;
	bool with_mail = false, asked = false, any;
	char answer[8];
	struct err e;

	for (; rest.argc > 0 && rest.argv[0][0] == '-'; rest.argv++, rest.argc--) {
		with_mail = strcmp(rest.argv[0], "-y") == 0;
		asked = with_mail || strcmp(rest.argv[0], "-n") == 0;
		if (asked)
			continue;
		puts(call->usage);
		return fail(call, "The option '?' is unknown");
	}
	if (rest.argc == 0) {
		puts(call->usage);
		return 1;
	}
	if (has_any_account(call, &any, &e))
		return fail(call, e.text);
	if (!any)
		return 0;
	if (!asked) {
		ask("Do you want to delete the mailbox data as well (removing all mails)? [y/N] ", false,
		    answer, sizeof(answer));
		with_mail = answer[0] == 'y' || answer[0] == 'Y';
	}
	return delete_accounts(&rest, with_mail);
}

/* A list needs a file with something in it. */
static int check_listable(const struct call *call, const char *name, bool exists, const struct buf *contents,
			  struct err *e)
{
	if (!exists)
		return err_set(e, ERR_NOT_FOUND, "'%s/%s' does not exist", call->config_dir, name);
	if (contents->n == 0)
		return err_set(e, ERR_NOT_FOUND, "'%s/%s' is empty, nothing to list", call->config_dir, name);
	return 0;
}

static int print_list(const struct call *call, struct tables *t, int rc, const struct err *e)
{
	if (rc == 0)
		fwrite(t->out.p, 1, t->out.n, stdout);
	tables_close(t);
	return rc ? fail(call, e->text) : 0;
}

/* As numfmt --to=iec writes it: rounded up, one decimal below 10. */
static void put_iec(struct buf *out, uint64_t n)
{
	static const char units[] = "KMGTPE";
	uint64_t unit = 1;
	size_t at = 0;

	for (; at < sizeof(units) - 1 && (n + unit - 1) / unit >= 1024; at++)
		unit *= 1024;
	uint64_t whole = n / unit, tenths = ((n % unit) * 10 + unit - 1) / unit;

	if (at == 0 || whole * 10 + tenths >= 100)
		buf_printf(out, "%" PRIu64, whole + (n % unit > 0));
	else
		buf_printf(out, "%" PRIu64 ".%" PRIu64, whole + tenths / 10, tenths % 10);
	if (at > 0)
		buf_add_c(out, units[at - 1]);
}

/* There are no limits. */
static void print_size(void *context, struct str address, struct buf *out)
{
	const struct setup_server *server = context;
	uint64_t bytes = 0;

	if (server->usage(server->arg, address, &bytes) != 0)
		return;
	buf_add_z(out, " ( ");
	put_iec(out, (bytes + 1023) / 1024 * 1024);
	buf_add_z(out, " / ~ ) [0%]");
}

static int email_list(const struct call *call)
{
	bool sizes = server_runs(call);
	struct tables t;
	struct err e;
	int rc = tables_open(&t, call, false, &e);

	if (rc == 0)
		rc = check_listable(call, ACCOUNTS_FILE, t.has_accounts, &t.accounts, &e);
	if (rc == 0)
		rc = edit_account_list(buf_str(&t.accounts), buf_str(&t.aliases), sizes ? print_size : NULL,
				       (void *)(uintptr_t)call->server, &t.out, &e);
	return print_list(call, &t, rc, &e);
}

static int alias_list(const struct call *call)
{
	struct tables t;
	struct err e;
	int rc = tables_open(&t, call, false, &e);

	if (rc == 0)
		rc = check_listable(call, ALIASES_FILE, t.has_aliases, &t.aliases, &e);
	if (rc == 0)
		rc = edit_alias_list(buf_str(&t.aliases), &t.out, &e);
	return print_list(call, &t, rc, &e);
}

static int change_alias(const struct call *call, bool add)
{
	struct str key = str_of(call->argv[0]), target = str_of(call->argv[1]);
	struct tables t;
	struct err e;
	int rc = tables_open(&t, call, true, &e);

	if (rc == 0)
		rc = add ? edit_alias_add(buf_str(&t.accounts), buf_str(&t.aliases), key, target, &t.out, &e)
			 : edit_alias_del(buf_str(&t.aliases), key, target, &t.out, &e);
	if (rc == 0)
		rc = tables_save(&t, ALIASES_FILE, &t.aliases, &e);
	tables_close(&t);
	return rc ? fail(call, e.text) : 0;
}

static int alias_add(const struct call *call)
{
	return change_alias(call, true);
}

static int alias_del(const struct call *call)
{
	return change_alias(call, false);
}

static const struct {
	const char *group, *name;
	const char *script; /* docker-mailserver's name of it, for log lines */
	int min_args;
	int (*run)(const struct call *call);
	const char *arguments;
	const char *help;
} commands[] = {
	{"email", "add", "addmailuser", 1, email_add, "<EMAIL ADDRESS> [<PASSWORD>]", "adds an account"},
	{"email", "update", "updatemailuser", 1, email_update, "<EMAIL ADDRESS> [<PASSWORD>]",
	 "sets a new password"},
	{"email", "del", "delmailuser", 1, email_del, "[-y|-n] <EMAIL ADDRESS>...",
	 "deletes accounts with their aliases and quotas"},
	{"email", "list", "listmailuser", 0, email_list, "", "lists the accounts"},
	{"alias", "add", "addalias", 2, alias_add, "<ALIAS> <RECIPIENT>",
	 "lets an address stand for another"},
	{"alias", "del", "delalias", 2, alias_del, "<ALIAS> <RECIPIENT>", "takes a recipient from an alias"},
	{"alias", "list", "listalias", 0, alias_list, "", "lists the aliases"},
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

/* The commands of a group, or all of them (NULL). */
static void print_usage(const char *group)
{
	printf("Usage: setup %s <COMMAND>\n\n", group ? group : "<email|alias>");
	for (size_t i = 0; i < COMMANDS; i++)
		if (!group || strcmp(group, commands[i].group) == 0)
			printf("    setup %s %s %s\n        %s\n", commands[i].group, commands[i].name,
			       commands[i].arguments, commands[i].help);
}

static bool is_group(const char *word)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(word, commands[i].group) == 0)
			return true;
	return false;
}

static int refuse(int argc, char **argv)
{
	fputs("The command '", stderr);
	for (int i = 1; i < argc; i++)
		fprintf(stderr, "%s%s", i > 1 ? " " : "", argv[i]);
	fputs("' is invalid.\nUse 'setup help' to see all commands.\n", stderr);
	return 2;
}

static int run_command(size_t i, int argc, char **argv, const char *config_dir,
		       const struct setup_server *server)
{
	char usage[200];
	struct call call = {config_dir, server, commands[i].script, usage, argc, argv};
	bool help = argc == 1 && strcmp(argv[0], "help") == 0;

	snprintf(usage, sizeof(usage), "Usage: setup %s %s %s", commands[i].group, commands[i].name,
		 commands[i].arguments);
	if (help || argc < commands[i].min_args) {
		puts(usage);
		return help ? 0 : 1;
	}
	return commands[i].run(&call);
}

int cmd_setup(int argc, char **argv, const char *config_dir, const struct setup_server *server)
{
	if (argc < 2 || (argc == 2 && strcmp(argv[1], "help") == 0)) {
		print_usage(NULL);
		return 0;
	}
	if (argc == 3 && is_group(argv[1]) && strcmp(argv[2], "help") == 0) {
		print_usage(argv[1]);
		return 0;
	}
	for (size_t i = 0; argc > 2 && i < COMMANDS; i++)
		if (strcmp(argv[1], commands[i].group) == 0 && strcmp(argv[2], commands[i].name) == 0)
			return run_command(i, argc - 3, argv + 3, config_dir, server);
	return refuse(argc, argv);
}

/* --- for `mailstead init` ----------------------------------------------------------------- */

int setup_has_account(const char *config_dir, const char *address, struct err *e)
{
	struct call call = {
		.config_dir = config_dir, .argc = 1, .argv = (char *[]){(char *)(uintptr_t)address}};

	return check_account(&call, false, e);
}

int setup_add_account(const char *config_dir, const char *address, const char *password, struct err *e)
{
	char lowered[400]; /* longer ones are refused */
	char *argv[] = {lowered, (char *)(uintptr_t)password};
	struct call call = {
		.config_dir = config_dir, .script = "init", .argc = password ? 2 : 1, .argv = argv};

	snprintf(lowered, sizeof(lowered), "%s", address);
	return try_set_account(&call, true, e);
}
