/* SPDX-License-Identifier: Apache-2.0 */
/* The relay room (see relay.h). */
#include "relay/relay.h"

#include "base/clock.h"
#include "net/messages.h"
#include "relay/delivery.h"
#include "relay/tls_client.h"

#include <stdlib.h>
#include <unistd.h>

/* Deliveries at once; spool asks for 64 at most. */
#define DELIVERIES_MAX 100
#define OUTCOMES_MAX 73728
/* An answer is sent before the question's deadline, when nobody waits for it any more. */
#define ANSWER_MS 2000

struct relay {
	struct role *role;
	SSL_CTX *tls;
	struct relay_config *config, *next;
};

/* --- the question ---------------------------------------------------------------------------- */

static void answer(struct chan_parcel *p, const struct relay_letter *l)
{
	struct relay_answer a;
	struct buf outcomes;

	buf_init(&outcomes, OUTCOMES_MAX);
	relay_letter_put_outcomes(l, &outcomes);
	a.outcomes = buf_str(&outcomes);
	if (buf_failed(&outcomes))
		chan_refuse(p, ERR_MEMORY, "no memory for the outcomes");
	else
		relay_answer(p, &a);
	buf_free(&outcomes);
}

static void co_deliver(struct relay *relay, struct chan_parcel *p, struct relay_letter *l)
{
	struct delivery *d = relay_delivery_new(l, relay->config, relay->tls);

	l->asker = p;
	if (!d)
		chan_refuse(p, ERR_MEMORY, "no memory for a delivery");
	else if (co_relay_delivery_run(d, role_neighbour(relay->role, ROOM_RESOLVER, 0),
				       p->deadline - ANSWER_MS) != 0)
		chan_refuse(p, ERR_CANCELLED, "relay ends");
	else
		answer(p, l);
	co_relay_delivery_destroy(&d);
}

static void co_on_relay(void *state, struct chan_parcel *p)
{
	struct relay_question q;
	struct relay_letter *l;
	struct err e;

	if (!relay_take(p, &q))
		return;
	if (relay_letter_new(&q, &l, &e) != 0)
		chan_refuse(p, e.code, "%s", e.text);
	else
		co_deliver(state, p, l);
	relay_letter_destroy(&l);
	close(q.file);
}

static const struct chan_handler handlers[] = {{MSG_RELAY, co_on_relay}, {0, NULL}};

/* --- life -------------------------------------------------------------------------------------- */

static int warm_up(struct role *role, void **state, struct err *e)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	int code;

	if (!relay)
		return err_set(e, ERR_MEMORY, "no memory");
	*state = relay;
	relay->role = role;
	code = tls_client_new(TLS_AUTHORITIES, &relay->tls, e);
	return code ? code : relay_config_new(role_settings(role), &relay->config, e);
}

static int co_prepare(struct role *role, void *state, const struct settings *next, struct err *e)
{
	struct relay *relay = state;

	relay_config_drop(&relay->next);
	return relay_config_new(next, &relay->next, e);
}

static void co_switch(struct role *role, void *state)
{
	struct relay *relay = state;

	relay_config_drop(&relay->config);
	relay->config = relay->next;
	relay->next = NULL;
}

static void free_state(void *state)
{
	struct relay *relay = state;

	if (!relay)
		return;
	relay_config_drop(&relay->config);
	relay_config_drop(&relay->next);
	SSL_CTX_free(relay->tls);
	free(relay);
}

const struct room_ops relay_room = {
	.room = ROOM_RELAY,
	.handlers = handlers,
	.handlers_max = DELIVERIES_MAX,
	.warm_up = warm_up,
	.co_prepare = co_prepare,
	.co_switch = co_switch,
	.free_state = free_state,
};
