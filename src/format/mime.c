/* SPDX-License-Identifier: Apache-2.0 */
/* The MIME structure of a letter, in one pass. */
#include "format/mime.h"

#include "base/arena.h"
#include "base/err.h"
#include "format/header.h"
#include "format/header_param.h"

#define NO_LEVEL SIZE_MAX
/* One Content-Type at a time; a longer one than fits is none. */
#define CTYPE_ARENA ((size_t)256 * 1024)

/* An open multipart or message. A message, and a multipart that was closed, has
 * no boundary that could match. */
struct level {
	uint32_t part;
	bool digest;
	struct str boundary; /* empty: none */
};

/*
 *  header --multipart--> preamble --delimiter--> header of a child ...
 *     |                                             closing delimiter --> epilogue
 *     |--message--> header of the letter inside
 *     `--leaf-----> body lines
 *
 * `leaf` is the part whose body the lines belong to; in preamble and epilogue
 * there is none.
 */
struct parser {
	struct mime *m;
	struct str letter;
	size_t at;
	uint64_t lines; /* line feeds before `at` */
	struct level stack[MIME_DEPTH_MAX];
	size_t depth;
	uint32_t leaf;
	bool stop; /* the last part has swallowed the rest */
	struct arena ctypes;
	struct arena boundaries;
};

uint32_t mime_part_count(const struct mime *m)
{
	return (uint32_t)(m->parts.n / sizeof(struct mime_part));
}

uint32_t mime_field_count(const struct mime *m)
{
	return (uint32_t)(m->fields.n / sizeof(struct mime_field));
}

struct mime_part *mime_part(const struct mime *m, uint32_t index)
{
	return (struct mime_part *)(void *)m->parts.p + index;
}

struct mime_field *mime_field(const struct mime *m, uint32_t index)
{
	return (struct mime_field *)(void *)m->fields.p + index;
}

/* A position with the number of line feeds before it. */
struct place {
	size_t at;
	uint64_t lines;
};

static struct place here(const struct parser *p)
{
	return (struct place){p->at, p->lines};
}

/* Moves over bytes that were looked at. */
static void advance(struct parser *p, struct str bytes)
{
	p->at += bytes.n;
	p->m->steps += bytes.n;
	for (size_t lf; (lf = str_find(bytes, '\n')) != STR_NONE; bytes = str_skip(bytes, lf + 1))
		p->lines++;
}

static struct str peek_line(const struct parser *p)
{
	struct str rest = str_skip(p->letter, p->at);

	return header_cut_line(&rest);
}

/* How much of the line a boundary of this level takes, with the "--"; 0: no match. */
static size_t match_length(struct parser *p, const struct level *level, struct str line)
{
	struct str candidate = str_head(str_skip(line, 2), level->boundary.n);

	if (level->boundary.n == 0 || candidate.n < level->boundary.n)
		return 0;
	p->m->steps += candidate.n;
	return str_eq(candidate, level->boundary) ? candidate.n + 2 : 0;
}

/* The level whose delimiter this line is, or NO_LEVEL. */
static size_t match_delimiter(struct parser *p, struct str line, size_t *length)
{
	size_t found = NO_LEVEL;

	*length = 0;
	if (!str_starts(line, STR("--")))
		return NO_LEVEL;
	for (size_t i = p->depth; i > 0; i--) {
		size_t n = match_length(p, &p->stack[i - 1], line);

		if (n > *length) {
			*length = n;
			found = i - 1;
		}
	}
	return found;
}

static bool at_delimiter(struct parser *p)
{
	size_t length;

	return match_delimiter(p, peek_line(p), &length) != NO_LEVEL;
}

/* `lines` holds the count at the body's start until the part ends.  A part whose
 * header a delimiter has cut off ends where that begins, not before its line
 * end; then *end moves there, for the parts around it. */
static void end_part(struct parser *p, uint32_t index, struct place *end)
{
	struct mime_part *part = mime_part(p->m, index);

	if (end->at < part->body_start)
		*end = (struct place){part->body_start, part->lines};
	part->body_end = end->at;
	part->lines = end->lines - part->lines;
}

