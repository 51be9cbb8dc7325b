/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of FETCH. */
#include "format/imap_fetch.h"

#include "format/imap_quote.h"

struct item_row {
	struct str name;
	unsigned items;
};

static const struct item_row items[] = {
	{STR_INIT("UID"), IMAP_FETCH_UID},
	{STR_INIT("FLAGS"), IMAP_FETCH_FLAGS},
	{STR_INIT("INTERNALDATE"), IMAP_FETCH_INTERNALDATE},
	{STR_INIT("RFC822.SIZE"), IMAP_FETCH_SIZE},
	{STR_INIT("ENVELOPE"), IMAP_FETCH_ENVELOPE},
	{STR_INIT("BODYSTRUCTURE"), IMAP_FETCH_BODYSTRUCTURE},
};

#define FAST (IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SIZE)

/* Only alone, not in a list. */
static const struct item_row macros[] = {
	{STR_INIT("FAST"), FAST},
	{STR_INIT("ALL"), FAST | IMAP_FETCH_ENVELOPE},
	{STR_INIT("FULL"), FAST | IMAP_FETCH_ENVELOPE | IMAP_FETCH_BODY},
};

/* RFC822.HEADER is the one that does not set \Seen. */
static const struct {
	const char *name;
	enum imap_section_kind kind;
	bool peek;
} old_sections[] = {
	{"RFC822", IMAP_SECTION_ALL, false},
	{"RFC822.HEADER", IMAP_SECTION_HEADER, true},
	{"RFC822.TEXT", IMAP_SECTION_TEXT, false},
};

static const struct str kind_names[] = {
	[IMAP_SECTION_ALL] = STR_INIT(""),
	[IMAP_SECTION_HEADER] = STR_INIT("HEADER"),
	[IMAP_SECTION_FIELDS] = STR_INIT("HEADER.FIELDS"),
	[IMAP_SECTION_FIELDS_NOT] = STR_INIT("HEADER.FIELDS.NOT"),
	[IMAP_SECTION_TEXT] = STR_INIT("TEXT"),
	[IMAP_SECTION_MIME] = STR_INIT("MIME"),
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static unsigned find_item(const struct item_row *rows, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(rows[i].name, name))
			return rows[i].items;
	return 0;
}

/* A new section behind the others. */
static int add_section(struct imap_cursor *c, struct imap_fetch *f, struct imap_section **out)
{
	struct imap_section **end = &f->sections;

	if (f->section_count == IMAP_SECTIONS_MAX) {
		imap_too_many(c, "sections", IMAP_SECTIONS_MAX);
		return ERR_TOO_BIG;
	}
	while (*end)
		end = &(*end)->next;
	*out = *end = arena_alloc(c->arena, sizeof(**end));
	f->section_count++;
	if (*out)
		return 0;
	imap_no_memory(c);
	return ERR_MEMORY;
}

/* "1.2." in front of a section's kind, or "1.2" alone. */
static int read_parts(struct imap_cursor *c, struct imap_section *s)
{
	uint32_t parts[IMAP_PART_DEPTH] = {0};

	while (ascii_is_digit(imap_peek(c))) {
		uint32_t *n = &parts[s->part_count];

		if (s->part_count == IMAP_PART_DEPTH)
			return imap_too_many(c, "part numbers", IMAP_PART_DEPTH);
		if (imap_peek(c) == '0' || imap_take_number(c, "a part number", n))
			return imap_expected(c, "a part number");
		s->part_count++;
		if (!imap_take_if(c, '.'))
			break;
		if (imap_peek(c) == ']')
			return imap_expected(c, "a part number or a section");
	}
	s->parts = arena_calloc(c->arena, s->part_count + 1, sizeof(*parts));
	if (!s->parts)
		return imap_no_memory(c);
	for (size_t i = 0; i < s->part_count; i++)
		s->parts[i] = parts[i];
	return 0;
}

static int read_kind(struct imap_cursor *c, struct imap_section *s)
{
	size_t start = c->pos;
	struct str name = imap_take_name(c);

	for (size_t i = 0; i < COUNT(kind_names); i++) {
		s->kind = (enum imap_section_kind)i;
		/* MIME is of a part, the message itself has none. */
		if (str_eq_nocase(name, kind_names[i]) && (i != IMAP_SECTION_MIME || s->part_count))
			return 0;
	}
	c->pos = start;
	return imap_expected(c, s->part_count ? "HEADER, HEADER.FIELDS, TEXT or MIME"
					      : "a part number, HEADER, HEADER.FIELDS or TEXT");
}

/* header-list; one without fields is refused by the grammar. */
static int read_fields(struct imap_cursor *c, struct imap_section *s)
{
	int rc = imap_take_space(c);
	struct str field;

	if (rc == 0)
		rc = imap_take_char(c, '(', "a list of header fields");
	while (rc == 0) {
		rc = imap_take_astring(c, "the name of a header field", &field);
		if (rc == 0)
			rc = imap_words_add(c, &s->fields, field);
		if (rc || imap_take_if(c, ')'))
			break;
		rc = imap_take_char(c, ' ', "a space or )");
	}
	return rc;
}

