/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_fetch: what FETCH asks for (RFC 3501 section 6.4.5).
 *
 * The items without arguments are bits; the parts of the message asked for are
 * sections, in the order asked.
 */
#ifndef FORMAT_IMAP_FETCH_H
#define FORMAT_IMAP_FETCH_H

#include "format/imap_cursor.h"

#define IMAP_SECTIONS_MAX 200
/* Part numbers in one section; an outline is not deeper. */
#define IMAP_PART_DEPTH 100

enum imap_fetch_item {
	IMAP_FETCH_UID = 1 << 0,
	IMAP_FETCH_FLAGS = 1 << 1,
	IMAP_FETCH_INTERNALDATE = 1 << 2,
	IMAP_FETCH_SIZE = 1 << 3, /* RFC822.SIZE */
	IMAP_FETCH_ENVELOPE = 1 << 4,
	IMAP_FETCH_BODY = 1 << 5, /* the structure without extension data */
	IMAP_FETCH_BODYSTRUCTURE = 1 << 6,
};

enum imap_section_kind {
	IMAP_SECTION_ALL,
	IMAP_SECTION_HEADER,
	IMAP_SECTION_FIELDS,
	IMAP_SECTION_FIELDS_NOT,
	IMAP_SECTION_TEXT,
	IMAP_SECTION_MIME,
};

struct imap_section {
	struct imap_section *next;
	enum imap_section_kind kind;
	struct imap_words fields; /* of FIELDS and FIELDS_NOT */
	const char *name; /* "RFC822", "RFC822.HEADER", "RFC822.TEXT": how the reply calls it; or NULL */
	uint32_t *parts; /* "1.2.3"; none: the message itself */
	size_t part_count;
	bool peek; /* does not set \Seen */
	bool partial;
	uint32_t origin, length; /* of <origin.length> */
};

struct imap_fetch {
	struct imap_set set;
	unsigned items; /* enum imap_fetch_item */
	struct imap_section *sections;
	size_t section_count;
};

/* The items, from the space behind the set. */
int imap_fetch_read(struct imap_cursor *c, struct imap_fetch *out);

/* The section's name in the reply: "BODY[1.HEADER.FIELDS (DATE FROM)]<0>". */
void imap_section_put(struct buf *out, const struct imap_section *s);

#endif
