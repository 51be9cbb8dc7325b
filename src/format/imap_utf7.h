/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_utf7: the modified UTF-7 of mailbox names (RFC 3501 section 5.1.3).
 *
 * Strict: each name has exactly one encoding, all others are refused (encoded
 * printable ASCII, two shifts in a row, bits or bytes left over, lone
 * surrogates, a missing "-", 8-bit bytes and controls outside a shift).
 */
#ifndef FORMAT_IMAP_UTF7_H
#define FORMAT_IMAP_UTF7_H

#include "base/buf.h"
#include "base/str.h"

/* Both append to out; on a failure out has what it had before.
 * ERR_INVALID: in is not modified UTF-7 (not UTF-8); ERR_TOO_BIG: out is full. */
int imap_utf7_decode(struct str in, struct buf *out);
int imap_utf7_encode(struct str in, struct buf *out);

#endif