static uint32_t add_part(struct parser *p, uint32_t parent)
{
	struct mime_part part = {.parent = parent,
				 .first_field = mime_field_count(p->m),
				 .header_start = p->at,
				 .body_start = p->at,
				 .lines = p->lines};

	buf_add(&p->m->parts, &part, sizeof(part));
	return mime_part_count(p->m) - 1;
}

/* A multipart in which no delimiter was found gets its one child. */
static void add_text_child(struct parser *p, uint32_t parent_index)
{
	struct mime_part child = *mime_part(p->m, parent_index);

	child.kind = MIME_LEAF;
	child.parent = parent_index;
	child.header_start = child.body_start;
	child.first_field = mime_field_count(p->m);
	child.fields = 0;
	buf_add(&p->m->parts, &child, sizeof(child));
}

/* Ends the leaf and all levels above `keep`. */
static void close_levels(struct parser *p, size_t keep, struct place end)
{
	if (p->leaf != MIME_NO_PARENT)
		end_part(p, p->leaf, &end);
	p->leaf = MIME_NO_PARENT;
	while (p->depth > keep) {
		uint32_t index = p->stack[--p->depth].part;

		end_part(p, index, &end);
		/* Pre-order: a childless part is the last one. */
		if (index == mime_part_count(p->m) - 1)
			add_text_child(p, index);
	}
}

/* Reads the header section at p->at; *ctype is the first Content-Type's value.
 * False when the field table is full: the header is still passed over. */
static bool read_header(struct parser *p, struct mime_part *part, struct str *ctype)
{
	struct header_scan scan = header_scan_of(str_skip(p->letter, p->at));
	struct header_field field;
	bool room = true;

	*ctype = (struct str){NULL, 0};
	while (!at_delimiter(p) && header_next(&scan, &field)) {
		struct mime_field row = {.id = (uint8_t)field.id, .length = field.raw.n};

		if (field.id != HEADER_JUNK)
			row.value = (uint64_t)(field.value.p - field.raw.p);
		if (field.id == HEADER_CONTENT_TYPE && !ctype->p)
			*ctype = field.value;
		room = room && mime_field_count(p->m) < MIME_FIELDS_MAX;
		if (room) {
			buf_add(&p->m->fields, &row, sizeof(row));
			part->fields++;
		}
		advance(p, field.raw);
	}
	/* The empty line, when there was one. */
	advance(p, str_head(str_skip(p->letter, p->at), p->letter.n - p->at - scan.rest.n));
	part->body_start = p->at;
	part->lines = p->lines;
	return room;
}

bool mime_is_message(struct str type, struct str subtype)
{
	return str_eq_nocase(type, STR("message")) &&
	       (str_eq_nocase(subtype, STR("rfc822")) || str_eq_nocase(subtype, STR("global")));
}

/* The boundary parameter, plain or in the pieces of RFC 2231; empty when there is
 * none that can be used. */
static struct str usable_boundary(struct parser *p, const struct header_ctype *ctype)
{
	const struct header_param *param = header_param_find(&ctype->params, STR("boundary"));
	struct str kept = {NULL, 0};
	struct buf boundary;

	buf_init(&boundary, MIME_BOUNDARY_MAX);
	if (param)
		buf_add_str(&boundary, param->value);
	else
		header_param_text(&ctype->params, STR("boundary"), NULL, &boundary);
	/* Blanks at the end cannot be told from padding (RFC 2046 5.1.1). */
	while (str_ends(buf_str(&boundary), STR(" ")) || str_ends(buf_str(&boundary), STR("\t")))
		buf_truncate(&boundary, boundary.n - 1);
	if (!buf_failed(&boundary))
		kept = arena_str(&p->boundaries, buf_str(&boundary));
	buf_free(&boundary);
	return kept;
}

/* Decides by the Content-Type what the part is, and opens a level for a
 * composite one. */
static enum mime_kind open_level(struct parser *p, uint32_t index, struct str value)
{
	bool in_digest = p->depth > 0 && p->stack[p->depth - 1].digest;
	struct level level = {.part = index};
	enum mime_kind kind = MIME_LEAF;
	struct header_ctype ctype;

