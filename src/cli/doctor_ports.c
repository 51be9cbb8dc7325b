/* SPDX-License-Identifier: Apache-2.0 */
/* The listeners. */
#include "cli/doctor_checks.h"

#include "base/file.h"
#include "cli/doctor_holder.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PORTS_MAX 8192
#define PATIENCE_S 5
#define PATH_ROOM 2000

/* The services, and how each greets. */
static const struct service {
	enum setting_key key;
	bool tls; /* from the first byte */
	const char *greeting; /* begins so; NULL: it waits for the client */
} services[] = {
	{SET_LISTEN_SMTP, false, "220"},       {SET_LISTEN_SUBMISSION, false, "220"},
	{SET_LISTEN_SUBMISSIONS, true, "220"}, {SET_LISTEN_IMAP, false, "* OK"},
	{SET_LISTEN_IMAPS, true, "* OK"},      {SET_LISTEN_POP3, false, "+OK"},
	{SET_LISTEN_POP3S, true, "+OK"},       {SET_LISTEN_SIEVE, false, "\""},
	{SET_LISTEN_LMTP, false, "220"},       {SET_LISTEN_WEB, false, NULL},
};

/* As run/ports and the settings call it: the key without "listen_". */
static const char *name_of(const struct service *service)
{
	return setting_rows[service->key].name + strlen("listen_");
}

/* --- one that should answer ----------------------------------------------------------------- */

/* The port that is the nth of that name in run/ports. */
static bool find_port(struct str ports, const char *name, size_t nth, uint16_t *port)
{
	uint32_t number;

	while (ports.n) {
		struct str line = str_cut(&ports, '\n');

		if (!str_eq(str_cut_word(&line), str_of(name)) || nth-- > 0)
			continue;
		if (!str_to_u32(str_trim(line), &number) || number > UINT16_MAX)
			return false;
		*port = (uint16_t)number;
		return true;
	}
	return false;
}

/* Where a client of this machine reaches what listens there. */
static struct sockaddr_storage local_of(const struct listener_addr *at, uint16_t port)
{
	struct sockaddr_storage to = at->addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&to;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&to;

	if (at->all)
		to = (struct sockaddr_storage){.ss_family = AF_INET};
	if (to.ss_family == AF_INET && v4->sin_addr.s_addr == INADDR_ANY)
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (to.ss_family == AF_INET6 && memcmp(&v6->sin6_addr, &in6addr_any, 16) == 0)
		v6->sin6_addr = in6addr_loopback;
	if (to.ss_family == AF_INET)
		v4->sin_port = htons(port);
	else if (to.ss_family == AF_INET6)
		v6->sin6_port = htons(port);
	return to;
}

static int connect_to(const struct listener_addr *at, uint16_t port)
{
	struct sockaddr_storage to = local_of(at, port);
	struct timeval patience = {.tv_sec = PATIENCE_S};
	socklen_t len = to.ss_family == AF_INET ? sizeof(struct sockaddr_in) : at->len;
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to, len) == 0)
		return fd;
	int number = errno;

	close(fd);
	errno = number;
	return -1;
}

static int read_tls(int fd, char *text, size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;
	int n = -1;

	/* Whom it shows itself as is doctor_check_certificate's question. */
	if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1)
		n = SSL_read(ssl, text, (int)size);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return n;
}

static void probe(struct doctor *d, const struct service *service, const struct listener_addr *at,
		  uint16_t port)
{
	const char *name = name_of(service);
	int fd = connect_to(at, port);
	char text[512];
	struct err e;

	if (fd < 0) {
		err_errno(&e, "nobody answers on %.*s", STR_ARG(at->text));
		doctor_say(d, DOCTOR_WRONG, name, "%s; start the server again", e.text);
		return;
	}
	int n = !service->greeting ? 0
		: service->tls     ? read_tls(fd, text, sizeof(text))
				   : (int)recv(fd, text, sizeof(text), 0);

	close(fd);
	if (!service->greeting ||
	    str_starts((struct str){text, n > 0 ? (size_t)n : 0}, str_of(service->greeting)))
		doctor_say(d, DOCTOR_OK, name, "it answers on %.*s", STR_ARG(at->text));
	else
		doctor_say(d, DOCTOR_WRONG, name,
			   "%.*s is open but does not greet within %d s; look into the log",
			   STR_ARG(at->text), PATIENCE_S);
}

static void check_open(struct doctor *d, const struct service *service, struct str ports)
{
	size_t count;
	const struct listener_addr *all = settings_listeners(d->s, service->key, &count);

	for (size_t i = 0; i < count; i++) {
		uint16_t port;

		if (find_port(ports, name_of(service), i, &port))
			probe(d, service, &all[i], port);
		else
			doctor_say(d, DOCTOR_WARNING, name_of(service),
				   "the running server has not opened %.*s; start it again if the setting is "
				   "new, "
				   "or write %s = off",
				   STR_ARG(all[i].text), setting_rows[service->key].name);
	}
}

/* --- one that should be free ----------------------------------------------------------------- */

static uint16_t port_of(const struct listener_addr *at)
{
	if (at->addr.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&at->addr)->sin_port);
	return at->addr.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&at->addr)->sin6_port)
					      : 0;
}

/* 0, or what bind said. */
static int try_to_bind(const struct listener_addr *at)
{
	int one = 1, only_v6 = !at->all;
	int fd = socket(at->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (at->addr.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof(only_v6));
	int number = bind(fd, (const struct sockaddr *)&at->addr, at->len) == 0 ? 0 : errno;

	close(fd);
	return number;
}

static void say_held(struct doctor *d, const struct service *service, const struct listener_addr *at)
{
	struct buf holder;

	buf_init(&holder, 200);
	if (!doctor_find_holder(port_of(at), &holder))
		buf_add_z(&holder, "another program");
	doctor_say(d, DOCTOR_WRONG, name_of(service), "%.*s holds %.*s; stop it, or change %s in %s",
		   STR_ARG(buf_str(&holder)), STR_ARG(at->text), setting_rows[service->key].name, d->file);
	buf_free(&holder);
}

static void check_free(struct doctor *d, const struct service *service)
{
	size_t count;
	const struct listener_addr *all = settings_listeners(d->s, service->key, &count);

	for (size_t i = 0; i < count; i++) {
		int number = port_of(&all[i]) == 0 ? 0 : try_to_bind(&all[i]);

		if (number == EADDRINUSE)
			say_held(d, service, &all[i]);
		else if (number == EACCES)
			doctor_say(d, DOCTOR_WARNING, name_of(service),
				   "this user may not listen on %.*s; start the server as root",
				   STR_ARG(all[i].text));
		else if (number == EADDRNOTAVAIL)
			doctor_say(d, DOCTOR_WRONG, name_of(service),
				   "%.*s is no address of this machine; change %s in %s",
				   STR_ARG(all[i].text), setting_rows[service->key].name, d->file);
		else
			doctor_say(d, DOCTOR_OK, name_of(service), "%.*s is free", STR_ARG(all[i].text));
	}
}

void doctor_check_ports(struct doctor *d)
{
	char path[PATH_ROOM];
	struct buf ports;
	struct err e;

	snprintf(path, sizeof(path), "%s/run/ports", settings_text(d->s, SET_DATA_DIR).p);
	buf_init(&ports, PORTS_MAX);
	if (d->served && file_read(path, &ports, &e) != 0)
		doctor_say(d, DOCTOR_WRONG, "server", "%s; start it again", e.text);
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (d->served)
			check_open(d, &services[i], buf_str(&ports));
		else
			check_free(d, &services[i]);
	buf_free(&ports);
}
