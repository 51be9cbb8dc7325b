/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words: RFC 2047 encoded words in unstructured text and display names.
 *
 * Lenient as readers have to be: an encoded word may stand inside a longer word,
 * may be longer than 75 bytes, may hold blanks, and a character may be split
 * between neighbours of one charset.  White space between two encoded words is
 * dropped (6.2).  A word whose charset nobody knows stays as it is.
 */
#ifndef FORMAT_WORDS_H
#define FORMAT_WORDS_H

#include "base/buf.h"
#include "base/str.h"

struct charset_fn;

/* Adds the unfolded text as valid UTF-8 without control characters. Linear. */
void words_decode(struct str text, const struct charset_fn *cs, struct buf *out);

#endif
