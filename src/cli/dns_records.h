/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns_records: the DNS records that a domain publishes so that its mail comes here, and
 * that which it sends is believed, as a fragment of a zone file (RFC 1035 5.1).
 */
#ifndef CLI_DNS_RECORDS_H
#define CLI_DNS_RECORDS_H

#include "base/buf.h"
#include "base/err.h"

/* An address of this machine that the world may reach. */
struct dns_address {
	int family; /* AF_INET or AF_INET6 */
	unsigned char bytes[16];
};

#define DNS_ADDRESSES_MAX 16

/* Whether an address is one of those that are routed in the Internet (RFC 6890). */
bool dns_address_is_public(const struct dns_address *a);
/* The public addresses of this machine's interfaces; how many. */
size_t dns_own_addresses(struct dns_address out[DNS_ADDRESSES_MAX]);

/* MX, SPF (RFC 7208) and DMARC (RFC 7489) of the domain, and the addresses of the host;
 * where none is known, a comment says what belongs there.  ERR_INVALID: no domain name. */
int dns_records_write(struct str domain, struct str host, const struct dns_address *addresses, size_t count,
		      struct buf *out, struct err *e);

#endif
