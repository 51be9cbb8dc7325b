/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_match: LIST patterns (RFC 9051 section 6.3.9).
 *
 * "*" stands for any run of characters, "%" for one without the hierarchy
 * separator ".".  Pattern and name are UTF-8 (decode modified UTF-7 first: the
 * wildcards are themselves in it).  The first component INBOX of a name is
 * matched without regard to case.  The time is at most the product of the two
 * lengths, whatever the pattern.
 */
#ifndef FORMAT_IMAP_MATCH_H
#define FORMAT_IMAP_MATCH_H

#include "base/str.h"

#define IMAP_SEPARATOR '.'

/* A name above IMAP_MAILBOX_MAX bytes never matches. */
bool imap_match(struct str pattern, struct str name);

#endif
