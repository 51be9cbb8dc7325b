/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_quote: how the server writes strings, flags and names (RFC 9051 section
 * 4.3 and 9).
 *
 * A string is quoted where that is possible and short, otherwise a literal.
 * A NUL, which no string may have, is written as 0x80.
 */
#ifndef FORMAT_IMAP_QUOTE_H
#define FORMAT_IMAP_QUOTE_H

#include "base/buf.h"
#include "base/str.h"

/* Longer strings are literals. */
#define IMAP_QUOTED_MAX 1000

/* utf8: the client enabled IMAP4rev2 or UTF8=ACCEPT, so valid UTF-8 may stand
 * between quotes. */
void imap_put_string(struct buf *out, struct str s, bool utf8);
/* NIL when s.p is NULL. */
void imap_put_nstring(struct buf *out, struct str s, bool utf8);
/* An atom when it can be one that no client takes for NIL. */
void imap_put_astring(struct buf *out, struct str s, bool utf8);
/* A kept name (imap_mailbox.h): modified UTF-7, or UTF-8. */
void imap_put_mailbox(struct buf *out, struct str name, bool utf8);
/* "(\Seen $Junk)"; flags are the bits of imap_flag.h. */
void imap_put_flags(struct buf *out, unsigned flags, const struct str *keywords, size_t count);
/* A date-time that is already formatted, in its quotes. */
void imap_put_internaldate(struct buf *out, struct str formatted);

#endif
