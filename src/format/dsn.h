/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn: the letter that tells a sender that his was not delivered (RFC 3464 in the
 * multipart/report of RFC 6522).
 *
 *   text/plain                sentences for a person, then each recipient with its reason
 *   message/delivery-status   the same for programs
 *   message/rfc822            the letter, or text/rfc822-headers: its header
 *
 * A letter with SMTPUTF8 gives the forms of RFC 6533 (message/global and so on).
 * Whatever peers chose is filtered: no control character passes, and bytes above 0x7E
 * only where the form allows UTF-8 and they are.
 */
#ifndef FORMAT_DSN_H
#define FORMAT_DSN_H

#include "base/buf.h"

enum dsn_language { DSN_EN, DSN_ZH_CN, DSN_LANGUAGES };

struct dsn_recipient {
	struct str address;
	struct str orcpt; /* "type;address", decoded; empty: none */
	struct str status; /* "5.1.1"; empty: 5.0.0 */
	struct str mta; /* "mx.b.test[192.0.2.1]:25"; empty: no other host said it */
	struct str text; /* that host's reply, or the reason */
};

struct dsn {
	enum dsn_language language;
	struct str hostname; /* ours */
	struct str id; /* the report's */
	struct str letter; /* the id of the letter it is about */
	struct str sender; /* of that letter, to whom it goes */
	struct str envid; /* decoded; empty: none */
	int64_t now_us, arrival_us;
	bool smtputf8; /* of that letter */
	bool header_only; /* `original` is just the header */
	struct str original; /* what is returned */
	const struct dsn_recipient *recipients;
	size_t count;
};

/* Appends the whole letter, with CRLF. */
void dsn_write(const struct dsn *d, struct buf *out);

/* The header of a letter, up to the empty line and without it. */
struct str dsn_header_of(struct str letter);

/* Whether bytes above 0x7F occur: the letter then needs 8BITMIME. */
bool dsn_has_8bit(struct str letter);

#endif
