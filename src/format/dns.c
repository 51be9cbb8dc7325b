/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and showing DNS data (see dns.h). */
#include "format/dns.h"

#include <arpa/inet.h>
#include <string.h>

static const struct {
	uint16_t type;
	const char *name;
} types[] = {
	{DNS_A, "A"},       {DNS_NS, "NS"},   {DNS_CNAME, "CNAME"}, {DNS_SOA, "SOA"},
	{DNS_PTR, "PTR"},   {DNS_MX, "MX"},   {DNS_TXT, "TXT"},     {DNS_AAAA, "AAAA"},
	{DNS_SRV, "SRV"},   {DNS_DS, "DS"},   {DNS_RRSIG, "RRSIG"}, {DNS_DNSKEY, "DNSKEY"},
	{DNS_TLSA, "TLSA"}, {DNS_CAA, "CAA"},
};

static const char *const rcodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

uint16_t dns_type_of(struct str name)
{
	uint32_t number;

	for (size_t i = 0; i < COUNT(types); i++)
		if (str_eq_nocase(name, str_of(types[i].name)))
			return types[i].type;
	if (str_starts_nocase(name, STR("TYPE")) && str_to_u32(str_skip(name, 4), &number) && number <= 65535)
		return (uint16_t)number;
	return 0;
}

const char *dns_type_name(uint16_t type, char text[16])
{
	for (size_t i = 0; i < COUNT(types); i++)
		if (types[i].type == type)
			return types[i].name;
	snprintf(text, 16, "TYPE%u", type);
	return text;
}

const char *dns_rcode_name(uint8_t rcode, char text[16])
{
	if (rcode < COUNT(rcodes))
		return rcodes[rcode];
	snprintf(text, 16, "RCODE%u", rcode);
	return text;
}

/* DNS integers are big-endian. */
static uint16_t read_be16(struct reader *r)
{
	unsigned high = read_u8(r);

	return (uint16_t)(high << 8 | read_u8(r));
}

static uint32_t read_be32(struct reader *r)
{
	uint32_t high = read_be16(r);

	return high << 16 | read_be16(r);
}

static void add_escaped(struct buf *out, unsigned char c, const char *special)
{
	if (c < 0x21 || c > 0x7E)
		buf_printf(out, "\\%03u", c);
	else {
		if (strchr(special, c))
			buf_add_c(out, '\\');
		buf_add_c(out, (char)c);
	}
}

bool dns_name_read(struct reader *r, struct buf *out)
{
	size_t total = 1;

	for (bool root = true;; root = false) {
		unsigned n = read_u8(r);
		struct str label = read_bytes(r, n);

		total += n + 1;
		/* 63 is the longest label; higher lengths are compression, which has no place here. */
		if (r->failed || n > 63 || total > 256)
			return false;
		if (n == 0) {
			if (root)
				buf_add_c(out, '.');
			return true;
		}
		for (size_t i = 0; i < label.n; i++)
			add_escaped(out, (unsigned char)label.p[i], ".\\\"();@$");
		buf_add_c(out, '.');
	}
}

static bool show_a(struct reader *r, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];
	struct str b = read_bytes(r, 4);

	if (b.p && inet_ntop(AF_INET, b.p, text, sizeof(text)))
		buf_add_z(out, text);
	return b.p != NULL;
}

static bool show_aaaa(struct reader *r, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];
	struct str b = read_bytes(r, 16);

	if (b.p && inet_ntop(AF_INET6, b.p, text, sizeof(text)))
		buf_add_z(out, text);
	return b.p != NULL;
}

static bool show_name(struct reader *r, struct buf *out)
{
	return dns_name_read(r, out);
}

static bool show_mx(struct reader *r, struct buf *out)
{
	buf_printf(out, "%u ", read_be16(r));
	return dns_name_read(r, out);
}

static bool show_srv(struct reader *r, struct buf *out)
{
	unsigned priority = read_be16(r), weight = read_be16(r), port = read_be16(r);

	buf_printf(out, "%u %u %u ", priority, weight, port);
	return dns_name_read(r, out);
}

static bool show_soa(struct reader *r, struct buf *out)
{
	if (!dns_name_read(r, out))
		return false;
	buf_add_c(out, ' ');
	if (!dns_name_read(r, out))
		return false;
	for (int i = 0; i < 5; i++)
		buf_printf(out, " %u", read_be32(r));
	return true;
}

static void show_quoted(struct str text, struct buf *out)
{
	buf_add_c(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == ' ')
			buf_add_c(out, ' ');
		else
			add_escaped(out, (unsigned char)text.p[i], "\"\\");
	}
	buf_add_c(out, '"');
}

