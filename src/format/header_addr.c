/* SPDX-License-Identifier: Apache-2.0 */
/* Address lists of header fields, read leniently. */
#include "format/header_addr.h"

#include "base/err.h"
#include "format/header_lex.h"

/*
 * The words of an address are gathered in `text`, one blank between them unless
 * a "." or "@" joins them (obs-local-part, obs-domain; see joins()).  Only when "<", ":" or
 * the end comes is it known whether they were a name or an address.
 */
struct addr_parser {
	struct str rest;
	struct arena *a;
	struct header_addrs *list;
	struct buf text;
	struct buf comment;
	size_t word; /* where the last word of text begins */
	size_t at; /* the last unquoted "@" of text, or STR_NONE */
	size_t local; /* where the word with that "@" begins */
	bool lone_dot; /* the text ends in a "." that white space stood before */
	bool in_group;
	bool after_angle; /* words here follow "<...>" without a comma: not an address */
	bool full;
};

struct header_addr *header_addr_append(struct header_addrs *list, struct arena *a, enum addr_kind kind)
{
	struct header_addr *addr = arena_alloc(a, sizeof(*addr));

	if (!addr)
		return NULL;
	addr->kind = kind;
	if (list->last)
		list->last->next = addr;
	else
		list->first = addr;
	list->last = addr;
	list->count++;
	return addr;
}

static struct str keep(struct addr_parser *p, struct str s)
{
	struct str copy = arena_str(p->a, s);

	if (!copy.p)
		p->full = true;
	return copy;
}

static struct str keep_unless_empty(struct addr_parser *p, struct str s)
{
	return s.n ? keep(p, s) : (struct str){NULL, 0};
}

static struct header_addr *append(struct addr_parser *p, enum addr_kind kind)
{
	struct header_addr *addr = header_addr_append(p->list, p->a, kind);

	if (!addr)
		p->full = true;
	return addr;
}

static void forget_words(struct addr_parser *p)
{
	buf_clear(&p->text);
	buf_clear(&p->comment);
	p->word = 0;
	p->at = STR_NONE;
	p->local = 0;
}

/*
 * Whether the text so far and what comes next are one word though white space
 * stands between them.  Behind an "@" a "." always joins; before it only one that
 * stands alone does, since a name may hold dots ("Joe Q. Public").
 */
static bool joins(struct addr_parser *p)
{
	char next = p->rest.n ? p->rest.p[0] : '@';
	bool after_at = p->text.n == 0 || (p->at != STR_NONE && p->at + 1 == p->text.n);
	bool after_dot = str_ends(buf_str(&p->text), STR(".")) && (p->lone_dot || p->at != STR_NONE);

	p->lone_dot = next == '.';
	return after_at || after_dot || next == '@' || next == '.';
}

static void skip_space(struct addr_parser *p)
{
	if (!lex_skip_cfws(&p->rest, &p->comment) || joins(p) ||
	    str_find(STR(",;<>:"), p->rest.p[0]) != STR_NONE)
		return;
	buf_add_c(&p->text, ' ');
	p->word = p->text.n;
}

/* A domain literal is kept with its brackets. */
static void take_literal(struct addr_parser *p)
{
	char c;

	do {
		c = p->rest.p[0];
		if (!lex_is_space(c))
			lex_add(&p->text, c);
		p->rest = str_skip(p->rest, 1);
	} while (p->rest.n && c != ']');
}

static void take_byte(struct addr_parser *p)
{
	if (p->rest.p[0] == '@') {
		p->at = p->text.n;
		p->local = p->word;
	}
	lex_add(&p->text, p->rest.p[0]);
	p->rest = str_skip(p->rest, 1);
}

static void take_token(struct addr_parser *p)
{
	if (p->rest.p[0] == '"')
		lex_take_quoted(&p->rest, &p->text);
	else if (p->rest.p[0] == '[')
		take_literal(p);
	else
		take_byte(p);
}

/* Splits words[from..] at the "@". */
static void set_spec(struct addr_parser *p, struct header_addr *addr, size_t from)
{
	struct str text = buf_str(&p->text);

	if (p->at == STR_NONE) {
		addr->mailbox = keep(p, str_skip(text, from));
		addr->host = STR("");
		return;
	}
	addr->mailbox = keep(p, str_skip(str_head(text, p->at), from));
	addr->host = keep(p, str_skip(text, p->at + 1));
}

