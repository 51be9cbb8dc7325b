/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The total check of an outline that somebody else made.
 *
 * What it proves, cited by number in the code:
 *
 *  1. The outline is about a letter of the length we know.
 *  2. The first part is the whole letter; every other part has a parent before
 *     it that is a composite part and an ancestor of (or is) the part before it:
 *     the array is a tree in pre-order.  At most MIME_DEPTH_MAX deep.
 *  3. Header and body of a part are ranges in order; a child lies inside its
 *     parent's body, behind its elder siblings.
 *  4. A multipart has a child, a message exactly one, which fills its body.
 *  5. Kind and type agree, so that BODYSTRUCTURE has the form its type promises.
 *  6. A part that begins a letter has an envelope, no other has.
 *  7. The fields of all parts are the field table, in order; those of a part fit
 *     into its header, each value into its field; their numbers are known.
 *  8. No string holds CR, LF or NUL. The preview is UTF-8 without control
 *     characters and of at most PREVIEW_CHARS characters.
 *  9. Address lists: only group marks lack a host; groups are closed and do not
 *     nest.
 * 10. Lists count what they hold, and are within their limits.
 */
#include "format/outline.h"

#include "format/charset.h"
#include "format/header.h"

/* 8. */
static bool good_string(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == 0)
			return false;
	return true;
}

static bool good_preview(struct str s)
{
	size_t chars = 0;

	for (; s.n; chars++) {
		size_t n = charset_utf8_length(s);

		if (n == 0 || (unsigned char)s.p[0] < 0x20 || s.p[0] == 0x7F)
			return false;
		s = str_skip(s, n);
	}
	return chars <= PREVIEW_CHARS;
}

/* 8, 10. */
static bool good_params(const struct header_params *list)
{
	size_t count = 0;

	for (const struct header_param *p = list->first; p; p = p->next, count++)
		if (p->name.n == 0 || !p->value.p || !good_string(p->name) || !good_string(p->value))
			return false;
	return count == list->count;
}

/* 9. */
static bool good_addr(const struct header_addr *addr, bool *in_group)
{
	switch (addr->kind) {
	case ADDR_MAILBOX:
		return addr->mailbox.p && addr->host.p;
	case ADDR_GROUP_START:
		if (*in_group || !addr->mailbox.p || addr->host.p || addr->name.p || addr->route.p)
			return false;
		*in_group = true;
		return true;
	case ADDR_GROUP_END:
		if (!*in_group || addr->mailbox.p || addr->host.p || addr->name.p || addr->route.p)
			return false;
		*in_group = false;
		return true;
	}
	return false;
}

/* 8, 9, 10. */
static bool good_addrs(const struct header_addrs *list)
{
	bool in_group = false;
	size_t count = 0;

	for (const struct header_addr *a = list->first; a; a = a->next, count++)
		if (!good_addr(a, &in_group) || !good_string(a->name) || !good_string(a->route) ||
		    !good_string(a->mailbox) || !good_string(a->host))
			return false;
	return !in_group && count == list->count;
}

static bool good_envelope(const struct outline_envelope *env)
{
	for (int i = 0; i < ENVELOPE_LISTS; i++)
		if (!good_addrs(&env->lists[i]))
			return false;
	return good_string(env->date) && good_string(env->subject) && good_string(env->in_reply_to) &&
	       good_string(env->message_id);
}

/* 5. */
static bool good_type(const struct outline_part *part)
{
	struct str type = outline_type(part);
	struct str subtype = outline_subtype(part);
	bool message = mime_is_message(type, subtype);
	bool multipart = str_eq_nocase(type, STR("multipart"));

	if (!part->type.p != !part->subtype.p || type.n == 0 || subtype.n == 0)
		return false;
	switch (part->at.kind) {
	case MIME_LEAF:
	case MIME_OPAQUE:
		return !message && !multipart;
	case MIME_MULTIPART:
		return multipart;
	case MIME_MESSAGE:
		return message;
	}
	return false;
}

/* 8, 10. */
static bool good_values(const struct outline_part *part)
{
	if (part->language_count > OUTLINE_LANGUAGES_MAX)
		return false;
	for (size_t i = 0; i < part->language_count; i++)
		if (part->languages[i].n == 0 || !good_string(part->languages[i]))
			return false;
	return good_string(part->type) && good_string(part->subtype) && good_params(&part->params) &&
	       good_string(part->id) && good_string(part->description) && good_string(part->encoding) &&
	       good_string(part->md5) && good_string(part->location) && good_string(part->disposition) &&
	       good_params(&part->disposition_params);
}