static bool show_txt(struct reader *r, struct buf *out)
{
	bool first = true;

	while (!r->failed && r->rest.n > 0) {
		struct str text = read_bytes(r, read_u8(r));

		if (!first)
			buf_add_c(out, ' ');
		first = false;
		show_quoted(text, out);
	}
	return !first;
}

static void show_hex(struct str bytes, struct buf *out)
{
	for (size_t i = 0; i < bytes.n; i++)
		buf_printf(out, "%02X", (unsigned char)bytes.p[i]);
}

static bool show_tlsa(struct reader *r, struct buf *out)
{
	unsigned usage = read_u8(r), selector = read_u8(r), matching = read_u8(r);

	buf_printf(out, "%u %u %u ", usage, selector, matching);
	show_hex(read_bytes(r, r->rest.n), out);
	return true;
}

static bool show_ds(struct reader *r, struct buf *out)
{
	unsigned tag = read_be16(r), algorithm = read_u8(r), digest = read_u8(r);

	buf_printf(out, "%u %u %u ", tag, algorithm, digest);
	show_hex(read_bytes(r, r->rest.n), out);
	return true;
}

static bool show_caa(struct reader *r, struct buf *out)
{
	unsigned flags = read_u8(r);
	struct str tag = read_bytes(r, read_u8(r));

	buf_printf(out, "%u ", flags);
	for (size_t i = 0; i < tag.n; i++)
		add_escaped(out, (unsigned char)tag.p[i], "\"\\");
	buf_add_c(out, ' ');
	show_quoted(read_bytes(r, r->rest.n), out);
	return tag.n > 0;
}

static const struct {
	uint16_t type;
	bool (*show)(struct reader *r, struct buf *out);
} forms[] = {
	{DNS_A, show_a},      {DNS_AAAA, show_aaaa}, {DNS_NS, show_name}, {DNS_CNAME, show_name},
	{DNS_PTR, show_name}, {DNS_MX, show_mx},     {DNS_SRV, show_srv}, {DNS_SOA, show_soa},
	{DNS_TXT, show_txt},  {DNS_TLSA, show_tlsa}, {DNS_DS, show_ds},   {DNS_CAA, show_caa},
};

void dns_data_show(uint16_t type, struct str data, struct buf *out)
{
	size_t before = out->n;

	for (size_t i = 0; i < COUNT(forms); i++) {
		struct reader r = reader_of(data);

		if (forms[i].type != type)
			continue;
		if (forms[i].show(&r, out) && reader_done(&r))
			return;
		buf_truncate(out, before);
	}
	buf_printf(out, "\\# %zu ", data.n);
	show_hex(data, out);
}

static void reverse_v6(const unsigned char *b, struct buf *out)
{
	static const char hex[] = "0123456789abcdef";

	for (int i = 15; i >= 0; i--)
		buf_printf(out, "%c.%c.", hex[b[i] & 15], hex[b[i] >> 4]);
	buf_add_z(out, "ip6.arpa.");
}

bool dns_reverse_name(struct str text, struct buf *out)
{
	char z[INET6_ADDRSTRLEN];
	unsigned char b[16];

	if (text.n == 0 || text.n >= sizeof(z))
		return false;
	memcpy(z, text.p, text.n);
	z[text.n] = 0;
	if (inet_pton(AF_INET, z, b) == 1)
		buf_printf(out, "%u.%u.%u.%u.in-addr.arpa.", b[3], b[2], b[1], b[0]);
	else if (inet_pton(AF_INET6, z, b) == 1)
		reverse_v6(b, out);
	else
		return false;
	return true;
}

/* A name of a message, which may end in a compression pointer (RFC 1035 4.1.4). */
static void skip_name(struct reader *r)
{
	while (!r->failed) {
		unsigned n = read_u8(r);

		if (n == 0)
			return;
		if (n >= 0xC0) {
			read_u8(r);
			return;
		}
		read_bytes(r, n);
	}
}

unsigned dns_answer_count(struct str message, uint16_t type)
{
	struct reader r = reader_of(message);
	unsigned count = 0;

	read_be32(&r); /* id, flags */
	unsigned questions = read_be16(&r), answers = read_be16(&r);

	read_be32(&r);
	for (unsigned i = 0; i < questions && !r.failed; i++) {
		skip_name(&r);
		read_be32(&r);
	}
	for (unsigned i = 0; i < answers && !r.failed; i++) {
		skip_name(&r);
		uint16_t found = read_be16(&r);

		read_be16(&r);
		read_be32(&r);
		read_bytes(&r, read_be16(&r));
		if (!r.failed && found == type)
			count++;
	}
	return count;
}
