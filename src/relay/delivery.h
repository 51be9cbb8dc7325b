/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery: one letter to those of its recipients who share a next hop, host after host,
 * until all have an outcome or there is no more host to try.
 *
 * Today a delivery opens a connection of its own for each host and closes it when it ends.
 */
#ifndef RELAY_DELIVERY_H
#define RELAY_DELIVERY_H

#include "relay/letter.h"
#include "relay/session.h"

struct delivery {
	struct relay_letter *letter;
	struct relay_config *config;
	struct route route;
	struct hop hop;
	struct session session;
	int64_t tries_end; /* no further host is tried from then on */
	unsigned addresses, sessions; /* tried; that came as far as MAIL */
};

/* Takes a use of the config; the letter and tls stay the caller's.  Heap; NULL: no memory. */
struct delivery *relay_delivery_new(struct relay_letter *letter, struct relay_config *config, SSL_CTX *tls);
/* 0: each recipient of the letter has an outcome.  ERR_CANCELLED: some have none. */
int co_relay_delivery_run(struct delivery *d, struct chan *resolver, int64_t deadline);
/* Takes leave of the last host, which may take a moment, and frees. */
void co_relay_delivery_destroy(struct delivery **d);

#endif
