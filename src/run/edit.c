/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of postfix-accounts.cf, postfix-virtual.cf and dovecot-quotas.cf. */
#include "run/edit.h"

#include "run/accounts_file.h"
#include "run/aliases_file.h"
#include "run/table_lines.h"

/* Takes a physical line with its end off the front; false at the end. */
static bool cut_physical(struct str *rest, struct str *line)
{
	size_t end = str_find(*rest, '\n');

	*line = str_head(*rest, end == STR_NONE ? rest->n : end + 1);
	*rest = str_skip(*rest, line->n);
	return line->n > 0;
}

static void end_last_line(struct buf *out)
{
	if (out->n && out->p[out->n - 1] != '\n')
		buf_add_c(out, '\n');
}

static int finish(const struct buf *out, struct err *e)
{
	return buf_failed(out)
		       ? err_set(e, ERR_TOO_BIG, "The file would become larger than %zu bytes", out->max)
		       : 0;
}

/* Whether the valid line is that of the key, which ends at sep. */
static bool line_has_key(struct str line, char sep, struct str key)
{
	struct str rest = str_trim_line(line);

	return !table_line_is_void(line) && str_eq_nocase(str_trim(str_cut(&rest, sep)), key);
}

static bool any_line_starts(struct str contents, struct str prefix)
{
	struct table_lines t = table_lines_of(contents);
	struct str line;

	while (table_lines_next(&t, &line))
		if (str_starts_nocase(line, prefix))
			return true;
	return false;
}

static bool account_exists(struct str accounts, struct str address)
{
	struct table_lines t = table_lines_of(accounts);
	struct str line;

	while (table_lines_next(&t, &line))
		if (line_has_key(line, '|', address))
			return true;
	return false;
}

int edit_account_may_add(struct str accounts, struct str aliases, struct str address, struct err *e)
{
	if (str_find(address, '@') == STR_NONE)
		return err_set(e, ERR_INVALID, "'%.*s' should include the domain (eg: user@example.com)",
			       STR_ARG(address));
	if (account_address_check(address, e))
		return ERR_INVALID;
	if (account_exists(accounts, address))
		return err_set(e, ERR_EXISTS, "'%.*s' already exists", STR_ARG(address));
	if (any_line_starts(aliases, address))
		return err_set(e, ERR_EXISTS, "'%.*s' is already defined as an alias", STR_ARG(address));
	return 0;
}

int edit_account_must_exist(struct str accounts, struct str address, struct err *e)
{
	if (!account_exists(accounts, address))
		return err_set(e, ERR_NOT_FOUND, "'%.*s' does not exist", STR_ARG(address));
	return 0;
}

static void add_account_line(struct buf *out, struct str address, struct str stored)
{
	buf_printf(out, "%.*s|%.*s\n", STR_ARG(address), STR_ARG(stored));
}

int edit_account_add(struct str accounts, struct str aliases, struct str address, struct str stored,
		     struct buf *out, struct err *e)
{
	int rc = edit_account_may_add(accounts, aliases, address, e);

	if (rc)
		return rc;
	buf_add_str(out, accounts);
	end_last_line(out);
	add_account_line(out, address, stored);
	return finish(out, e);
}

/* Copies what is not a line of the key; the first one becomes stored, when given. */
static void replace_lines(struct str contents, char sep, struct str key, struct str stored, struct buf *out)
{
	struct str line;

	while (cut_physical(&contents, &line)) {
		if (!line_has_key(line, sep, key)) {
			buf_add_str(out, line);
			continue;
		}
		if (stored.n)
			add_account_line(out, key, stored);
		stored = STR("");
	}
}

int edit_account_update(struct str accounts, struct str address, struct str stored, struct buf *out,
			struct err *e)
{
	int rc = edit_account_must_exist(accounts, address, e);

	if (rc)
		return rc;
	replace_lines(accounts, '|', address, stored, out);
	return finish(out, e);
}

int edit_account_del(struct str accounts, struct str address, struct buf *out, struct err *e)
{
	int rc = edit_account_must_exist(accounts, address, e);

	if (rc)
		return rc;
	replace_lines(accounts, '|', address, STR(""), out);
	return finish(out, e);
}

int edit_quotas_forget(struct str quotas, struct str address, struct buf *out, struct err *e)
{
	replace_lines(quotas, ':', address, STR(""), out);
	return finish(out, e);
}

/* An alias with its physical lines: the first and those that continue it. */
struct entry {
	struct str whole;
	struct str key; /* empty: a comment, a blank line, or what continues behind one */
};

static bool cut_entry(struct str *rest, struct entry *entry)
{
	struct str start = *rest, line, first, ahead;

	if (!cut_physical(rest, &line))
		return false;
	entry->whole = line;
	entry->key = STR("");
	if (table_line_is_void(line) || table_line_continues(line))
		return true;
	first = str_trim_line(line);
	entry->key = str_cut_word(&first);
	for (ahead = *rest;
	     cut_physical(&ahead, &line) && table_line_continues(line) && !table_line_is_void(line);
	     *rest = ahead)
		;
	entry->whole = str_head(start, start.n - rest->n);
	return true;
}

/* The targets of all lines of an entry: newlines separate targets too. */
static struct str entry_targets(const struct entry *entry)
{
	struct str rest = str_trim_line(entry->whole);

	return str_skip(rest, entry->key.n);
}

static bool has_target(struct str targets, struct str wanted)
{
	struct str target;

	while (alias_target_next(&targets, &target))
		if (str_eq_nocase(target, wanted))
			return true;
	return false;
}

