/* SPDX-License-Identifier: Apache-2.0 */
/* Making the outline of a letter. */
#include "format/outline.h"

#include "format/header.h"

#include <stddef.h>
#include <string.h>

/* What one field gives, by its name. Of a repeated field the first counts; the
 * recipients of all To, Cc and Bcc fields are joined. */
enum field_kind {
	FIELD_TEXT,
	FIELD_TOKEN,
	FIELD_ADDRESSES,
	FIELD_MORE_ADDRESSES,
	FIELD_LANGUAGES,
	FIELD_CTYPE,
	FIELD_DISPOSITION
};

struct field_rule {
	enum header_id id;
	enum field_kind kind;
	bool of_envelope; /* the offset is into struct outline_envelope */
	size_t offset;
};

#define IN_PART(id, kind, member)                                      \
	{                                                              \
		id, kind, false, offsetof(struct outline_part, member) \
	}
#define IN_ENVELOPE(id, kind, member)                                     \
	{                                                                 \
		id, kind, true, offsetof(struct outline_envelope, member) \
	}

static const struct field_rule rules[] = {
	IN_PART(HEADER_CONTENT_TYPE, FIELD_CTYPE, type),
	IN_PART(HEADER_CONTENT_DISPOSITION, FIELD_DISPOSITION, disposition),
	IN_PART(HEADER_CONTENT_TRANSFER_ENCODING, FIELD_TOKEN, encoding),
	IN_PART(HEADER_CONTENT_ID, FIELD_TEXT, id),
	IN_PART(HEADER_CONTENT_DESCRIPTION, FIELD_TEXT, description),
	IN_PART(HEADER_CONTENT_MD5, FIELD_TEXT, md5),
	IN_PART(HEADER_CONTENT_LOCATION, FIELD_TEXT, location),
	IN_PART(HEADER_CONTENT_LANGUAGE, FIELD_LANGUAGES, languages),
	IN_ENVELOPE(HEADER_DATE, FIELD_TEXT, date),
	IN_ENVELOPE(HEADER_SUBJECT, FIELD_TEXT, subject),
	IN_ENVELOPE(HEADER_IN_REPLY_TO, FIELD_TEXT, in_reply_to),
	IN_ENVELOPE(HEADER_MESSAGE_ID, FIELD_TEXT, message_id),
	IN_ENVELOPE(HEADER_FROM, FIELD_ADDRESSES, lists[ENVELOPE_FROM]),
	IN_ENVELOPE(HEADER_SENDER, FIELD_ADDRESSES, lists[ENVELOPE_SENDER]),
	IN_ENVELOPE(HEADER_REPLY_TO, FIELD_ADDRESSES, lists[ENVELOPE_REPLY_TO]),
	IN_ENVELOPE(HEADER_TO, FIELD_MORE_ADDRESSES, lists[ENVELOPE_TO]),
	IN_ENVELOPE(HEADER_CC, FIELD_MORE_ADDRESSES, lists[ENVELOPE_CC]),
	IN_ENVELOPE(HEADER_BCC, FIELD_MORE_ADDRESSES, lists[ENVELOPE_BCC]),
};

static int set_text(struct str value, struct arena *a, struct str *out)
{
	if (out->p)
		return 0;
	*out = header_unfold_arena(value, a);
	return out->p ? 0 : ERR_TOO_BIG;
}

/* One token, without comments. */
static int set_token(struct str value, struct arena *a, struct str *out)
{
	struct header_disposition d;
	int rc = out->p ? ERR_INVALID : header_disposition_parse(value, a, &d);

	if (rc == 0)
		*out = d.token;
	return rc == ERR_INVALID ? 0 : rc;
}

static int set_ctype(struct str value, struct arena *a, struct outline_part *part)
{
	struct header_ctype ctype;
	int rc = header_ctype_parse(value, a, &ctype);

	if (rc == 0) {
		part->type = ctype.type;
		part->subtype = ctype.subtype;
		part->params = ctype.params;
	}
	return rc == ERR_INVALID ? 0 : rc;
}

static int set_disposition(struct str value, struct arena *a, struct outline_part *part)
{
	struct header_disposition d;
	int rc = part->disposition.p ? ERR_INVALID : header_disposition_parse(value, a, &d);

	if (rc == 0) {
		part->disposition = d.token;
		part->disposition_params = d.params;
	}
	return rc == ERR_INVALID ? 0 : rc;
}

static int set_languages(struct str value, struct arena *a, struct outline_part *part)
{
	struct str tags[OUTLINE_LANGUAGES_MAX];
	size_t count = part->language_count ? 0 : header_languages(value, tags, OUTLINE_LANGUAGES_MAX);
	struct str *kept = arena_calloc(a, count, sizeof(*kept));

	if (!kept)
		return ERR_TOO_BIG;
	for (size_t i = 0; i < count; i++) {
		kept[i] = arena_str(a, tags[i]);
		if (!kept[i].p)
			return ERR_TOO_BIG;
	}
	if (count) {
		part->languages = kept;
		part->language_count = count;
	}
	return 0;
}

static int apply_rule(const struct field_rule *rule, struct str value, struct arena *a,
		      struct outline_part *part)
{
	void *target = (char *)(rule->of_envelope ? (void *)part->envelope : (void *)part) + rule->offset;
	const struct header_addrs *list = target;

