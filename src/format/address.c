/* SPDX-License-Identifier: Apache-2.0 */
/* Mailboxes of the SMTP envelope. */
#include "format/address.h"

#include "base/err.h"

#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

static const struct str postmaster = STR_INIT("postmaster");

/* Names whose hyphen is never a delimiter. */
static const struct str undivided[] = {
	STR_INIT("postmaster"),
	STR_INIT("mailer-daemon"),
	STR_INIT("double-bounce"),
};

/* atext of RFC 5322 3.2.3, with the UTF-8 of RFC 6531 3.3. */
static bool is_atext(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c > 0x7F || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* No control characters; bytes above 0x7F only as UTF-8 that was allowed.  The
 * controls U+0080 to U+009F are refused like those of ASCII. */
static int check_bytes(struct str s, unsigned flags)
{
	bool utf8 = false;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7F)
			return ERR_INVALID;
		if (c == 0xC2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xA0)
			return ERR_INVALID;
		utf8 |= c > 0x7F;
	}
	if (utf8 && u8_check((const uint8_t *)s.p, s.n))
		return ERR_INVALID;
	return utf8 && !(flags & ADDRESS_UTF8) ? ERR_DENIED : 0;
}

static bool put_local(struct address *a, char c)
{
	if (a->local_n == sizeof(a->local))
		return false;
	a->local[a->local_n++] = c;
	a->utf8_local |= (unsigned char)c > 0x7F;
	return true;
}

/* The quoted string at the front of *s, without its quotes, into the local part. */
static int take_quoted(struct str *s, struct address *out)
{
	*s = str_skip(*s, 1);
	while (s->n && s->p[0] != '"') {
		bool pair = s->p[0] == '\\';

		if (pair)
			*s = str_skip(*s, 1);
		/* quoted-pairSMTP is for %d32-126 only. */
		if (s->n == 0 || (pair && (unsigned char)s->p[0] > 0x7E))
			return ERR_INVALID;
		if (!put_local(out, s->p[0]))
			return ERR_TOO_BIG;
		*s = str_skip(*s, 1);
	}
	if (s->n == 0)
		return ERR_INVALID;
	*s = str_skip(*s, 1);
	return 0;
}

/* Dot-string: atoms with single dots between them. */
static bool is_dot_string(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool lone_dot = s.p[i] == '.' && (i == 0 || i + 1 == s.n || s.p[i - 1] == '.');

		if (lone_dot || (s.p[i] != '.' && !is_atext(s.p[i])))
			return false;
	}
	return s.n > 0;
}

/* Atoms, quoted words, dots and "@" in any order. */
static int set_words(struct str s, struct address *out)
{
	int rc = s.n ? 0 : ERR_INVALID;

	while (s.n && rc == 0) {
		if (s.p[0] == '"') {
			rc = take_quoted(&s, out);
			continue;
		}
		if (s.p[0] != '.' && s.p[0] != '@' && !is_atext(s.p[0]))
			return ERR_INVALID;
		rc = put_local(out, s.p[0]) ? 0 : ERR_TOO_BIG;
		s = str_skip(s, 1);
	}
	return rc;
}

static int set_local(struct str s, unsigned flags, struct address *out)
{
	/* Quoted, each octet may take two. */
	size_t max = flags & ADDRESS_LONG ? 2 * ADDRESS_LONG_LOCAL_MAX + 2 : ADDRESS_LOCAL_MAX;
	int rc;

	if (s.n > max)
		return ERR_TOO_BIG;
	/* A dot-string is also one of those words, so the same function takes it over. */
	if (flags & ADDRESS_LENIENT || is_dot_string(s))
		return set_words(s, out);
	if (s.n == 0 || s.p[0] != '"')
		return ERR_INVALID;
	rc = take_quoted(&s, out);
	return rc == 0 && s.n ? ERR_INVALID : rc;
}

static int set_domain(struct str s, unsigned flags, struct address *out)
{
	if (flags & ADDRESS_LENIENT && s.n > 1 && s.p[s.n - 1] == '.')
		s.n--;
	return domain_parse(s, flags & ADDRESS_UTF8, &out->domain);
}

