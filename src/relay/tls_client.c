/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of TLS (see tls_client.h). */
#include "relay/tls_client.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#define CIPHERS "HIGH:MEDIUM:!aNULL:!eNULL:!PSK:!SRP:!RC4:!3DES:!SEED:!CAMELLIA"

static int fail(struct err *e, const char *what)
{
	char text[200];

	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	ERR_clear_error();
	return err_set(e, ERR_INVALID, "%s: %s", what, text);
}

static int set_up(SSL_CTX *ctx, const char *authorities, struct err *e)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, CIPHERS) != 1)
		return fail(e, "OpenSSL refuses our TLS settings");
	if (access(authorities, R_OK) == 0 && SSL_CTX_load_verify_file(ctx, authorities) != 1)
		return fail(e, "the certificates of the authorities cannot be read");
	return ERR_OK;
}

int tls_client_new(const char *authorities, SSL_CTX **out, struct err *e)
{
	*out = SSL_CTX_new(TLS_client_method());
	int code = *out ? set_up(*out, authorities, e) : fail(e, "OpenSSL does not start");

	if (code) {
		SSL_CTX_free(*out);
		*out = NULL;
	}
	return code;
}

bool tls_client_trusts(const SSL *ssl, const char *host)
{
	X509 *peer = SSL_get0_peer_certificate(ssl);

	return peer && SSL_get_verify_result(ssl) == X509_V_OK &&
	       X509_check_host(peer, host, 0, 0, NULL) == 1;
}
