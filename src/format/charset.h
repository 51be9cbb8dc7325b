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

/* A character that a piece was cut in, at most. */
#define CHARSET_TORN_MAX 16

/*
 * A long text in pieces cut anywhere, for those who only search it: UTF-8, US-ASCII and
 * charsets that nobody knows come out byte by byte as they went in, all others as UTF-8.
 * One at a time for each struct charsets, and no other conversion between begin and end.
 */
struct charset_stream {
	void (*add)(struct str in, struct buf *out); /* NULL: by iconv */
	iconv_t handle;
	char torn[CHARSET_TORN_MAX];
	size_t torn_n;
};

/* c may be NULL: only what is built in is known. */
void charset_stream_begin(struct charset_stream *s, struct charsets *c, struct str charset);
/* Adds what the piece comes to, at most four times its length and a little. */
void charset_stream_add(struct charset_stream *s, struct str piece, struct buf *out);
/* There are no more pieces. */
void charset_stream_end(struct charset_stream *s, struct buf *out);

#endif
