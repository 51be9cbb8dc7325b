/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side of TLS (see tls_server.h). */
#include "gate/tls_server.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 16 /* RFC 5077 section 4 */
#define IV_SIZE 16
#define CIPHERS "HIGH:MEDIUM:!aNULL:!eNULL:!PSK:!SRP:!RC4:!3DES:!SEED:!CAMELLIA:!RSA+AES:!SHA1"

struct ticket_key {
	unsigned char name[NAME_SIZE];
	unsigned char secrets[64]; /* for encryption, then for authentication */
};

struct tls_server {
	SSL_CTX *ctx;
	struct ticket_key keys[2]; /* the present one, the one before */
};

static int fail(struct err *e, const char *what)
{
	char text[200];

	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	ERR_clear_error();
	return err_set(e, ERR_INVALID, "%s: %s", what, text);
}

/* --- certificate and key ---------------------------------------------------------------------- */

static BIO *bio_of(struct str pem)
{
	return pem.n <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
}

static int use_chain(SSL_CTX *ctx, BIO *pem, struct err *e)
{
	X509 *leaf = PEM_read_bio_X509_AUX(pem, NULL, NULL, NULL);
	int good = leaf && SSL_CTX_use_certificate(ctx, leaf) == 1;

	X509_free(leaf);
	while (good) {
		X509 *next = PEM_read_bio_X509(pem, NULL, NULL, NULL);

		if (!next)
			break;
		good = SSL_CTX_add0_chain_cert(ctx, next) == 1;
		if (!good)
			X509_free(next);
	}
	/* Reading ends with an error that says: nothing more. */
	if (good)
		ERR_clear_error();
	return good ? ERR_OK : fail(e, "the TLS certificate cannot be used");
}

static int use_key(SSL_CTX *ctx, BIO *pem, struct err *e)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL);
	int good = key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;

	EVP_PKEY_free(key);
	return good ? ERR_OK : fail(e, "the TLS key cannot be used, or is not the certificate's");
}

static int use_identity(SSL_CTX *ctx, struct str certificate, struct str key, struct err *e)
{
	BIO *chain = bio_of(certificate), *secret = bio_of(key);
	int code = chain && secret ? use_chain(ctx, chain, e) : err_set(e, ERR_MEMORY, "no memory for TLS");

	if (code == 0)
		code = use_key(ctx, secret, e);
	BIO_free(chain);
	BIO_free(secret);
	return code;
}

/* --- tickets ------------------------------------------------------------------------------------- */

static int derive_key(const char *bytes, struct ticket_key *out, struct err *e)
{
	unsigned char name[EVP_MAX_MD_SIZE];

	if (EVP_Digest(bytes, TLS_TICKET_KEY, name, NULL, EVP_sha256(), NULL) != 1 ||
	    EVP_Digest(bytes, TLS_TICKET_KEY, out->secrets, NULL, EVP_sha512(), NULL) != 1)
		return fail(e, "no ticket keys");
	memcpy(out->name, name, NAME_SIZE);
	return ERR_OK;
}

static int begin_cipher(const struct ticket_key *k, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
			EVP_MAC_CTX *mac, int encrypt)
{
	char sha256[] = "SHA256";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
			       OSSL_PARAM_construct_end()};

	return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->secrets, iv, encrypt) == 1 &&
	       EVP_MAC_init(mac, k->secrets + 32, 32, params) == 1;
}

/* OpenSSL asks for the keys of a ticket: -1 failure, 0 unknown key, 1 good, 2 good but to be
 * made anew. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac, int encrypt)
{
	const struct tls_server *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (encrypt) {
		memcpy(name, t->keys[0].name, NAME_SIZE);
		return RAND_bytes(iv, IV_SIZE) == 1 && begin_cipher(&t->keys[0], iv, cipher, mac, 1) ? 1 : -1;
	}
	for (int i = 0; i < 2; i++)
		if (memcmp(name, t->keys[i].name, NAME_SIZE) == 0)
			return begin_cipher(&t->keys[i], iv, cipher, mac, 0) ? i + 1 : -1;
	return 0;
}

static int use_tickets(struct tls_server *t, struct str tickets, struct err *e)
{
	static const unsigned char ours[] = "mailstead";
	int code;

	if (SSL_CTX_set_session_id_context(t->ctx, ours, sizeof(ours) - 1) != 1)
		return fail(e, "no TLS sessions");
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	if (tickets.n == 0)
		return ERR_OK;
	if (tickets.n != (size_t)2 * TLS_TICKET_KEY)
		return err_set(e, ERR_INVALID, "the TLS ticket keys have %zu bytes, not %d", tickets.n,
			       2 * TLS_TICKET_KEY);
	if ((code = derive_key(tickets.p, &t->keys[0], e)) ||
	    (code = derive_key(tickets.p + TLS_TICKET_KEY, &t->keys[1], e)))
		return code;
	SSL_CTX_set_app_data(t->ctx, t);
	return SSL_CTX_set_tlsext_ticket_key_evp_cb(t->ctx, on_ticket) == 1 ? ERR_OK
									    : fail(e, "no ticket keys");
}

/* --- the whole --------------------------------------------------------------------------------------- */

static int set_rules(SSL_CTX *ctx, struct err *e)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, CIPHERS) != 1 || SSL_CTX_set_dh_auto(ctx, 1) != 1)
		return fail(e, "OpenSSL refuses our TLS settings");
	return ERR_OK;
}

int tls_server_new(struct str certificate, struct str key, struct str tickets, struct tls_server **out,
		   struct err *e)
{
	struct tls_server *t = calloc(1, sizeof(*t));
	int code;

	*out = NULL;
	if (!t)
		return err_set(e, ERR_MEMORY, "no memory for TLS");
	t->ctx = SSL_CTX_new(TLS_server_method());
	code = t->ctx ? set_rules(t->ctx, e) : fail(e, "OpenSSL does not start");
	if (code == 0 && (code = use_identity(t->ctx, certificate, key, e)) == 0)
		code = use_tickets(t, tickets, e);
	if (code)
		tls_server_destroy(&t);
	*out = t;
	return code;
}

void tls_server_destroy(struct tls_server **t)
{
	if (!*t)
		return;
	SSL_CTX_free((*t)->ctx);
	explicit_bzero((*t)->keys, sizeof((*t)->keys));
	free(*t);
	*t = NULL;
}

SSL_CTX *tls_server_context(const struct tls_server *t)
{
	return t->ctx;
}
