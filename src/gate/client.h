/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client: who is at the other end of a connection, and how keeper counts it.
 */
#ifndef GATE_CLIENT_H
#define GATE_CLIENT_H

#include "net/chan.h"

#include <arpa/inet.h>

struct client {
	char ip[INET6_ADDRSTRLEN]; /* "192.0.2.1"; "local" without network address */
	unsigned char address[16];
	uint8_t address_n; /* 4, 16, or 0: no network address */
	bool counted; /* keeper was told that it came */
	uint32_t keeper_epoch; /* which keeper */
};

/* Of a peer's address; an IPv4 client of an IPv6 socket is an IPv4 client. */
void client_init(struct client *c, const struct sockaddr *peer);
/* Its address as the messages carry it. */
struct str client_address(const struct client *c);
/* Whether it is the machine that we are: it speaks from a loopback address, or from `here`, the
 * address that it connected to. */
bool client_is_this_machine(const struct client *c, const struct client *here);

/* Whether keeper lets it in.  Without an answer in time it comes in, since a keeper that hangs
 * must not close the house. */
bool co_client_may_come_in(struct client *c, struct chan *keeper, int64_t wait_ms);
/* Tells keeper that it left; once, after co_client_may_come_in(). */
void client_left(struct client *c, struct chan *keeper);

#endif
