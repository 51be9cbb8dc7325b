/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regexp_rules: postfix-regexp.cf, a pcre table (pcre_table(5)).
 *
 *   /pattern/flags  target, target     the first match wins
 *   !/pattern/flags target             matches what the pattern does not
 *   if /pattern/flags ... endif        rules for what matches the pattern only
 *
 * Any character that is no letter or digit may stand for the slash.  Matching
 * ignores case and lets a dot match newlines; the flags i and s switch that off,
 * m, x, A, E and U switch PCRE2's MULTILINE, EXTENDED, ANCHORED, DOLLAR_ENDONLY
 * and UNGREEDY on, X has no meaning any more.  In targets $1, ${1} and $(1) are
 * what the groups matched, $$ is a dollar sign.
 *
 * Patterns are the owner's, subjects are strangers': the steps of one match are
 * limited, and the caller limits the number of tries.  The interpreter is used,
 * not the JIT compiler, which needs memory that is writable and executable.
 */
#ifndef KEEPER_REGEXP_RULES_H
#define KEEPER_REGEXP_RULES_H

#include "base/err.h"
#include "keeper/warnings.h"
#include "run/table_files.h"

#define REGEXP_RULES_MAX 10000
#define REGEXP_PATTERN_MAX 4096
/* Steps, and KiB of memory, of one match. */
#define REGEXP_MATCH_LIMIT 20000
#define REGEXP_HEAP_LIMIT 1024
/* Bytes that the targets of one match may have. */
#define REGEXP_RESULT_MAX 65536

struct regexp_rule;

struct regexp_rules {
	struct regexp_rule *first;
	struct regexp_rule *last;
	size_t n;
	void *limits; /* of PCRE2 */
};

/* Adds the rules of a file; texts are kept in the arena, which has to outlive the
 * rules.  A bad rule is skipped with a warning.  ERR_MEMORY. */
int regexp_rules_init(struct regexp_rules *r, struct str contents, struct arena *a, struct warnings *w);
void regexp_rules_free(struct regexp_rules *r);

/* The subject is an address; one with characters that could pass for the separators
 * of targets (address_is_plain()) matches nothing.
 * 0: *targets (in the arena) is the substituted right side of the first rule that
 * matches.  ERR_NOT_FOUND.  ERR_TOO_BIG: a limit was reached, or *tries, which
 * each try lowers, is 0.  ERR_MEMORY. */
int regexp_rules_match(const struct regexp_rules *r, struct str subject, size_t *tries, struct arena *a,
		       struct str *targets);

#endif