/* An address without angle brackets: the words before its local part, if any,
 * are taken for the name, otherwise the comment is. */
static void end_bare(struct addr_parser *p)
{
	struct str text = buf_str(&p->text);
	size_t from = p->at == STR_NONE ? 0 : p->local;
	struct str name = str_trim(str_head(text, from));

	if (text.n && !(p->after_angle && p->at == STR_NONE)) {
		struct header_addr *addr = append(p, ADDR_MAILBOX);

		if (addr) {
			addr->name = keep_unless_empty(p, name.n ? name : buf_str(&p->comment));
			set_spec(p, addr, from);
		}
	}
	forget_words(p);
}

/* Inside the angle brackets white space means nothing (obs-angle-addr). */
static void take_angle_spec(struct addr_parser *p, struct header_addr *addr)
{
	while (p->rest.n && p->rest.p[0] != '<' && p->rest.p[0] != '>') {
		struct str text = buf_str(&p->text);
		bool route = str_starts(text, STR("@"));

		if (lex_skip_cfws(&p->rest, &p->comment))
			continue;
		if (p->rest.p[0] == ',' && !route && text.n)
			break;
		if (p->rest.p[0] == ':' && route) {
			addr->route = keep(p, text);
			buf_clear(&p->text);
			p->at = STR_NONE;
			p->rest = str_skip(p->rest, 1);
			continue;
		}
		take_token(p);
	}
}

static void take_angle(struct addr_parser *p)
{
	struct header_addr *addr = append(p, ADDR_MAILBOX);

	while (str_starts(p->rest, STR("<")))
		p->rest = str_skip(p->rest, 1);
	if (!addr)
		return;
	addr->name = keep_unless_empty(p, str_trim(buf_str(&p->text)));
	buf_clear(&p->text);
	p->at = STR_NONE;
	take_angle_spec(p, addr);
	set_spec(p, addr, 0);
	if (p->rest.n && p->rest.p[0] == '>')
		p->rest = str_skip(p->rest, 1);
	lex_skip_cfws(&p->rest, &p->comment);
	if (!addr->name.p)
		addr->name = keep_unless_empty(p, buf_str(&p->comment));
	forget_words(p);
	p->after_angle = true;
}

static void start_group(struct addr_parser *p)
{
	struct header_addr *addr = append(p, ADDR_GROUP_START);

	if (addr)
		addr->mailbox = keep(p, str_trim(buf_str(&p->text)));
	p->in_group = true;
	p->after_angle = false;
	forget_words(p);
}

/* "," ends an address, ";" also a group; where no group is open it is a comma. */
static void end_address(struct addr_parser *p, bool end_group)
{
	end_bare(p);
	p->after_angle = false;
	if (end_group && p->in_group) {
		append(p, ADDR_GROUP_END);
		p->in_group = false;
	}
}

static void step(struct addr_parser *p)
{
	char c = p->rest.p[0];

	if (c == ',' || c == ';') {
		p->rest = str_skip(p->rest, 1);
		end_address(p, c == ';');
	} else if (c == '<') {
		take_angle(p);
	} else if (c == ':' && p->at == STR_NONE && !p->in_group) {
		p->rest = str_skip(p->rest, 1);
		start_group(p);
	} else {
		take_token(p);
	}
}

int header_addr_parse(struct str value, struct arena *a, struct header_addrs *list)
{
	struct addr_parser p = {.rest = value, .a = a, .list = list};

	/* A blank is added only where white space stood, so text never outgrows the value. */
	buf_init(&p.text, value.n + 1);
	buf_init(&p.comment, value.n + 1);
	forget_words(&p);
	while (p.rest.n && !p.full) {
		skip_space(&p);
		if (p.rest.n)
			step(&p);
	}
	end_address(&p, true);
	bool failed = p.full || buf_failed(&p.text) || buf_failed(&p.comment);

	buf_free(&p.text);
	buf_free(&p.comment);
	return failed ? ERR_TOO_BIG : 0;
}
