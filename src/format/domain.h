/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain: what stands behind the "@" or in EHLO: a domain name or an address
 * literal (RFC 5321 4.1.2 and 4.1.3, RFC 6531 3.3 for U-labels, RFC 5890).
 *
 * A name is kept in one form only: lower-case A-labels, so that two spellings
 * of one domain are equal bytes.  Literals are written anew from their octets
 * for the same reason.  The underscore is taken in names, as every mail server
 * does: such hosts exist.  A final dot is refused (RFC 5321 has none).
 */
#ifndef FORMAT_DOMAIN_H
#define FORMAT_DOMAIN_H

#include "base/buf.h"

/* The longest name that fits 255 octets on the wire of DNS. */
#define DOMAIN_MAX 253
/* RFC 5321 4.5.3.1.2, as written, brackets included. */
#define DOMAIN_RAW_MAX 255

enum domain_kind {
	DOMAIN_NONE, /* nothing was written: <postmaster> */
	DOMAIN_NAME,
	DOMAIN_IPV4, /* [192.0.2.1] */
	DOMAIN_IPV6, /* [IPv6:2001:db8::1] */
	DOMAIN_GENERAL, /* [tag:content] of another tag; nobody delivers to it */
};

struct domain {
	enum domain_kind kind;
	bool utf8; /* written with bytes above 0x7F */
	uint8_t n;
	char text[DOMAIN_RAW_MAX];
	uint8_t ip[16]; /* IPv4: the first four, network order */
};

/*
 * Parses a name or a literal; utf8 says whether U-labels may occur.
 * ERR_INVALID: neither; ERR_TOO_BIG: a label or the whole is too long;
 * ERR_DENIED: U-labels, and utf8 is false.  After a failure *out is undefined.
 */
int domain_parse(struct str s, bool utf8, struct domain *out);

/* The normal form: a view into d. */
struct str domain_str(const struct domain *d);

/* Appends a name of A-labels with U-labels, for people to read; labels that do
 * not convert, and literals, stay as they are. */
void domain_write_unicode(struct str name, struct buf *out);

#endif
