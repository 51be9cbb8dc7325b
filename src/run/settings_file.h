/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings_file: the form of the configuration file, knowing no key.
 *
 *	# comment
 *	key = value
 *	key = a long value
 *	    that goes on in indented lines
 *
 * Lines of blanks and lines whose first character that is no blank is '#' mean
 * nothing, also between a line and its continuation.  CR before LF and a byte
 * order mark at the start are tolerated.
 */
#ifndef RUN_SETTINGS_FILE_H
#define RUN_SETTINGS_FILE_H

#include "base/buf.h"

struct settings_reader {
	struct str rest;
	unsigned line; /* of what stands first in rest, from 1 */
};

struct settings_line {
	unsigned line; /* where the key stands */
	struct str key; /* never empty unless wrong */
	struct str raw; /* all behind the '=', to the end of the last continuation */
	const char *wrong; /* NULL, or why this is no assignment; key is then the first line */
};

void settings_reader_init(struct settings_reader *r, struct str text);
/* False at the end.  The views lie in the text. */
bool settings_reader_next(struct settings_reader *r, struct settings_line *out);

/* Adds the value that raw stands for: the lines without blanks at their ends,
 * one blank between them.  Where comments is set, a '#' that begins a line's
 * value or has a blank before it begins a comment. */
void settings_join(struct str raw, bool comments, struct buf *out);

#endif
