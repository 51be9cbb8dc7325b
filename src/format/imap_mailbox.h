/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_mailbox: the names of mailboxes, from the wire to the form in which they
 * are kept (RFC 9051 section 5.1).
 *
 * A kept name is UTF-8 in normalisation form C, its components are separated
 * by ".", none is empty, none has control characters, and INBOX stands in
 * capitals, alone or as the first of several components.
 */
#ifndef FORMAT_IMAP_MAILBOX_H
#define FORMAT_IMAP_MAILBOX_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define IMAP_MAILBOX_MAX 1000 /* bytes of a kept name */
#define IMAP_MAILBOX_DEPTH 50 /* components */

/* The name is INBOX or below it, in any case. */
bool imap_mailbox_in_inbox(struct str name);

/*
 * Makes the kept form of a name as the client sent it: modified UTF-7, or
 * UTF-8 when utf8 (IMAP4rev2 or UTF8=ACCEPT enabled).  out is emptied
 * first; its ceiling should be 4 * IMAP_MAILBOX_MAX.
 * ERR_INVALID, ERR_TOO_BIG with a sentence for the NO reply; ERR_MEMORY.
 */
int imap_mailbox_read(struct str wire, bool utf8, struct buf *out, struct err *e);

/* The same for the argument of CREATE, which may end in one separator to say
 * that names below it will follow (RFC 9051 section 6.3.4). */
int imap_mailbox_read_new(struct str wire, bool utf8, struct buf *out, struct err *e);

/* LIST's reference and pattern in one, in UTF-8 and normalised, for
 * imap_match(): only encoding and length are checked, as a pattern need not be
 * a name. */
int imap_mailbox_read_pattern(struct str reference, struct str pattern, bool utf8, struct buf *out,
			      struct err *e);

#endif
