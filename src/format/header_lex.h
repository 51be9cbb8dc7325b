/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header_lex: the tokens that structured header values share (RFC 5322 3.2):
 * comments with folding white space, and quoted strings.
 *
 * Each function takes its token off the front of *rest.  What is not closed
 * reaches to the end of the value.  Bytes that may not stand in a value of ours
 * (CR, LF, NUL) are never handed out.  No recursion: comments nest by a counter.
 */
#ifndef FORMAT_HEADER_LEX_H
#define FORMAT_HEADER_LEX_H

#include "base/buf.h"
#include "base/str.h"

/* Blank, tab, CR, LF, or NUL. */
bool lex_is_space(char c);
/* Adds c unless it is CR, LF or NUL. */
void lex_add(struct buf *out, char c);

/* Takes white space and comments.  The text of the last comment replaces what is
 * in *comment (NULL when nobody asks), without its outer parentheses.  Returns
 * whether anything was taken. */
bool lex_skip_cfws(struct str *rest, struct buf *comment);
/* Takes the quoted string that *rest begins with (its first byte is the quote)
 * and adds its content, quoted pairs resolved and folds removed. */
void lex_take_quoted(struct str *rest, struct buf *out);

/* Adds s with each `escape` and two hexadecimal digits turned into their byte
 * (RFC 2231 "%", RFC 2047 "="), and each byte `blank` into a blank (0: none has
 * this meaning). What is no escape stays; these bytes may be anything. */
void lex_add_unescaped(struct str s, char escape, char blank, struct buf *out);

#endif
