/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the gate room (see gate.h). */
#include "gate/gate.h"

#include "base/clock.h"
#include "gate/doorway.h"
#include "net/log.h"
#include "net/services.h"

#include <stdlib.h>
#include <unistd.h>

#define SESSIONS_MAX 5000
/* Waits for sessions at the end; role.c allows 30 s for all of it. */
#define STOP_MS 25000

struct gate {
	struct smtp_service smtp;
	struct smtp_config *next; /* prepared */
	struct doorway doorway;
};

static void take_listener(struct role *role, void *state, unsigned service, int fd)
{
	struct gate *gate = state;

	if (service != SERVICE_SMTP)
		close(fd);
	else if (doorway_open(&gate->doorway, role_fibers(role), fd) != 0)
		log_line(LOG_ERROR, "cannot listen");
}

static void free_state(void *state)
{
	struct gate *gate = state;

	if (!gate)
		return;
	smtp_config_drop(&gate->smtp.config);
	account_ids_free(&gate->smtp.accounts);
	smtp_config_drop(&gate->next);
	doorway_free(&gate->doorway);
	free(gate);
}

static int warm_up(struct role *role, void **state, struct err *e)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		return err_set(e, ERR_MEMORY, "no memory");
	*state = gate;
	doorway_init(&gate->doorway, &gate->smtp);
	fiber_group_init(&gate->smtp.fibers, SESSIONS_MAX);
	int code = account_ids_init(&gate->smtp.accounts, e);

	if (code)
		return code;
	return smtp_config_new(role_settings(role), role_file(role, "tls_cert"), role_file(role, "tls_key"),
			       role_file(role, "tls_tickets"), &gate->smtp.config, e);
}

static int co_start(struct role *role, void *state, struct err *e)
{
	struct gate *gate = state;

	gate->smtp.keeper = role_neighbour(role, ROOM_KEEPER, 0);
	gate->smtp.spool = role_neighbour(role, ROOM_SPOOL, 0);
	gate->smtp.budget.max = gate->smtp.config->memory;
	return ERR_OK;
}

static int co_prepare(struct role *role, void *state, const struct settings *next, struct err *e)
{
	struct gate *gate = state;

	smtp_config_drop(&gate->next);
	return smtp_config_new(next, role_next_file(role, "tls_cert"), role_next_file(role, "tls_key"),
			       role_next_file(role, "tls_tickets"), &gate->next, e);
}

static void co_switch(struct role *role, void *state)
{
	struct gate *gate = state;

	smtp_config_drop(&gate->smtp.config);
	gate->smtp.config = gate->next;
	gate->next = NULL;
	gate->smtp.budget.max = gate->smtp.config->memory;
}

static void co_stop(struct role *role, void *state)
{
	struct gate *gate = state;

	/* The listeners first, so that no session begins any more. */
	fiber_group_cancel(role_fibers(role));
	co_smtp_sessions_end(&gate->smtp, deadline_in(STOP_MS));
}

const struct room_ops gate_room = {
	.room = ROOM_GATE,
	.warm_up = warm_up,
	.co_start = co_start,
	.take_listener = take_listener,
	.co_prepare = co_prepare,
	.co_switch = co_switch,
	.co_stop = co_stop,
	.free_state = free_state,
};
