/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_lines: the valid lines of a table file of the configuration folder.
 *
 * Blank lines and lines whose first character that is not blank is `#` are no
 * lines; CR LF counts as LF, a byte order mark at the start is skipped, and the
 * last line needs no newline.
 */
#ifndef RUN_TABLE_LINES_H
#define RUN_TABLE_LINES_H

#include "base/buf.h"

struct table_lines {
	struct str rest;
	size_t number; /* of the line that was taken last, from 1 */
};

struct table_lines table_lines_of(struct str contents);
/* The next valid line without its end; false behind the last one. */
bool table_lines_next(struct table_lines *t, struct str *line);
/* The same, joined with the lines behind it that begin with a blank or tab (they
 * continue it, postconf(5)), a newline between two.  The entry is a view of joined, or of the contents
 * when one line was enough; number is that of its first line.  An entry above
 * the ceiling of joined comes out empty. */
bool table_lines_next_entry(struct table_lines *t, struct buf *joined, struct str *entry, size_t *number);
/* Whether a line is blank or a comment. */
bool table_line_is_void(struct str line);
/* Whether a line that begins with the key is read with all of it: the key is no
 * comment, continuation or byte order mark. */
bool table_key_begins_line(struct str key);
/* Whether a line begins with a blank or tab. */
bool table_line_continues(struct str line);

#endif
