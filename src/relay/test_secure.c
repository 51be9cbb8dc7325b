/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries under TLS, and to a smarthost that wants a login. */
#include "base/unit.h"
#include "relay/test_play.h"

#include <stdio.h>

/* --- TLS --------------------------------------------------------------------------------------------------- */

#define OFFER HELLO "S 250-x\nS 250 STARTTLS\n"
#define START "C STARTTLS\nS 220 2.0.0 go\n"
#define AGAIN "T\nC EHLO mx.ours.test\nS 250 x\n"

static void tls_where_it_is_offered(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {OFFER START AGAIN MAIL OK RCPT OK DATA QUEUED QUIT}}}};
	struct play p = {.want = SENT};

	play_run(&w, &p);
	assert_true(world_logged(&w, "0000000000000ABC: Untrusted TLS connection established to mx1.b.test"
				     "[127.0.0.1]:"));
	assert_true(world_logged(&w, "TLSv1.3 with cipher"));
	play_done(&w, &p);
}

static void clear_text_when_the_handshake_fails(void **state)
{
	struct world w = {
		.peers = {{"127.0.0.1",
			   {OFFER START "S no handshake\nW\n", OFFER MAIL OK RCPT OK DATA QUEUED QUIT}}}};
	struct play p = {.want = SENT};

	play_run(&w, &p);
	assert_int_equal(w.connections, 2);
	assert_true(world_logged(&w, "no TLS with mx1.b.test"));
	play_done(&w, &p);
}

static void clear_text_when_starttls_is_refused(void **state)
{
	play_one(OFFER "C STARTTLS\nS 454 4.7.0 not now\n" MAIL OK RCPT OK DATA QUEUED QUIT, SENT);
}

