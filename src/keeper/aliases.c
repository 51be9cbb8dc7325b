/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of aliases. */
#include "keeper/aliases.h"

#include "keeper/accounts.h"
#include "run/accounts_file.h"
#include "run/aliases_file.h"
#include "run/table_lines.h"

#include <stdlib.h>

static const struct siphash_key no_key;

const struct alias *aliases_virtual(const struct aliases *a, struct str key)
{
	return map_get_lower(&a->virtuals, key);
}

const struct alias *aliases_local(const struct aliases *a, struct str name)
{
	return map_get_lower(&a->locals, name);
}

bool aliases_has_domain(const struct aliases *a, struct str domain)
{
	return map_has_lower(&a->domains, domain);
}

/* Where an entry came from, for its warnings. */
struct place {
	struct aliases *a;
	const char *file;
	size_t line;
};

static void warn_about(const struct place *at, const char *what, struct str name)
{
	warnings_add(&at->a->warnings, &at->a->arena, at->file, at->line, "'%.*s' %s", STR_ARG(name), what);
}

/* Keeps the alias; a second one of the key is skipped with a warning. */
static int keep_alias(const struct place *at, struct map *map, struct str key, const struct str *targets,
		      size_t n)
{
	struct arena *arena = &at->a->arena;
	struct alias *alias = arena_alloc(arena, sizeof(*alias));
	struct str *copies = arena_calloc(arena, n, sizeof(*copies));

	if (!alias || !copies)
		return ERR_MEMORY;
	for (size_t i = 0; i < n; i++) {
		copies[i] = arena_str(arena, targets[i]);
		if (!copies[i].p)
			return ERR_MEMORY;
	}
	*alias = (struct alias){arena_str_lower(arena, key), copies, n};
	int rc = alias->key.p ? map_put(map, alias->key, alias) : ERR_MEMORY;

	if (rc == ERR_EXISTS) {
		warn_about(at, "has an earlier entry, this one is skipped", key);
		return 0;
	}
	struct str domain = account_address_domain(alias->key);

	if (rc == 0 && map == &at->a->virtuals && domain.n &&
	    map_put(&at->a->domains, domain, NULL) == ERR_MEMORY)
		rc = ERR_MEMORY;
	return rc;
}

static int read_virtual(const struct place *at, struct str entry, struct str *targets)
{
	struct alias_line line;
	struct err bad;
	size_t n = 0;

	if (alias_line_parse(entry, &line, &bad)) {
		warnings_add(&at->a->warnings, &at->a->arena, at->file, at->line, "%s", bad.text);
		return 0;
	}
	while (n < ALIAS_TARGETS_MAX && alias_target_next(&line.targets, &targets[n]))
		n++;
	if (n == ALIAS_TARGETS_MAX)
		warn_about(at, "has too many targets, the rest is skipped", line.key);
	return keep_alias(at, &at->a->virtuals, line.key, targets, n);
}

static bool starts_comment(struct str s, size_t at)
{
	return s.p[at] == '#' && at > 0 && (s.p[at - 1] == ' ' || s.p[at - 1] == '\t');
}

/* Takes what stands before the separator, or before a comment, off the front,
 * without its quotes. */
static struct str cut_unless_quoted(struct str *rest, char separator)
{
	bool quoted = false;
	size_t n = 0;

	while (n < rest->n && (quoted || (rest->p[n] != separator && !starts_comment(*rest, n)))) {
		if (rest->p[n] == '\\' && quoted && n + 1 < rest->n)
			n++;
		else if (rest->p[n] == '"')
			quoted = !quoted;
		n++;
	}
	struct str taken = str_trim_line(str_head(*rest, n));

	*rest = str_skip(*rest, n);
	str_cut(rest, str_starts(*rest, STR("#")) ? '\n' : separator);
	if (taken.n >= 2 && taken.p[0] == '"' && str_find(str_skip(taken, 1), '"') == taken.n - 2)
		taken = str_skip(str_head(taken, taken.n - 1), 1);
	return str_trim_line(taken);
}

