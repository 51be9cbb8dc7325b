/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64: the strict form of RFC 4648 section 4, as SASL exchanges use it.
 *
 * Decoding takes complete groups of four, padding where it belongs and
 * nothing else: no white space, no missing padding, no bits set behind the
 * last byte (RFC 4648 3.5), so that one value has exactly one spelling.  The
 * tolerant decoder that MIME bodies need is not here.
 */
#ifndef FORMAT_BASE64_H
#define FORMAT_BASE64_H

#include "base/buf.h"

/* Appends the bytes that s spells. ERR_INVALID: not strict base64; ERR_TOO_BIG:
 * above the ceiling of out.  After a failure out is as it was before. */
int base64_decode(struct str s, struct buf *out);

/* Appends the spelling of s, with padding and without line breaks; above the
 * ceiling out fails (buf_failed) and nothing is added. */
void base64_encode(struct str s, struct buf *out);

#endif