int address_parse(struct str s, unsigned flags, struct address *out)
{
	size_t at = str_rfind(s, '@');
	int rc = check_bytes(s, flags);

	memset(out, 0, sizeof(*out));
	out->raw = s;
	if (rc)
		return rc;
	if (at == STR_NONE) {
		if (!(flags & ADDRESS_BARE) && !str_eq_nocase(s, postmaster))
			return ERR_INVALID;
		return set_local(s, flags, out);
	}
	rc = set_local(str_head(s, at), flags, out);
	if (rc == 0)
		rc = set_domain(str_skip(s, at + 1), flags, out);
	/* The limit of a path counts its angle brackets. */
	if (rc == 0 && !(flags & ADDRESS_LONG) && s.n > ADDRESS_PATH_MAX - 2)
		rc = ERR_TOO_BIG;
	return rc;
}

/* One "@domain" of a source route; a literal may hold the colon and the comma
 * that otherwise end it. */
static int take_hop(struct str *s, unsigned flags)
{
	struct domain hop;
	size_t n = 1;

	if (s->n > 1 && s->p[1] == '[') {
		size_t close = str_find(*s, ']');

		n = close == STR_NONE ? s->n : close + 1;
	} else {
		while (n < s->n && s->p[n] != ',' && s->p[n] != ':')
			n++;
	}
	int rc = domain_parse(str_head(str_skip(*s, 1), n - 1), flags & ADDRESS_UTF8, &hop);

	*s = str_skip(*s, n);
	return rc;
}

int address_parse_path(struct str s, unsigned flags, struct address *out)
{
	bool routed = s.n && s.p[0] == '@';
	int rc = 0;

	while (s.n && s.p[0] == '@' && rc == 0) {
		rc = take_hop(&s, flags);
		bool more = s.n > 1 && s.p[0] == ',' && s.p[1] == '@';

		if (rc == 0 && !more && (s.n < 2 || s.p[0] != ':' || s.p[1] == '@'))
			rc = ERR_INVALID;
		s = str_skip(s, 1);
	}
	if (rc == 0)
		rc = address_parse(s, flags, out);
	out->source_route = routed;
	return rc;
}

struct str address_local(const struct address *a)
{
	return (struct str){a->local, a->local_n};
}

struct str address_domain(const struct address *a)
{
	return domain_str(&a->domain);
}

bool address_has_routing(const struct address *a)
{
	struct str local = address_local(a);

	return a->source_route || str_find(local, '@') != STR_NONE || str_find(local, '%') != STR_NONE ||
	       str_find(local, '!') != STR_NONE;
}

static void add_at_domain(const struct address *a, struct buf *out)
{
	if (a->domain.kind != DOMAIN_NONE) {
		buf_add_c(out, '@');
		buf_add_str(out, address_domain(a));
	}
}

void address_key(const struct address *a, struct buf *out)
{
	buf_add_str(out, address_local(a));
	add_at_domain(a, out);
}

void address_key_folded(const struct address *a, struct buf *out)
{
	address_fold(address_local(a), out);
	add_at_domain(a, out);
}

static void fold_unicode(struct str local, struct buf *out)
{
	const uint8_t *p = (const uint8_t *)local.p;
	size_t n = 0;
	uint8_t *lower = u8_check(p, local.n) ? NULL : u8_tolower(p, local.n, NULL, UNINORM_NFC, NULL, &n);

	if (lower)
		buf_add(out, lower, n);
	else
		out->failed = true;
	free(lower);
}

void address_fold(struct str local, struct buf *out)
{
	for (size_t i = 0; i < local.n; i++)
		if ((unsigned char)local.p[i] > 0x7F) {
			fold_unicode(local, out);
			return;
		}
	for (size_t i = 0; i < local.n; i++)
		buf_add_c(out, ascii_lower(local.p[i]));
}

void address_write(struct str local, struct str domain, struct buf *out)
{
	if (is_dot_string(local))
		buf_add_str(out, local);
	else {
		buf_add_c(out, '"');
		for (size_t i = 0; i < local.n; i++) {
			if (local.p[i] == '"' || local.p[i] == '\\')
				buf_add_c(out, '\\');
			buf_add_c(out, local.p[i]);
		}
		buf_add_c(out, '"');
	}
	if (domain.n) {
		buf_add_c(out, '@');
		buf_add_str(out, domain);
	}
}

bool address_split_tag(struct str local, struct str delimiters, struct str *user, struct str *tag)
{
	size_t at = 0;

	*user = local;
	*tag = (struct str){NULL, 0};
	for (size_t i = 0; i < sizeof(undivided) / sizeof(undivided[0]); i++)
		if (str_eq_nocase(local, undivided[i]))
			return false;
	while (at < local.n && str_find(delimiters, local.p[at]) == STR_NONE)
		at++;
	if (at == 0 || at == local.n)
		return false;
	*user = str_head(local, at);
	*tag = str_skip(local, at + 1);
	return true;
}
