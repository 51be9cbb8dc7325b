/* SPDX-License-Identifier: Apache-2.0 */
/* ENVELOPE, BODY and BODYSTRUCTURE from an outline. */
#include "format/imap_outline.h"

#include "format/charset.h"

#include <inttypes.h>

struct renderer {
	struct buf *out;
	bool utf8;
	bool extensions; /* BODYSTRUCTURE */
};

static bool may_quote(struct str s, bool utf8)
{
	if (s.n > IMAP_QUOTED_MAX)
		return false;
	while (s.n) {
		unsigned char c = (unsigned char)s.p[0];
		size_t n = c < 0x80 ? 1 : utf8 ? charset_utf8_length(s) : 0;

		if (n == 0 || (c < 0x20 && c != '\t') || c == 0x7F)
			return false;
		s = str_skip(s, n);
	}
	return true;
}

static void add_quoted(struct buf *out, struct str s)
{
	buf_add_c(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_c(out, '\\');
		buf_add_c(out, s.p[i]);
	}
	buf_add_c(out, '"');
}

void imap_render_nstring(struct buf *out, struct str s, bool utf8)
{
	if (!s.p) {
		buf_add_str(out, STR("NIL"));
	} else if (may_quote(s, utf8)) {
		add_quoted(out, s);
	} else {
		buf_printf(out, "{%zu}\r\n", s.n);
		buf_add_str(out, s);
	}
}

/* A string with a blank before it. */
static void add(struct renderer *r, struct str s)
{
	buf_add_c(r->out, ' ');
	imap_render_nstring(r->out, s, r->utf8);
}

static void add_addr(struct renderer *r, const struct header_addr *addr)
{
	buf_add_c(r->out, '(');
	imap_render_nstring(r->out, addr->name, r->utf8);
	add(r, addr->route);
	add(r, addr->mailbox);
	add(r, addr->host);
	buf_add_c(r->out, ')');
}

static void add_addrs(struct renderer *r, const struct header_addrs *list)
{
	if (list->count == 0) {
		buf_add_str(r->out, STR(" NIL"));
		return;
	}
	buf_add_str(r->out, STR(" ("));
	for (const struct header_addr *addr = list->first; addr; addr = addr->next)
		add_addr(r, addr);
	buf_add_c(r->out, ')');
}

static void add_envelope(struct renderer *r, const struct outline_envelope *env)
{
	buf_add_c(r->out, '(');
	imap_render_nstring(r->out, env->date, r->utf8);
	add(r, env->subject);
	for (int i = 0; i < ENVELOPE_LISTS; i++) {
		bool from_stands_in =
			(i == ENVELOPE_SENDER || i == ENVELOPE_REPLY_TO) && !env->lists[i].count;

		add_addrs(r, &env->lists[from_stands_in ? ENVELOPE_FROM : i]);
	}
	add(r, env->in_reply_to);
	add(r, env->message_id);
	buf_add_c(r->out, ')');
}

void imap_render_envelope(struct buf *out, const struct outline_envelope *envelope, bool utf8)
{
	struct renderer r = {out, utf8, false};

	add_envelope(&r, envelope);
}

/* body-fld-param: text without a charset is US-ASCII, and says so. */
static void add_params(struct renderer *r, const struct header_params *list, bool default_charset)
{
	char before = '(';

	buf_add_c(r->out, ' ');
	if (list->count == 0 && !default_charset) {
		buf_add_str(r->out, STR("NIL"));
		return;
	}
	for (const struct header_param *p = list->first; p; p = p->next) {
		buf_add_c(r->out, before);
		imap_render_nstring(r->out, p->name, r->utf8);
		add(r, p->value);
		before = ' ';
	}
	if (default_charset)
		buf_printf(r->out, "%c\"charset\" \"us-ascii\"", before);
	buf_add_c(r->out, ')');
}

