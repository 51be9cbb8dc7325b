/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as dialogues: commands, who may be written to, limits, pipelining, TLS. */
#include "gate/smtp_session.h"
#include "base/clock.h"
#include "base/unit.h"
#include "gate/test_script.h"

#include <stdlib.h>
#include <string.h>

/* --- commands and replies --------------------------------------------------------------------------- */

static const char *const dialogues[] = {
	/* greeting and leaving */
	HELLO QUIT,
	EHLO QUIT,
	"S 220*\nC HELO\nS 501 Syntax: HELO hostname\nC EHLO\nS 501 Syntax: EHLO hostname\n" QUIT,
	"S 220*\nC helo a.test\nS 250 mx.ours.test\nC qUiT\nS 221 2.0.0 Bye\nE\n",
	"S 220*\nC MAIL FROM:<a@b.test>\nS 503 5.5.1 Error: send HELO/EHLO first\n"
	"C RCPT TO:<a@b.test>\nS 503 5.5.1 Error: send HELO/EHLO first\n"
	"C DATA\nS 503 5.5.1 Error: send HELO/EHLO first\n"
	"C AUTH PLAIN\nS 503 5.5.1 Error: send HELO/EHLO first\n"
	"R BDAT 4\\r\\nQUIT\nS 503 5.5.1 Error: send HELO/EHLO first\n"
	"C STARTTLS\nS 503 5.5.1 Error: send HELO/EHLO first\n" QUIT,
	/* commands without mail */
	"S 220*\nC NOOP\nS 250 2.0.0 Ok\nC NOOP hello\nS 250 2.0.0 Ok\nC RSET\nS 250 2.0.0 Ok\n"
	"C RSET now\nS 501 5.5.4 Syntax: RSET\n" QUIT,
	"S 220*\nC HELP\nS 214 2.0.0 Commands: BDAT DATA EHLO HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS "
	"VRFY\n" QUIT,
	HELLO "C VRFY alice@ours.test\nS 252 2.0.0 alice@ours.test\nC VRFY nobody\nS 252 2.0.0 nobody\n"
	      "C VRFY <x@y.test>\nS 252 2.0.0 <x@y.test>\nC VRFY\nS 501 5.5.4 Syntax: VRFY address\n"
	      "C VRFY a@@\nS 501 5.1.3 Bad recipient address syntax\n"
	      "C VRFY \xC3\xA9@x.test\nS 501 5.1.3 Bad recipient address syntax\n"
	      "C VRFY \xC3\xA9@x.test SMTPUTF8\nS 252 2.0.0 \\xC3\\xA9@x.test SMTPUTF8\n" QUIT,
	HELLO "C EXPN list\nS 502 5.5.1 Error: command not implemented\n" QUIT,
	HELLO "C AUTH PLAIN AGEAYg==\nS 503 5.5.1 Error: authentication not enabled\n"
	      "C AUTH LOGIN\nS 503 5.5.1 Error: authentication not enabled\n" QUIT,
	HELLO
	"C TURN\nS 500 5.5.2 Error: command not recognized\nC ATRN a.test\nS 500 5.5.2 Error: command not "
	"recognized\nC ETRN a.test\nS 502 5.5.1*\nC FROB\nS 500 5.5.2*\nC \nS 500 5.5.2*\n" QUIT,
	HELLO "C STARTTLS\nS 502 5.5.1 Error: command not implemented\nC STARTTLS x\nS 501 5.5.4*\n" QUIT,
	"S 220*\nC GET / HTTP/1.1\nS 221 2.7.0 Error: I can break rules, too. Goodbye.\nE\n",
	"S 220*\nC CONNECT a.test:25 HTTP/1.1\nS 221 2.7.0*\nE\n",
	"S 220*\nC POST / HTTP/1.0\nS 221 2.7.0*\nE\n",
	/* MAIL */
	EHLO MAIL
	"C MAIL FROM:<b@b.test>\nS 503 5.5.1 Error: nested MAIL command\nC RSET\nS 250*\n" MAIL
	"C EHLO again.test\nS 250-*\nS 250-*\nS 250-*\nS 250-*\nS 250-*\nS 250-*\nS 250 *\n" MAIL QUIT,
	EHLO "C MAIL\nS 501 5.5.4 Syntax: MAIL FROM:<address>\nC MAIL TO:<a@b.test>\nS 501 5.5.4*\n"
	     "C MAIL FROM:\nS 501 5.5.4*\nC MAIL FROM:<a@b.test\nS 501 5.1.7 Bad sender address syntax\n"
	     "C MAIL FROM:<nodomain>\nS 501 5.1.7*\nC MAIL FROM:<a b@c.test>\nS 501 5.1.7*\n" QUIT,
	EHLO "C MAIL FROM: s@b.test\nS 250 2.1.0 Ok\nC RSET\nS 250*\n"
	     "C MAIL FROM: <s@b.test> SIZE=1000 BODY=8BITMIME\nS 250 2.1.0 Ok\nC RSET\nS 250*\n"
	     "C MAIL FROM:<> BODY=7BIT\nS 250 2.1.0 Ok\n" QUIT,
	EHLO "C MAIL FROM:<s@b.test> SIZE=1000001\nS 552 5.3.4 Message size exceeds fixed limit\n"
	     "C MAIL FROM:<s@b.test> SIZE=1000000\nS 250 2.1.0 Ok\nC RSET\nS 250*\n"
	     "C MAIL FROM:<s@b.test> SIZE=big\nS 501 5.5.4 Bad message size syntax\n"
	     "C MAIL FROM:<s@b.test> SIZE=99999999999999999999\nS 501 5.5.4 Bad message size syntax\n"
	     "C MAIL FROM:<s@b.test> FROB=1\nS 555 5.5.4 Unsupported option: FROB=1\n"
	     "C MAIL FROM:<s@b.test> BODY=BINARYMIME\nS 555 5.5.4 Unsupported option: BODY=BINARYMIME\n"
	     "C MAIL FROM:<s@b.test> AUTH=<>\nS 555 5.5.4 Unsupported option: AUTH=<>\n"
	     "C MAIL FROM:<s@b.test> RET=FULL\nS 501 5.7.1 DSN support is disabled\n" QUIT,
	EHLO
	"C MAIL FROM:<\xD0\xB0@b.test>\nS 553 5.6.7*\nC MAIL FROM:<\xD0\xB0@b.test> SMTPUTF8\nS 250 2.1.0 "
	"Ok\nC RCPT TO:<\xD0\xB0@ours.test>\nS 250 2.1.5 Ok\n" QUIT,
	/* RCPT */
	EHLO "C RCPT TO:<alice@ours.test>\nS 503 5.5.1 Error: need MAIL command\n" MAIL
	     "C RCPT\nS 501 5.5.4 Syntax: RCPT TO:<address>\nC RCPT TO:<>\nS 501 5.1.3*\n"
	     "C RCPT TO:<a@b@>\nS 501 5.1.3 Bad recipient address syntax\n"
	     "C RCPT TO:<alice@ours.test> NOTIFY=NEVER\nS 501 5.7.1 DSN support is disabled\n" QUIT,
	EHLO MAIL RCPT
	"C RCPT TO:<bob@ours.test>\nS 250 2.1.5 Ok\nC RCPT TO: alice@ours.test\nS 250 2.1.5 Ok\n"
	"C RCPT TO:<ALICE@OURS.TEST>\nS 250 2.1.5 Ok\nC RCPT TO:<alice+tag@ours.test>\nS 250 "
	"2.1.5 Ok\nC RCPT TO:<postmaster>\nS 250 2.1.5 Ok\nC RCPT TO:<Postmaster@ours.test>\n"
	"S 250 2.1.5 Ok\nC RCPT TO:<\"o'hara x\"@ours.test>\nS 250 2.1.5 Ok\n" QUIT,
	EHLO MAIL
	"C RCPT TO:<nobody@ours.test>\nS 550 5.1.1 <nobody@ours.test>: Recipient address rejected: "
	"User unknown in virtual mailbox table\nC RCPT TO:<x@else.test>\nS 554 5.7.1 <x@else.test>: "
	"Relay access denied\nC RCPT TO:<loop@ours.test>\nS 554 5.4.6 <loop@ours.test>: *\n"
	"C RCPT TO:<many@ours.test>\nS 554 5.5.3 <many@ours.test>: *\nC RCPT TO:<alice@ours.test>\nS 250*\n"
	"C RCPT TO:<many@ours.test>\nS 452 4.5.3 Error: too many recipients\nC RSET\nS 250*\n" MAIL
	"C RCPT TO:<syntax@ours.test>\nS 501 5.1.3 Bad recipient address syntax\n"
	"C RCPT TO:<routed@ours.test>\nS 554 5.7.1 <routed@ours.test>: Relay access denied\n"
	"C RCPT TO:<odd@ours.test>\nS 451 4.3.0 <odd@ours.test>: Temporary lookup failure\n"
	"C RCPT TO:<slow@ours.test>\nS 451 4.3.0 <slow@ours.test>: Temporary lookup failure\n"
	"C RCPT TO:<many-none@ours.test>\nS 451 4.3.0 <many-none@ours.test>: Temporary lookup failure\n"
	"C RCPT TO:<many-torn@ours.test>\nS 451 4.3.0 <many-torn@ours.test>: Temporary lookup failure\n"
	"C DATA\nS 554 5.5.1 Error: no valid recipients\n" QUIT,
	/* names in HELO, judged at RCPT */
	"S 220*\nC HELO bare\nS 250*\n" MAIL "C RCPT TO:<alice@ours.test>\nS 504 5.5.2 <bare>: Helo command "
	"rejected: need fully-qualified hostname\n"
	"C RCPT TO:<x@else.test>\nS 554 5.7.1*\n" QUIT,
	"S 220*\nC HELO -a..b-\nS 250*\n" MAIL
	"C RCPT TO:<alice@ours.test>\nS 501 5.5.2 <-a..b->: Helo command rejected: Invalid name\n" QUIT,
	"S 220*\nC HELO 192.0.2.7\nS 250*\n" MAIL
	"C RCPT TO:<alice@ours.test>\nS 501 5.5.2 <192.0.2.7>: *\n" QUIT,
	"S 220*\nC HELO [192.0.2.7]\nS 250*\n" MAIL RCPT QUIT,
	"S 220*\nC HELO [IPv6:2001:db8::1]\nS 250*\n" MAIL RCPT QUIT,
	/* DATA */
	EHLO "C DATA\nS 503 5.5.1 Error: need RCPT command\n" MAIL
	     "C DATA\nS 503 5.5.1 Error: need RCPT command\n" RCPT "C DATA x\nS 501 5.5.4 Syntax: DATA\n" DATA
	     "C Subject: hi\nC \nC text\nC .\nS 250 2.0.0 Ok: queued as "
	     "000000000000*\nC DATA\nS 503 5.5.1 Error: need RCPT command\n" MAIL RCPT DATA
	     "C .\nS 250 2.0.0*\n" QUIT,
	/* BDAT */
	EHLO MAIL RCPT
	"R BDAT 10\\r\\nSubject: h\nS 250 2.0.0 Ok: 10 bytes\nR BDAT 5\\r\\ni\\r\\n\\r\\n\nS 250 2.0.0 Ok: 5 "
	"bytes\nC BDAT 0 LAST\nS 250 2.0.0 Ok: 15 bytes queued as 000000000000*\n" QUIT,
	EHLO MAIL RCPT "R BDAT 4 LAST\\r\\na\\r\\n.\nS 250 2.0.0 Ok: 4 bytes queued as*\n" QUIT,
	EHLO MAIL RCPT
	"R BDAT 3\\r\\na\\r\\n\nS 250 2.0.0 Ok: 3 bytes\nC DATA\nS 503 5.5.1 Error: DATA after BDAT\n"
	"C RCPT TO:<bob@ours.test>\nS 503 5.5.1 Error: RCPT after BDAT\nC MAIL FROM:<a@b.test>\n"
	"S 503 5.5.1 Error: nested MAIL command\nC VRFY a@b.test\nS 503 5.5.1 Error: VRFY after BDAT\n"
	"C NOOP\nS 250*\nC RSET\nS 250 2.0.0 Ok\n" MAIL RCPT DATA "C .\nS 250 2.0.0*\n" QUIT,
	EHLO MAIL
	"R BDAT 6\\r\\nQUIT\\r\\n\nS 503 5.5.1 Error: need RCPT command\nR BDAT 6\\r\\nQUIT\\r\\n\nS 551 "
	"5.0.0 "
	"Discarded 6 bytes after earlier error\nR BDAT 6 LAST\\r\\nQUIT\\r\\n\nS 551 5.0.0*\n" MAIL QUIT,
	EHLO MAIL
	"C RCPT TO:<nobody@ours.test>\nS 550*\nR BDAT 6 LAST\\r\\nQUIT\\r\\n\nS 554 5.5.1 Error: no valid "
	"recipients\n" MAIL QUIT,
	EHLO MAIL RCPT "C BDAT\nS 521 5.5.4 Syntax: BDAT count [LAST]\nE\n",
	EHLO MAIL RCPT "C BDAT -1\nS 521 5.5.4 Syntax: BDAT count [LAST]\nE\n",
	EHLO MAIL RCPT "C BDAT 5 FIRST\nS 521 5.5.4*\nE\n",
	EHLO MAIL RCPT "C BDAT 0\nS 551 5.7.1 Null BDAT request\n" QUIT,
	EHLO MAIL RCPT "C BDAT 18446744073709551615\nS 552 5.3.4 Chunk exceeds message size limit\nE\n",
	EHLO MAIL RCPT "R BDAT 4\\r\\na\\nb \nS 521 5.5.2*\nE\n",
	EHLO MAIL RCPT "R BDAT 2 LAST\\r\\na\\r\nS 521 5.5.2*\nE\n",
	/* bad lines */
	"S 220*\nR NOOP\\nQUIT\\r\\n\nS 521 5.5.2 mx.ours.test Error: bare <CR> or <LF> received\nE\n",
	"S 220*\nR NOOP\\rQUIT\\r\\n\nS 521 5.5.2*\nE\n",
	"S 220*\nR NO\\0OP\\r\\n\nS 500 5.5.2 Error: command not recognized\n" QUIT,
	HELLO "R MAIL FROM:<a\\0@b.test>\\r\\n\nS 501 5.1.7*\n" QUIT,
};