/* "<origin.length>", the length above 0. */
static int read_partial(struct imap_cursor *c, struct imap_section *s)
{
	int rc;

	s->partial = imap_take_if(c, '<');
	if (!s->partial)
		return 0;
	rc = imap_take_number(c, "the offset of the first byte", &s->origin);
	if (rc == 0)
		rc = imap_take_char(c, '.', "a dot");
	if (rc == 0 && imap_peek(c) == '0')
		rc = imap_expected(c, "a number of bytes above 0");
	if (rc == 0)
		rc = imap_take_number(c, "a number of bytes", &s->length);
	return rc ? rc : imap_take_char(c, '>', ">");
}

/* Behind "BODY[" or "BODY.PEEK[". */
static int read_section(struct imap_cursor *c, struct imap_fetch *f, bool peek)
{
	struct imap_section *s = NULL;
	int rc = add_section(c, f, &s);

	if (rc)
		return rc;
	s->peek = peek;
	rc = read_parts(c, s);
	/* Behind a part number without a dot only "]" may stand. */
	if (rc == 0 && (s->part_count == 0 || c->text.bytes.p[c->pos - 1] == '.'))
		rc = read_kind(c, s);
	if (rc == 0 && (s->kind == IMAP_SECTION_FIELDS || s->kind == IMAP_SECTION_FIELDS_NOT))
		rc = read_fields(c, s);
	if (rc == 0)
		rc = imap_take_char(c, ']', "]");
	return rc ? rc : read_partial(c, s);
}

static int read_old_section(struct imap_cursor *c, struct imap_fetch *f, struct str name, bool *known)
{
	for (size_t i = 0; i < COUNT(old_sections); i++) {
		struct imap_section *s = NULL;
		int rc;

		if (!str_eq_nocase(str_of(old_sections[i].name), name))
			continue;
		*known = true;
		rc = add_section(c, f, &s);
		if (rc)
			return rc;
		s->name = old_sections[i].name;
		s->kind = old_sections[i].kind;
		s->peek = old_sections[i].peek;
		return 0;
	}
	return 0;
}

static int read_item(struct imap_cursor *c, struct imap_fetch *f)
{
	size_t start = c->pos;
	struct str name = imap_take_name(c);
	unsigned item = find_item(items, COUNT(items), name);
	bool peek = str_eq_nocase(name, STR("BODY.PEEK")), known = item != 0;
	int rc;

	f->items |= item;
	if (peek || str_eq_nocase(name, STR("BODY"))) {
		if (imap_take_if(c, '['))
			return read_section(c, f, peek);
		f->items |= IMAP_FETCH_BODY;
		return peek ? imap_expected(c, "[") : 0;
	}
	rc = known ? 0 : read_old_section(c, f, name, &known);
	if (known)
		return rc;
	c->pos = start;
	return imap_expected(c, "a data item of FETCH");
}

static int read_list(struct imap_cursor *c, struct imap_fetch *f)
{
	for (;;) {
		int rc = read_item(c, f);

		if (rc || imap_take_if(c, ')'))
			return rc;
		rc = imap_take_char(c, ' ', "a space or )");
		if (rc)
			return rc;
	}
}

int imap_fetch_read(struct imap_cursor *c, struct imap_fetch *out)
{
	int rc = imap_take_space(c);

	if (rc)
		return rc;
	if (imap_take_if(c, '('))
		return read_list(c, out);
	for (size_t i = 0; i < COUNT(macros); i++)
		if (imap_take_word_if(c, macros[i].name)) {
			out->items |= macros[i].items;
			return 0;
		}
	return read_item(c, out);
}

static void put_fields(struct buf *out, const struct imap_words *fields)
{
	for (size_t i = 0; i < fields->count; i++) {
		buf_add_z(out, i ? " " : " (");
		imap_put_astring(out, fields->v[i], false);
	}
	buf_add_c(out, ')');
}

void imap_section_put(struct buf *out, const struct imap_section *s)
{
	if (s->name) {
		buf_add_z(out, s->name);
		return;
	}
	buf_add_z(out, "BODY[");
	for (size_t i = 0; i < s->part_count; i++)
		buf_printf(out, "%s%u", i ? "." : "", s->parts[i]);
	if (s->part_count && s->kind != IMAP_SECTION_ALL)
		buf_add_c(out, '.');
	buf_add_str(out, kind_names[s->kind]);
	if (s->kind == IMAP_SECTION_FIELDS || s->kind == IMAP_SECTION_FIELDS_NOT)
		put_fields(out, &s->fields);
	buf_add_c(out, ']');
	if (s->partial)
		buf_printf(out, "<%u>", s->origin);
}
