/* SPDX-License-Identifier: Apache-2.0 */
/* Header values of another project (tests/vectors/header-fields), and where we read them otherwise. */
#include "base/unit.h"
#include "format/charset.h"
#include "format/header.h"
#include "format/header_addr.h"
#include "format/header_param.h"
#include "format/vectors.h"
#include "format/words.h"

#include <string.h>

/* One case: the value of its "H" line, and the other lines as they are. */
struct header_case {
	struct buf header;
	struct str expected;
};

static bool next_case(struct str *rest, struct header_case *out)
{
	struct str line = str_cut(rest, '\n');

	if (!str_starts(line, STR("H ")))
		return false;
	vectors_unescape(str_skip(line, 2), &out->header);
	out->expected = *rest;
	for (size_t n = 0;; n += line.n + 1) {
		line = str_cut(rest, '\n');
		if (line.n == 0) {
			out->expected.n = n;
			return true;
		}
	}
}

/* The vectors hold whole fields, some with a next one; ours begins behind the colon. */
static struct str field_value(struct str header, struct buf *field)
{
	struct header_scan scan;
	struct header_field f = {0};

	buf_add_z(field, "X:");
	buf_add_str(field, header);
	scan = header_scan_of(buf_str(field));
	header_next(&scan, &f);
	return f.value;
}

static void add_escaped(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\\')
			buf_add_z(out, "\\\\");
		else if (c == '\t')
			buf_add_z(out, "\\t");
		else if (c < 0x20 || c > 126)
			buf_printf(out, "\\x%02x", c);
		else
			buf_add_c(out, (char)c);
	}
}

static void add_lower(struct buf *out, struct str s)
{
	size_t from = out->n;

	add_escaped(out, s);
	for (size_t i = from; i < out->n; i++)
		out->p[i] = ascii_lower(out->p[i]);
}

static void add_words(struct buf *out, struct str s, const struct charset_fn *cs)
{
	struct buf text;

	buf_init(&text, 10000);
	words_decode(s, cs, &text);
	add_escaped(out, str_trim(buf_str(&text)));
	buf_free(&text);
}

/* "A" name and address, "G" the name of a group. */
static void show_addresses(struct str value, const struct charset_fn *cs, struct buf *out)
{
	struct header_addrs list = {0};
	struct arena a;

	arena_init(&a, 100000);
	assert_int_equal(header_addr_parse(value, &a, &list), 0);
	for (const struct header_addr *addr = list.first; addr; addr = addr->next) {
		if (addr->kind == ADDR_GROUP_END)
			continue;
		buf_add_z(out, addr->kind == ADDR_GROUP_START ? "G " : "A ");
		if (addr->kind == ADDR_GROUP_START) {
			add_words(out, addr->mailbox, cs);
		} else {
			if (addr->name.p)
				add_words(out, addr->name, cs);
			else
				buf_add_c(out, '-');
			buf_add_c(out, '\t');
			if (addr->route.p) {
				add_escaped(out, addr->route);
				buf_add_c(out, ':');
			}
			add_escaped(out, addr->mailbox);
			if (addr->host.n)
				buf_add_c(out, '@');
			add_escaped(out, addr->host);
		}
		buf_add_c(out, '\n');
	}
	arena_free(&a);
}

/* "T" type and subtype, "P" each parameter, its RFC 2231 pieces joined. */
static void show_params(const struct header_params *params, const struct charset_fn *cs, struct buf *out)
{
	for (const struct header_param *p = params->first; p; p = p->next) {
		struct str whole = p->name;
		struct str name = str_cut(&whole, '*');
		bool shown = false;
		struct buf text;

		for (const struct header_param *q = params->first; q != p; q = q->next)
			shown = shown || (str_starts_nocase(q->name, name) &&
					  (q->name.n == name.n || q->name.p[name.n] == '*'));
		if (shown)
			continue;
		buf_init(&text, 10000);
		header_param_text(params, name, cs, &text);
		buf_add_z(out, "P ");
		add_lower(out, name);
		buf_add_c(out, '\t');
		add_escaped(out, buf_str(&text));
		buf_add_c(out, '\n');
		buf_free(&text);
	}
}

static void show_content_type(struct str value, const struct charset_fn *cs, struct buf *out)
{
	struct header_disposition d;
	struct header_ctype t;
	struct arena a;

	arena_init(&a, 100000);
	if (header_ctype_parse(value, &a, &t) == 0) {
		buf_add_z(out, "T ");
		add_lower(out, t.type);
		buf_add_c(out, '\t');
		add_lower(out, t.subtype);
		buf_add_c(out, '\n');
		show_params(&t.params, cs, out);
	} else if (header_disposition_parse(value, &a, &d) == 0) {
		buf_add_z(out, "T ");
		add_lower(out, d.token);
		buf_add_z(out, "\t-\n");
		show_params(&d.params, cs, out);
	}
	arena_free(&a);
}

