/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of messages, read in pieces in the thread pool (see imap_body.h). */
#include "mailbox/imap_body.h"

#include "format/header.h"
#include "net/log.h"
#include "net/loop.h"

#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)32 << 10)
/* A header section is looked through for its fields as a whole, up to here. */
#define HEADER_BYTES_MAX ((size_t)4 << 20)
#define SECTION_NAME_MAX ((size_t)64 << 10)

/* A part of the message. */
struct span {
	uint64_t from, to;
};

bool imap_section_needs_outline(const struct imap_section *section)
{
	return section->kind != IMAP_SECTION_ALL || section->part_count > 0;
}

static const enum outline_section kinds[] = {
	[IMAP_SECTION_ALL] = SECTION_BODY,      [IMAP_SECTION_HEADER] = SECTION_HEADER,
	[IMAP_SECTION_FIELDS] = SECTION_HEADER, [IMAP_SECTION_FIELDS_NOT] = SECTION_HEADER,
	[IMAP_SECTION_TEXT] = SECTION_TEXT,     [IMAP_SECTION_MIME] = SECTION_MIME,
};

static bool find(const struct letter_reader *l, const struct outline *o, const struct imap_section *section,
		 struct span *out)
{
	enum outline_section kind = kinds[section->kind];
	struct outline_range r = {0};
	uint32_t part;

	*out = (struct span){0, letter_size(l)};
	if (!imap_section_needs_outline(section))
		return true;
	if (outline_section(o, section->parts, section->part_count, kind, &r, &part) != 0)
		return false;
	*out = (struct span){letter_position(l, r.start), letter_position(l, r.end)};
	/* The message's own header begins with its head. */
	if (section->part_count == 0 && kind == SECTION_HEADER)
		out->from = 0;
	return true;
}

/* <origin.length>; what is asked for beyond the end is empty (RFC 3501, 6.4.5). */
static struct span partial(struct span all, const struct imap_section *section)
{
	uint64_t n = all.to - all.from;

	if (!section->partial)
		return all;
	uint64_t from = section->origin < n ? section->origin : n;
	uint64_t length = section->length < n - from ? section->length : n - from;

	return (struct span){all.from + from, all.from + from + length};
}

/* --- for the thread pool ------------------------------------------------------------------ */

/* No literal may hold a NUL (RFC 3501, 9: CHAR8). */
static void replace_nul(char *p, size_t n)
{
	for (char *end = p + n; (p = memchr(p, 0, (size_t)(end - p))) != NULL;)
		*p++ = (char)0x80;
}

struct piece_task {
	const struct letter_reader *l;
	uint64_t from;
	size_t n;
	char bytes[PIECE];
	struct err err;
	int code;
};

static void piece_in_pool(void *arg)
{
	struct piece_task *t = arg;

	t->code = letter_read(t->l, t->from, t->bytes, t->n, &t->err);
	if (!t->code)
		replace_nul(t->bytes, t->n);
}

struct fields_task {
	const struct letter_reader *l;
	const struct imap_section *section;
	struct span span;
	struct buf out;
	struct err err;
	int code;
};

static bool named(const struct imap_words *names, struct str name)
{
	for (size_t i = 0; i < names->count; i++)
		if (str_eq_nocase(names->v[i], name))
			return true;
	return false;
}

static void choose_fields(struct fields_task *t, struct str header)
{
	struct header_scan scan = header_scan_of(header);
	struct header_field f;
	bool wanted = t->section->kind == IMAP_SECTION_FIELDS;

	while (header_next(&scan, &f))
		if (named(&t->section->fields, f.name) == wanted)
			buf_add_str(&t->out, f.raw);
	buf_add_z(&t->out, "\r\n");
}

static void fields_in_pool(void *arg)
{
	struct fields_task *t = arg;
	uint64_t n = t->span.to - t->span.from;
	size_t size = n < HEADER_BYTES_MAX ? (size_t)n : HEADER_BYTES_MAX;
	char *p = malloc(size + 1);

	t->code = p ? letter_read(t->l, t->span.from, p, size, &t->err)
		    : err_set(&t->err, ERR_MEMORY, "no memory for a header");
	if (!t->code) {
		replace_nul(p, size);
		choose_fields(t, (struct str){p, size});
		if (buf_failed(&t->out))
			t->code = err_set(&t->err, ERR_TOO_BIG, "the header is too large");
	}
	free(p);
}

/* --- sending --------------------------------------------------------------------------------- */

static void co_put_name(struct imap_session *s, const struct imap_section *section)
{
	struct buf name;

	buf_init(&name, SECTION_NAME_MAX);
	imap_section_put(&name, section);
	buf_add_c(&name, ' ');
	co_imap_put(s, buf_str(&name));
	buf_free(&name);
}

static void co_stream_span(struct imap_session *s, const struct letter_reader *l, struct span span)
{
	struct piece_task *t = malloc(sizeof(*t));

	if (!t) {
		s->ended = true;
		return;
	}
	co_imap_printf(s, "{%llu}\r\n", (unsigned long long)(span.to - span.from));
	while (span.from < span.to && !s->ended) {
		t->l = l;
		t->from = span.from;
		t->n = span.to - span.from < PIECE ? (size_t)(span.to - span.from) : PIECE;
		co_run_blocking(piece_in_pool, t);
		if (t->code) {
			log_line(LOG_ERROR, "a letter of account %.*s cannot be read: %s",
				 STR_ARG(s->account->address), t->err.text);
			s->ended = true;
			break;
		}
		co_imap_put(s, (struct str){t->bytes, t->n});
		span.from += t->n;
	}
	free(t);
}

static void co_put_fields(struct imap_session *s, const struct letter_reader *l, struct span span,
			  const struct imap_section *section)
{
	struct fields_task *t = calloc(1, sizeof(*t));

	if (!t) {
		co_imap_put(s, STR("NIL"));
		return;
	}
	*t = (struct fields_task){.l = l, .section = section, .span = span};
	buf_init(&t->out, HEADER_BYTES_MAX + 2);
	co_run_blocking(fields_in_pool, t);
	if (t->code)
		co_imap_put(s, STR("NIL"));
	else {
		struct span part = partial((struct span){0, t->out.n}, section);

		co_imap_printf(s, "{%llu}\r\n", (unsigned long long)(part.to - part.from));
		co_imap_put(s, str_head(str_skip(buf_str(&t->out), part.from), part.to - part.from));
	}
	buf_free(&t->out);
	free(t);
}

void co_imap_put_section(struct imap_session *s, const struct letter_reader *l, const struct outline *o,
			 const struct imap_section *section)
{
	struct span span;

	co_put_name(s, section);
	if (!find(l, o, section, &span))
		co_imap_put(s, STR("NIL"));
	else if (section->kind == IMAP_SECTION_FIELDS || section->kind == IMAP_SECTION_FIELDS_NOT)
		co_put_fields(s, l, span, section);
	else
		co_stream_span(s, l, partial(span, section));
}
