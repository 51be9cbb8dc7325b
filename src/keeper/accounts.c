/* SPDX-License-Identifier: Apache-2.0 */
/* The table of accounts. */
#include "keeper/accounts.h"

#include "run/accounts_file.h"
#include "run/table_lines.h"

#include <stdlib.h>

/* Keys of the map are the owner's; nobody else can choose colliding ones. */
static const struct siphash_key no_key;

static struct str lower_key(struct str key, char *room)
{
	for (size_t i = 0; i < key.n; i++)
		room[i] = ascii_lower(key.p[i]);
	return (struct str){room, key.n};
}

void *map_get_lower(const struct map *m, struct str key)
{
	char room[LOWER_KEY_MAX];

	return key.n <= sizeof(room) ? map_get(m, lower_key(key, room)) : NULL;
}

bool map_has_lower(const struct map *m, struct str key)
{
	char room[LOWER_KEY_MAX];

	return key.n <= sizeof(room) && map_has(m, lower_key(key, room));
}

const struct account *accounts_find(const struct accounts *a, struct str address)
{
	return map_get_lower(&a->by_address, address);
}

bool accounts_has_domain(const struct accounts *a, struct str domain)
{
	return map_has_lower(&a->domains, domain);
}

/* 0, ERR_EXISTS or ERR_MEMORY. */
static int keep_account(struct accounts *a, const struct account_line *line, struct account **last)
{
	struct account *account = arena_alloc(&a->arena, sizeof(*account));

	if (!account)
		return ERR_MEMORY;
	account->address = arena_str_lower(&a->arena, line->address);
	account->stored = arena_str(&a->arena, line->stored);
	account->extra = arena_str(&a->arena, line->extra);
	if (!account->address.p || !account->stored.p || !account->extra.p)
		return ERR_MEMORY;
	int rc = map_put(&a->by_address, account->address, account);

	if (rc)
		return rc;
	if (map_put(&a->domains, account_address_domain(account->address), NULL) == ERR_MEMORY)
		return ERR_MEMORY;
	if (*last)
		(*last)->next = account;
	else
		a->first = account;
	*last = account;
	a->n++;
	return 0;
}

static int read_lines(struct accounts *a, struct str contents)
{
	struct table_lines t = table_lines_of(contents);
	struct account *last = NULL;
	struct account_line line;
	struct str text;
	struct err bad;

	while (table_lines_next(&t, &text)) {
		int rc = account_line_parse(text, &line, &bad);

		if (rc)
			warnings_add(&a->warnings, &a->arena, ACCOUNTS_FILE, t.number, "%s", bad.text);
		else
			rc = keep_account(a, &line, &last);
		if (rc == ERR_MEMORY)
			return rc;
		if (rc == ERR_EXISTS)
			warnings_add(&a->warnings, &a->arena, ACCOUNTS_FILE, t.number,
				     "'%.*s' has an earlier line, this one is skipped",
				     STR_ARG(line.address));
	}
	return 0;
}

int accounts_new(struct str contents, struct accounts **out, struct err *e)
{
	if (contents.n > ACCOUNTS_FILE_MAX)
		return err_set(e, ERR_TOO_BIG, "%s is larger than %u MiB", ACCOUNTS_FILE,
			       ACCOUNTS_FILE_MAX >> 20);
	struct accounts *a = calloc(1, sizeof(*a));

	if (!a)
		return err_set(e, ERR_MEMORY, "Out of memory for %s", ACCOUNTS_FILE);
	arena_init(&a->arena, ACCOUNTS_MEMORY_MAX);
	map_init(&a->by_address, &a->arena, no_key);
	map_init(&a->domains, &a->arena, no_key);
	if (read_lines(a, contents)) {
		accounts_destroy(&a);
		return err_set(e, ERR_MEMORY, "Out of memory for %s", ACCOUNTS_FILE);
	}
	*out = a;
	return 0;
}

void accounts_destroy(struct accounts **a)
{
	if (!*a)
		return;
	/* Password hashes. */
	arena_wipe(&(*a)->arena);
	free(*a);
	*a = NULL;
}
