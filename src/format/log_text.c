/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping of peers' bytes for logs and replies. */
#include "format/log_text.h"

static const char ellipsis[] = "...";

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c <= 0x7E && c != '\\';
}

static size_t width_of(char c)
{
	return is_plain((unsigned char)c) ? 1 : 4;
}

/* How many bytes of s fit escaped into max. */
static size_t fitting(struct str s, size_t max)
{
	size_t used = 0;
	size_t i = 0;

	while (i < s.n && used + width_of(s.p[i]) <= max)
		used += width_of(s.p[i++]);
	return i;
}

static void add_escaped(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_plain(c))
			buf_add_c(out, (char)c);
		else
			buf_printf(out, "\\x%02X", c);
	}
}

void log_text_add(struct buf *out, struct str s, size_t max)
{
	if (fitting(s, max) == s.n) {
		add_escaped(out, s);
		return;
	}
	add_escaped(out, str_head(s, fitting(s, max - (sizeof(ellipsis) - 1))));
	buf_add_z(out, ellipsis);
}
