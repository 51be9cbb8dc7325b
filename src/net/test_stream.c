/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends of a connection in one process, in the clear and with TLS. */
#include "net/stream.h"
#include "base/clock.h"
#include "base/unit.h"
#include "net/fiber.h"
#include "net/loop.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char trace[4096];
static struct fiber_group outer, group;
static struct stream left, right;
static SSL_CTX *server, *client;

static void note(const char *what)
{
	size_t n = strlen(trace);

	snprintf(trace + n, sizeof(trace) - n, "%s ", what);
}

static void note_code(int code)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", code);
	note(text);
}

static void note_str(struct str s)
{
	char text[200];

	snprintf(text, sizeof(text), "%.*s", STR_ARG(str_trim_line(s)));
	note(text);
}

static void connect_both(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
		abort();
	stream_open(&left, fds[0]);
	stream_open(&right, fds[1]);
}

static void run_main_fiber(fiber_fn *fn)
{
	trace[0] = 0;
	loop_init();
	fiber_group_init(&outer, 1);
	fiber_group_init(&group, 10);
	assert_int_equal(fiber_start(&outer, fn, NULL), 0);
	loop_run();
	loop_end();
}

static void co_end_main(void)
{
	co_group_join(&group, NO_DEADLINE);
	stream_close(&left);
	stream_close(&right);
	loop_stop();
}

static void byte_by_byte_fiber(void *arg)
{
	static const char text[] = "one\r\ntwo\nlast";

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		stream_put(&left, (struct str){text + i, 1});
		co_stream_flush(&left, deadline_in(1000));
		co_yield ();
	}
	stream_close(&left);
}

static void lines_main_fiber(void *arg)
{
	struct str line;

	connect_both();
	fiber_start(&group, byte_by_byte_fiber, NULL);
	note_code(co_stream_line(&right, 100, deadline_in(1000), &line));
	note_str(line);
	note_code(co_stream_line(&right, 100, deadline_in(1000), &line));
	note_str(line);
	note_code(co_stream_line(&right, 100, deadline_in(1000), &line));
	note_str(stream_pending(&right));
	co_end_main();
}

static void lines_come_whole_however_they_are_sent(void **state)
{
	run_main_fiber(lines_main_fiber);
	assert_string_equal(trace, "0 one 0 two -7 last ");
}

static void limits_main_fiber(void *arg)
{
	struct str line;

	connect_both();
	stream_put(&left, STR("12345678\nabc\n"));
	co_stream_flush(&left, deadline_in(1000));
	note_code(co_stream_line(&right, 8, deadline_in(1000), &line));
	note_code(co_stream_line(&right, 9, deadline_in(1000), &line));
	note_str(line);
	note(stream_has_line(&right) ? "more" : "none");
	stream_discard_input(&right);
	note(stream_has_line(&right) ? "more" : "none");
	note_code(co_stream_line(&right, 9, deadline_in(5), &line));
	co_end_main();
}

static void a_line_has_a_limit_and_a_deadline(void **state)
{
	run_main_fiber(limits_main_fiber);
	assert_string_equal(trace, "-2 0 12345678 more none -8 ");
}

static void full_main_fiber(void *arg)
{
	static char big[STREAM_OUT_MAX + 1];

	connect_both();
	memset(big, 'x', sizeof(big));
	/* nobody reads: the socket fills, and the deadline ends it */
	int code = ERR_OK;

	for (int i = 0; i < 100 && code == ERR_OK; i++)
		code = co_stream_put(&left, (struct str){big, sizeof(big)}, deadline_in(5));
	note_code(code);
	note_code(co_stream_flush(&left, deadline_in(5)));
	/* one who never stops sending is read up to the ceiling */
	code = ERR_OK;
	while (code == ERR_OK)
		code = co_stream_fill(&right, deadline_in(5));
	note_code(code);
	note(stream_pending(&right).n == STREAM_IN_MAX ? "ceiling" : "other");
	co_end_main();
}

static void buffers_have_ceilings(void **state)
{
	run_main_fiber(full_main_fiber);
	assert_string_equal(trace, "-8 -7 -2 ceiling ");
}

/* --- TLS ----------------------------------------------------------------------------- */

static void make_contexts(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_sign(cert, key, EVP_sha256());
	server = SSL_CTX_new(TLS_server_method());
	client = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_use_certificate(server, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void free_contexts(void)
{
	SSL_CTX_free(server);
	SSL_CTX_free(client);
}

static void tls_client_fiber(void *arg)
{
	struct err e;
	struct str line;

	note_code(co_stream_tls_connect(&left, client, "mail.example.test", deadline_in(5000), &e));
	stream_printf(&left, "hello\r\n");
	if (co_stream_line(&left, 100, deadline_in(5000), &line) == 0)
		note_str(line);
	stream_tls_end(&left);
	stream_close(&left);
}

static void tls_main_fiber(void *arg)
{
	struct buf facts;
	struct err e;
	struct str line;

	connect_both();
	fiber_start(&group, tls_client_fiber, NULL);
	note_code(co_stream_tls_accept(&right, server, deadline_in(5000), &e));
	buf_init(&facts, 200);
	stream_tls_describe(&right, &facts);
	note_str(buf_str(&facts));
	buf_free(&facts);
	note_code(co_stream_line(&right, 100, deadline_in(5000), &line));
	note_str(line);
	stream_put(&right, STR("back\r\n"));
	note_code(co_stream_line(&right, 100, deadline_in(5000), &line));
	co_end_main();
}

static void tls_carries_lines_both_ways(void **state)
{
	make_contexts();
	run_main_fiber(tls_main_fiber);
	free_contexts();
	assert_string_equal(trace,
			    "0 0 TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) 0 hello back -7 ");
}

static void garbage_main_fiber(void *arg)
{
	struct err e;

	connect_both();
	stream_put(&left, STR("GET / HTTP/1.1\r\n\r\n"));
	co_stream_flush(&left, deadline_in(1000));
	note_code(co_stream_tls_accept(&right, server, deadline_in(1000), &e));
	note(strstr(e.text, "handshake failed") ? "said" : e.text);
	stream_close(&left);
	stream_close(&right);
	connect_both();
	note_code(co_stream_tls_accept(&right, server, deadline_in(10), &e));
	co_end_main();
}

static void a_bad_or_silent_handshake_ends(void **state)
{
	make_contexts();
	run_main_fiber(garbage_main_fiber);
	free_contexts();
	assert_string_equal(trace, "-1 said -8 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_whole_however_they_are_sent),
		cmocka_unit_test(a_line_has_a_limit_and_a_deadline),
		cmocka_unit_test(buffers_have_ceilings),
		cmocka_unit_test(tls_carries_lines_both_ways),
		cmocka_unit_test(a_bad_or_silent_handshake_ends),
	};

	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