static void add_disposition(struct renderer *r, const struct outline_part *part)
{
	if (!part->disposition.p) {
		buf_add_str(r->out, STR(" NIL"));
		return;
	}
	buf_add_str(r->out, STR(" ("));
	imap_render_nstring(r->out, part->disposition, r->utf8);
	add_params(r, &part->disposition_params, false);
	buf_add_c(r->out, ')');
}

/* body-fld-lang: one string or a list of them. */
static void add_languages(struct renderer *r, const struct outline_part *part)
{
	if (part->language_count < 2) {
		add(r, part->language_count ? part->languages[0] : (struct str){NULL, 0});
		return;
	}
	buf_add_str(r->out, STR(" ("));
	for (size_t i = 0; i < part->language_count; i++) {
		if (i > 0)
			buf_add_c(r->out, ' ');
		imap_render_nstring(r->out, part->languages[i], r->utf8);
	}
	buf_add_c(r->out, ')');
}

/* The extension data that all kinds of parts end with. */
static void add_common_extensions(struct renderer *r, const struct outline_part *part)
{
	add_disposition(r, part);
	add_languages(r, part);
	add(r, part->location);
}

static bool is_text(const struct outline_part *part)
{
	return str_eq_nocase(outline_type(part), STR("text"));
}

static void add_fields(struct renderer *r, const struct outline_part *part)
{
	bool charset = header_param_find(&part->params, STR("charset")) != NULL;

	imap_render_nstring(r->out, outline_type(part), r->utf8);
	add(r, outline_subtype(part));
	add_params(r, &part->params, is_text(part) && !charset);
	add(r, part->id);
	add(r, part->description);
	add(r, part->encoding.n ? part->encoding : STR("7bit"));
	buf_printf(r->out, " %" PRIu64, part->at.body_end - part->at.body_start);
}

/* Everything of a part that stands before its children. */
static void open_part(struct renderer *r, const struct outline *o, uint32_t index)
{
	const struct outline_part *part = &o->parts[index];

	buf_add_c(r->out, '(');
	if (part->at.kind == MIME_MULTIPART)
		return;
	add_fields(r, part);
	if (part->at.kind == MIME_MESSAGE) {
		buf_add_c(r->out, ' ');
		add_envelope(r, o->parts[index + 1].envelope);
		buf_add_c(r->out, ' ');
	} else if (is_text(part)) {
		buf_printf(r->out, " %" PRIu64, part->at.lines);
	}
}

/* Everything that stands behind them. */
static void close_part(struct renderer *r, const struct outline_part *part)
{
	if (part->at.kind == MIME_MULTIPART) {
		add(r, outline_subtype(part));
		if (r->extensions) {
			add_params(r, &part->params, false);
			add_common_extensions(r, part);
		}
	} else {
		if (part->at.kind == MIME_MESSAGE)
			buf_printf(r->out, " %" PRIu64, part->at.lines);
		if (r->extensions) {
			add(r, part->md5);
			add_common_extensions(r, part);
		}
	}
	buf_add_c(r->out, ')');
}

/* The parts are in pre-order, so the parents' chain is the stack. */
static void add_parts(struct renderer *r, const struct outline *o)
{
	uint32_t open = MIME_NO_PARENT;

	for (uint32_t i = 0; i < o->part_count; i++) {
		for (; open != o->parts[i].at.parent; open = o->parts[open].at.parent)
			close_part(r, &o->parts[open]);
		open_part(r, o, i);
		open = i;
	}
	for (; open != MIME_NO_PARENT; open = o->parts[open].at.parent)
		close_part(r, &o->parts[open]);
}

void imap_render_body(struct buf *out, const struct outline *o, bool utf8)
{
	struct renderer r = {out, utf8, false};

	add_parts(&r, o);
}

void imap_render_bodystructure(struct buf *out, const struct outline *o, bool utf8)
{
	struct renderer r = {out, utf8, true};

	add_parts(&r, o);
}
