/* SPDX-License-Identifier: Apache-2.0 */
/*
 * charset: text of any charset becomes UTF-8.
 *
 * US-ASCII, UTF-8 and ISO-8859-1 are built in.  Everything else needs iconv,
 * whose tables cannot be opened any more behind an empty root; struct charsets
 * therefore opens a fixed set beforehand.  Code that decodes gets a struct
 * charset_fn, so it stays a function of its arguments.
 *
 * The output is always valid UTF-8: bytes that are no character become U+FFFD.
 */
#ifndef FORMAT_CHARSET_H
#define FORMAT_CHARSET_H

#include "base/buf.h"
#include "base/str.h"

#include <iconv.h>

/* How to convert; a NULL pointer to this means: only what is built in. */
struct charset_fn {
	/* Adds `in` as UTF-8 and returns 0, or ERR_NOT_FOUND for a charset it does
	 * not know. */
	int (*convert)(void *ctx, struct str charset, struct str in, struct buf *out);
	void *ctx;
};

/* Adds `in` as UTF-8: by what is built in, else by fn. ERR_NOT_FOUND when nobody
 * knows the charset (nothing is added). */
int charset_convert(const struct charset_fn *fn, struct str charset, struct str in, struct buf *out);
/* The same for text that is shown: an unknown charset is read as UTF-8, and each
 * control character (CR, LF, NUL too) becomes a blank. */
void charset_text(const struct charset_fn *fn, struct str charset, struct str in, struct buf *out);
/* Adds `in` as UTF-8 whatever it is: what is invalid becomes U+FFFD. */
void charset_add_utf8(struct str in, struct buf *out);
/* The length of the valid UTF-8 character at the front, 0 if there is none. */
size_t charset_utf8_length(struct str s);

#define CHARSETS_MAX 48

/* Open converters. The iconv_t carry state between calls; each call resets it. */
struct charsets {
	iconv_t handles[CHARSETS_MAX];
	size_t missing; /* how many of the table this system does not have */
};

/* Opens all of them; call before the root is emptied. */
void charsets_open(struct charsets *c);
void charsets_close(struct charsets *c);
/* The converter to pass around; valid as long as *c. */
struct charset_fn charsets_fn(struct charsets *c);

#endif
