/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp_data: the lines of a letter on their way through SMTP, both directions.
 *
 * Receiving, it takes the dots of RFC 5321 4.5.2 away and finds the end, which
 * is CRLF "." CRLF and nothing else: a server that also ends at LF "." LF and
 * the like lets a sender smuggle a second letter behind the first.  Sending, it
 * puts the dots in and lets no bare CR or LF out, so that no next server can be
 * tricked through us.  It works on chunks of any size; where they are cut
 * changes nothing.
 *
 *            "."            CR               LF after a line that ended in CRLF
 *   LINE ---------> DOT ---------> DOT_CR ---------------------------------> end
 *    ^ |             |                |
 *    | | other       | other: drop    | other: the dot is text
 *    | v             v  the dot       v
 *    | TEXT <--------+      +-------- CR
 *    |   |  CR              | LF: end of line
 *    |   +----------------->|
 *    +----------------------+
 *
 * A CR without LF or an LF without CR ("bare") is refused, or becomes CRLF where
 * an old device may send so; such a line end never takes part in the end.
 * CR CR LF, a common slip, then is one line end, not two.
 */
#ifndef FORMAT_SMTP_DATA_H
#define FORMAT_SMTP_DATA_H

#include "base/buf.h"

enum smtp_data_kind {
	SMTP_DATA_DOTS, /* receiving after DATA */
	SMTP_DATA_CHUNKS, /* receiving after BDAT: no dots, the count ends it */
	SMTP_DATA_SENDING, /* sending after DATA */
};

enum smtp_data_policy { SMTP_BARE_REFUSE, SMTP_BARE_NORMALISE };

enum smtp_data_status {
	SMTP_DATA_MORE, /* all was taken, the end has not come */
	SMTP_DATA_END, /* the end was taken; what follows is a command */
	SMTP_DATA_BARE, /* a bare CR or LF, refused; the decoder takes no more */
};

struct smtp_data {
	/* What was seen so far; read only. */
	uint64_t size; /* octets of the result, also of those that out had no room for */
	size_t longest_line; /* octets without CRLF, without a stuffed dot */
	bool line_too_long; /* a line above max_line: the rest of it was left out */
	bool has_8bit; /* a byte above 0x7F */
	bool has_nul;
	bool has_bare; /* a bare CR or LF, refused or normalised */

	/* Private. */
	enum smtp_data_kind kind;
	enum smtp_data_policy policy;
	enum smtp_data_status status;
	enum {
		SMTP_DATA_AT_LINE,
		SMTP_DATA_AT_DOT,
		SMTP_DATA_AT_DOT_CR,
		SMTP_DATA_AT_TEXT,
		SMTP_DATA_AT_CR
	} at;
	bool after_crlf; /* the line before ended in CRLF, or there was none */
	unsigned crs; /* at CR: how many in a row, 1 or 2 */
	size_t line; /* octets of the current line */
	size_t max_line;
};

/* Above max_line octets a line is not kept and line_too_long set, but the end is
 * still waited for, so that the client hears the refusal.  Lines above the 998
 * octets of RFC 5322 only show in longest_line.  Sending is always normalised. */
void smtp_data_init(struct smtp_data *d, enum smtp_data_kind kind, enum smtp_data_policy policy,
		    size_t max_line);

/*
 * Takes bytes off the front of *in and appends the result to out.  An out that
 * is NULL, or full, drops the result: the caller refuses the letter after its
 * end.  Room for 3 * in->n + 8 bytes is always enough.
 */
enum smtp_data_status smtp_data_feed(struct smtp_data *d, struct str *in, struct buf *out);

/* The letter is complete: after the last chunk of BDAT (gives SMTP_DATA_END or
 * SMTP_DATA_BARE), or sending, where it adds the end of the letter. */
enum smtp_data_status smtp_data_finish(struct smtp_data *d, struct buf *out);

#endif