static void commands_have_their_replies(void **state)
{
	static struct house h;

	for (size_t i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++) {
		house_init(&h);
		h.config.limits.errors_slow = h.config.limits.errors_end = 100;
		h.config.limits.ask_ms = 30;
		play(&h, dialogues[i]);
		house_free(&h);
	}
}

static void bytes_may_come_one_by_one(void **state)
{
	static struct house h;

	for (size_t i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++) {
		house_init(&h);
		h.config.limits.errors_slow = h.config.limits.errors_end = 100;
		h.config.limits.ask_ms = 30;
		play_as(&h, dialogues[i], true, NULL);
		house_free(&h);
	}
}

/* --- who may be written to ------------------------------------------------------------------------------ */

/* Ways to have mail carried elsewhere; none may be taken. */
static const char *const tricks[] = {
	"<x@else.test>",
	"x@else.test",
	"<x%else.test@ours.test>",
	"<x%else.test%third.test@ours.test>",
	"<x%else.test@[192.0.2.1]>",
	"<x%else.test>",
	"<x@else.test@ours.test>",
	"<alice@ours.test@else.test>",
	"<\"x@else.test\"@ours.test>",
	"<\"x@else.test\">",
	"<\"x%else.test\"@ours.test>",
	"<x\\@else.test@ours.test>",
	"<\"x\\@else.test\"@ours.test>",
	"<\"x\"@else.test>",
	"<else.test!x@ours.test>",
	"<else.test!x>",
	"<\"else.test!x\"@ours.test>",
	"<third.test!else.test!x@ours.test>",
	"<@ours.test:x@else.test>",
	"<@ours.test,@third.test:x@else.test>",
	"<@else.test:alice@ours.test>",
	"<@else.test:x@ours.test>",
	"<@ours.test:x%else.test@ours.test>",
	"<@[192.0.2.1]:x@else.test>",
	"<x@[192.0.2.1]>",
	"<x@[127.0.0.1]>",
	"<alice@[127.0.0.1]>",
	"<x@[IPv6:::1]>",
	"<x@[IPv6:2001:db8::1]>",
	"<x@[else.test]>",
	"<x@[tag:else]>",
	"<x@127.0.0.1>",
	"<x@localhost>",
	"<x@ours.test.else.test>",
	"<x@else.test.>",
	"<alice@ours.test.else.test>",
	"<alice@notours.test>",
	"<alice@sub.ours.test>",
	"<x@else.test,alice@ours.test>",
	"<alice@ours.test,x@else.test>",
	"<alice@ours.test>,<x@else.test>",
	"<alice@ours.test> <x@else.test>",
	"<alice@ours.test:x@else.test>",
	"<x@else.test;@ours.test>",
	"<x@else.test#@ours.test>",
	"<x@else.test(@ours.test)>",
	"<(alice@ours.test)x@else.test>",
	"<x@else.test\\0@ours.test>",
	"<x@else.test @ours.test>",
	"<x@else.test\t@ours.test>",
	"<<x@else.test>@ours.test>",
	"<\"alice\\\"@ours.test>",
	"<|x@ours.test>",
	"</tmp/x@ours.test>",
	"<:include:/etc/passwd@ours.test>",
	"<\"|cat\"@ours.test>",
	"<x@else.test%ours.test>",
	"<x=else.test@ours.test>",
	"<@ours.test>",
	"<ours.test>",
	"<@>",
};

