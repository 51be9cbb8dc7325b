/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of FETCH BODY[...] as ranges of the letter, and default types. */
#include "format/outline.h"

#define NOT_FOUND UINT32_MAX

struct str outline_type(const struct outline_part *part)
{
	return part->type.p ? part->type : part->at.kind == MIME_MESSAGE ? STR("message") : STR("text");
}

struct str outline_subtype(const struct outline_part *part)
{
	return part->subtype.p ? part->subtype : part->at.kind == MIME_MESSAGE ? STR("rfc822") : STR("plain");
}

bool outline_begins_letter(const struct outline *o, const struct mime_part *at)
{
	return at->parent == MIME_NO_PARENT || o->parts[at->parent].at.kind == MIME_MESSAGE;
}

/* The n-th child, from 1. Siblings are found by stepping over the array, which
 * is at most MIME_PARTS_MAX long. */
static uint32_t child_of(const struct outline *o, uint32_t parent, uint32_t n)
{
	for (uint32_t i = parent + 1; i < o->part_count; i++)
		if (o->parts[i].at.parent == parent && --n == 0)
			return i;
	return NOT_FOUND;
}

/* Part n of the letter that begins at `root`: what is no multipart is its own
 * part 1 (RFC 9051 6.4.5: "every message has at least one part number"). */
static uint32_t part_of_letter(const struct outline *o, uint32_t root, uint32_t n)
{
	if (o->parts[root].at.kind == MIME_MULTIPART)
		return child_of(o, root, n);
	return n == 1 ? root : NOT_FOUND;
}

static uint32_t find_part(const struct outline *o, const uint32_t *path, size_t path_n)
{
	uint32_t at = part_of_letter(o, 0, path[0]);

	for (size_t i = 1; i < path_n && at != NOT_FOUND; i++) {
		if (path[i] == 0)
			return NOT_FOUND;
		if (o->parts[at].at.kind == MIME_MESSAGE)
			at = part_of_letter(o, at + 1, path[i]);
		else if (o->parts[at].at.kind == MIME_MULTIPART)
			at = child_of(o, at, path[i]);
		else
			at = NOT_FOUND;
	}
	return at;
}

int outline_section(const struct outline *o, const uint32_t *path, size_t path_n,
		    enum outline_section section, struct outline_range *range, uint32_t *part)
{
	uint32_t at = 0;
	const struct mime_part *m;
	bool of_letter = section == SECTION_HEADER || section == SECTION_TEXT;

	if (path_n > 0)
		at = path[0] ? find_part(o, path, path_n) : NOT_FOUND;
	else if (section == SECTION_MIME)
		return ERR_NOT_FOUND;
	if (at == NOT_FOUND)
		return ERR_NOT_FOUND;
	/* With part numbers, HEADER and TEXT are those of the letter inside. */
	if (path_n > 0 && of_letter) {
		if (o->parts[at].at.kind != MIME_MESSAGE)
			return ERR_NOT_FOUND;
		at++;
	}
	m = &o->parts[at].at;
	*part = at;
	*range = section == SECTION_HEADER || section == SECTION_MIME
			 ? (struct outline_range){m->header_start, m->body_start}
			 : (struct outline_range){m->body_start, m->body_end};
	if (path_n == 0 && section == SECTION_BODY)
		range->start = 0;
	return 0;
}