	switch (rule->kind) {
	case FIELD_TEXT:
		return set_text(value, a, target);
	case FIELD_TOKEN:
		return set_token(value, a, target);
	case FIELD_ADDRESSES:
		return list->count ? 0 : header_addr_parse(value, a, target);
	case FIELD_MORE_ADDRESSES:
		return header_addr_parse(value, a, target);
	case FIELD_LANGUAGES:
		return set_languages(value, a, part);
	case FIELD_CTYPE:
		return set_ctype(value, a, part);
	case FIELD_DISPOSITION:
		return set_disposition(value, a, part);
	}
	return 0;
}

static int apply_field(enum header_id id, struct str value, struct arena *a, struct outline_part *part)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].id == id && (part->envelope || !rules[i].of_envelope))
			return apply_rule(&rules[i], value, a, part);
	return 0;
}

/* A leaf that a limit made one does not say it is composite: BODYSTRUCTURE has
 * no form for that. */
static void settle_type(struct outline_part *part)
{
	bool composite = str_eq_nocase(outline_type(part), STR("multipart")) ||
			 mime_is_message(outline_type(part), outline_subtype(part));

	if (part->at.kind == MIME_OPAQUE || (part->at.kind == MIME_LEAF && composite)) {
		part->type = STR("application");
		part->subtype = STR("octet-stream");
		part->params = (struct header_params){0};
	}
}

static int fill_part(const struct outline *o, struct arena *a, struct str letter, struct outline_part *part)
{
	size_t at = (size_t)part->at.header_start;
	bool typed = false;

	for (uint32_t i = 0; i < part->at.fields; i++) {
		const struct mime_field *f = &o->fields[part->at.first_field + i];
		struct str raw = str_head(str_skip(letter, at), (size_t)f->length);
		struct str value = header_line_text(str_skip(raw, (size_t)f->value));
		/* The first Content-Type decided the structure, readable or not. */
		bool again = typed && f->id == HEADER_CONTENT_TYPE;
		int rc = again ? 0 : apply_field((enum header_id)f->id, value, a, part);

		if (rc)
			return rc;
		typed = typed || f->id == HEADER_CONTENT_TYPE;
		at += raw.n;
	}
	settle_type(part);
	return 0;
}

static int fill(struct outline *o, struct arena *a, struct str letter, const struct mime *m)
{
	o->part_count = mime_part_count(m);
	o->field_count = mime_field_count(m);
	o->parts = arena_calloc(a, o->part_count, sizeof(*o->parts));
	o->fields = arena_calloc(a, o->field_count, sizeof(*o->fields));
	if (!o->parts || !o->fields)
		return ERR_TOO_BIG;
	if (o->field_count)
		memcpy(o->fields, m->fields.p, m->fields.n);
	for (uint32_t i = 0; i < o->part_count; i++) {
		struct outline_part *part = &o->parts[i];
		int rc;

		part->at = *mime_part(m, i);
		if (outline_begins_letter(o, &part->at)) {
			part->envelope = arena_alloc(a, sizeof(*part->envelope));
			if (!part->envelope)
				return ERR_TOO_BIG;
		}
		rc = fill_part(o, a, letter, part);
		if (rc)
			return rc;
	}
	return 0;
}

int outline_build(struct outline *o, struct arena *a, struct str letter, const struct charset_fn *cs)
{
	struct outline opaque;
	struct mime m;
	int rc = outline_opaque(&opaque, a, letter);

	if (rc)
		return rc;
	rc = mime_parse(&m, letter);
	if (rc == 0) {
		*o = (struct outline){.parser = OUTLINE_PARSER, .length = letter.n};
		rc = fill(o, a, letter, &m);
		if (rc == 0)
			rc = outline_preview(o, a, letter, cs);
		if (rc == 0)
			rc = outline_hash(o, o->hash);
		/* What has no place in an outline is not looked into. */
		if (rc == ERR_TOO_BIG) {
			*o = opaque;
			rc = 0;
		}
	}
	mime_free(&m);
	return rc;
}

/* Behind the first empty line; 0 when there is none. */
static size_t header_end(struct str letter)
{
	for (size_t at = 0, lf; (lf = str_find(str_skip(letter, at), '\n')) != STR_NONE;) {
		size_t length = lf + 1;

		at += length;
		if (length == 1 || (length == 2 && letter.p[at - 2] == '\r'))
			return at;
	}
	return 0;
}

static uint64_t count_lines(struct str s)
{
	uint64_t n = 0;

	for (size_t lf; (lf = str_find(s, '\n')) != STR_NONE; s = str_skip(s, lf + 1))
		n++;
	return n;
}

int outline_opaque(struct outline *o, struct arena *a, struct str letter)
{
	struct outline_part *part = arena_alloc(a, sizeof(*part));
	size_t body = header_end(letter);

	*o = (struct outline){.parser = OUTLINE_PARSER, .opaque = true, .length = letter.n};
	if (letter.n > MIME_LETTER_MAX || !part)
		return ERR_TOO_BIG;
	part->at = (struct mime_part){.kind = MIME_LEAF,
				      .parent = MIME_NO_PARENT,
				      .body_start = body,
				      .body_end = letter.n,
				      .lines = count_lines(str_skip(letter, body))};
	part->envelope = arena_alloc(a, sizeof(*part->envelope));
	if (!part->envelope)
		return ERR_TOO_BIG;
	o->parts = part;
	o->part_count = 1;
	return outline_hash(o, o->hash);
}
