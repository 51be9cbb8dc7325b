/* SPDX-License-Identifier: Apache-2.0 */
/* Strings, flags and names as the server writes them. */
#include "format/imap_quote.h"

#include "format/imap_cursor.h"
#include "format/imap_flag.h"
#include "format/imap_utf7.h"

#include <string.h>
#include <unistr.h>

/* TEXT-CHAR: any 7-bit character but NUL, CR and LF. */
static bool is_quotable(struct str s, bool utf8)
{
	bool ascii = true;

	if (s.n > IMAP_QUOTED_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n')
			return false;
		ascii = ascii && (unsigned char)s.p[i] < 0x80;
	}
	return ascii || (utf8 && !u8_check((const uint8_t *)s.p, s.n));
}

static void put_quoted(struct buf *out, struct str s)
{
	buf_add_c(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_c(out, '\\');
		buf_add_c(out, s.p[i]);
	}
	buf_add_c(out, '"');
}

static void put_literal(struct buf *out, struct str s)
{
	buf_printf(out, "{%zu}\r\n", s.n);
	char *room = buf_room(out, s.n);

	if (!room)
		return;
	for (size_t i = 0; i < s.n; i++)
		room[i] = s.p[i] ? s.p[i] : '\x80';
	buf_grow(out, s.n);
}

void imap_put_string(struct buf *out, struct str s, bool utf8)
{
	if (is_quotable(s, utf8))
		put_quoted(out, s);
	else
		put_literal(out, s);
}

void imap_put_nstring(struct buf *out, struct str s, bool utf8)
{
	if (s.p)
		imap_put_string(out, s, utf8);
	else
		buf_add_z(out, "NIL");
}

void imap_put_astring(struct buf *out, struct str s, bool utf8)
{
	bool atom = s.n > 0 && s.n <= IMAP_QUOTED_MAX && !str_eq_nocase(s, STR("NIL"));

	for (size_t i = 0; atom && i < s.n; i++)
		atom = imap_is_atom_char(s.p[i]);
	if (atom)
		buf_add_str(out, s);
	else
		imap_put_string(out, s, utf8);
}

void imap_put_mailbox(struct buf *out, struct str name, bool utf8)
{
	struct buf wire;

	if (utf8) {
		imap_put_astring(out, name, true);
		return;
	}
	/* A control character alone, which a kept name does not have, is the worst. */
	buf_init(&wire, 5 * name.n);
	if (imap_utf7_encode(name, &wire) == 0)
		imap_put_astring(out, buf_str(&wire), false);
	else
		out->failed = true;
	buf_free(&wire);
}

static void put_flag(struct buf *out, struct str name, bool *first)
{
	if (!*first)
		buf_add_c(out, ' ');
	buf_add_str(out, name);
	*first = false;
}

void imap_put_flags(struct buf *out, unsigned flags, const struct str *keywords, size_t count)
{
	bool first = true;

	buf_add_c(out, '(');
	for (unsigned i = 0; i < IMAP_FLAG_COUNT; i++)
		if (flags & 1u << i)
			put_flag(out, imap_flag_name(i), &first);
	for (size_t i = 0; i < count; i++)
		put_flag(out, keywords[i], &first);
	buf_add_c(out, ')');
}

void imap_put_internaldate(struct buf *out, struct str formatted)
{
	put_quoted(out, formatted);
}