static void strangers_cannot_relay(void **state)
{
	static struct house h;
	char lines[1200];

	assert_true(sizeof(tricks) / sizeof(tricks[0]) >= 40);
	for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
		house_init(&h);
		snprintf(lines, sizeof(lines),
			 "%sR RCPT TO:%s\\r\\n\nS 5*\nC DATA\nS 554 5.5.1 Error: no valid recipients\n%s",
			 EHLO MAIL, tricks[i], QUIT);
		play(&h, lines);
		assert_int_equal(h.letters, 0);
		house_free(&h);
	}
}

static void own_networks_may_relay_but_not_route(void **state)
{
	struct network ours[] = {{.family = AF_INET, .prefix = 28, .addr = {192, 0, 2, 16}},
				 {.family = AF_INET6, .prefix = 33, .addr = {0x20, 1, 0xd, 0xb8}}};
	static const char good[] =
		"S 220*\nC HELO bare\nS 250*\n" MAIL "C RCPT TO:<x@else.test>\nS 250 2.1.5 Ok\n"
		"C RCPT TO:<x%third.test@else.test>\nS 554 5.7.1*\n"
		"C RCPT TO:<nobody@ours.test>\nS 550 5.1.1*\n" QUIT;
	static const char bad[] =
		"S 220*\nC HELO a.test\nS 250*\n" MAIL "C RCPT TO:<x@else.test>\nS 554 5.7.1*\n" QUIT;
	static const struct {
		const char *ip;
		const char *lines;
	} rows[] = {{"192.0.2.16", good},       {"192.0.2.31", good}, {"::ffff:192.0.2.20", good},
		    {"2001:db8:7fff::1", good}, {"192.0.2.32", bad},  {"192.0.2.15", bad},
		    {"2001:db8:8000::1", bad}};
	static struct house h;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		house_init(&h);
		h.config.trusted = ours;
		h.config.trusted_count = 2;
		play_as(&h, rows[i].lines, false, rows[i].ip);
		house_free(&h);
	}
}

