/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outline: what a letter is, so that nobody has to parse it again.
 *
 * scan makes it from the hostile bytes; everybody else renders from it and reads
 * byte ranges.  It holds values, never ready text: the MIME tree with offsets,
 * the values of BODYSTRUCTURE and ENVELOPE (RFC 9051 7.5.2), a table of header
 * fields, a preview (RFC 8970).
 *
 * Whoever receives an outline gets it through outline_decode(), which ends in
 * outline_check(): there is no decoded outline that was not checked.  After it
 * every range lies inside the letter and every string can be rendered.
 *
 * Encoded form, version 1 (integers are varints, see base/buf.h):
 *
 *   u8 version, u8 parser version, u8 1 if opaque, 8 bytes hash,
 *   letter length, preview?, number of parts, parts, number of fields, fields
 *   part:   u8 kind, index minus parent's index (0 for the first),
 *           header start minus parent's body start, header length,
 *           body length, lines, number of fields, type?, subtype?, params,
 *           id?, description?, encoding?, md5?, location?, disposition?, params,
 *           number of languages, languages;
 *           if it is the first part or its parent is a message:
 *           date?, subject?, in-reply-to?, message-id?, 6 address lists
 *   params: number, then name, value each
 *   list:   number, then u8 kind, name?, route?, mailbox?, host? each
 *   field:  u8 id, length, offset of the value
 *   string: length plus 1, bytes; "?" means 0 for an absent one
 *
 * One value has one encoding: what decodes encodes to the same bytes.
 */
#ifndef FORMAT_OUTLINE_H
#define FORMAT_OUTLINE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "format/header_addr.h"
#include "format/header_param.h"
#include "format/mime.h"

struct charset_fn;

#define OUTLINE_VERSION 1 /* of the encoding */
#define OUTLINE_PARSER 1 /* raised whenever the same letter would give another outline */
#define OUTLINE_MAX ((size_t)1024 * 1024) /* encoded bytes */
/* The ceiling an arena needs so that whatever can be built can be decoded. */
#define OUTLINE_ARENA_MAX ((size_t)24 * 1024 * 1024)
#define OUTLINE_HASH 8
#define OUTLINE_LANGUAGES_MAX 64
#define PREVIEW_CHARS 200 /* RFC 8970 section 3: no more than 200 */

/* In the order ENVELOPE has them. */
enum envelope_list {
	ENVELOPE_FROM,
	ENVELOPE_SENDER,
	ENVELOPE_REPLY_TO,
	ENVELOPE_TO,
	ENVELOPE_CC,
	ENVELOPE_BCC,
	ENVELOPE_LISTS,
};

/* Texts are unfolded and otherwise as sent (encoded words not decoded). Absent
 * (p == NULL) means there was no such field; an empty one is empty. */
struct outline_envelope {
	struct str date, subject, in_reply_to, message_id;
	struct header_addrs lists[ENVELOPE_LISTS];
};

/* Strings are as sent; absent ones have p == NULL. */
struct outline_part {
	struct mime_part at;
	/* Both absent: the default, message/rfc822 for a MIME_MESSAGE and otherwise
	 * text/plain; charset=us-ascii. */
	struct str type, subtype;
	struct header_params params;
	struct str id, description, encoding, md5, location;
	struct str disposition;
	struct header_params disposition_params;
	const struct str *languages;
	size_t language_count;
	/* Of the letter that begins here; NULL unless this is the first part or
	 * the child of a MIME_MESSAGE. */
	struct outline_envelope *envelope;
};

struct outline {
	uint8_t parser;
	bool opaque; /* nobody has looked into this letter */
	uint8_t hash[OUTLINE_HASH];
	uint64_t length; /* of the letter in bytes */
	/* Valid UTF-8 without control characters; empty when the letter has no text,
	 * absent when nobody has looked. */
	struct str preview;
	struct outline_part *parts; /* at least one */
	uint32_t part_count;
	struct mime_field *fields;
	uint32_t field_count;
};

/* Makes the outline of a letter; everything it points to lives in the arena
 * (ceiling OUTLINE_ARENA_MAX).  When a value or the whole does not fit the
 * limits it is outline_opaque()'s. 0, ERR_MEMORY, ERR_TOO_BIG (the letter). */
int outline_build(struct outline *o, struct arena *a, struct str letter, const struct charset_fn *cs);

/*
 * The outline of a letter that nobody may parse (it crashed scan twice, or scan
 * does not answer).  IMAP shows one text/plain part: the header ends after the
 * first empty line, found by nothing but a search for it (a letter without one
 * is all body), ENVELOPE is all NIL, there is no preview and no field table.
 * text/plain, because a reader can then at least look at it.
 */
int outline_opaque(struct outline *o, struct arena *a, struct str letter);

/* Adds the encoded form of outline_opaque(). */
int outline_encode_opaque(struct str letter, struct buf *out);

/* Adds the encoded form; ERR_TOO_BIG above OUTLINE_MAX or the buffer's ceiling. */
int outline_encode(const struct outline *o, struct buf *out);

/* Reads and checks. Strings are views into `bytes`, the rest lives in the arena
 * (ceiling OUTLINE_ARENA_MAX). ERR_CORRUPT with a sentence for anything that
 * outline_encode() could not have written or that does not fit a letter of that
 * length, or when the arena is full. */
int outline_decode(struct outline *o, struct arena *a, struct str bytes, uint64_t letter_length,
		   struct err *e);

/* The total check, see the top. 0 or ERR_CORRUPT. */
int outline_check(const struct outline *o, uint64_t letter_length, struct err *e);

/* The first 8 bytes of SHA-256 over what IMAP calls immutable: length, offsets,
 * BODYSTRUCTURE and ENVELOPE values in the encoding of version 1, which later
 * versions keep for this purpose.  Not part of it: parser version, preview,
 * field table.  outline_build() and outline_opaque() set it. */
int outline_hash(const struct outline *o, uint8_t hash[OUTLINE_HASH]);

/* The hash that stands in an encoded outline, as a number (little-endian); 0 when there is none. */
uint64_t outline_encoded_hash(struct str bytes);

/* Sets o->preview from the first text/plain part that is no attachment, or the
 * first text/html one without its tags. ERR_TOO_BIG when the arena is full. */
int outline_preview(struct outline *o, struct arena *a, struct str letter, const struct charset_fn *cs);

/* A byte range of the letter. */
struct outline_range {
	uint64_t start, end;
};

enum outline_section {
	SECTION_BODY, /* BODY[] and BODY[1.2] */
	SECTION_HEADER, /* HEADER and 1.2.HEADER, also for HEADER.FIELDS */
	SECTION_TEXT,
	SECTION_MIME,
};

/*
 * Finds a section of FETCH BODY[...] (RFC 9051 6.4.5): the part numbers as
 * integers, empty for the whole letter.  *part is the part whose header the
 * section is about.  ERR_NOT_FOUND when the letter has no such section.
 */
int outline_section(const struct outline *o, const uint32_t *path, size_t path_n,
		    enum outline_section section, struct outline_range *range, uint32_t *part);

/* The type and subtype that hold, defaults filled in. */
struct str outline_type(const struct outline_part *part);
struct str outline_subtype(const struct outline_part *part);

/* Whether a letter begins here, the whole one or one inside: such parts have an
 * envelope. */
bool outline_begins_letter(const struct outline *o, const struct mime_part *at);

#endif
