/* SPDX-License-Identifier: Apache-2.0 */
/* Clients and their addresses (see client.h). */
#include "gate/client.h"

#include "base/clock.h"
#include "net/messages.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void client_init(struct client *c, const struct sockaddr *peer)
{
	const struct sockaddr_in *v4 = (const void *)peer;
	const struct sockaddr_in6 *v6 = (const void *)peer;

	*c = (struct client){.ip = "local"};
	if (peer->sa_family == AF_INET) {
		c->address_n = 4;
		memcpy(c->address, &v4->sin_addr, 4);
	} else if (peer->sa_family == AF_INET6) {
		c->address_n = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) ? 4 : 16;
		memcpy(c->address, v6->sin6_addr.s6_addr + (16 - c->address_n), c->address_n);
	}
	if (c->address_n)
		inet_ntop(c->address_n == 4 ? AF_INET : AF_INET6, c->address, c->ip, sizeof(c->ip));
}

struct str client_address(const struct client *c)
{
	return (struct str){(const char *)c->address, c->address_n};
}

bool client_is_this_machine(const struct client *c, const struct client *here)
{
	static const unsigned char loopback6[16] = {[15] = 1};

	if (c->address_n == 0)
		return true;
	if (c->address_n == 4 && c->address[0] == 127)
		return true;
	if (c->address_n == 16 && memcmp(c->address, loopback6, 16) == 0)
		return true;
	return str_eq(client_address(c), client_address(here));
}

bool co_client_may_come_in(struct client *c, struct chan *keeper, int64_t wait_ms)
{
	struct connect_question q = {.address = client_address(c)};
	struct connect_answer a = {0};
	struct chan_parcel store;
	struct err e;

	if (c->address_n == 0)
		return true;
	c->counted = true;
	c->keeper_epoch = chan_epoch(keeper);
	if (co_ask_connect(keeper, &q, deadline_in(wait_ms), &store, &a, &e) != 0)
		return true;
	chan_parcel_free(&store);
	c->counted = a.verdict == 0;
	return c->counted;
}

void client_left(struct client *c, struct chan *keeper)
{
	struct left_note m = {.address = client_address(c)};

	/* A keeper that was started anew has counted none of the old ones. */
	if (c->counted && chan_attached(keeper) && chan_epoch(keeper) == c->keeper_epoch)
		left_send(keeper, &m);
	c->counted = false;
}