/* Writes the entry as one line without one target (empty: none) and with one
 * more (empty: none); an entry without targets is not written. */
static void rewrite_entry(const struct entry *entry, struct str less, struct str more, struct buf *out)
{
	struct str targets = entry_targets(entry), target;
	size_t start = out->n, n = 0;

	buf_add_str(out, entry->key);
	while (alias_target_next(&targets, &target)) {
		if (less.n && str_eq_nocase(target, less))
			continue;
		buf_add_z(out, n++ ? "," : " ");
		buf_add_str(out, target);
	}
	if (more.n) {
		buf_add_z(out, n++ ? "," : " ");
		buf_add_str(out, more);
	}
	buf_add_c(out, '\n');
	if (n == 0)
		buf_truncate(out, start);
}

int edit_aliases_forget(struct str aliases, struct str address, struct buf *out, struct err *e)
{
	struct entry entry;

	while (cut_entry(&aliases, &entry))
		if (entry.key.n && has_target(entry_targets(&entry), address))
			rewrite_entry(&entry, address, STR(""), out);
		else
			buf_add_str(out, entry.whole);
	return finish(out, e);
}

int edit_alias_del(struct str aliases, struct str key, struct str target, struct buf *out, struct err *e)
{
	struct entry entry;

	while (cut_entry(&aliases, &entry))
		if (entry.key.n && str_eq_nocase(entry.key, key) && has_target(entry_targets(&entry), target))
			rewrite_entry(&entry, target, STR(""), out);
		else
			buf_add_str(out, entry.whole);
	return finish(out, e);
}

/* One word that is one target: no control, so no line end inside its quotes. */
static bool is_one_target(struct str s)
{
	struct str rest = s, target;

	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ')
			return false;
	return alias_target_next(&rest, &target) && target.n == s.n && !alias_target_is_open(target);
}

static bool has_open_target(struct str targets)
{
	struct str target;

	while (alias_target_next(&targets, &target))
		if (alias_target_is_open(target))
			return true;
	return false;
}

/* A key has no quotes: it is read up to the first blank. */
static bool is_key(struct str s)
{
	return table_key_begins_line(s) && is_one_target(s) && str_find(s, ' ') == STR_NONE &&
	       str_find(s, ',') == STR_NONE && !str_ends(s, STR("@"));
}

static int may_add_alias(struct str accounts, struct str key, struct str target, struct err *e)
{
	if (!is_key(key))
		return err_set(e, ERR_INVALID, "'%.*s' is no address, name or @domain", STR_ARG(key));
	if (!is_one_target(target))
		return err_set(e, ERR_INVALID, "'%.*s' is no recipient", STR_ARG(target));
	if (any_line_starts(accounts, key))
		return err_set(e, ERR_EXISTS, "'%.*s' is already defined as an account", STR_ARG(key));
	return 0;
}

int edit_alias_add(struct str accounts, struct str aliases, struct str key, struct str target,
		   struct buf *out, struct err *e)
{
	struct entry entry;
	bool added = false;
	int rc = may_add_alias(accounts, key, target, e);

	if (rc)
		return rc;
	while (cut_entry(&aliases, &entry)) {
		if (added || !str_eq_nocase(entry.key, key)) {
			buf_add_str(out, entry.whole);
			continue;
		}
		if (has_target(entry_targets(&entry), target))
			return err_set(e, ERR_EXISTS, "'%.*s' is already an alias for recipient: '%.*s'",
				       STR_ARG(key), STR_ARG(target));
		if (has_open_target(entry_targets(&entry)))
			return err_set(e, ERR_INVALID, "The line of '%.*s' has a quote that is not closed",
				       STR_ARG(key));
		rewrite_entry(&entry, STR(""), target, out);
		added = true;
	}
	if (!added) {
		end_last_line(out);
		buf_printf(out, "%.*s %.*s\n", STR_ARG(key), STR_ARG(target));
	}
	return finish(out, e);
}

/* `    [ aliases -> a@example.com, b@example.com ]`, when there are any */
static void list_aliases_of(struct str aliases, struct str address, struct buf *out)
{
	struct entry entry;
	bool any = false;

	while (cut_entry(&aliases, &entry)) {
		if (!entry.key.n || !has_target(entry_targets(&entry), address))
			continue;
		buf_add_z(out, any ? ", " : "    [ aliases -> ");
		buf_add_str(out, entry.key);
		any = true;
	}
	if (any)
		buf_add_z(out, " ]\n");
}

int edit_account_list(struct str accounts, struct str aliases, edit_size_printer *print_size, void *context,
		      struct buf *out, struct err *e)
{
	struct table_lines t = table_lines_of(accounts);
	struct account_line account;
	struct str line;

	while (table_lines_next(&t, &line)) {
		if (account_line_parse(line, &account, e))
			continue;
		buf_printf(out, "* %.*s", STR_ARG(account.address));
		if (print_size)
			print_size(context, account.address, out);
		buf_add_c(out, '\n');
		list_aliases_of(aliases, account.address, out);
		buf_add_c(out, '\n');
	}
	return finish(out, e);
}

int edit_alias_list(struct str aliases, struct buf *out, struct err *e)
{
	struct table_lines t = table_lines_of(aliases);
	struct str line;

	while (table_lines_next(&t, &line))
		buf_printf(out, "* %.*s\n\n", STR_ARG(line));
	return finish(out, e);
}
