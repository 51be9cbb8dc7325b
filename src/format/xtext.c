/* SPDX-License-Identifier: Apache-2.0 */
/* xtext (RFC 3461 section 4). */
#include "format/xtext.h"

#include "base/err.h"

/* RFC 3461 wants upper case; lower case is read as well. */
static int hex_value(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_xchar(char c)
{
	return c >= '!' && c <= '~' && c != '+' && c != '=';
}

/* Takes the next character off *s; -1 when there is none that is allowed. */
static int take(struct str *s)
{
	char first = s->p[0];

	if (is_xchar(first)) {
		*s = str_skip(*s, 1);
		return (unsigned char)first;
	}
	if (first != '+' || s->n < 3)
		return -1;
	int high = hex_value(s->p[1]), low = hex_value(s->p[2]);

	if (high < 0 || low < 0)
		return -1;
	int c = high << 4 | low;

	*s = str_skip(*s, 3);
	return c >= ' ' && c <= '~' ? c : -1;
}

int xtext_decode(struct str s, struct buf *out)
{
	while (s.n) {
		int c = take(&s);

		if (c < 0)
			return ERR_INVALID;
		buf_add_c(out, (char)c);
	}
	return buf_failed(out) ? ERR_TOO_BIG : 0;
}

bool xtext_valid(struct str s)
{
	while (s.n)
		if (take(&s) < 0)
			return false;
	return true;
}

void xtext_encode(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_xchar(s.p[i]))
			buf_add_c(out, s.p[i]);
		else
			buf_printf(out, "+%02X", (unsigned char)s.p[i]);
}