static void tls_that_is_needed(void **state)
{
	static const struct {
		const char *script, *want;
	} cases[] = {
		{PLAIN "E\n", "4.7.4 " MTA " TLS is required, but was not offered by host " HOST},
		{OFFER "C STARTTLS\nS 554 5.7.3 no\nE\n",
		 "4.7.3 " MTA " TLS is required, but host " HOST " refused to start TLS: 554 5.7.3 no"},
		{OFFER START "S no handshake\nW\n",
		 "4.7.5 " MTA " Cannot start TLS with host " HOST ": handshake failure"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w = {.settings = {"relay_tls=encrypt"},
				  .peers = {{"127.0.0.1", {cases[i].script}}}};
		char want[300];
		struct play p = {.want = want};

		snprintf(want, sizeof(want), "deferred %s", cases[i].want);
		play(&w, &p);
	}
}

/* Somebody on the way sends replies behind the 220: none of them is read under TLS. */
static void nothing_from_before_tls_survives(void **state)
{
	struct world w = {
		.peers = {
			{"127.0.0.1",
			 {OFFER
			  "C STARTTLS\nR 220 go\\r\\n250-x\\r\\n250 AUTH PLAIN\\r\\n250 ok\\r\\n\n" AGAIN MAIL
			  "S 550 5.7.1 the true reply\n" QUIT}}}};
	struct play p = {.want = "bounced 5.7.1 " MTA " host " HOST " said: 550 5.7.1 the true reply*"};

	play_run(&w, &p);
	assert_true(world_logged(&w, "sent plain text behind its reply to STARTTLS: ignored"));
	play_done(&w, &p);
}

static void what_was_offered_before_tls_is_forgotten(void **state)
{
	play_one(HELLO "S 250-x\nS 250-SIZE 1\nS 250-DSN\nS 250 STARTTLS\n" START AGAIN MAIL OK RCPT OK DATA
			 QUEUED QUIT,
		 SENT);
}

/* --- the smarthost -------------------------------------------------------------------------------------------- */

#define SMART "relay_host=[127.0.0.1]:PORT"
#define LOGIN "relay_user=us@ours.test", "relay_password=pa ss"
#define SMART_HOST "127.0.0.1[127.0.0.1]"
#define SMART_MTA SMART_HOST ":PORT"
#define AGAIN_AUTH(mechanisms) "T\nC EHLO mx.ours.test\nS 250-x\nS 250 AUTH " mechanisms "\n"

static void everything_goes_to_relay_host(void **state)
{
	struct world w = {.settings = {SMART},
			  .peers = {{"127.0.0.1", {PLAIN MAIL OK RCPT OK DATA QUEUED QUIT}}}};
	struct play p = {.domain = "", .want = "sent 2.0.0 " SMART_MTA " 250*"};

	play_run(&w, &p);
	assert_int_equal(w.lookups, 0);
	play_done(&w, &p);
}

static void logging_in(void **state)
{
	static const struct {
		const char *script, *want;
	} cases[] = {
		{OFFER START AGAIN_AUTH(
			 "PLAIN LOGIN") "C AUTH PLAIN AHVzQG91cnMudGVzdABwYSBzcw==\nS 235 2.7.0 in\n" MAIL OK
			 RCPT OK DATA QUEUED QUIT,
		 "sent 2.0.0 " SMART_MTA " 250*"},
		{OFFER START AGAIN_AUTH(
			 "LOGIN") "C AUTH LOGIN\nS 334 VXNlcm5hbWU6\nC dXNAb3Vycy50ZXN0\nS 334 "
				  "UGFzc3dvcmQ6\nC cGEgc3M=\nS 235 2.7.0 in\n" MAIL OK RCPT OK DATA QUEUED
					  QUIT,
		 "sent 2.0.0 " SMART_MTA " 250*"},
		{OFFER START AGAIN_AUTH("PLAIN") "C AUTH PLAIN AHVz*\nS 535 5.7.8 no such user\nE\n",
		 "deferred 4.7.8 " SMART_MTA " SASL authentication failed; server " SMART_HOST
		 " said: 535 5.7.8 no such user"},
		{OFFER START AGAIN_AUTH(
			 "LOGIN") "C AUTH LOGIN\nS 334 a\nC dXN*\nS 334 b\nC cGE*\nS 334 c\nE\n",
		 "deferred 4.0.0 " SMART_MTA " SASL authentication failed; server " SMART_HOST
		 " said: 334 c"},
		{OFFER START AGAIN_AUTH("CRAM-MD5") "E\n",
		 "deferred 4.7.0 " SMART_MTA " SASL authentication failed; server " SMART_HOST
		 " offers no mechanism we know"},
		{HELLO "S 250-x\nS 250 AUTH PLAIN\nE\n",
		 "deferred 4.7.4 " SMART_MTA " TLS is required, but was not offered by host " SMART_HOST},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w = {.settings = {SMART, LOGIN}, .peers = {{"127.0.0.1", {cases[i].script}}}};
		struct play p = {.domain = "", .want = cases[i].want};

		play_run(&w, &p);
		assert_false(world_logged(&w, "pa ss"));
		play_done(&w, &p);
	}
}

static void the_password_is_for_relay_host_alone(void **state)
{
	struct world w = {
		.settings = {LOGIN},
		.peers = {{"127.0.0.1", {OFFER START AGAIN_AUTH("PLAIN") MAIL OK RCPT OK DATA QUEUED QUIT}}}};
	struct play p = {.want = SENT};

	play(&w, &p);
}

static void relay_host_by_its_mx(void **state)
{
	struct world w = {.settings = {"relay_host=b.test:PORT"},
			  .peers = {{"127.0.0.1", {PLAIN MAIL OK RCPT OK DATA QUEUED QUIT}}}};
	struct play p = {.domain = "", .want = SENT};

	play(&w, &p);
}

static void an_unknown_relay_host_sends_nothing_back(void **state)
{
	struct world w = {.settings = {"relay_host=[gone.test]"}};
	struct play p = {.domain = "",
			 .want = "deferred 4.4.4 - Host or domain name not found. Name service error for "
				 "name=gone.test type=A: Host not found"};

	play(&w, &p);
	w = (struct world){.records = NULL};
	p = (struct play){.domain = "", .want = "deferred 4.3.5 - there is no relay_host"};
	play(&w, &p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_where_it_is_offered),
		cmocka_unit_test(clear_text_when_the_handshake_fails),
		cmocka_unit_test(clear_text_when_starttls_is_refused),
		cmocka_unit_test(tls_that_is_needed),
		cmocka_unit_test(nothing_from_before_tls_survives),
		cmocka_unit_test(what_was_offered_before_tls_is_forgotten),
		cmocka_unit_test(everything_goes_to_relay_host),
		cmocka_unit_test(logging_in),
		cmocka_unit_test(the_password_is_for_relay_host_alone),
		cmocka_unit_test(relay_host_by_its_mx),
		cmocka_unit_test(an_unknown_relay_host_sends_nothing_back),
	};

	return cmocka_run_group_tests_name("secure", tests, NULL, NULL);
}