static void co_alone(struct house *h, void *arg)
{
	house_detach(h);
	co_play(h, arg);
}

static void nobody_is_greeted_without_neighbours(void **state)
{
	struct script script = {.lines = "S 421 4.3.2 mx.ours.test Service not available*\nE\n"};
	static struct house h;

	house_init(&h);
	house_run(&h, co_alone, &script);
	assert_string_equal(script.failure, "");
	house_free(&h);
}

static void keeper_lets_clients_in(void **state)
{
	static struct house h;

	house_init(&h);
	play_as(&h, "S 421 4.7.0 mx.ours.test Error: too many connections from 192.0.2.99\nE\n", false,
		"192.0.2.99");
	assert_int_equal(h.left, 0);
	house_free(&h);
	/* Without an answer in time the client comes in. */
	house_init(&h);
	play_as(&h, "S 220*\nC QUIT\nS 221*\nE\n", false, "192.0.2.98");
	assert_int_equal(h.left, 1);
	house_free(&h);
}

static void co_end_while_waiting(struct house *h, void *arg)
{
	struct script *script = arg;
	struct stream client;

	stream_open(&client, house_connect(h, "192.0.2.7"));
	co_play_on(&client, script, EHLO MAIL);
	co_smtp_sessions_end(&h->service, deadline_in(1000));
	co_play_on(&client, script, "S 421 4.3.2 mx.ours.test Service shutting down\nE\n");
	stream_close(&client);
}

