/* SPDX-License-Identifier: Apache-2.0 */
/* imap_unit: a whole command from bytes, for tests and fuzz targets. */
#ifndef FORMAT_IMAP_UNIT_H
#define FORMAT_IMAP_UNIT_H

#include "format/imap_read.h"

/* Collects the first command of in, with all its literals; false: there is none. */
static inline bool imap_unit_read(struct imap_read *r, struct str in)
{
	enum imap_read_event e;

	imap_read_init(
		r, (struct imap_read_limits){.line = IMAP_LINE_MAX, .literal = 1 << 20, .total = 1 << 20});
	while ((e = imap_read_feed(r, &in)) == IMAP_READ_LITERAL)
		if (imap_read_accept(r))
			return false;
	return e == IMAP_READ_COMMAND;
}

#endif
