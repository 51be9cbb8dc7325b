/* SPDX-License-Identifier: Apache-2.0 */
/* The gate room: listening sockets and the life of the room (see gate.h). */
#include "gate/gate.h"

#include "base/clock.h"
#include "gate/smtp_session.h"
#include "net/io.h"
#include "net/log.h"
#include "net/services.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SESSIONS_MAX 5000
/* Connections taken off a socket before the other gates and sessions have a turn. */
#define ACCEPTS_A_TURN 16
/* Waits for sessions at the end; role.c allows 30 s for all of it. */
#define STOP_MS 25000
/* After a failure that more tries will not cure. */
#define PAUSE_MS 100

struct gate {
	struct smtp_service smtp;
	struct smtp_config *next; /* prepared */
	int spare; /* a descriptor to close when there is no other left; -1: lost */
};

struct listener {
	struct gate *gate;
	struct io io;
};

/* --- connections ----------------------------------------------------------------------------------- */

static void refuse(const struct gate *gate, int fd)
{
	char reply[400];
	int n = snprintf(reply, sizeof(reply), "421 4.7.0 %s Error: too many connections\r\n",
			 gate->smtp.config->hostname);

	/* A new connection has room for a line; when not, it hears nothing. */
	if (send(fd, reply, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_line(LOG_DEBUG, "a connection above the limit was closed without a word");
	close(fd);
}

/* Without descriptors a connection would wait in the queue, and wake us for ever. */
static void refuse_with_spare(struct gate *gate, int listening)
{
	if (gate->spare >= 0)
		close(gate->spare);
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		refuse(gate, fd);
	gate->spare = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	log_line(LOG_ERROR, "no descriptors are left: a connection was refused");
}

static bool accept_one(struct gate *gate, int listening)
{
	struct sockaddr_storage peer = {0};
	socklen_t n = sizeof(peer);
	int fd = accept4(listening, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	if (smtp_session_start(&gate->smtp, fd, (const struct sockaddr *)&peer) == ERR_BUSY)
		refuse(gate, fd);
	return true;
}

static int co_accept_some(struct gate *gate, int listening)
{
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		if (accept_one(gate, listening))
			continue;
		/* Another gate was quicker, or the client has left. */
		if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
			return ERR_OK;
		if (errno == EMFILE || errno == ENFILE)
			refuse_with_spare(gate, listening);
		return co_sleep_until(deadline_in(PAUSE_MS));
	}
	return co_yield ();
}

static void listen_fiber(void *arg)
{
	struct listener *l = arg;

	while (co_wait_readable(&l->io, NO_DEADLINE) == ERR_OK && co_accept_some(l->gate, l->io.fd) == ERR_OK)
		;
	io_close(&l->io);
	free(l);
}

static void take_listener(struct role *role, void *state, unsigned service, int fd)
{
	struct listener *l = service == SERVICE_SMTP ? calloc(1, sizeof(*l)) : NULL;

	if (!l) {
		close(fd);
		return;
	}
	l->gate = state;
	if (io_open(&l->io, fd) != 0 || fiber_start(role_fibers(role), listen_fiber, l) != 0) {
		io_close(&l->io);
		free(l);
		log_line(LOG_ERROR, "cannot listen");
	}
}

/* --- life ------------------------------------------------------------------------------------------- */

static void free_state(void *state)
{
	struct gate *gate = state;

	if (!gate)
		return;
	smtp_config_drop(&gate->smtp.config);
	smtp_config_drop(&gate->next);
	if (gate->spare >= 0)
		close(gate->spare);
	free(gate);
}

static int warm_up(struct role *role, void **state, struct err *e)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		return err_set(e, ERR_MEMORY, "no memory");
	*state = gate;
	gate->spare = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	fiber_group_init(&gate->smtp.fibers, SESSIONS_MAX);
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