static void an_orderly_end_says_so(void **state)
{
	struct script script = {0};
	static struct house h;

	house_init(&h);
	house_run(&h, co_end_while_waiting, &script);
	assert_string_equal(script.failure, "");
	house_free(&h);
}

/* --- limits -------------------------------------------------------------------------------------------------------- */

static void many_errors_end_a_session(void **state)
{
	static struct house h;
	static char lines[4000];
	size_t n = (size_t)snprintf(lines, sizeof(lines), "S 220*\n");

	for (int i = 0; i < 20; i++)
		n += (size_t)snprintf(lines + n, sizeof(lines) - n, "C FROB\nS 500 5.5.2*\n");
	snprintf(lines + n, sizeof(lines) - n, "S 421 4.7.0 mx.ours.test Error: too many errors\nE\n");
	house_init(&h);
	h.config.limits.slow_ms = 10;
	int64_t began = clock_ms();

	play(&h, lines);
	assert_true(clock_ms() - began >= 9 * 10);
	assert_true(house_logged(&h, "too many errors after UNKNOWN from unknown[192.0.2.7]\n"));
	assert_true(house_logged(&h, " unknown=0/20 commands=0/20\n"));
	house_free(&h);
}

static void many_idle_commands_are_errors(void **state)
{
	static struct house h;
	static char lines[8000];
	size_t n = (size_t)snprintf(lines, sizeof(lines), "S 220*\n");

	for (int i = 0; i < 120; i++)
		n += (size_t)snprintf(lines + n, sizeof(lines) - n, "C NOOP\nS 250 2.0.0 Ok\n");
	snprintf(lines + n, sizeof(lines) - n, "S 421 4.7.0*\nE\n");
	house_init(&h);
	play(&h, lines);
	house_free(&h);
}

