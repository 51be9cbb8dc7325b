/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route: which hosts take the mail of a domain, in the order in which they are to be tried
 * (RFC 5321 section 5).
 *
 *   relay_host is set       that host alone: by address in brackets, by its MX otherwise
 *   [192.0.2.1]             that address
 *   MX records              by preference, equal ones shuffled; each host's AAAA and A
 *   none                    the domain's own AAAA and A
 *   a single MX "."         nobody (RFC 7505)
 *
 * Hosts that do not stand in front of ourselves in the list are left out, so that a backup
 * server does not send letters in circles (RFC 5321 5.1).  Addresses are looked up when they
 * are needed.  A route ends after ROUTE_HOSTS_MAX hosts.
 */
#ifndef RELAY_ROUTE_H
#define RELAY_ROUTE_H

#include "net/chan.h"
#include "relay/config.h"
#include "relay/verdict.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define ROUTE_HOSTS_MAX 10
#define ROUTE_ADDRESSES_MAX 8 /* of one host */
#define HOP_TEXT_MAX 320 /* a name of 253, an address, a port */

/* Where to connect to. */
struct hop {
	char name[256]; /* of the host; of an address literal the address */
	bool has_name;
	bool is_relay_host; /* gets the login */
	bool tls_first; /* TLS from the first byte (RFC 8314 3.3) */
	struct sockaddr_storage address;
	socklen_t address_n;
	char peer[HOP_TEXT_MAX]; /* mx.b.test[192.0.2.1] */
	char mta[HOP_TEXT_MAX]; /* mx.b.test[192.0.2.1]:25 */
};

struct route_host {
	uint16_t preference;
	uint32_t order; /* random: the place among those of equal preference */
	char name[256];
};

struct route_address {
	uint8_t n; /* 4 or 16 */
	unsigned char bytes[16];
};

struct route {
	struct chan *resolver;
	const struct relay_config *config;
	int64_t deadline;
	bool to_relay_host;
	uint16_t port;
	struct route_host hosts[ROUTE_HOSTS_MAX];
	unsigned host_count, host_at;
	struct route_address addresses[ROUTE_ADDRESSES_MAX]; /* of hosts[host_at - 1] */
	unsigned address_count, address_at;
	struct verdict why; /* no hop came of it: what to tell the sender */
};

/* The route for a domain in A-labels, or a literal.  0; ERR_NOT_FOUND and r->why;
 * ERR_CANCELLED.  Nothing needs freeing. */
int co_route_open(struct route *r, struct chan *resolver, const struct relay_config *config,
		  struct str domain, int64_t deadline);
/* The next place to try.  0; ERR_NOT_FOUND at the end, where r->why is set if there was none
 * at all; ERR_CANCELLED. */
int co_route_next(struct route *r, struct hop *out);

#endif
