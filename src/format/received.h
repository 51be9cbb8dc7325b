/* SPDX-License-Identifier: Apache-2.0 */
/*
 * received: the fields we put in front of a letter, and what we look for in
 * those that are there (RFC 5321 4.4 and 6.3, RFC 5322 3.6).
 *
 * Whatever a peer chose (its name, address, login) is filtered on its way into
 * a field: printable ASCII and well-formed UTF-8 pass, all else and what could
 * end a comment or an address becomes "?".  Lines end in CRLF, and none is
 * longer than 998 octets.
 */
#ifndef FORMAT_RECEIVED_H
#define FORMAT_RECEIVED_H

#include "format/date.h"

/* Every string may be empty unless it says otherwise. */
struct received {
	struct str
		helo; /* what the client called itself; empty: no from clause, nothing of the client is told */
	struct str client_name; /* its verified name; empty: "unknown" */
	struct str client_ip; /* as text, without brackets; not empty with helo */
	struct str tls; /* "TLSv1.3 with cipher X (256/256 bits)" */
	struct str login; /* whom it logged in as */
	struct str user; /* "userid 1000": whose program handed it in, without a protocol to speak of */
	struct str by; /* our name; not empty */
	struct str protocol; /* see received_protocol; not empty */
	struct str id; /* the letter's id; not empty */
	struct str rcpt; /* the recipient as an address, when there is just one */
	struct date date;
};

enum received_with {
	RECEIVED_ESMTP = 1, /* EHLO, not HELO */
	RECEIVED_TLS = 2,
	RECEIVED_AUTH = 4,
	RECEIVED_UTF8 = 8,
};

/* The keyword behind "with" for a set of the bits above (RFC 3848, RFC 6531 4.3). */
struct str received_protocol(unsigned with);

/* Appends the whole field. */
void received_write(const struct received *r, struct buf *out);

/* How many Received fields the header has. header is the letter or its header;
 * it ends at the first empty line.  Lines may end in CRLF or LF. */
unsigned received_count(struct str header);

/* True when a Delivered-To field names the address: the letter was here before. */
bool received_delivered_to(struct str header, struct str address);

/* Appends "<20030701085237.ID@HOST>", the date in UTC. */
void message_id_write(struct date now, struct str id, struct str host, struct buf *out);

#endif
