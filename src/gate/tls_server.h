/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_server: what the gate shows its clients in a TLS handshake.
 *
 * TLS 1.2 and 1.3 only, our order of ciphers, no renegotiation and no compression.
 * Port 25 takes every cipher that is not broken, because the other choice of a sending
 * server is no encryption at all (RFC 7435).  Sessions are resumed with tickets, whose
 * keys master gives to all gates alike.
 */
#ifndef GATE_TLS_SERVER_H
#define GATE_TLS_SERVER_H

#include "base/err.h"
#include "base/str.h"

#include <openssl/ssl.h>

/* A ticket key is this many random bytes; two stand in a row: the present one, and
 * the one before it, whose tickets are still taken. */
#define TLS_TICKET_KEY 40

struct tls_server;

/* certificate: PEM, the server's own first, then its chain; key: PEM.  tickets: two keys,
 * or empty (then tickets are good at this process only).  Heap; ERR_INVALID with a
 * sentence that names what is wrong. */
int tls_server_new(struct str certificate, struct str key, struct str tickets, struct tls_server **out,
		   struct err *e);
void tls_server_destroy(struct tls_server **t);
/* Lives as long as t, which must outlive each connection made of it. */
SSL_CTX *tls_server_context(const struct tls_server *t);

#endif
