/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header_param: values with parameters: Content-Type (RFC 2045 5.1) and
 * Content-Disposition (RFC 2183).
 *
 * Parameters are kept as they were sent (RFC 2231 pieces under their own names,
 * "filename*0*"), because that is what IMAP's BODYSTRUCTURE shows;
 * header_param_text() puts the pieces together and gives UTF-8.
 *
 * Lenient: a missing ";" before "name=", empty parameters, blanks around "=" and
 * inside unquoted values ("name=my file.pdf"), unclosed quotes.
 * No string holds CR, LF or NUL.
 */
#ifndef FORMAT_HEADER_PARAM_H
#define FORMAT_HEADER_PARAM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct charset_fn;

/* RFC 2231 pieces of one value beyond this many are not looked at. */
#define PARAM_PIECES 256

struct header_param {
	struct header_param *next;
	struct str name; /* as sent, never empty */
	struct str value; /* without quotes, never absent */
};

struct header_params {
	struct header_param *first, *last;
	size_t count;
};

/* Content-Type.  0; ERR_INVALID when it has no type and subtype (out is then
 * empty); ERR_TOO_BIG when the arena is full. */
struct header_ctype {
	struct str type, subtype;
	struct header_params params;
};

int header_ctype_parse(struct str value, struct arena *a, struct header_ctype *out);

/* Content-Disposition: one token and parameters; the same errors. */
struct header_disposition {
	struct str token;
	struct header_params params;
};

int header_disposition_parse(struct str value, struct arena *a, struct header_disposition *out);

/* Content-Language: adds the tags to tags[], which has room for max; returns how many. */
size_t header_languages(struct str value, struct str *tags, size_t max);

/* Appends one parameter; NULL when the arena is full. */
struct header_param *header_param_append(struct header_params *list, struct arena *a, struct str name,
					 struct str value);

/* The first parameter of that name exactly as sent; NULL if there is none. */
const struct header_param *header_param_find(const struct header_params *list, struct str name);

/* Adds the parameter's value as UTF-8: RFC 2231 continuations, charset and
 * percent encoding first; otherwise the plain parameter with RFC 2047 words in it
 * decoded (forbidden there, and common).  False when there is none.  The text
 * holds no control characters. */
bool header_param_text(const struct header_params *list, struct str name, const struct charset_fn *cs,
		       struct buf *out);

#endif
