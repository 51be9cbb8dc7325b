/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts, aliases and domains, as the table files have them. */
#include "cli/doctor_checks.h"

#include "base/map.h"
#include "cli/table_edit.h"
#include "run/accounts_file.h"
#include "run/aliases_file.h"
#include "run/table_files.h"
#include "run/table_lines.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_MAX ((size_t)256 << 20)

struct tables {
	struct buf accounts, aliases;
	struct arena arena; /* lower-case copies of names */
	struct map people; /* accounts and keys of aliases */
	struct map domains; /* theirs */
	size_t account_count;
	size_t alias_count;
};

static struct str lower(struct tables *t, struct str s)
{
	return arena_str_lower(&t->arena, s);
}

/* ERR_EXISTS: it was known before. */
static int know(struct tables *t, struct str address)
{
	struct str name = lower(t, address), domain = account_address_domain(name);

	if (domain.n)
		map_put(&t->domains, domain, NULL);
	return map_put(&t->people, name, NULL);
}

static const char *folder_of(const struct doctor *d)
{
	return settings_text(d->s, SET_CONFIG_DIR).p;
}

/* --- accounts ------------------------------------------------------------------------------- */

static void check_accounts(struct doctor *d, struct tables *t)
{
	struct table_lines lines = table_lines_of(buf_str(&t->accounts));
	struct account_line account;
	unsigned wrong = d->count[DOCTOR_WRONG];
	struct str line;
	struct err e;

	while (table_lines_next(&lines, &line)) {
		if (account_line_parse(line, &account, &e) != 0) {
			doctor_say(d, DOCTOR_WRONG, "accounts", "%s/" ACCOUNTS_FILE ":%zu: %s; mend the line",
				   folder_of(d), lines.number, e.text);
			continue;
		}
		t->account_count++;
		if (know(t, account.address) == ERR_EXISTS)
			doctor_say(d, DOCTOR_WRONG, "accounts",
				   "%s/" ACCOUNTS_FILE
				   ":%zu: '%.*s' is there a second time and does not count; "
				   "remove the line",
				   folder_of(d), lines.number, STR_ARG(account.address));
	}
	if (t->account_count == 0)
		doctor_say(d, DOCTOR_WARNING, "accounts",
			   "there is none, so nobody gets mail; mailstead setup email add anna@example.org");
	else if (d->count[DOCTOR_WRONG] == wrong)
		doctor_say(d, DOCTOR_OK, "accounts", "%zu, each in order", t->account_count);
}

/* --- aliases ---------------------------------------------------------------------------------- */

/* A pass over the entries of postfix-virtual.cf. */
struct alias_pass {
	struct table_lines lines;
	struct buf joined;
	size_t number;
};

static struct alias_pass pass_begin(const struct tables *t)
{
	struct alias_pass p = {.lines = table_lines_of(buf_str(&t->aliases))};

	buf_init(&p.joined, TABLE_FILE_MAX);
	return p;
}

/* The next entry; false behind the last, and then the pass is ended. */
static bool pass_next(struct alias_pass *p, struct str *entry)
{
	if (table_lines_next_entry(&p->lines, &p->joined, entry, &p->number))
		return true;
	buf_free(&p->joined);
	return false;
}

static void learn_aliases(struct doctor *d, struct tables *t)
{
	struct alias_pass p = pass_begin(t);
	struct alias_line alias;
	struct map keys;
	struct str entry;
	struct err e;

	map_init(&keys, &t->arena, (struct siphash_key){0});
	while (pass_next(&p, &entry)) {
		if (alias_line_parse(entry, &alias, &e) != 0) {
			doctor_say(d, DOCTOR_WRONG, "aliases", "%s/" ALIASES_FILE ":%zu: %s; mend the line",
				   folder_of(d), p.number, e.text);
			continue;
		}
		t->alias_count++;
		know(t, alias.key);
		if (map_put(&keys, lower(t, alias.key), NULL) == ERR_EXISTS)
			doctor_say(d, DOCTOR_WARNING, "aliases",
				   "%s/" ALIASES_FILE
				   ":%zu: '%.*s' is there a second time and does not count; put its "
				   "targets into the first line",
				   folder_of(d), p.number, STR_ARG(alias.key));
	}
}

/* user+tag@domain -> user@domain */
static bool knows_without_tag(struct tables *t, struct str name, struct str delimiters)
{
	struct str local = account_address_local(name), domain = account_address_domain(name);

	for (size_t i = 1; i < local.n; i++)
		if (str_find(delimiters, local.p[i]) != STR_NONE)
			return map_has(&t->people,
				       arena_join(&t->arena, str_head(local, i), STR("@"), domain));
	return false;
}

/* Whether mail for it finds somebody; what is not ours goes to somebody else. */
static bool is_somebody(const struct doctor *d, struct tables *t, struct str target)
{
	struct str name = lower(t, target), domain = account_address_domain(name);

	return domain.n == 0 || !map_has(&t->domains, domain) || map_has(&t->people, name) ||
	       str_starts(name, STR("@")) || str_starts(name, STR("postmaster@")) ||
	       map_has(&t->people, arena_join(&t->arena, STR("@"), domain, STR(""))) ||
	       knows_without_tag(t, name, settings_text(d->s, SET_RECIPIENT_DELIMITER));
}

