/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address: mailboxes of the SMTP envelope (RFC 5321 4.1.2, RFC 6531 3.3).
 *
 * A parsed address owns its parts in the only form that may be compared: the
 * local part without quotes and backslashes, the domain in normal form (see
 * domain).  So `"user"@Example.TEST` and user@example.test are the same.
 *
 * The key of an address is "local@domain" in that form; whatever follows its
 * last "@" is the domain.  It is a key, not an address to send to:
 * address_write() puts the quotes back.
 */
#ifndef FORMAT_ADDRESS_H
#define FORMAT_ADDRESS_H

#include "format/domain.h"

/* RFC 5321 4.5.3.1.1 and 4.5.3.1.3, octets as written. */
#define ADDRESS_LOCAL_MAX 64
#define ADDRESS_PATH_MAX 256
/* The longest local part with ADDRESS_LONG, unquoted. */
#define ADDRESS_LONG_LOCAL_MAX 255

enum address_flags {
	/* Bytes above 0x7F may occur: the transaction has SMTPUTF8. */
	ADDRESS_UTF8 = 1,
	/*
	 * What other servers take and people send: dots at the ends of the local
	 * part or in a row, quoted words between atoms, a second unquoted "@"
	 * (everything before the last one is the local part, and
	 * address_has_routing() will say so), a final dot of the domain.
	 */
	ADDRESS_LENIENT = 2,
	/* A local part without domain; <postmaster> needs no flag (4.5.1). */
	ADDRESS_BARE = 4,
	/* Local parts above 64 octets, which bounce addresses of lists have. */
	ADDRESS_LONG = 8,
};

struct address {
	struct str raw; /* view of the input, without source route */
	struct domain domain;
	bool source_route; /* "@a,@b:" stood before it and was dropped (4.1.1.3) */
	bool utf8_local; /* sending it on needs SMTPUTF8 */
	uint8_t local_n;
	char local[ADDRESS_LONG_LOCAL_MAX];
};

/*
 * Parses a mailbox, exactly s.  ERR_INVALID: breaks the grammar; ERR_TOO_BIG: a
 * limit of RFC 5321 4.5.3.1; ERR_DENIED: bytes above 0x7F without ADDRESS_UTF8.
 * After a failure *out is undefined.
 */
int address_parse(struct str s, unsigned flags, struct address *out);
/* The same for what stands between "<" and ">": a source route may come first. */
int address_parse_path(struct str s, unsigned flags, struct address *out);

/* The local part without quotes: a view into a. */
struct str address_local(const struct address *a);
/* The domain in normal form, empty for a bare local part: a view into a. */
struct str address_domain(const struct address *a);

/*
 * True when the sender said how mail should travel behind us: a source route,
 * or "@", "%" or "!" in the local part, quoted or not.  Who relays for such an
 * address because its domain is ours is an open relay (compatible with
 * Postfix, allow_untrusted_routing = no).
 */
bool address_has_routing(const struct address *a);

/* Appends "local@domain", or "local" without domain, the local part's case kept. */
void address_key(const struct address *a, struct buf *out);
/* The same with the local part in lower case. */
void address_key_folded(const struct address *a, struct buf *out);
/* Appends a local part in lower case; non-ASCII ones in Unicode's lower case
 * and NFC.  Bytes that are not UTF-8 make out fail. */
void address_fold(struct str local, struct buf *out);

/* Appends local@domain as RFC 5321 spells it, with quotes where it needs them;
 * an empty domain gives the local part alone. */
void address_write(struct str local, struct str domain, struct buf *out);

/*
 * Divides "user+tag" at the first of the delimiters.  False, and *user is all,
 * when there is none, when it comes first, or when the name is one of those
 * that are never divided (postmaster, mailer-daemon, double-bounce).
 */
bool address_split_tag(struct str local, struct str delimiters, struct str *user, struct str *tag);

#endif