static void show_ids(struct str value, const struct charset_fn *cs, struct buf *out)
{
	struct str id;

	while (header_next_msg_id(&value, &id)) {
		buf_add_z(out, "I ");
		add_escaped(out, id);
		buf_add_c(out, '\n');
	}
}

static void show_text(struct str value, const struct charset_fn *cs, struct buf *out)
{
	struct buf flat;

	buf_init(&flat, 10000);
	header_unfold(value, &flat);
	buf_add_z(out, "U ");
	add_words(out, buf_str(&flat), cs);
	buf_add_c(out, '\n');
	buf_free(&flat);
}

/* Cases we read otherwise, by file and number from 0, and why. */
struct deviation {
	size_t number;
	const char *why;
};

static void run(const char *file, void (*show)(struct str, const struct charset_fn *, struct buf *),
		size_t cases, const struct deviation *deviations, size_t deviation_count)
{
	struct charsets c;
	struct buf text;
	struct str rest;
	size_t number = 0, next = 0;

	charsets_open(&c);
	struct charset_fn fn = charsets_fn(&c);

	assert_true(vectors_read(&text, "header-fields", file, ".txt"));
	rest = buf_str(&text);
	for (;; number++) {
		struct header_case h;
		struct buf got, field;

		buf_init(&h.header, 10000);
		buf_init(&got, 10000);
		buf_init(&field, 10000);
		bool more = next_case(&rest, &h);

		if (more) {
			bool deviates = next < deviation_count && deviations[next].number == number;

			show(field_value(buf_str(&h.header), &field), &fn, &got);
			next += deviates;
			if (str_eq(buf_str(&got), h.expected) == deviates) {
				print_error("%s %zu%s: %.*s got\n%.*swant\n%.*s", file, number,
					    deviates ? " deviates no more" : "", STR_ARG(h.header),
					    STR_ARG(got), STR_ARG(h.expected));
				fail();
			}
		}
		buf_free(&h.header);
		buf_free(&got);
		buf_free(&field);
		if (!more)
			break;
	}
	assert_int_equal(number, cases);
	assert_int_equal(next, deviation_count);
	buf_free(&text);
	charsets_close(&c);
}

#define COUNT(table) (sizeof(table) / sizeof(table[0]))

/* The vectors are from a library that makes text for people; ours makes values
 * for IMAP.  Most differences are of that kind. */
#define NO_COMMENT "a comment is no part of a display name; it only stands in for a missing one"
#define JOINED "obs-domain: white space around dots means nothing (RFC 5322 4.4)"
#define NO_ANONYMOUS "addresses beside groups need no group of their own"
#define TRAILING_NAME "what follows the angle address is not a name"
#define LANGUAGE "the language tag of RFC 2231 is not a parameter of its own"
#define ONE_CHARSET "only the first piece has a charset (RFC 2231 4.1)"
#define WORDS "blanks between encoded words mean nothing (RFC 2047 6.2), also in quotes"
#define TOKEN "no token holds these bytes"
#define PIECES "pieces count from 0 without a gap and below PARAM_PIECES; other stars are none of RFC 2231"
#define SUBTYPE "a subtype holds no \"/\""
#define BLANKS "unfolding removes the line end only, all blanks stay (RFC 5322 2.2.3)"
#define NOTHING_ADDED "no blank is added beside an encoded word"

static void addresses(void **state)
{
	static const struct deviation table[] = {
		{8, NO_COMMENT},    {9, NO_COMMENT},    {10, NO_COMMENT},   {11, NO_COMMENT},
		{13, JOINED},       {14, JOINED},       {22, NO_COMMENT},   {33, NO_ANONYMOUS},
		{34, NO_ANONYMOUS}, {35, NO_ANONYMOUS}, {36, NO_ANONYMOUS}, {55, TRAILING_NAME},
		{56, NO_COMMENT},
	};

	run("address", show_addresses, 60, table, COUNT(table));
}

static void content_types(void **state)
{
	static const struct deviation table[] = {
		{29, LANGUAGE}, {30, LANGUAGE}, {31, ONE_CHARSET}, {34, WORDS},
		{47, TOKEN},    {48, TOKEN},    {58, TOKEN},       {59, PIECES},
		{61, PIECES},   {76, SUBTYPE},  {77, SUBTYPE},     {78, SUBTYPE},
	};

	run("content_type", show_content_type, 103, table, COUNT(table));
}

static void message_ids(void **state)
{
	run("id", show_ids, 11, NULL, 0);
}

static void unstructured(void **state)
{
	static const struct deviation table[] = {
		{2, BLANKS},         {3, BLANKS},         {4, BLANKS},         {19, BLANKS},
		{21, NOTHING_ADDED}, {22, NOTHING_ADDED}, {24, BLANKS},        {25, BLANKS},
		{26, BLANKS},        {27, NOTHING_ADDED}, {28, NOTHING_ADDED},
	};

	run("unstructured", show_text, 30, table, COUNT(table));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(content_types),
		cmocka_unit_test(message_ids),
		cmocka_unit_test(unstructured),
	};

	return cmocka_run_group_tests_name("header_vectors", tests, NULL, NULL);
}
