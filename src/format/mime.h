/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime: where the parts of a letter are (RFC 2045, 2046).
 *
 * One pass over the bytes, line by line, with a stack instead of recursion.  The
 * result is a tree in pre-order: parts[0] is the letter itself, a part's parent
 * stands before it, its children lie inside its body in ascending order without
 * overlap.  A multipart has at least one child; a message (message/rfc822,
 * message/global) has exactly one, which is the letter inside and fills its body.
 *
 * Hostile and broken input has these meanings:
 *
 * - A delimiter line is "--" and the boundary at the beginning of a line, with
 *   anything behind it (RFC 2046 5.1.1: "it is sufficient that the boundary
 *   appear in its entirety").  Of all open multiparts the one with the longest
 *   such boundary is meant, so one may be the beginning of another; among equals
 *   the innermost.  It ends whatever is open inside.  With "--" behind the
 *   boundary (blanks may stand between) it closes its multipart; what follows is
 *   epilogue and no delimiter of it any more.
 * - The line end before a delimiter belongs to the delimiter.
 * - A delimiter inside a header section ends the header.
 * - A missing closing delimiter: the part ends with its parent.
 * - A multipart without a usable boundary, or without any delimiter, has one
 *   child: its whole body as text/plain, so that nothing becomes invisible.
 * - Only the first Content-Type of a header counts; one that cannot be read is
 *   text/plain (RFC 2045 5.2). In multipart/digest none means message/rfc822.
 * - A transfer encoding on a composite part (forbidden, RFC 2045 6.4) is ignored.
 *
 * Beyond the limits below the rest is one opaque part: an opaque leaf is not
 * looked into.  At the depth limit that is this part only; at the others it
 * reaches to the end of the letter.
 */
#ifndef FORMAT_MIME_H
#define FORMAT_MIME_H

#include "base/buf.h"
#include "base/str.h"

#define MIME_PARTS_MAX 1000
#define MIME_DEPTH_MAX 100 /* the letter itself has depth 1 */
#define MIME_FIELDS_MAX 10000 /* of all header sections together */
#define MIME_BOUNDARY_MAX 8192 /* RFC 2046 allows 70; a longer one is none */
#define MIME_LETTER_MAX ((uint64_t)1 << 40)
#define MIME_NO_PARENT UINT32_MAX

enum mime_kind {
	MIME_LEAF,
	MIME_OPAQUE, /* a leaf that a limit made one */
	MIME_MULTIPART,
	MIME_MESSAGE,
};

/* Offsets are into the letter: header [header_start, body_start), body
 * [body_start, body_end). The header includes the empty line that ends it. */
struct mime_part {
	enum mime_kind kind;
	uint32_t parent; /* index, or MIME_NO_PARENT */
	uint32_t first_field; /* into the field table */
	uint32_t fields;
	uint64_t header_start;
	uint64_t body_start;
	uint64_t body_end;
	uint64_t lines; /* line feeds in the body */
};

/* One field of a header section: where it lies and where its value begins.
 * Fields of one part follow each other without gaps from header_start on. */
struct mime_field {
	uint8_t id; /* enum header_id */
	uint64_t length; /* with its line ends */
	uint64_t value; /* offset of the byte behind the colon; 0 for junk */
};

struct mime {
	struct buf parts; /* of struct mime_part */
	struct buf fields; /* of struct mime_field */
	uint64_t steps; /* bytes looked at or compared, for the test of linearity */
};

/* Parses the letter; the views it needs are dropped again. 0, ERR_TOO_BIG
 * (above MIME_LETTER_MAX), ERR_MEMORY. Call mime_free in any case. */
int mime_parse(struct mime *m, struct str letter);
void mime_free(struct mime *m);

/* Whether a part of that type holds a letter: message/rfc822 or message/global
 * (RFC 6532 3.7). */
bool mime_is_message(struct str type, struct str subtype);

uint32_t mime_part_count(const struct mime *m);
uint32_t mime_field_count(const struct mime *m);
struct mime_part *mime_part(const struct mime *m, uint32_t index);
struct mime_field *mime_field(const struct mime *m, uint32_t index);

#endif
