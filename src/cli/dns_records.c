/* SPDX-License-Identifier: Apache-2.0 */
/* What to publish. */
#include "cli/dns_records.h"

#include "format/domain.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

/* Networks that are routed nowhere or to somebody else (RFC 6890). */
static const struct {
	int family;
	unsigned prefix;
	unsigned char bytes[16];
} private_networks[] = {
	{AF_INET, 8, {0}},
	{AF_INET, 8, {10}},
	{AF_INET, 10, {100, 64}},
	{AF_INET, 8, {127}},
	{AF_INET, 16, {169, 254}},
	{AF_INET, 12, {172, 16}},
	{AF_INET, 24, {192, 0, 0}},
	{AF_INET, 24, {192, 0, 2}},
	{AF_INET, 16, {192, 168}},
	{AF_INET, 15, {198, 18}},
	{AF_INET, 24, {198, 51, 100}},
	{AF_INET, 24, {203, 0, 113}},
	{AF_INET, 3, {224}}, /* multicast and what is reserved */
};

static bool is_in(const unsigned char *address, const unsigned char *network, unsigned prefix)
{
	unsigned whole = prefix / 8, bits = prefix % 8;

	return memcmp(address, network, whole) == 0 &&
	       (bits == 0 || (address[whole] ^ network[whole]) >> (8 - bits) == 0);
}

bool dns_address_is_public(const struct dns_address *a)
{
	/* 2000::/3 is all that is given out, 2001:db8::/32 is for documents. */
	static const unsigned char given_out[16] = {0x20}, documents[16] = {0x20, 0x01, 0x0d, 0xb8};

	if (a->family == AF_INET6)
		return is_in(a->bytes, given_out, 3) && !is_in(a->bytes, documents, 32);
	for (size_t i = 0; i < sizeof(private_networks) / sizeof(private_networks[0]); i++)
		if (is_in(a->bytes, private_networks[i].bytes, private_networks[i].prefix))
			return false;
	return true;
}

static bool address_of(const struct sockaddr *from, struct dns_address *a)
{
	*a = (struct dns_address){.family = from ? from->sa_family : AF_UNSPEC};
	if (a->family == AF_INET)
		memcpy(a->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	else if (a->family == AF_INET6)
		memcpy(a->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
	return a->family == AF_INET || a->family == AF_INET6;
}

size_t dns_own_addresses(struct dns_address out[DNS_ADDRESSES_MAX])
{
	struct ifaddrs *all = NULL;
	size_t n = 0;

	if (getifaddrs(&all) != 0)
		return 0;
	for (const struct ifaddrs *i = all; i && n < DNS_ADDRESSES_MAX; i = i->ifa_next)
		if ((i->ifa_flags & IFF_UP) && address_of(i->ifa_addr, &out[n]) &&
		    dns_address_is_public(&out[n]))
			n++;
	freeifaddrs(all);
	return n;
}

static void add_addresses(struct str host, const struct dns_address *addresses, size_t count, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < count; i++) {
		inet_ntop(addresses[i].family, addresses[i].bytes, text, sizeof(text));
		buf_printf(out, "%.*s. IN %s %s\n", STR_ARG(host),
			   addresses[i].family == AF_INET ? "A" : "AAAA", text);
	}
	if (count == 0)
		buf_printf(out,
			   "; %.*s. IN A     the IPv4 address under which the world reaches this machine\n"
			   "; %.*s. IN AAAA  its IPv6 address, if it has one\n",
			   STR_ARG(host), STR_ARG(host));
}

int dns_records_write(struct str domain, struct str host, const struct dns_address *addresses, size_t count,
		      struct buf *out, struct err *e)
{
	struct domain d, h;

	if (domain_parse(domain, true, &d) != 0 || d.kind != DOMAIN_NAME)
		return err_set(e, ERR_INVALID, "'%.*s' is no domain name", STR_ARG(domain));
	if (domain_parse(host, true, &h) != 0 || h.kind != DOMAIN_NAME)
		return err_set(e, ERR_INVALID, "'%.*s' is no domain name", STR_ARG(host));
	add_addresses(domain_str(&h), addresses, count, out);
	buf_printf(out, "%.*s. IN MX 10 %.*s.\n", STR_ARG(domain_str(&d)), STR_ARG(domain_str(&h)));
	buf_printf(out, "%.*s. IN TXT \"v=spf1 mx -all\"\n", STR_ARG(domain_str(&d)));
	buf_printf(out, "_dmarc.%.*s. IN TXT \"v=DMARC1; p=none\"\n", STR_ARG(domain_str(&d)));
	return buf_failed(out) ? err_set(e, ERR_TOO_BIG, "the records are too long") : 0;
}
