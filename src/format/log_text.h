/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_text: bytes of a peer made fit for a log line or the text of a reply.
 *
 * Printable ASCII stays; control characters, the backslash and bytes above
 * 0x7E become \xNN (upper-case digits), so that no peer can start a line of
 * its own, move a terminal's cursor, or write two spellings of one text.
 */
#ifndef FORMAT_LOG_TEXT_H
#define FORMAT_LOG_TEXT_H

#include "base/buf.h"

/* Appends s escaped, at most max bytes (max >= 3): what is longer is cut before
 * an escape and ends in "...". */
void log_text_add(struct buf *out, struct str s, size_t max);

#endif
