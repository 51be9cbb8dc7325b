/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aliases_file: the entries of postfix-virtual.cf, `key target[,target...]`.
 *
 * A key is an address, a bare name (for the server's own host names) or
 * `@domain`.  Targets are separated by commas or blanks; what follows a blank
 * and `#` is a comment up to the end of that line.
 */
#ifndef RUN_ALIASES_FILE_H
#define RUN_ALIASES_FILE_H

#include "base/err.h"
#include "base/str.h"

#define ALIASES_FILE "postfix-virtual.cf"

struct alias_line {
	struct str key;
	struct str targets; /* take them with alias_target_next() */
};

/* Views of the entry; ERR_INVALID with a sentence when it is no alias. */
int alias_line_parse(struct str entry, struct alias_line *out, struct err *e);

/* Takes the next target off the front; false when there is none.  Separators inside
 * the quoted string that a target begins with belong to it (RFC 5321 4.1.2). */
bool alias_target_next(struct str *targets, struct str *target);

/* Whether the target begins with a quote that is not closed (and so counts as an
 * ordinary character): what is put behind it could be taken for its end. */
bool alias_target_is_open(struct str target);

#endif
