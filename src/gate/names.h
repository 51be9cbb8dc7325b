/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names: what gate asks the DNS: the name of a client, and whether a sender's domain is one.
 */
#ifndef GATE_NAMES_H
#define GATE_NAMES_H

#include "format/domain.h"
#include "gate/client.h"
#include "net/fiber.h"

/* --- the name of a client ------------------------------------------------------------------------- */

/* Looked up in a fiber of its own; session and fiber have it together. */
struct client_name {
	unsigned users;
	bool done;
	struct fiber *waiting;
	struct chan *resolver;
	struct client client;
	char text[DOMAIN_MAX + 1]; /* empty: unknown */
};

/* Begins to look the client's name up.  NULL without memory, address or resolver, or when the group is
 * full: the client is then unknown. */
struct client_name *client_name_begin(const struct client *c, struct chan *resolver, struct fiber_group *g);
/* Waits until it is looked up, or for the deadline.  0 or ERR_CANCELLED. */
int co_client_name_wait(struct client_name *n, int64_t deadline);
/* The name whose own address is the client's again: "unknown" when there is none or it is not known yet;
 * n may be NULL. */
const char *client_name_text(const struct client_name *n);
/* Ends one use; accepts NULL. */
void client_name_drop(struct client_name **n);

/* --- the domain of a sender ------------------------------------------------------------------------ */

enum domain_mail {
	DOMAIN_MAIL_GOOD, /* it has an MX, A or AAAA */
	DOMAIN_MAIL_NONE, /* it does not exist, or has none of these */
	DOMAIN_MAIL_REFUSED, /* a null MX (RFC 7505): it takes no mail */
	DOMAIN_MAIL_UNSURE, /* the DNS did not say */
};

enum domain_mail co_domain_mail(struct chan *resolver, struct str domain, int64_t deadline);

#endif