/* RFC 5321 4.5.3.1.10: a list server goes on with those that were taken. */
static void refusals_for_a_while_are_no_errors(void **state)
{
	static struct house h;
	static char lines[4000];
	size_t n = (size_t)snprintf(lines, sizeof(lines), "%s", EHLO MAIL RCPT);

	for (int i = 0; i < 25; i++)
		n += (size_t)snprintf(lines + n, sizeof(lines) - n, "C RCPT TO:<many-%d@ours.test>\nS 452*\n",
				      i);
	snprintf(lines + n, sizeof(lines) - n, "%s", DATA "C .\nS 250*\n" QUIT);
	house_init(&h);
	h.config.limits.recipients = 1;
	play(&h, lines);
	house_free(&h);
}

static void recipients_have_a_limit(void **state)
{
	static struct house h;

	house_init(&h);
	h.config.limits.recipients = 2;
	play(&h, EHLO MAIL RCPT
	     "C RCPT TO:<bob@ours.test>\nS 250*\nC RCPT TO:<postmaster>\nS 452 4.5.3 Error: too many "
	     "recipients\n" DATA "C .\nS 250*\n" QUIT);
	assert_int_equal(h.letter[0].envelope.recipient_count, 2);
	house_free(&h);
}

/* --- pipelining ---------------------------------------------------------------------------------------------------- */

