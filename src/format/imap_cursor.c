/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of IMAP. */
#include "format/imap_cursor.h"

#include <string.h>

static void find_limit(struct imap_cursor *c)
{
	bool more = c->next_literal < c->text.literal_count;

	c->limit = more ? c->text.literals[c->next_literal].at : c->text.bytes.n;
}

void imap_cursor_init(struct imap_cursor *c, struct imap_text text, struct arena *a, struct err *e)
{
	*c = (struct imap_cursor){.text = text, .arena = a, .err = e};
	find_limit(c);
}

static bool at_literal(const struct imap_cursor *c)
{
	return c->pos == c->limit && c->next_literal < c->text.literal_count;
}

int imap_expected(struct imap_cursor *c, const char *want)
{
	unsigned char ch = (unsigned char)imap_peek(c);
	size_t at = c->pos + 1;

	if (at_literal(c))
		return err_set(c->err, ERR_INVALID, "Expected %s at byte %zu, found a literal", want, at);
	if (c->pos == c->limit)
		return err_set(c->err, ERR_INVALID, "Expected %s at byte %zu, found the end", want, at);
	if (ch > 0x20 && ch < 0x7f)
		return err_set(c->err, ERR_INVALID, "Expected %s at byte %zu, found '%c'", want, at, ch);
	if (ch == ' ')
		return err_set(c->err, ERR_INVALID, "Expected %s at byte %zu, found a space", want, at);
	return err_set(c->err, ERR_INVALID, "Expected %s at byte %zu, found byte 0x%02x", want, at, ch);
}

int imap_too_many(struct imap_cursor *c, const char *things, size_t max)
{
	return err_set(c->err, ERR_TOO_BIG, "More than %zu %s at byte %zu", max, things, c->pos + 1);
}

int imap_no_memory(struct imap_cursor *c)
{
	return err_set(c->err, ERR_MEMORY, "The command needs too much memory");
}

bool imap_is_atom_char(char ch)
{
	return ch > 0x20 && ch < 0x7f && !strchr("(){%*\"\\]", ch);
}

static bool is_astring_char(char ch)
{
	return imap_is_atom_char(ch) || ch == ']';
}

static bool is_tag_char(char ch)
{
	return is_astring_char(ch) && ch != '+';
}

static bool is_list_char(char ch)
{
	return is_astring_char(ch) || ch == '%' || ch == '*';
}

static bool is_name_char(char ch)
{
	return ascii_is_alnum(ch) || ch == '.' || ch == '-' || ch == '_';
}

char imap_peek(const struct imap_cursor *c)
{
	return c->pos < c->limit ? c->text.bytes.p[c->pos] : '\0';
}

bool imap_take_if(struct imap_cursor *c, char ch)
{
	if (c->pos == c->limit || c->text.bytes.p[c->pos] != ch)
		return false;
	c->pos++;
	return true;
}

int imap_take_char(struct imap_cursor *c, char ch, const char *want)
{
	return imap_take_if(c, ch) ? 0 : imap_expected(c, want);
}

int imap_take_space(struct imap_cursor *c)
{
	return imap_take_char(c, ' ', "a space");
}

static struct str take_while(struct imap_cursor *c, bool (*belongs)(char))
{
	size_t start = c->pos;

	while (c->pos < c->limit && belongs(c->text.bytes.p[c->pos]))
		c->pos++;
	return (struct str){c->text.bytes.p + start, c->pos - start};
}

struct str imap_take_name(struct imap_cursor *c)
{
	return take_while(c, is_name_char);
}

bool imap_take_word_if(struct imap_cursor *c, struct str word)
{
	size_t start = c->pos;

	if (str_eq_nocase(take_while(c, is_astring_char), word))
		return true;
	c->pos = start;
	return false;
}

int imap_take_end(struct imap_cursor *c)
{
	while (imap_take_if(c, ' '))
		;
	return c->pos == c->text.bytes.n && !at_literal(c) ? 0 : imap_expected(c, "the end of the command");
}

static int take_run(struct imap_cursor *c, bool (*belongs)(char), const char *want, struct str *out)
{
	*out = take_while(c, belongs);
	return out->n ? 0 : imap_expected(c, want);
}

int imap_take_tag(struct imap_cursor *c, struct str *out)
{
	return take_run(c, is_tag_char, "a tag", out);
}

int imap_take_atom(struct imap_cursor *c, const char *want, struct str *out)
{
	return take_run(c, imap_is_atom_char, want, out);
}

/* Removes the backslashes of a quoted string that has some. */
static int unescape(struct imap_cursor *c, struct str *s)
{
	char *p = arena_alloc(c->arena, s->n);
	size_t n = 0;

	if (!p)
		return imap_no_memory(c);
	for (size_t i = 0; i < s->n; i++) {
		if (s->p[i] == '\\')
			i++;
		p[n++] = s->p[i];
	}
	*s = (struct str){p, n};
	return 0;
}

