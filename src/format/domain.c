/* SPDX-License-Identifier: Apache-2.0 */
/* Domain names and address literals. */
#include "format/domain.h"

#include "base/err.h"

#include <idn2.h>
#include <unistr.h>

#define LABEL_MAX 63

static const struct str ipv6_tag = STR_INIT("IPv6:");

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 0x7E)
			return false;
	return true;
}

static int check_label(struct str label)
{
	if (label.n == 0 || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return ERR_INVALID;
	for (size_t i = 0; i < label.n; i++)
		if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
			return ERR_INVALID;
	return label.n > LABEL_MAX ? ERR_TOO_BIG : 0;
}

/* Takes over an ASCII name in lower case once every label is right. */
static int set_ascii_name(struct str name, struct domain *out)
{
	struct str rest = name;
	int rc = 0;

	if (name.n == 0 || name.p[name.n - 1] == '.')
		return ERR_INVALID;
	while (rest.n && rc == 0)
		rc = check_label(str_cut(&rest, '.'));
	if (rc)
		return rc;
	if (name.n > DOMAIN_MAX)
		return ERR_TOO_BIG;
	for (size_t i = 0; i < name.n; i++)
		out->text[i] = ascii_lower(name.p[i]);
	out->n = (uint8_t)name.n;
	out->kind = DOMAIN_NAME;
	return 0;
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7F)
			return true;
	return false;
}

/*
 * U-labels: mapped by UTS 46 and turned into A-labels.  The mapping may yield
 * any ASCII ("FULLWIDTH COMMERCIAL AT" becomes "@"), so its result goes through
 * the same check as a name that came in ASCII.
 */
static int set_unicode_name(struct str name, struct domain *out)
{
	uint8_t z[DOMAIN_RAW_MAX + 1] = {0};
	uint8_t *ascii = NULL;
	int rc;

	if (has_control(name) || u8_check((const uint8_t *)name.p, name.n))
		return ERR_INVALID;
	memcpy(z, name.p, name.n);
	rc = idn2_lookup_u8(z, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK)
		return rc == IDN2_TOO_BIG_DOMAIN || rc == IDN2_TOO_BIG_LABEL || rc == IDN2_PUNYCODE_BIG_OUTPUT
			       ? ERR_TOO_BIG
			       : ERR_INVALID;
	rc = set_ascii_name(str_of((const char *)ascii), out);
	idn2_free(ascii);
	return rc;
}

/* Reads an address of the family from exactly s. */
static bool read_ip(int family, struct str s, uint8_t *ip)
{
	char z[INET6_ADDRSTRLEN + 1] = {0};

	/* A NUL inside would end the string early and hide what follows. */
	if (s.n >= sizeof(z) || str_find(s, '\0') != STR_NONE)
		return false;
	memcpy(z, s.p, s.n);
	return inet_pton(family, z, ip) == 1;
}

static void write_ip(int family, const char *tag, struct domain *out)
{
	char z[INET6_ADDRSTRLEN + 1];

	inet_ntop(family, out->ip, z, sizeof(z));
	out->n = (uint8_t)snprintf(out->text, sizeof(out->text), "[%s%s]", tag, z);
}

/* General-address-literal: a tag of Ldh-str, a colon, dcontent.  The "@" is a
 * dcontent too, refused here so that in every address the last "@" divides. */
static int set_general(struct str inner, struct domain *out)
{
	struct str content = inner;
	struct str tag = str_cut(&content, ':');

	if (check_label(tag) || str_find(tag, '_') != STR_NONE || content.n == 0)
		return ERR_INVALID;
	for (size_t i = 0; i < content.n; i++) {
		unsigned char c = (unsigned char)content.p[i];

		if (c < 0x21 || c > 0x7E || (c >= '[' && c <= ']') || c == '@')
			return ERR_INVALID;
	}
	out->kind = DOMAIN_GENERAL;
	out->n = (uint8_t)(inner.n + 2);
	out->text[0] = '[';
	memcpy(out->text + 1, inner.p, inner.n);
	out->text[inner.n + 1] = ']';
	return 0;
}

static int set_literal(struct str s, struct domain *out)
{
	if (s.n < 3 || s.p[s.n - 1] != ']')
		return ERR_INVALID;

	struct str inner = str_head(str_skip(s, 1), s.n - 2);

	if (read_ip(AF_INET, inner, out->ip)) {
		out->kind = DOMAIN_IPV4;
		write_ip(AF_INET, "", out);
		return 0;
	}
	if (!str_starts_nocase(inner, ipv6_tag))
		return set_general(inner, out);
	if (!read_ip(AF_INET6, str_skip(inner, ipv6_tag.n), out->ip))
		return ERR_INVALID;
	out->kind = DOMAIN_IPV6;
	write_ip(AF_INET6, ipv6_tag.p, out);
	return 0;
}

int domain_parse(struct str s, bool utf8, struct domain *out)
{
	memset(out, 0, sizeof(*out));
	out->utf8 = !is_ascii(s);
	if (s.n > DOMAIN_RAW_MAX)
		return ERR_TOO_BIG;
	if (s.n && s.p[0] == '[')
		return set_literal(s, out);
	if (!out->utf8)
		return set_ascii_name(s, out);
	return utf8 ? set_unicode_name(s, out) : ERR_DENIED;
}

struct str domain_str(const struct domain *d)
{
	return (struct str){d->text, d->n};
}

void domain_write_unicode(struct str name, struct buf *out)
{
	char z[DOMAIN_MAX + 1] = {0};
	char *unicode = NULL;
	struct domain back;

	if (name.n <= DOMAIN_MAX)
		memcpy(z, name.p ? name.p : "", name.n);
	/* Only what leads back to the same name: others could show as control
	 * characters or as nothing. */
	if (z[0] && idn2_to_unicode_8z8z(z, &unicode, IDN2_NONTRANSITIONAL) == IDN2_OK &&
	    domain_parse(str_of(unicode), true, &back) == 0 && str_eq(domain_str(&back), name))
		buf_add_z(out, unicode);
	else
		buf_add_str(out, name);
	idn2_free(unicode);
}