static void commands_may_come_together(void **state)
{
	static struct house h;

	house_init(&h);
	play(&h, EHLO "R MAIL FROM:<s@b.test>\\r\\nRCPT TO:<alice@ours.test>\\r\\nRCPT "
		      "TO:<no@ours.test>\\r\\nDATA\\r\\n\n"
		      "S 250 2.1.0 Ok\nS 250 2.1.5 Ok\nS 550 5.1.1*\nS 354*\n"
		      "R text\\r\\n.\\r\\nMAIL FROM:<t@b.test>\\r\\nQUIT\\r\\n\nS 250 2.0.0*\nS 250 2.1.0 "
		      "Ok\nS 221*\nE\n");
	assert_int_equal(h.letters, 1);
	assert_false(house_logged(&h, "improper command pipelining"));
	house_free(&h);
	/* A letter behind DATA is not waited for, and not taken. */
	house_init(&h);
	play(&h, EHLO MAIL RCPT
	     "R DATA\\r\\nSubject: x\\r\\n\nS 503 5.5.0 <DATA>: Data command rejected: Improper use of SMTP "
	     "command pipelining\nS 500 5.5.2*\n" QUIT);
	assert_true(house_logged(&h, "NOQUEUE: reject: DATA from unknown[192.0.2.7]: 503 5.5.0 <DATA>: "));
	house_free(&h);
	house_init(&h);
	play(&h, "S 220*\nR HELO a.test\\r\\nMAIL FROM:<a@b.test>\\r\\n\nS 250*\nS 250*\n" QUIT);
	assert_true(house_logged(&h, "improper command pipelining after HELO from unknown[192.0.2.7]\n"));
	house_free(&h);
}

static void refusals_are_logged(void **state)
{
	static struct house h;

	house_init(&h);
	play(&h, EHLO MAIL "C RCPT TO:<x@else.test>\nS 554*\nC RCPT TO:<\x01y@else.test>\nS 5*\n" QUIT);
	assert_true(house_logged(
		&h, "NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1 <x@else.test>: Relay access "
		    "denied; from=<s@b.test> to=<x@else.test> proto=ESMTP helo=<a.test>\n"));
	assert_true(house_logged(
		&h, "disconnect from unknown[192.0.2.7] ehlo=1 mail=1 rcpt=0/2 quit=1 commands=3/5\n"));
	house_free(&h);
}

/* --- TLS ----------------------------------------------------------------------------------------------------------- */

