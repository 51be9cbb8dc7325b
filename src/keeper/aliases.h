/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aliases: which names stand for others, from the contents of three files.
 *
 *   postfix-virtual.cf   addresses, bare names for our own host names, @domain;
 *                        the first entry of a key wins
 *   postfix-regexp.cf    see regexp_rules.h
 *   postfix-aliases.cf   `name: value, ...` as in /etc/aliases, for mail to our own
 *                        host names; the first entry of a name wins
 *
 * Commands, files and :include: in postfix-aliases.cf are refused with a
 * warning: the room opens nothing and runs nothing.  A table is immutable, as
 * that of the accounts.
 */
#ifndef KEEPER_ALIASES_H
#define KEEPER_ALIASES_H

#include "base/map.h"
#include "keeper/regexp_rules.h"

#define ALIASES_FILE_MAX (16u << 20)
#define ALIASES_MEMORY_MAX ((size_t)256 << 20)
/* Targets of one entry, and bytes of one entry with its continuation lines. */
#define ALIAS_TARGETS_MAX 1000
#define ALIAS_ENTRY_MAX 65536

struct alias {
	struct str key; /* lower case */
	const struct str *targets; /* as written */
	size_t n;
};

struct alias_files {
	struct str virtuals, regexps, locals; /* contents; empty when there is no file */
};

struct aliases {
	struct arena arena;
	struct map virtuals; /* lower-case key -> struct alias */
	struct map locals; /* lower-case name -> struct alias */
	struct map domains; /* lower case, those of the keys of virtuals */
	struct regexp_rules regexps;
	struct warnings warnings;
};

/* ERR_TOO_BIG, ERR_MEMORY: nothing is made. */
int aliases_new(const struct alias_files *files, struct aliases **out, struct err *e);
void aliases_destroy(struct aliases **a);

/* The alias of a key or name in any case, or NULL. */
const struct alias *aliases_virtual(const struct aliases *a, struct str key);
const struct alias *aliases_local(const struct aliases *a, struct str name);
/* Whether the domain is that of a key. */
bool aliases_has_domain(const struct aliases *a, struct str domain);

#endif
