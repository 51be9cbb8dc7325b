/* SPDX-License-Identifier: Apache-2.0 */
/* Host after host (see delivery.h). */
#include "relay/delivery.h"

#include "base/clock.h"
#include "net/fiber.h"
#include "relay/transaction.h"

#include <stdlib.h>

struct delivery *relay_delivery_new(struct relay_letter *letter, struct relay_config *config, SSL_CTX *tls)
{
	struct delivery *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->letter = letter;
	d->config = relay_config_take(config);
	relay_session_init(&d->session, config, tls, letter->q->letter);
	return d;
}

void co_relay_delivery_destroy(struct delivery **d)
{
	if (!*d)
		return;
	co_relay_session_quit(&(*d)->session);
	relay_session_end(&(*d)->session);
	relay_config_drop(&(*d)->config);
	free(*d);
	*d = NULL;
}

static int co_try_host(struct delivery *d, int64_t deadline)
{
	int code;

	co_relay_session_quit(&d->session);
	code = co_relay_session_open(&d->session, &d->hop, deadline);
	if (code == ERR_CANCELLED)
		return code;
	if (code) {
		relay_letter_note_open(d->letter, &d->session.why, d->hop.mta);
		return ERR_OK;
	}
	d->sessions++;
	code = co_transaction(&d->session, d->letter);
	return code == ERR_CANCELLED ? code : ERR_OK;
}

static bool may_try(const struct delivery *d)
{
	const struct relay_limits *limits = &d->config->limits;

	return relay_letter_open_count(d->letter) > 0 && relay_letter_wanted(d->letter) &&
	       d->addresses < limits->addresses && d->sessions < limits->sessions &&
	       clock_ms() < d->tries_end;
}

int co_relay_delivery_run(struct delivery *d, struct chan *resolver, int64_t deadline)
{
	struct route *route = &d->route;
	int code = co_route_open(route, resolver, d->config, d->letter->q->domain, deadline);
	int64_t tries = deadline_in(d->config->limits.tries_ms);

	d->tries_end = tries < deadline ? tries : deadline;
	while (code == 0 && may_try(d)) {
		code = co_route_next(route, &d->hop);
		if (code == 0) {
			d->addresses++;
			code = co_try_host(d, deadline);
		}
	}
	if (code == ERR_CANCELLED)
		return code;
	/* A mistake in our own configuration sends nobody's letter back. */
	if (route->to_relay_host)
		verdict_soften(&route->why);
	if (d->addresses == 0)
		relay_letter_note_open(d->letter, &route->why, "");
	return ERR_OK;
}
