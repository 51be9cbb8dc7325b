/* SPDX-License-Identifier: Apache-2.0 */
/* xtext: the encoding of DSN parameters and of AUTH= (RFC 3461 section 4). */
#ifndef FORMAT_XTEXT_H
#define FORMAT_XTEXT_H

#include "base/buf.h"

/* Appends what s stands for. ERR_INVALID: not xtext, or a byte of the result is
 * not printable ASCII (RFC 3461 4.2 and 4.4 allow no other, and a line break
 * would end up in a report); ERR_TOO_BIG: above the ceiling of out.  After a
 * failure out is undefined. */
int xtext_decode(struct str s, struct buf *out);

/* True when xtext_decode would take s. */
bool xtext_valid(struct str s);

/* Appends s encoded. */
void xtext_encode(struct str s, struct buf *out);

#endif
