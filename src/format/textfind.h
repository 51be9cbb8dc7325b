/* SPDX-License-Identifier: Apache-2.0 */
/*
 * textfind: looks for a text in a long one without regard to case, as SEARCH
 * does (RFC 9051 section 6.4.4; i;ascii-casemap of RFC 4790, and Unicode's case
 * folding for what is not ASCII).
 *
 * The long text comes in pieces of any size, cut anywhere, so a body is never
 * in memory as a whole.  Both are UTF-8; bytes that are not are compared as
 * they are.
 */
#ifndef FORMAT_TEXTFIND_H
#define FORMAT_TEXTFIND_H

#include "base/buf.h"
#include "base/str.h"

/* What is looked for, folded; used for any number of texts. */
struct needle {
	struct buf folded;
};

/* ERR_MEMORY (also above 64 KiB): the needle is not to be used but to be freed. */
int needle_init(struct needle *n, struct str text);
void needle_free(struct needle *n);

/* One search through one text. */
struct textfind {
	const struct needle *needle;
	struct buf window; /* folded text, of which the end may begin a match */
	char torn[4]; /* the beginning of a character that a piece was cut in */
	unsigned char torn_count;
	bool found;
	bool failed; /* out of memory: what is found later is not to be trusted */
};

void textfind_init(struct textfind *f, const struct needle *n);
void textfind_free(struct textfind *f);
/* Forgets the text, for the next one. */
void textfind_reset(struct textfind *f);
/* The next piece; true when the needle has been found, also before. */
bool textfind_add(struct textfind *f, struct str piece);
/* There are no more pieces. */
bool textfind_end(struct textfind *f);

/* All of it at once, for short texts. */
bool needle_in(const struct needle *n, struct str text);

#endif
