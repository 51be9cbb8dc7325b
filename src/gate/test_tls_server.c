/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that are taken or not, and tickets between gates. */
#include "gate/tls_server.h"
#include "base/unit.h"
#include "gate/test_identity.h"

#include <openssl/err.h>
#include <string.h>

static struct buf certificate, key, other_certificate, other_key;

static int make_all(void **state)
{
	test_identity_make("mx.ours.test", &certificate, &key);
	test_identity_make("mx.ours.test", &other_certificate, &other_key);
	return 0;
}

static int free_all(void **state)
{
	buf_free(&certificate);
	buf_free(&key);
	buf_free(&other_certificate);
	buf_free(&other_key);
	return 0;
}

static void what_cannot_be_used_is_named(void **state)
{
	const struct {
		struct str certificate, key, tickets;
		const char *says;
	} rows[] = {
		{STR(""), buf_str(&key), STR(""), "the TLS certificate cannot be used"},
		{STR("no PEM"), buf_str(&key), STR(""), "the TLS certificate cannot be used"},
		{buf_str(&key), buf_str(&key), STR(""), "the TLS certificate cannot be used"},
		{buf_str(&certificate), STR(""), STR(""), "the TLS key cannot be used"},
		{buf_str(&certificate), buf_str(&certificate), STR(""), "the TLS key cannot be used"},
		{buf_str(&certificate), buf_str(&other_key), STR(""), "or is not the certificate's"},
		{buf_str(&certificate), buf_str(&key), STR("short"),
		 "the TLS ticket keys have 5 bytes, not 80"},
	};
	struct tls_server *t;
	struct err e;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(tls_server_new(rows[i].certificate, rows[i].key, rows[i].tickets, &t, &e),
				 ERR_INVALID);
		assert_null(t);
		assert_non_null(strstr(e.text, rows[i].says));
	}
	tls_server_destroy(&t);
}

/* --- handshakes over memory -------------------------------------------------------------------- */

struct pair {
	SSL *server, *client;
};

static struct pair pair_of(SSL_CTX *server, SSL_CTX *client)
{
	struct pair p = {SSL_new(server), SSL_new(client)};
	BIO *left, *right;

	BIO_new_bio_pair(&left, 0, &right, 0);
	SSL_set_bio(p.server, left, left);
	SSL_set_bio(p.client, right, right);
	SSL_set_accept_state(p.server);
	SSL_set_connect_state(p.client);
	return p;
}

static bool shake(struct pair *p)
{
	char byte;

	for (int i = 0; i < 20; i++) {
		SSL_do_handshake(p->client);
		SSL_do_handshake(p->server);
	}
	bool done = SSL_is_init_finished(p->client) && SSL_is_init_finished(p->server);
	/* Tickets of TLS 1.3 come behind the handshake, with what the server writes. */
	if (done)
		done = SSL_write(p->server, "x", 1) == 1 && SSL_read(p->client, &byte, 1) == 1;
	ERR_clear_error();
	return done;
}

static void free_pair(struct pair *p)
{
	SSL_shutdown(p->client);
	SSL_shutdown(p->server);
	SSL_free(p->client);
	SSL_free(p->server);
}

/* Whether a session begun at one server goes on at the other. */
static bool resumes(struct str first_keys, struct str second_keys, int version)
{
	struct tls_server *first, *second;
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	struct err e;

	SSL_CTX_set_max_proto_version(client, version);
	assert_int_equal(tls_server_new(buf_str(&certificate), buf_str(&key), first_keys, &first, &e), 0);
	assert_int_equal(tls_server_new(buf_str(&certificate), buf_str(&key), second_keys, &second, &e), 0);
	struct pair p = pair_of(tls_server_context(first), client);

	assert_true(shake(&p));
	assert_false(SSL_session_reused(p.client));
	SSL_SESSION *session = SSL_get1_session(p.client);

	free_pair(&p);
	p = pair_of(tls_server_context(second), client);
	SSL_set_session(p.client, session);
	assert_true(shake(&p));
	bool reused = SSL_session_reused(p.client);

	free_pair(&p);
	SSL_SESSION_free(session);
	SSL_CTX_free(client);
	tls_server_destroy(&first);
	tls_server_destroy(&second);
	return reused;
}

#define KEY_A "AAAAAAAAAAaaaaaaaaaaAAAAAAAAAAaaaaaaaaaa"
#define KEY_B "BBBBBBBBBBbbbbbbbbbbBBBBBBBBBBbbbbbbbbbb"
#define KEY_C "CCCCCCCCCCccccccccccCCCCCCCCCCcccccccccc"

static void tickets_are_good_at_every_gate(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < 2; i++) {
		assert_true(resumes(STR(KEY_A KEY_B), STR(KEY_A KEY_B), versions[i]));
		/* one rotation later, and two */
		assert_true(resumes(STR(KEY_A KEY_B), STR(KEY_C KEY_A), versions[i]));
		assert_false(resumes(STR(KEY_A KEY_B), STR(KEY_B KEY_C), versions[i]));
		assert_false(resumes(STR(""), STR(""), versions[i]));
	}
}

static bool shakes_with(int max_version, const char *ciphers)
{
	struct tls_server *t;
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	struct err e;

	SSL_CTX_set_security_level(client, 0);
	SSL_CTX_set_min_proto_version(client, 0);
	SSL_CTX_set_max_proto_version(client, max_version);
	assert_int_equal(SSL_CTX_set_cipher_list(client, ciphers), 1);
	assert_int_equal(tls_server_new(buf_str(&certificate), buf_str(&key), STR(""), &t, &e), 0);
	struct pair p = pair_of(tls_server_context(t), client);
	bool done = shake(&p);

	free_pair(&p);
	SSL_CTX_free(client);
	tls_server_destroy(&t);
	return done;
}

static void old_protocols_and_ciphers_are_refused(void **state)
{
	assert_true(shakes_with(TLS1_3_VERSION, "ALL"));
	assert_true(shakes_with(TLS1_2_VERSION, "ALL"));
	assert_false(shakes_with(TLS1_1_VERSION, "ALL"));
	assert_false(shakes_with(TLS1_VERSION, "ALL"));
	assert_true(shakes_with(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"));
	assert_false(shakes_with(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA"));
	assert_false(shakes_with(TLS1_2_VERSION, "aNULL"));
	assert_false(shakes_with(TLS1_2_VERSION, "eNULL"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_used_is_named),
		cmocka_unit_test(tickets_are_good_at_every_gate),
		cmocka_unit_test(old_protocols_and_ciphers_are_refused),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
