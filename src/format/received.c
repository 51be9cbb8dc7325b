/* SPDX-License-Identifier: Apache-2.0 */
/* Trace fields and the fields that submissions lack. */
#include "format/received.h"

#include <unistr.h>

/* The longest part taken from a peer: the length of a domain. */
#define PART_MAX 255
/* An address of 255 + "@" + 253 octets, quoted. */
#define ADDRESS_MAX 600
/* RFC 5322 2.1.1. */
#define LINE_MAX 78

struct str received_protocol(unsigned with)
{
	/* By the TLS and AUTH bits; RFC 3848 has both only for EHLO. */
	static const struct str esmtp[] = {STR_INIT("ESMTP"), STR_INIT("ESMTPS"), STR_INIT("ESMTPA"),
					   STR_INIT("ESMTPSA")};
	static const struct str utf8[] = {STR_INIT("UTF8SMTP"), STR_INIT("UTF8SMTPS"), STR_INIT("UTF8SMTPA"),
					  STR_INIT("UTF8SMTPSA")};
	unsigned row = (with & RECEIVED_TLS ? 1 : 0) + (with & RECEIVED_AUTH ? 2 : 0);

	if (with & RECEIVED_UTF8)
		return utf8[row];
	return row || with & RECEIVED_ESMTP ? esmtp[row] : STR("SMTP");
}

/* UTF-8 without the controls U+0080 to U+009F. */
static bool is_clean_utf8(struct str s)
{
	if (u8_check((const uint8_t *)s.p, s.n))
		return false;
	for (size_t i = 0; i + 1 < s.n; i++)
		if ((unsigned char)s.p[i] == 0xC2 && (unsigned char)s.p[i + 1] < 0xA0)
			return false;
	return true;
}

/* Appends at most max bytes of s; what is not printable, or in `without`,
 * becomes "?".  A cut in the middle of UTF-8 makes all of it "?". */
static void add_filtered(struct buf *out, struct str s, size_t max, const char *without)
{
	bool utf8;

	s = str_head(s, max);
	utf8 = s.n && is_clean_utf8(s);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool bad = c < 0x20 || c == 0x7F || (c > 0x7F && !utf8) || strchr(without, c);

		buf_add_c(out, bad ? '?' : (char)c);
	}
}

/* A word outside comments: no blanks, nothing that starts a comment, a quoted
 * string or an address, no semicolon. */
static void add_word(struct buf *out, struct str s)
{
	add_filtered(out, s, PART_MAX, " ()<>\"\\;,@");
}

static void add_comment(struct buf *out, const char *before, struct str s)
{
	buf_add_z(out, "(");
	buf_add_z(out, before);
	add_filtered(out, s, PART_MAX, "()\\");
	buf_add_z(out, ")");
}

/* "from helo (name [ip])", the comment on a line of its own when both are long. */
static void add_from(const struct received *r, struct buf *out)
{
	struct str name = r->client_name.n ? r->client_name : STR("unknown");
	bool ipv6 = str_find(r->client_ip, ':') != STR_NONE;
	size_t length = sizeof("Received: from  ( [IPv6:])") - 1 + r->helo.n + name.n + r->client_ip.n;

	buf_add_z(out, "from ");
	add_word(out, r->helo);
	buf_add_z(out, length > LINE_MAX ? "\r\n\t(" : " (");
	add_word(out, name);
	buf_add_z(out, ipv6 ? " [IPv6:" : " [");
	add_word(out, r->client_ip);
	buf_add_z(out, "])\r\n\t");
}

/* The TLS facts hold parentheses of their own, but are never a peer's words. */
static void add_client(const struct received *r, struct buf *out)
{
	if (r->helo.n)
		add_from(r, out);
	if (r->tls.n) {
		buf_add_z(out, "(using ");
		add_filtered(out, r->tls, PART_MAX, "\\");
		buf_add_z(out, ")\r\n\t");
	}
	if (r->login.n) {
		add_comment(out, "Authenticated sender: ", r->login);
		buf_add_z(out, "\r\n\t");
	}
}

/* How it came: by a protocol, or from a program of this machine. */
static void add_way(struct buf *out, const struct received *r)
{
	if (r->user.n > 0) {
		buf_add_z(out, " (Mailstead, from ");
		add_filtered(out, r->user, PART_MAX, "()\\");
		buf_add_z(out, ")\r\n\t");
	} else {
		buf_add_z(out, " (Mailstead) with ");
		add_word(out, r->protocol);
		buf_add_z(out, " ");
	}
}

void received_write(const struct received *r, struct buf *out)
{
	buf_add_z(out, "Received: ");
	add_client(r, out);
	buf_add_z(out, "by ");
	add_word(out, r->by);
	add_way(out, r);
	buf_add_z(out, "id ");
	add_word(out, r->id);
	if (r->rcpt.n) {
		buf_add_z(out, "\r\n\tfor <");
		add_filtered(out, r->rcpt, ADDRESS_MAX, "<>");
		buf_add_z(out, ">");
	}
	buf_add_z(out, ";\r\n\t");
	date_write_mail(r->date, out);
	buf_add_z(out, "\r\n");
}

static struct str take_line(struct str *rest)
{
	return str_trim_line(str_cut(rest, '\n'));
}

/* Takes the next field off *rest, its value only as far as the first line goes;
 * false at the end of the header. */
static bool take_field(struct str *rest, struct str *name, struct str *value)
{
	while (rest->n) {
		bool folded = rest->p[0] == ' ' || rest->p[0] == '\t';
		struct str line = take_line(rest);

		if (line.n == 0 && !folded)
			return false;
		if (folded || str_find(line, ':') == STR_NONE)
			continue;
		*name = str_trim(str_cut(&line, ':'));
		*value = str_trim(line);
		return true;
	}
	return false;
}

unsigned received_count(struct str header)
{
	struct str name, value;
	unsigned count = 0;

	while (take_field(&header, &name, &value))
		count += str_eq_nocase(name, STR("Received"));
	return count;
}

bool received_delivered_to(struct str header, struct str address)
{
	struct str name, value;

	while (take_field(&header, &name, &value))
		if (str_eq_nocase(name, STR("Delivered-To")) && str_eq_nocase(value, address))
			return true;
	return false;
}

void message_id_write(struct date now, struct str id, struct str host, struct buf *out)
{
	now.zone = 0;
	buf_add_z(out, "<");
	date_write_digits(now, out);
	buf_add_z(out, ".");
	add_word(out, id);
	buf_add_z(out, "@");
	add_word(out, host);
	buf_add_z(out, ">");
}
