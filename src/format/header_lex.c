/* SPDX-License-Identifier: Apache-2.0 */
/* Comments, white space and quoted strings of structured header values. */
#include "format/header_lex.h"

bool lex_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0;
}

void lex_add(struct buf *out, char c)
{
	if (c != '\r' && c != '\n' && c != 0)
		buf_add_c(out, c);
}

/* Takes one comment, of any depth; its first byte is the parenthesis. */
static void take_comment(struct str *rest, struct buf *comment)
{
	size_t depth = 0;
	size_t i = 0;

	if (comment)
		buf_clear(comment);
	for (; i < rest->n; i++) {
		char c = rest->p[i];
		bool outer = depth == 0 || (depth == 1 && c == ')');

		depth += c == '(';
		depth -= c == ')';
		if (c == '\\' && i + 1 < rest->n)
			c = rest->p[++i];
		if (comment && !outer)
			lex_add(comment, c);
		if (depth == 0)
			break;
	}
	*rest = str_skip(*rest, i + 1);
}

bool lex_skip_cfws(struct str *rest, struct buf *comment)
{
	const char *start = rest->p;
	size_t before = rest->n;

	while (rest->n && (lex_is_space(rest->p[0]) || rest->p[0] == '(')) {
		if (rest->p[0] == '(')
			take_comment(rest, comment);
		else
			*rest = str_skip(*rest, 1);
	}
	return start && rest->n < before;
}

void lex_take_quoted(struct str *rest, struct buf *out)
{
	size_t i = 1;

	for (; i < rest->n && rest->p[i] != '"'; i++) {
		if (rest->p[i] == '\\' && i + 1 < rest->n)
			i++;
		lex_add(out, rest->p[i]);
	}
	*rest = str_skip(*rest, i + 1);
}

void lex_add_unescaped(struct str s, char escape, char blank, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		int high = s.p[i] == escape && i + 2 < s.n ? ascii_hex(s.p[i + 1]) : -1;
		int low = high >= 0 ? ascii_hex(s.p[i + 2]) : -1;
		char c = s.p[i];

		if (low >= 0) {
			c = (char)(high << 4 | low);
			i += 2;
		} else if (blank && c == blank) {
			c = ' ';
		}
		buf_add_c(out, c);
	}
}