/* Behind the opening quote.  Bytes above 0x7E are taken as they are: RFC 9051
 * has UTF-8 there, and passwords of old clients have anything. */
static int take_quoted(struct imap_cursor *c, struct str *out)
{
	size_t start = c->pos;
	bool escaped = false;

	for (; c->pos < c->limit && c->text.bytes.p[c->pos] != '"'; c->pos++) {
		if (c->text.bytes.p[c->pos] != '\\')
			continue;
		escaped = true;
		c->pos++;
		if (imap_peek(c) != '"' && imap_peek(c) != '\\')
			return imap_expected(c, "\" or \\ behind a backslash");
	}
	*out = (struct str){c->text.bytes.p + start, c->pos - start};
	if (!imap_take_if(c, '"'))
		return imap_expected(c, "the closing quote");
	return escaped ? unescape(c, out) : 0;
}

int imap_take_literal(struct imap_cursor *c, const char *want, struct imap_literal *out)
{
	if (!at_literal(c))
		return imap_expected(c, want);
	*out = c->text.literals[c->next_literal++];
	c->pos = out->data + (out->outside ? 0 : (size_t)out->size);
	find_limit(c);
	return 0;
}

static int take_literal_string(struct imap_cursor *c, const char *want, struct str *out)
{
	const struct imap_literal *l = &c->text.literals[c->next_literal];
	struct imap_literal taken;

	if (l->binary || l->outside)
		return imap_expected(c, want);
	*out = (struct str){c->text.bytes.p + l->data, (size_t)l->size};
	if (out->n && memchr(out->p, '\0', out->n))
		return imap_expected(c, "a string without NUL");
	return imap_take_literal(c, want, &taken);
}

int imap_take_string(struct imap_cursor *c, const char *want, struct str *out)
{
	if (imap_take_if(c, '"'))
		return take_quoted(c, out);
	return at_literal(c) ? take_literal_string(c, want, out) : imap_expected(c, want);
}

static int take_string_or(struct imap_cursor *c, bool (*belongs)(char), const char *want, struct str *out)
{
	if (imap_peek(c) == '"' || at_literal(c))
		return imap_take_string(c, want, out);
	return take_run(c, belongs, want, out);
}

int imap_take_astring(struct imap_cursor *c, const char *want, struct str *out)
{
	return take_string_or(c, is_astring_char, want, out);
}

int imap_take_pattern(struct imap_cursor *c, struct str *out)
{
	return take_string_or(c, is_list_char, "a mailbox name or pattern", out);
}

int imap_take_nstring(struct imap_cursor *c, const char *want, struct str *out)
{
	*out = (struct str){0};
	return imap_take_word_if(c, STR("NIL")) ? 0 : imap_take_string(c, want, out);
}

int imap_take_number64(struct imap_cursor *c, const char *want, uint64_t *out)
{
	size_t start = c->pos;
	struct str digits = take_while(c, ascii_is_digit);

	if (digits.n && str_to_u64(digits, out))
		return 0;
	c->pos = start;
	return imap_expected(c, want);
}

int imap_take_number(struct imap_cursor *c, const char *want, uint32_t *out)
{
	size_t start = c->pos;
	uint64_t v;
	int rc = imap_take_number64(c, want, &v);

	if (rc)
		return rc;
	if (v > UINT32_MAX) {
		c->pos = start;
		return imap_expected(c, want);
	}
	*out = (uint32_t)v;
	return 0;
}

int imap_take_set(struct imap_cursor *c, struct imap_set *out)
{
	struct str rest = {c->text.bytes.p + c->pos, c->limit - c->pos};
	int rc = imap_set_parse(c->arena, &rest, IMAP_SET_RANGES_MAX, out);

	if (rc == ERR_TOO_BIG)
		return imap_too_many(c, "ranges", IMAP_SET_RANGES_MAX);
	if (rc == ERR_MEMORY)
		return imap_no_memory(c);
	c->pos = c->limit - rest.n;
	return rc ? imap_expected(c, "a message number from 1 to 4294967295 or *") : 0;
}

int imap_words_add(struct imap_cursor *c, struct imap_words *w, struct str s)
{
	if (w->count == IMAP_WORDS_MAX)
		return imap_too_many(c, "words", IMAP_WORDS_MAX);
	if (w->count == w->room) {
		size_t room = w->room ? 2 * w->room : 4;
		struct str *v = arena_calloc(c->arena, room, sizeof(*v));

		if (!v)
			return imap_no_memory(c);
		if (w->count)
			memcpy(v, w->v, w->count * sizeof(*v));
		w->v = v;
		w->room = room;
	}
	w->v[w->count++] = s;
	return 0;
}
