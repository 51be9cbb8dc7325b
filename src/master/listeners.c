/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets: opened once by master, kept for life, a copy to every gate.  Beside those of
 * the settings there is run/submit for the programs of this machine.
 *
 * 1. Without SO_REUSEPORT: the connections that wait belong to the socket, not to a
 *    gate, so none is lost when a gate dies.
 * 2. A bind is tried again for 5 s: a master that was just killed leaves its ports in
 *    a moment.
 */
#include "master/house.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/messages.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024
#define BIND_WAIT_MS 5000

/* The services that exist, and which setting says where they listen. */
static const struct {
	enum setting_key key;
	enum service service;
	const char *name; /* in run/ports */
} services[] = {
	{SET_LISTEN_SMTP, SERVICE_SMTP, "smtp"},
	{SET_LISTEN_SUBMISSION, SERVICE_SUBMISSION, "submission"},
	{SET_LISTEN_SUBMISSIONS, SERVICE_SUBMISSIONS, "submissions"},
	{SET_LISTEN_IMAP, SERVICE_IMAP, "imap"},
	{SET_LISTEN_IMAPS, SERVICE_IMAPS, "imaps"},
};

/* Those that come later: accepted, not opened, named once. */
static const enum setting_key later[] = {SET_LISTEN_POP3, SET_LISTEN_POP3S, SET_LISTEN_SIEVE, SET_LISTEN_LMTP,
					 SET_LISTEN_WEB};

static int bind_within(int fd, const struct listener_addr *at)
{
	int64_t deadline = deadline_in(BIND_WAIT_MS);

	while (bind(fd, (const struct sockaddr *)&at->addr, at->len) != 0) {
		if (errno != EADDRINUSE || clock_ms() > deadline)
			return -1;
		usleep(20000);
	}
	return 0;
}

static int open_socket(const struct listener_addr *at, int *fd, struct err *e)
{
	int one = 1, only_v6 = !at->all;

	*fd = socket(at->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return err_errno(e, "cannot make a socket for %.*s", STR_ARG(at->text));
	setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* Connections inherit it.  What is written is whole replies: none has to wait for the ACK of another. */
	setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (at->addr.ss_family == AF_INET6)
		setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof(only_v6));
	if (bind_within(*fd, at) == 0 && listen(*fd, BACKLOG) == 0)
		return ERR_OK;
	err_errno(e, "cannot listen on %.*s", STR_ARG(at->text));
	close(*fd);
	*fd = -1;
	return e->code;
}

/* ":port" where the machine has no IPv6: the same port of all IPv4 addresses. */
static int open_listener(const struct listener_addr *at, int *fd, struct err *e)
{
	int code = open_socket(at, fd, e);

	if (code == 0 || !at->all || errno != EAFNOSUPPORT)
		return code;
	struct listener_addr v4 = {.len = sizeof(struct sockaddr_in), .text = at->text};
	struct sockaddr_in *to = (struct sockaddr_in *)&v4.addr;

	to->sin_family = AF_INET;
	to->sin_port = ((const struct sockaddr_in6 *)&at->addr)->sin6_port;
	return open_socket(&v4, fd, e);
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage at = {0};
	socklen_t n = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &n) != 0)
		return 0;
	if (at.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&at)->sin6_port);
	return at.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&at)->sin_port) : 0;
}

static int add_submit(struct house *h, struct err *e)
{
	struct listener *l = &h->listeners[h->listener_count];
	int code = folders_submit_socket(h, &l->fd, e);

	if (code)
		return code;
	l->service = SERVICE_SUBMIT;
	l->port = 0;
	h->listener_count++;
	return ERR_OK;
}

static int add_listener(struct house *h, size_t which, const struct listener_addr *at, struct err *e)
{
	struct listener *l = &h->listeners[h->listener_count];

	if (h->listener_count == LISTENERS_MAX)
		return err_set(e, ERR_TOO_BIG, "more than %d listeners are configured", LISTENERS_MAX);
	if (at->addr.ss_family == AF_UNIX)
		return err_set(e, ERR_INVALID, "%s does not listen on unix sockets", services[which].name);
	int code = open_listener(at, &l->fd, e);

	if (code)
		return code;
	l->service = services[which].service;
	snprintf(l->name, sizeof(l->name), "%s", services[which].name);
	l->port = port_of(l->fd);
	h->listener_count++;
	return ERR_OK;
}

static void name_those_that_come_later(const struct house *h)
{
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		size_t count;

		settings_listeners(&h->settings, later[i], &count);
		if (count > 0)
			log_line(LOG_INFO,
				 "%s is set, but this version has no such service yet: it is not opened",
				 setting_rows[later[i]].name);
	}
}

int listeners_open(struct house *h, struct err *e)
{
	int code = add_submit(h, e);

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		size_t count;
		const struct listener_addr *at = settings_listeners(&h->settings, services[i].key, &count);

		for (size_t k = 0; code == 0 && k < count; k++)
			code = add_listener(h, i, &at[k], e);
	}
	name_those_that_come_later(h);
	return code;
}

void listeners_give(struct house *h, struct child *c)
{
	for (size_t i = 0; c->ops->take_listener && i < h->listener_count; i++) {
		struct listener_note m = {.service = (uint8_t)h->listeners[i].service,
					  .socket = h->listeners[i].fd};

		listener_send(c->control, &m);
	}
}

void listeners_close(struct house *h)
{
	for (size_t i = 0; i < h->listener_count; i++)
		close(h->listeners[i].fd);
	h->listener_count = 0;
}
