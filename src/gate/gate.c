/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the gate room (see gate.h). */
#include "gate/gate.h"

#include "base/clock.h"
#include "gate/auth.h"
#include "gate/doorway.h"
#include "gate/imap_login.h"
#include "gate/smtp_session.h"
#include "net/log.h"
#include "net/messages.h"
#include "net/services.h"

#include <stdlib.h>
#include <unistd.h>

#define SESSIONS_MAX 5000
/* Half of the questions that resolver takes; the rest is for the domains of senders. */
#define NAMERS_MAX 512
/* Waits for sessions at the end; role.c allows 30 s for all of it. */
#define STOP_MS 25000
/* Notes of scans in hand; nothing waits in their handler. */
#define NOTES_MAX 64

struct gate {
	struct smtp_service smtp;
	struct smtp_door smtp_doors[SERVICE_COUNT];
	struct imap_service imap;
	struct auth_desk desk;
	struct smtp_config *next; /* prepared */
	struct doorway doorway;
};

static void take_listener(struct role *role, void *state, unsigned service, int fd)
{
	struct gate *gate = state;
	const struct {
		const struct doorway_kind *kind;
		void *service;
	} doors[SERVICE_COUNT] = {
		[SERVICE_SMTP] = {&smtp_doorway, &gate->smtp_doors[SERVICE_SMTP]},
		[SERVICE_SUBMISSION] = {&smtp_doorway, &gate->smtp_doors[SERVICE_SUBMISSION]},
		[SERVICE_SUBMISSIONS] = {&smtp_doorway, &gate->smtp_doors[SERVICE_SUBMISSIONS]},
		[SERVICE_SUBMIT] = {&smtp_doorway, &gate->smtp_doors[SERVICE_SUBMIT]},
		[SERVICE_IMAP] = {&imap_doorway, &gate->imap},
		[SERVICE_IMAPS] = {&imaps_doorway, &gate->imap},
	};

	if (service >= SERVICE_COUNT)
		close(fd);
	else if (doorway_open(&gate->doorway, role_fibers(role), fd, doors[service].kind,
			      doors[service].service) != 0)
		log_line(LOG_ERROR, "cannot listen");
}

static struct chan *shard(void *house, unsigned index)
{
	struct role *role = house;

	return index < settings_number(role_settings(role), SET_SHARDS)
		       ? role_neighbour(role, ROOM_MAILBOX, index)
		       : NULL;
}

static void co_on_scanning(void *state, struct chan_parcel *p)
{
	struct gate *gate = state;
	struct scanning_note m;

	if (scanning_take(p, &m))
		smtp_scan_begins(&gate->smtp, p->chan, m.letter);
}

static const struct chan_handler handlers[] = {{MSG_SCANNING, co_on_scanning}, {0, NULL}};

static void free_state(void *state)
{
	struct gate *gate = state;

	if (!gate)
		return;
	smtp_config_drop(&gate->smtp.config);
	pump_pool_free(&gate->imap.pool);
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
	doorway_init(&gate->doorway);
	fiber_group_init(&gate->smtp.fibers, SESSIONS_MAX);
	gate->smtp.desk = &gate->desk;
	for (unsigned i = 0; i < SERVICE_COUNT; i++)
		gate->smtp_doors[i] = (struct smtp_door){&gate->smtp, smtp_kind_of((enum service)i)};
	gate->desk = (struct auth_desk){.most = AUTH_DESK_MOST, .wait_ms = AUTH_DESK_WAIT_MS};
	fiber_group_init(&gate->smtp.namers, NAMERS_MAX);
	gate->imap = (struct imap_service){.config = &gate->smtp.config,
					   .desk = &gate->desk,
					   .shard = shard,
					   .house = role,
					   .limits = imap_login_limits_default};
	fiber_group_init(&gate->imap.fibers, SESSIONS_MAX);
	int code = account_ids_init(&gate->smtp.accounts, e);

	if (code == 0)
		code = smtp_tickets_init(&gate->smtp, e);
	if (code)
		return code;
	return smtp_config_new(role_settings(role), role_file(role, "tls_cert"), role_file(role, "tls_key"),
			       role_file(role, "tls_tickets"), &gate->smtp.config, e);
}

static int co_start(struct role *role, void *state, struct err *e)
{
	struct gate *gate = state;

	gate->desk.keeper = gate->imap.keeper = gate->smtp.keeper = role_neighbour(role, ROOM_KEEPER, 0);
	gate->smtp.spool = role_neighbour(role, ROOM_SPOOL, 0);
	gate->smtp.resolver = role_neighbour(role, ROOM_RESOLVER, 0);
	gate->smtp.scans = role_scans(role);
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
	int64_t deadline = deadline_in(STOP_MS);

	co_imap_logins_end(&gate->imap, deadline);
	co_smtp_sessions_end(&gate->smtp, deadline);
}

const struct room_ops gate_room = {
	.room = ROOM_GATE,
	.handlers = handlers,
	.handlers_max = NOTES_MAX,
	.warm_up = warm_up,
	.co_start = co_start,
	.take_listener = take_listener,
	.co_prepare = co_prepare,
	.co_switch = co_switch,
	.co_stop = co_stop,
	.free_state = free_state,
};