	arena_reset(&p->ctypes);
	if (header_ctype_parse(value, &p->ctypes, &ctype))
		ctype = (struct header_ctype){0};
	if (!value.p && in_digest)
		kind = MIME_MESSAGE;
	else if (mime_is_message(ctype.type, ctype.subtype))
		kind = MIME_MESSAGE;
	else if (str_eq_nocase(ctype.type, STR("multipart")))
		kind = MIME_MULTIPART;
	if (kind == MIME_LEAF)
		return kind;
	/* The children of this part would be deeper than the limit. */
	if (p->depth + 1 >= MIME_DEPTH_MAX)
		return MIME_OPAQUE;
	if (kind == MIME_MULTIPART) {
		level.digest = str_eq_nocase(ctype.subtype, STR("digest"));
		level.boundary = usable_boundary(p, &ctype);
	}
	p->stack[p->depth++] = level;
	return kind;
}

/* The last part there is room for takes all that is left. */
static void swallow_rest(struct parser *p, uint32_t index)
{
	mime_part(p->m, index)->kind = MIME_OPAQUE;
	p->leaf = index;
	p->stop = true;
	advance(p, str_skip(p->letter, p->at));
}

/* Opens the part that begins at p->at; a message brings its inner letter along. */
static void open_part(struct parser *p, uint32_t parent)
{
	enum mime_kind kind;

	do {
		uint32_t index = add_part(p, parent);
		struct mime_part part;
		struct str ctype;

		if (buf_failed(&p->m->parts))
			return;
		if (index == MIME_PARTS_MAX - 1) {
			swallow_rest(p, index);
			return;
		}
		part = *mime_part(p->m, index);
		if (!read_header(p, &part, &ctype)) {
			*mime_part(p->m, index) = part;
			swallow_rest(p, index);
			return;
		}
		kind = open_level(p, index, ctype);
		part.kind = kind;
		*mime_part(p->m, index) = part;
		p->leaf = kind == MIME_LEAF || kind == MIME_OPAQUE ? index : MIME_NO_PARENT;
		parent = index;
	} while (kind == MIME_MESSAGE);
}

/* The place before the line end that belongs to the delimiter at p->at. */
static struct place before_line_end(const struct parser *p)
{
	struct str before = str_head(p->letter, p->at);
	struct place place = here(p);

	if (!str_ends(before, STR("\n")))
		return place;
	place.at -= str_ends(before, STR("\r\n")) ? 2 : 1;
	place.lines--;
	return place;
}

static void take_line(struct parser *p)
{
	struct str line = peek_line(p);
	size_t length;
	size_t found = match_delimiter(p, line, &length);

	if (found == NO_LEVEL) {
		advance(p, line);
		return;
	}
	close_levels(p, found + 1, before_line_end(p));
	advance(p, line);
	/* A boundary whose blanks at the end were cut off has them here. */
	if (str_starts(str_trim(str_skip(line, length)), STR("--")))
		p->stack[found].boundary = (struct str){NULL, 0};
	else
		open_part(p, p->stack[found].part);
}

int mime_parse(struct mime *m, struct str letter)
{
	struct parser p = {.m = m, .letter = letter, .leaf = MIME_NO_PARENT};

	m->steps = 0;
	buf_init(&m->parts, MIME_PARTS_MAX * sizeof(struct mime_part));
	buf_init(&m->fields, MIME_FIELDS_MAX * sizeof(struct mime_field));
	if (letter.n > MIME_LETTER_MAX)
		return ERR_TOO_BIG;
	arena_init(&p.ctypes, CTYPE_ARENA);
	/* One for each part, with what the arena adds to it. */
	arena_init(&p.boundaries, (size_t)MIME_PARTS_MAX * (MIME_BOUNDARY_MAX + 32));
	open_part(&p, MIME_NO_PARENT);
	while (!p.stop && p.at < letter.n && !buf_failed(&m->parts))
		take_line(&p);
	close_levels(&p, 0, here(&p));
	arena_free(&p.ctypes);
	arena_free(&p.boundaries);
	return buf_failed(&m->parts) || buf_failed(&m->fields) ? ERR_MEMORY : 0;
}

void mime_free(struct mime *m)
{
	buf_free(&m->parts);
	buf_free(&m->fields);
}
