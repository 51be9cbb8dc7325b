/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_world: a name server and mail servers that do as the test says, around relay in one
 * process.
 *
 * The mail servers listen on addresses of 127.0.0.0/8, all on one port that the system chose;
 * texts say PORT for it.  A server's script, one for each connection:
 *
 *   "S text"    sends text and CRLF          "R text"  sends text, with \r \n \0 \\
 *   "C pattern" the next line of the client, "*" at its end stands for anything
 *   "T"         handshake as a TLS server    "H n"     sends n bytes "x"
 *   "D"         reads up to CRLF "." CRLF    "W"       waits until the client closes
 *   "E"         the client has closed        "K"       calls co_hook
 *
 * At the end of its script a server closes.
 */
#ifndef RELAY_TEST_WORLD_H
#define RELAY_TEST_WORLD_H

#include "net/fiber.h"
#include "relay/delivery.h"

#define WORLD_PEERS 4
#define WORLD_SCRIPTS 4

/* A record of the name server.  data: "10 mx.b.test", "192.0.2.1", "2001:db8::1"; or
 * "SERVFAIL", or "SILENT".  What has no row is NXDOMAIN, unless its name has other rows. */
struct world_record {
	const char *name;
	uint16_t type;
	const char *data;
};

struct world_peer {
	const char *ip;
	const char *scripts[WORLD_SCRIPTS];
};

struct world {
	const char *settings[6]; /* "relay_user=x" */
	const struct world_record *records; /* the last one has no name; NULL: the usual ones */
	struct world_peer peers[WORLD_PEERS];

	/* What became of it. */
	char failure[700]; /* empty: the scripts were followed */
	unsigned connections, lookups;
	struct buf data; /* what D read, all letters in a row */
	struct buf log;
	void (*co_hook)(struct world *w); /* what "K" calls */

	/* The world's own. */
	struct chan *resolver, *resolver_end;
	struct fiber_group servers, doors, handlers, mains;
	SSL_CTX *tls_server;
	int listeners[WORLD_PEERS];
	unsigned taken[WORLD_PEERS];
	uint16_t port;
	struct settings loaded;
	void (*co_fn)(struct world *w, void *arg);
	void *arg;
};

/* Runs fn(arg) in a fiber with the world around it. */
void world_run(struct world *w, void (*co_fn)(struct world *w, void *arg), void *arg);
void world_free(struct world *w);
/* Writes PORT for the port's number. */
void world_hide_port(const struct world *w, struct buf *text);
bool world_logged(const struct world *w, const char *text);

#endif
