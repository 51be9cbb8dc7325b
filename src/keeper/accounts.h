/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accounts: who has a mailbox here, from the contents of postfix-accounts.cf.
 *
 * A table is immutable: a changed file gives a new table, and whoever works
 * with the old one finishes with it.  It copies what it keeps.  A line that is
 * no account, and the second line of an address, are skipped with a warning.
 */
#ifndef KEEPER_ACCOUNTS_H
#define KEEPER_ACCOUNTS_H

#include "base/err.h"
#include "base/map.h"
#include "keeper/warnings.h"

/* Largest file that is read, and what its table may need: more is an error. */
#define ACCOUNTS_FILE_MAX (16u << 20)
#define ACCOUNTS_MEMORY_MAX ((size_t)256 << 20)

struct account {
	const struct account *next; /* in the order of the file */
	struct str address; /* lower case: login name and address */
	struct str stored; /* see run/password.h */
	struct str extra;
};

struct accounts {
	struct arena arena;
	struct map by_address; /* lower case -> struct account */
	struct map domains; /* lower case, those of all accounts */
	const struct account *first;
	size_t n;
	struct warnings warnings;
};

/* ERR_TOO_BIG, ERR_MEMORY: nothing is made. */
int accounts_new(struct str contents, struct accounts **out, struct err *e);
void accounts_destroy(struct accounts **a);

/* The account of an address or login in any case, or NULL. */
const struct account *accounts_find(const struct accounts *a, struct str address);
/* Whether some account is at the domain, in any case. */
bool accounts_has_domain(const struct accounts *a, struct str domain);

/* The value that a map holds under the lower case of a key of at most
 * LOWER_KEY_MAX bytes (longer ones are in no table).  For tables of this room. */
#define LOWER_KEY_MAX 512
void *map_get_lower(const struct map *m, struct str key);
bool map_has_lower(const struct map *m, struct str key);

#endif
