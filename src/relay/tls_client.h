/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_client: what relay expects of other servers in a TLS handshake.
 *
 * TLS 1.2 and 1.3.  A certificate nobody vouches for is taken all the same, because the
 * other choice is no encryption at all (RFC 7435); the log says Trusted or Untrusted.
 */
#ifndef RELAY_TLS_CLIENT_H
#define RELAY_TLS_CLIENT_H

#include "base/err.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/* Where Debian keeps the certificates of the authorities, in one file. */
#define TLS_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

/* Reads the authorities, so it is called before the walls; without the file everybody is
 * untrusted.  The caller frees *out with SSL_CTX_free().  ERR_INVALID. */
int tls_client_new(const char *authorities, SSL_CTX **out, struct err *e);
/* Whether one of the authorities vouches for the peer, and for that name. */
bool tls_client_trusts(const SSL *ssl, const char *host);

#endif