#define EHLO_TLS                                                                            \
	"S 220*\nC EHLO a.test\nS 250-mx.ours.test\nS 250-PIPELINING\nS 250-SIZE 1000000\n" \
	"S 250-STARTTLS\nS 250-ENHANCEDSTATUSCODES\nS 250-8BITMIME\nS 250-SMTPUTF8\nS 250 CHUNKING\n"
#define EHLO_INSIDE                                                                      \
	"C EHLO inside.test\nS 250-mx.ours.test\nS 250-PIPELINING\nS 250-SIZE 1000000\n" \
	"S 250-ENHANCEDSTATUSCODES\nS 250-8BITMIME\nS 250-SMTPUTF8\nS 250 CHUNKING\n"

static void nothing_survives_starttls(void **state)
{
	static struct house h;

	/* What is injected behind STARTTLS is never done, and MAIL before it is forgotten. */
	house_init(&h);
	play_tls(&h,
		 EHLO_TLS MAIL "R STARTTLS\\r\\nRCPT TO:<alice@ours.test>\\r\\nNOOP\\r\\nEHL\nS 220 2.0.0 "
			       "Ready to start TLS\n",
		 "C RCPT TO:<alice@ours.test>\nS 503 5.5.1 Error: send HELO/EHLO first\n" EHLO_INSIDE
		 "C RCPT TO:<alice@ours.test>\nS 503 5.5.1 Error: need MAIL command\nC STARTTLS\nS 554 5.5.1 "
		 "Error: TLS "
		 "already active\n" MAIL RCPT DATA "C .\nS 250 2.0.0*\n" QUIT);
	assert_int_equal(h.letters, 1);
	struct str field = buf_str(&h.letter[0].bytes);

	assert_true(str_find_str(field, STR(" with ESMTPS id ")) != STR_NONE);
	assert_true(str_starts(
		field, STR("Received: from inside.test (unknown [192.0.2.7])\r\n\t(using TLSv1.3 with "
			   "cipher ")));
	assert_true(house_logged(
		&h, "Anonymous TLS connection established from unknown[192.0.2.7]: TLSv1.3 with cipher "));
	assert_true(house_logged(&h, " ehlo=2 mail=2 rcpt=1/3 data=1 quit=1 "));
	house_free(&h);
}

static void co_no_handshake(struct house *h, void *arg)
{
	struct script *script = arg;
	struct stream client;

	stream_open(&client, house_connect(h, "192.0.2.7"));
	co_play_on(&client, script, EHLO_TLS "C STARTTLS\nS 220*\nC not a handshake at all\n");
	stream_close(&client);
	co_house_quiet(h);
}

static void a_failed_handshake_ends_the_session(void **state)
{
	struct script script = {0};
	static struct house h;

	house_init(&h);
	script_make_tls(&h);
	house_run(&h, co_no_handshake, &script);
	assert_string_equal(script.failure, "");
	assert_true(house_logged(&h, "SSL_accept error from unknown[192.0.2.7]: "));
	tls_server_destroy(&h.config.tls);
	house_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_have_their_replies),
		cmocka_unit_test(bytes_may_come_one_by_one),
		cmocka_unit_test(strangers_cannot_relay),
		cmocka_unit_test(own_networks_may_relay_but_not_route),
		cmocka_unit_test(nobody_is_greeted_without_neighbours),
		cmocka_unit_test(keeper_lets_clients_in),
		cmocka_unit_test(an_orderly_end_says_so),
		cmocka_unit_test(many_errors_end_a_session),
		cmocka_unit_test(many_idle_commands_are_errors),
		cmocka_unit_test(refusals_for_a_while_are_no_errors),
		cmocka_unit_test(recipients_have_a_limit),
		cmocka_unit_test(commands_may_come_together),
		cmocka_unit_test(refusals_are_logged),
		cmocka_unit_test(nothing_survives_starttls),
		cmocka_unit_test(a_failed_handshake_ends_the_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
