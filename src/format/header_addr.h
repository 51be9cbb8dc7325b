/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header_addr: address lists of header fields (RFC 5322 3.4 and 4.4) as the
 * values that IMAP's ENVELOPE wants (RFC 9051 7.5.2).
 *
 * Display names have their quoting removed and encoded words left as they are
 * (words_decode() makes text of them).  Local parts have their quoting removed.
 * A comment stands in for a display name that is missing.  Nothing is refused:
 * what has no "@" becomes a mailbox with an empty host, so that it cannot be
 * taken for the marks of a group, whose host is absent.
 *
 * One pass, linear in the value.  No string holds CR, LF or NUL.
 */
#ifndef FORMAT_HEADER_ADDR_H
#define FORMAT_HEADER_ADDR_H

#include "base/arena.h"
#include "base/str.h"

enum addr_kind {
	ADDR_MAILBOX, /* mailbox and host are present, name and route may be absent */
	ADDR_GROUP_START, /* mailbox is the group's name, the others are absent */
	ADDR_GROUP_END, /* all absent */
};

/* An absent string has p == NULL. */
struct header_addr {
	struct header_addr *next;
	enum addr_kind kind;
	struct str name;
	struct str route; /* the obsolete source route, "@a,@b" */
	struct str mailbox;
	struct str host;
};

/* A list in the order of the letter; groups do not nest and are always closed. */
struct header_addrs {
	struct header_addr *first, *last;
	size_t count;
};

/* Appends the addresses of a field's value to list; all memory comes from a.
 * 0, ERR_TOO_BIG when the arena is full. */
int header_addr_parse(struct str value, struct arena *a, struct header_addrs *list);
/* Appends one empty address; NULL when the arena is full. */
struct header_addr *header_addr_append(struct header_addrs *list, struct arena *a, enum addr_kind kind);

#endif
