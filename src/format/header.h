/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header: the fields of a header section (RFC 5322 2.2), found leniently.
 *
 * The scanner hands out one field after the other; together they cover every
 * byte between the start and the body, so a field's place is the sum of the
 * lengths before it.  What it accepts beyond the grammar:
 *
 * - a line ends at LF, with or without CR; a bare CR is an ordinary byte;
 * - a line that begins with blank or tab continues the field before it, also
 *   when nothing but blanks follows (obs-FWS);
 * - blanks before the colon (obs-optional);
 * - a first line "From " or ">From " (a mailbox file's separator) is junk;
 * - a line that is no field (no colon, a name with bytes outside 33..126) is
 *   junk if a field follows it in the next line: a folded value whose blank
 *   was lost.  Otherwise, and when it begins with "--" as MIME delimiters do,
 *   the header ends before it: the separating empty line was lost;
 * - the end of the bytes ends the header.
 *
 * Each byte is looked at a bounded number of times.
 */
#ifndef FORMAT_HEADER_H
#define FORMAT_HEADER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * Names that are known by number.  The numbers are stored in outlines: new
 * names are added at the end, none is ever moved.
 */
enum header_id {
	HEADER_OTHER, /* a field of a name that is not in the table */
	HEADER_JUNK, /* bytes that are no field; name and value are empty */
	HEADER_FROM,
	HEADER_SENDER,
	HEADER_REPLY_TO,
	HEADER_TO,
	HEADER_CC,
	HEADER_BCC,
	HEADER_DATE,
	HEADER_SUBJECT,
	HEADER_MESSAGE_ID,
	HEADER_IN_REPLY_TO,
	HEADER_REFERENCES,
	HEADER_MIME_VERSION,
	HEADER_CONTENT_TYPE,
	HEADER_CONTENT_TRANSFER_ENCODING,
	HEADER_CONTENT_ID,
	HEADER_CONTENT_DESCRIPTION,
	HEADER_CONTENT_DISPOSITION,
	HEADER_CONTENT_MD5,
	HEADER_CONTENT_LANGUAGE,
	HEADER_CONTENT_LOCATION,
	HEADER_RECEIVED,
	HEADER_RETURN_PATH,
	HEADER_DELIVERED_TO,
	HEADER_DKIM_SIGNATURE,
	HEADER_AUTHENTICATION_RESULTS,
	HEADER_ARC_SEAL,
	HEADER_ARC_MESSAGE_SIGNATURE,
	HEADER_ARC_AUTHENTICATION_RESULTS,
	HEADER_RECEIVED_SPF,
	HEADER_LIST_ID,
	HEADER_LIST_POST,
	HEADER_LIST_HELP,
	HEADER_LIST_UNSUBSCRIBE,
	HEADER_LIST_UNSUBSCRIBE_POST,
	HEADER_PRECEDENCE,
	HEADER_AUTO_SUBMITTED,
	HEADER_RESENT_FROM,
	HEADER_RESENT_SENDER,
	HEADER_RESENT_TO,
	HEADER_RESENT_CC,
	HEADER_RESENT_BCC,
	HEADER_RESENT_DATE,
	HEADER_RESENT_MESSAGE_ID,
	HEADER_COMMENTS,
	HEADER_KEYWORDS,
	HEADER_IMPORTANCE,
	HEADER_X_PRIORITY,
	HEADER_X_MAILER,
	HEADER_USER_AGENT,
	HEADER_DISPOSITION_NOTIFICATION_TO,
	HEADER_X_SPAM_FLAG,
	HEADER_X_SPAM_STATUS,
	HEADER_COUNT,
};

struct header_field {
	enum header_id id;
	struct str raw; /* everything with its line ends */
	struct str name; /* without colon and blanks */
	struct str value; /* behind the colon, still folded, without the last line end */
};

struct header_scan {
	struct str rest;
	bool first;
};

struct header_scan header_scan_of(struct str bytes);
/* The next field; false at the end of the header, where scan->rest begins with
 * the body (the empty line between them is taken). */
bool header_next(struct header_scan *scan, struct header_field *out);

/* The number of a name, in any case of letters; HEADER_OTHER for unknown ones. */
enum header_id header_id_of(struct str name);
/* The name as it is usually written; empty for OTHER and JUNK. */
struct str header_name_of(enum header_id id);

/* Adds the value unfolded (RFC 5322 2.2.3): line ends before a blank go away,
 * blanks at both ends too; CR, LF and NUL that remain become blanks. */
void header_unfold(struct str value, struct buf *out);
/* The same as bytes of an arena; p is NULL above the ceiling only. */
struct str header_unfold_arena(struct str value, struct arena *a);

/* Takes the next identifier off a list of msg-ids (Message-ID, References,
 * RFC 5322 3.6.4) without its angle brackets; a word outside brackets counts as
 * one.  The view may hold folds.  False at the end. */
bool header_next_msg_id(struct str *rest, struct str *id);

/* One line off the front, with its line end. */
struct str header_cut_line(struct str *rest);
/* The line without its CRLF or LF. */
struct str header_line_text(struct str line);

#endif