/* Why a value of /etc/aliases is not followed, or NULL. */
static const char *why_refused(struct str value)
{
	static const struct {
		struct str start;
		const char *why;
	} rows[] = {
		{STR_INIT("|"), "is a command: aliases do not run programs"},
		{STR_INIT("/"), "is a file: aliases do not write to files"},
		{STR_INIT(":include:"), "is another file: aliases do not read it"},
	};

	/* the quotes may stand behind :include: or the bar too */
	if (str_starts(value, STR("\"")))
		value = str_skip(value, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (str_starts_nocase(value, rows[i].start))
			return rows[i].why;
	return NULL;
}

static int read_local(const struct place *at, struct str entry, struct str *targets)
{
	struct str rest = str_trim_line(entry);
	bool has_colon = str_find(rest, ':') != STR_NONE;
	struct str name = cut_unless_quoted(&rest, ':');
	size_t n = 0;

	if (!has_colon || name.n == 0 || str_find(name, '@') != STR_NONE) {
		warn_about(at, "is no name with a colon behind it", name);
		return 0;
	}
	while (rest.n && n < ALIAS_TARGETS_MAX) {
		struct str value = cut_unless_quoted(&rest, ',');
		const char *why = why_refused(value);

		if (why)
			warn_about(at, why, value);
		else if (value.n)
			targets[n++] = value;
	}
	if (rest.n)
		warn_about(at, "has too many values, the rest is skipped", name);
	if (n == 0) {
		warn_about(at, "stands for nobody and is skipped", name);
		return 0;
	}
	return keep_alias(at, &at->a->locals, name, targets, n);
}

static int read_entries(struct aliases *a, const char *file, struct str contents,
			int (*read_entry)(const struct place *at, struct str entry, struct str *targets))
{
	struct str *targets = calloc(ALIAS_TARGETS_MAX, sizeof(*targets));
	struct table_lines t = table_lines_of(contents);
	struct place at = {.a = a, .file = file};
	struct buf joined;
	struct str entry;
	int rc = targets ? 0 : ERR_MEMORY;

	buf_init(&joined, ALIAS_ENTRY_MAX);
	while (rc == 0 && table_lines_next_entry(&t, &joined, &entry, &at.line)) {
		if (entry.n == 0 || entry.n > ALIAS_ENTRY_MAX)
			warn_about(&at, "entry is too long and is skipped", str_head(entry, 40));
		else
			rc = read_entry(&at, entry, targets);
	}
	buf_free(&joined);
	free(targets);
	return rc;
}

static int read_files(struct aliases *a, const struct alias_files *files)
{
	int rc = read_entries(a, ALIASES_FILE, files->virtuals, read_virtual);

	if (rc == 0)
		rc = read_entries(a, LOCAL_ALIASES_FILE, files->locals, read_local);
	if (rc == 0)
		rc = regexp_rules_init(&a->regexps, files->regexps, &a->arena, &a->warnings);
	return rc;
}

int aliases_new(const struct alias_files *files, struct aliases **out, struct err *e)
{
	if (files->virtuals.n > ALIASES_FILE_MAX || files->regexps.n > ALIASES_FILE_MAX ||
	    files->locals.n > ALIASES_FILE_MAX)
		return err_set(e, ERR_TOO_BIG, "A file of aliases is larger than %u MiB",
			       ALIASES_FILE_MAX >> 20);
	struct aliases *a = calloc(1, sizeof(*a));

	if (!a)
		return err_set(e, ERR_MEMORY, "Out of memory for aliases");
	arena_init(&a->arena, ALIASES_MEMORY_MAX);
	map_init(&a->virtuals, &a->arena, no_key);
	map_init(&a->locals, &a->arena, no_key);
	map_init(&a->domains, &a->arena, no_key);
	if (read_files(a, files)) {
		aliases_destroy(&a);
		return err_set(e, ERR_MEMORY, "Out of memory for aliases");
	}
	*out = a;
	return 0;
}

void aliases_destroy(struct aliases **a)
{
	if (!*a)
		return;
	regexp_rules_free(&(*a)->regexps);
	arena_free(&(*a)->arena);
	free(*a);
	*a = NULL;
}