static void check_targets(struct doctor *d, struct tables *t)
{
	struct alias_pass p = pass_begin(t);
	struct alias_line alias;
	struct str entry, target;
	struct err e;

	while (pass_next(&p, &entry)) {
		if (alias_line_parse(entry, &alias, &e) != 0)
			continue;
		while (alias_target_next(&alias.targets, &target))
			if (!is_somebody(d, t, target))
				doctor_say(d, DOCTOR_WRONG, "aliases",
					   "%s/" ALIASES_FILE ":%zu: '%.*s' leads to '%.*s', who is nobody "
					   "here; mailstead setup email "
					   "add %.*s, or change the line",
					   folder_of(d), p.number, STR_ARG(alias.key), STR_ARG(target),
					   STR_ARG(target));
	}
}

static void check_aliases(struct doctor *d, struct tables *t, bool patterns)
{
	unsigned said = d->count[DOCTOR_WRONG] + d->count[DOCTOR_WARNING];

	learn_aliases(d, t);
	/* A pattern may take what no line names. */
	if (!patterns)
		check_targets(d, t);
	if (t->alias_count > 0 && d->count[DOCTOR_WRONG] + d->count[DOCTOR_WARNING] == said)
		doctor_say(d, DOCTOR_OK, "aliases", "%zu, each in order", t->alias_count);
}

/* --- reading ----------------------------------------------------------------------------------- */

static bool read_tables(struct doctor *d, struct tables *t, bool *patterns)
{
	size_t max = TABLE_FILE_MAX + 2 * 4096;
	struct table_folder folder = {-1, -1};
	bool exists;
	struct err e;

	*t = (struct tables){0};
	buf_init(&t->accounts, max);
	buf_init(&t->aliases, max);
	arena_init(&t->arena, MEMORY_MAX);
	map_init(&t->people, &t->arena, (struct siphash_key){0});
	map_init(&t->domains, &t->arena, (struct siphash_key){0});
	int code = table_folder_open(&folder, folder_of(d), &e);

	if (code == 0)
		code = table_read(&folder, ACCOUNTS_FILE, &t->accounts, &exists, &e);
	if (code == 0)
		code = table_read(&folder, ALIASES_FILE, &t->aliases, &exists, &e);
	*patterns = folder.dir >= 0 && faccessat(folder.dir, REGEXP_FILE, F_OK, 0) == 0;
	table_folder_close(&folder);
	if (code)
		doctor_say(d, DOCTOR_WRONG, "accounts", "%s; run doctor as root", e.text);
	return code == 0;
}

static void free_tables(struct tables *t)
{
	buf_wipe(&t->accounts);
	buf_free(&t->aliases);
	arena_free(&t->arena);
}

void doctor_check_tables(struct doctor *d)
{
	struct tables t;
	bool patterns;

	if (read_tables(d, &t, &patterns)) {
		check_accounts(d, &t);
		check_aliases(d, &t, patterns);
	}
	free_tables(&t);
}

/* --- a domain ------------------------------------------------------------------------------------ */

static size_t count_accounts(const struct tables *t, struct str domain)
{
	struct table_lines lines = table_lines_of(buf_str(&t->accounts));
	struct account_line account;
	struct str line;
	size_t n = 0;
	struct err e;

	while (table_lines_next(&lines, &line))
		if (account_line_parse(line, &account, &e) == 0)
			n += str_eq_nocase(account_address_domain(account.address), domain);
	return n;
}

/* Learns who there is, without a word. */
static void learn_quietly(struct tables *t)
{
	struct table_lines lines = table_lines_of(buf_str(&t->accounts));
	struct alias_pass p = pass_begin(t);
	struct account_line account;
	struct alias_line alias;
	struct str line;
	struct err e;

	while (table_lines_next(&lines, &line))
		if (account_line_parse(line, &account, &e) == 0)
			know(t, account.address);
	while (pass_next(&p, &line))
		if (alias_line_parse(line, &alias, &e) == 0)
			know(t, alias.key);
}

static void say_domain(struct doctor *d, struct tables *t, struct str domain)
{
	struct str name = lower(t, domain);
	struct str postmaster = arena_join(&t->arena, STR("postmaster@"), name, STR(""));
	bool catch_all = map_has(&t->people, arena_join(&t->arena, STR("@"), name, STR("")));

	if (!map_has(&t->domains, name)) {
		doctor_say(d, DOCTOR_WRONG, "domain",
			   "%.*s is none of this server's; mailstead setup email add anna@%.*s",
			   STR_ARG(domain), STR_ARG(domain));
		return;
	}
	doctor_say(d, DOCTOR_OK, "domain", "%.*s is ours%s; accounts: %zu", STR_ARG(domain),
		   catch_all ? ", with a catch-all" : "", count_accounts(t, domain));
	/* RFC 5321 4.5.1: it must reach somebody. */
	if (map_has(&t->people, postmaster) || catch_all)
		doctor_say(d, DOCTOR_OK, "domain", "%.*s has an owner", STR_ARG(postmaster));
	else
		doctor_say(
			d, DOCTOR_WARNING, "domain",
			"nobody is named for %.*s, so the first account gets its mail; mailstead setup alias "
			"add %.*s anna@%.*s",
			STR_ARG(postmaster), STR_ARG(postmaster), STR_ARG(domain));
}

void doctor_check_domain(struct doctor *d, struct str domain)
{
	struct tables t;
	bool patterns;

	if (read_tables(d, &t, &patterns)) {
		learn_quietly(&t);
		say_domain(d, &t, domain);
	}
	free_tables(&t);
}
