/* SPDX-License-Identifier: Apache-2.0 */
/* manpage: the manual page, from its template and the tables. */
#ifndef CLI_MANPAGE_H
#define CLI_MANPAGE_H

#include "base/buf.h"
#include "base/err.h"
#include "cli/commands.h"

/* Adds the template (mdoc) to out; a line that is @COMMANDS@ or @SETTINGS@
 * becomes an item for each row, @VERSION@ anywhere the version.  ERR_INVALID
 * for another line of that form, ERR_TOO_BIG above out's ceiling. */
int manpage_write(struct str template, const char *version, const struct command_row *commands, size_t count,
		  struct buf *out, struct err *err);

/* Adds words so that mdoc takes none of them for a macro or an escape. */
void manpage_text(struct str text, struct buf *out);

#endif