/* 7. */
static bool good_fields(const struct outline *o)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < o->part_count; i++) {
		const struct mime_part *at = &o->parts[i].at;
		uint64_t left = at->body_start - at->header_start;

		if (at->first_field != next || at->fields > o->field_count - next)
			return false;
		for (; next < at->first_field + at->fields; next++) {
			const struct mime_field *f = &o->fields[next];

			if (f->id >= HEADER_COUNT || f->length == 0 || f->length > left ||
			    f->value > f->length)
				return false;
			left -= f->length;
		}
	}
	return next == o->field_count;
}

/* The way from the letter down to the part before, as the tree walk needs it. */
struct path {
	uint32_t part[MIME_DEPTH_MAX];
	uint64_t used[MIME_DEPTH_MAX]; /* where the next child may begin */
	bool has_child[MIME_DEPTH_MAX];
	size_t depth;
};

/* 4: the part on top of the path gets no more children. */
static bool leave(const struct outline *o, struct path *path)
{
	const struct mime_part *at = &o->parts[path->part[--path->depth]].at;
	bool composite = at->kind == MIME_MULTIPART || at->kind == MIME_MESSAGE;

	return path->has_child[path->depth] == composite;
}

/* 2, 3, 4: a child of the part on top of the path. */
static bool good_child(const struct outline *o, struct path *path, const struct mime_part *at)
{
	const struct mime_part *parent = &o->parts[at->parent].at;
	size_t top = path->depth - 1;

	if (at->header_start < path->used[top] || at->body_end > parent->body_end)
		return false;
	if (parent->kind == MIME_MESSAGE && (path->has_child[top] || at->header_start != parent->body_start ||
					     at->body_end != parent->body_end))
		return false;
	path->used[top] = at->body_end;
	path->has_child[top] = true;
	return true;
}

/* 2, 3. */
static bool enter(const struct outline *o, struct path *path, uint32_t index)
{
	const struct mime_part *at = &o->parts[index].at;

	if (at->header_start > at->body_start || at->body_start > at->body_end || at->body_end > o->length ||
	    at->lines > at->body_end - at->body_start)
		return false;
	if (index == 0 &&
	    (at->parent != MIME_NO_PARENT || at->header_start != 0 || at->body_end != o->length))
		return false;
	if (index > 0) {
		while (path->depth && path->part[path->depth - 1] != at->parent)
			if (!leave(o, path))
				return false;
		if (path->depth == 0 || path->depth == MIME_DEPTH_MAX || !good_child(o, path, at))
			return false;
	}
	path->part[path->depth] = index;
	path->used[path->depth] = at->body_start;
	path->has_child[path->depth++] = false;
	return true;
}

static bool good_tree(const struct outline *o)
{
	struct path path = {.depth = 0};

	for (uint32_t i = 0; i < o->part_count; i++)
		if (!enter(o, &path, i))
			return false;
	while (path.depth)
		if (!leave(o, &path))
			return false;
	return true;
}

/* 6. */
static bool good_part(const struct outline *o, const struct outline_part *part)
{
	bool letter = outline_begins_letter(o, &part->at);

	return good_type(part) && good_values(part) && letter == (part->envelope != NULL) &&
	       (!letter || good_envelope(part->envelope));
}

int outline_check(const struct outline *o, uint64_t letter_length, struct err *e)
{
	if (o->length != letter_length || o->length > MIME_LETTER_MAX)
		return err_set(e, ERR_CORRUPT, "outline is about another letter");
	if (o->part_count == 0 || o->part_count > MIME_PARTS_MAX || o->field_count > MIME_FIELDS_MAX)
		return err_set(e, ERR_CORRUPT, "outline breaks a limit");
	if (!good_tree(o))
		return err_set(e, ERR_CORRUPT, "outline: the parts are no tree inside the letter");
	for (uint32_t i = 0; i < o->part_count; i++)
		if (!good_part(o, &o->parts[i]))
			return err_set(e, ERR_CORRUPT, "outline: bad values in part %u", i);
	if (!good_fields(o))
		return err_set(e, ERR_CORRUPT, "outline: bad field table");
	if (!good_preview(o->preview))
		return err_set(e, ERR_CORRUPT, "outline: bad preview");
	return 0;
}
