/* SPDX-License-Identifier: Apache-2.0 */
/* imap_wellformed: tells tests and fuzzers whether bytes are one IMAP value (RFC 9051 9). */
#ifndef FORMAT_IMAP_WELLFORMED_H
#define FORMAT_IMAP_WELLFORMED_H

#include "base/str.h"

/* A quoted string off the front; false when it is none. */
static inline bool wellformed_quoted(struct str *s)
{
	for (*s = str_skip(*s, 1); s->n && s->p[0] != '"'; *s = str_skip(*s, 1)) {
		if (s->p[0] == '\\')
			*s = str_skip(*s, 1);
		if (s->n == 0 || s->p[0] == '\r' || s->p[0] == '\n' || s->p[0] == 0)
			return false;
	}
	bool closed = s->n > 0;

	*s = str_skip(*s, 1);
	return closed;
}

static inline bool wellformed_literal(struct str *s)
{
	uint64_t n;
	struct str head = *s;
	struct str number = str_cut(&head, '}');

	if (!str_to_u64(str_skip(number, 1), &n) || !str_starts(head, STR("\r\n")) || n > head.n - 2)
		return false;
	*s = str_skip(head, (size_t)n + 2);
	return str_find(str_head(str_skip(head, 2), (size_t)n), 0) == STR_NONE;
}

/* NIL or a number. */
static inline bool wellformed_atom(struct str *s)
{
	size_t n = 0;

	while (n < s->n && ascii_is_alnum(s->p[n]))
		n++;
	struct str atom = str_head(*s, n);
	uint64_t number;

	*s = str_skip(*s, n);
	return str_eq(atom, STR("NIL")) || str_to_u64(atom, &number);
}

/* One parenthesised list, whose items are lists, strings, numbers and NIL with
 * single blanks between them; only lists may follow each other without one. */
static inline bool imap_wellformed(struct str s)
{
	size_t depth = 0;
	char before = 0;

	if (!str_starts(s, STR("(")))
		return false;
	while (s.n) {
		char c = s.p[0];
		bool starts_item = c != ' ' && c != ')';

		if (starts_item && (before == 'x' || (before == ')' && c != '(')))
			return false;
		if (!starts_item && (before == ' ' || before == '('))
			return false;
		before = c == '(' || c == ')' || c == ' ' ? c : 'x';
		if (c == '(' || c == ')' || c == ' ') {
			depth += c == '(';
			depth -= c == ')';
			s = str_skip(s, 1);
			if (depth == 0)
				return s.n == 0;
		} else if (!(c == '"'   ? wellformed_quoted(&s)
			     : c == '{' ? wellformed_literal(&s)
					: wellformed_atom(&s))) {
			return false;
		}
	}
	return false;
}

#endif
