/* SPDX-License-Identifier: Apache-2.0 */
/* Whole sessions, as dialogues, with a keeper and a spool that do as the test says. */
#include "gate/smtp_session.h"
#include "base/clock.h"
#include "base/unit.h"
#include "gate/test_house.h"
#include "gate/test_identity.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 5000

/* --- playing a dialogue ------------------------------------------------------------------------
 *
 * Lines of a script: "C text" sends text and CRLF; "R text" sends text with the escapes
 * \r \n \0 \\; "S pattern" is the next line of the server, "*" at its end stands for anything;
 * "E" is its end.
 */

struct script {
	const char *ip; /* NULL: 192.0.2.7 */
	const char *lines;
	bool byte_by_byte;
	char failure[600]; /* empty: as expected */
};

static void co_send(struct stream *client, struct str bytes, bool byte_by_byte)
{
	size_t step = byte_by_byte ? 1 : bytes.n;

	for (; bytes.n > 0; bytes = str_skip(bytes, step)) {
		co_stream_put(client, str_head(bytes, step), deadline_in(WAIT_MS));
		co_stream_flush(client, deadline_in(WAIT_MS));
		if (byte_by_byte)
			co_yield ();
	}
}

static void unescape(struct str s, struct buf *out)
{
	static const char codes[] = "rn0\\", bytes[] = "\r\n\0\\";

	for (size_t i = 0; i < s.n; i++) {
		const char *code = s.p[i] == '\\' && i + 1 < s.n ? strchr(codes, s.p[i + 1]) : NULL;

		buf_add_c(out, code ? bytes[code - codes] : s.p[i]);
		i += code != NULL;
	}
}

static bool matches(struct str line, struct str pattern)
{
	bool open = str_ends(pattern, STR("*"));

	pattern.n -= open;
	return open ? str_starts(line, pattern) : str_eq(line, pattern);
}

static void co_expect(struct stream *client, struct str pattern, struct script *script)
{
	struct str line = {NULL, 0};
	int code = co_stream_line(client, 4096, deadline_in(WAIT_MS), &line);
	bool good = code == 0 && str_ends(line, STR("\r\n"));

	if (good)
		line.n -= 2;
	if (!good || !matches(line, pattern))
		snprintf(script->failure, sizeof(script->failure), "want \"%.*s\", got \"%.*s\" (%d)",
			 STR_ARG(str_head(pattern, 200)), STR_ARG(str_head(line, 200)), code);
}

static void co_expect_end(struct stream *client, struct script *script)
{
	int code = stream_pending(client).n ? 0 : co_stream_fill(client, deadline_in(WAIT_MS));

	if (code != ERR_CLOSED)
		snprintf(script->failure, sizeof(script->failure), "want the end, got %d \"%.*s\"", code,
			 STR_ARG(stream_pending(client)));
}

static void co_step(struct stream *client, struct str line, struct script *script)
{
	char what = line.n ? line.p[0] : 0;
	struct str text = str_skip(line, 2);
	struct buf bytes;

	buf_init(&bytes, 65536);
	unescape(text, &bytes);
	if (what == 'C')
		buf_add_z(&bytes, "\r\n");
	if (what == 'C' || what == 'R')
		co_send(client, buf_str(&bytes), script->byte_by_byte);
	else if (what == 'S')
		co_expect(client, text, script);
	else if (what == 'E')
		co_expect_end(client, script);
	else
		abort();
	buf_free(&bytes);
}

static void co_play_on(struct stream *client, struct script *script, const char *lines)
{
	for (struct str rest = str_of(lines); rest.n > 0 && !script->failure[0];)
		co_step(client, str_cut(&rest, '\n'), script);
}

static void co_play(struct house *h, void *arg)
{
	struct script *script = arg;
	struct stream client;

	stream_open(&client, house_connect(h, script->ip ? script->ip : "192.0.2.7"));
	co_play_on(&client, script, script->lines);
	stream_close(&client);
	co_house_quiet(h);
}

static void play_as(struct house *h, const char *lines, bool byte_by_byte, const char *ip)
{
	struct script script = {.lines = lines, .byte_by_byte = byte_by_byte, .ip = ip};

	house_run(h, co_play, &script);
	if (script.failure[0])
		fail_msg("%s\nin:\n%s", script.failure, lines);
}

static void play(struct house *h, const char *lines)
{
	play_as(h, lines, false, NULL);
}

#define HELLO "S 220 mx.ours.test ESMTP*\nC HELO a.test\nS 250 mx.ours.test\n"
#define EHLO                                                                               \
	"S 220 mx.ours.test ESMTP*\nC EHLO a.test\nS 250-mx.ours.test\nS 250-PIPELINING\n" \
	"S 250-SIZE 1000000\nS 250-ENHANCEDSTATUSCODES\nS 250-8BITMIME\nS 250-SMTPUTF8\nS 250 CHUNKING\n"
#define MAIL "C MAIL FROM:<s@b.test>\nS 250 2.1.0 Ok\n"
#define RCPT "C RCPT TO:<alice@ours.test>\nS 250 2.1.5 Ok\n"
#define DATA "C DATA\nS 354 End data with <CR><LF>.<CR><LF>\n"
#define QUIT "C QUIT\nS 221 2.0.0 Bye\nE\n"

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
	"recognized\nC ETRN a.test\nS 500 5.5.2*\nC FROB\nS 500 5.5.2*\nC \nS 500 5.5.2*\n" QUIT,
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
	"C RCPT TO:<many@ours.test>\nS 451 4.3.0 <many@ours.test>: *\n"
	"C RCPT TO:<syntax@ours.test>\nS 501 5.1.3 Bad recipient address syntax\n"
	"C RCPT TO:<routed@ours.test>\nS 554 5.7.1 <routed@ours.test>: Relay access denied\n"
	"C RCPT TO:<odd@ours.test>\nS 451 4.3.0 <odd@ours.test>: Temporary lookup failure\n"
	"C RCPT TO:<slow@ours.test>\nS 451 4.3.0 <slow@ours.test>: Temporary lookup failure\n"
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
	struct house h;

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
	struct house h;

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
	struct house h;
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
	struct house h;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		house_init(&h);
		h.config.trusted = ours;
		h.config.trusted_count = 2;
		play_as(&h, rows[i].lines, false, rows[i].ip);
		house_free(&h);
	}
}

/* --- letters -------------------------------------------------------------------------------------------------- */

static struct str body_of(const struct house *h, unsigned i)
{
	struct str all = buf_str(&h->letter[i].bytes);
	/* The Received field is ours: its lines begin with a tab. */
	for (str_cut(&all, '\n'); str_starts(all, STR("\t"));)
		str_cut(&all, '\n');
	return all;
}

static void a_letter_reaches_spool_as_it_was_sent(void **state)
{
	struct house h;

	house_init(&h);
	play(&h, EHLO "C MAIL FROM:<s@b.test>\nS 250*\n" RCPT RCPT "C RCPT TO:<bob@ours.test>\nS 250*\n" DATA
		      "C Message-ID:\nC  <1@b.test>\nC \nC ..dot\nC .. \nR 8bit \xE9 \\0 nul\\r\\n.\\r\\n\nS "
		      "250 2.0.0 Ok: queued "
		      "as*\n" MAIL RCPT DATA "C x\nC .\nS 250*\n" QUIT);
	assert_int_equal(h.letters, 2);
	struct str body = body_of(&h, 0);
	static const char want[] = "Message-ID:\r\n <1@b.test>\r\n\r\n.dot\r\n. \r\n8bit \xE9 \0 nul\r\n";

	assert_true(str_eq(body, STR(want)));
	assert_str(h.letter[0].envelope.reverse_path, "s@b.test");
	assert_int_equal(h.letter[0].envelope.recipient_count, 2); /* alice once */
	assert_str(h.letter[0].envelope.recipients[1].address, "bob@ours.test");
	assert_int_equal(h.letter[0].envelope.body, BODY_8BITMIME);
	assert_int_equal(h.letter[1].envelope.body, BODY_7BIT);
	assert_int_equal(h.letter[1].id, h.letter[0].id + 1);
	struct str field = buf_str(&h.letter[1].bytes);

	assert_true(str_starts(field, STR("Received: from a.test (unknown [192.0.2.7])\r\n\tby mx.ours.test "
					  "(Mailstead) with ESMTP id 000000000000")));
	assert_true(str_find_str(field, STR("\r\n\tfor <alice@ours.test>;")) != STR_NONE);
	assert_true(house_logged(&h, ": message-id=<1@b.test>\n"));
	assert_true(house_logged(&h, ", nrcpt=2 (queue active)\n"));
	assert_true(house_logged(&h, ": client=unknown[192.0.2.7]\n"));
	assert_true(house_logged(
		&h, "disconnect from unknown[192.0.2.7] ehlo=1 mail=2 rcpt=4 data=2 quit=1 commands=10\n"));
	assert_int_equal(h.came, 1);
	assert_int_equal(h.left, 1);
	house_free(&h);
}

static void the_null_sender_and_utf8_stay_as_they_are(void **state)
{
	struct house h;

	house_init(&h);
	play(&h, EHLO "C MAIL FROM:<> SMTPUTF8\nS 250*\nC RCPT TO:<\xD0\xB0@ours.test>\nS 250*\n" DATA
		      "C .\nS 250*\n" QUIT);
	assert_int_equal(h.letters, 1);
	assert_int_equal(h.letter[0].envelope.reverse_path.n, 0);
	assert_true(h.letter[0].envelope.smtputf8);
	assert_str(h.letter[0].envelope.recipients[0].address, "\xD0\xB0@ours.test");
	assert_true(str_find_str(buf_str(&h.letter[0].bytes), STR(" with UTF8SMTP id ")) != STR_NONE);
	assert_true(house_logged(&h, ": from=<>, size="));
	house_free(&h);
}

/* A letter of `lines` lines of 98 octets, `end` behind it. */
static void co_send_lines(struct stream *client, unsigned lines, const char *end)
{
	char line[100];

	memset(line, 'x', sizeof(line));
	line[98] = '\r';
	line[99] = '\n';
	while (lines-- > 0)
		co_stream_put(client, (struct str){line, 100}, deadline_in(WAIT_MS));
	co_stream_put(client, str_of(end), deadline_in(WAIT_MS));
	co_stream_flush(client, deadline_in(WAIT_MS));
}

struct bulk {
	const char *before, *behind, *end;
	unsigned lines;
	struct script script;
};

static void co_bulk(struct house *h, void *arg)
{
	struct bulk *b = arg;
	struct stream client;

	stream_open(&client, house_connect(h, "2001:db8::7"));
	co_play_on(&client, &b->script, b->before);
	co_send_lines(&client, b->lines, b->end);
	co_play_on(&client, &b->script, b->behind);
	stream_close(&client);
	co_house_quiet(h);
}

static void play_bulk(struct house *h, unsigned lines, const char *before, const char *end,
		      const char *behind)
{
	struct bulk b = {.before = before, .behind = behind, .end = end, .lines = lines};

	house_run(h, co_bulk, &b);
	if (b.script.failure[0])
		fail_msg("%s (%u lines)", b.script.failure, lines);
}

static void large_letters_travel_in_sealed_files(void **state)
{
	static const unsigned lines[] = {300, 326, 327, 328, 329, 330, 1000, 9999};
	struct house h;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		house_init(&h);
		play_bulk(&h, lines[i], EHLO MAIL RCPT DATA, ".\r\n", "S 250 2.0.0 Ok: queued as*\n" QUIT);
		assert_int_equal(h.letters, 1);
		assert_int_equal(body_of(&h, 0).n, lines[i] * 100);
		assert_int_equal(h.letter[0].sealed_file, h.letter[0].bytes.n > LETTER_INLINE_MAX);
		house_free(&h);
	}
	house_init(&h);
	play_bulk(&h, 5000, EHLO MAIL RCPT "C BDAT 500000\n", "",
		  "S 250 2.0.0 Ok: 500000 bytes\nC BDAT 0 LAST\nS 250*\n" QUIT);
	assert_int_equal(body_of(&h, 0).n, 500000);
	house_free(&h);
}

static void letters_above_the_limit_are_read_and_refused(void **state)
{
	struct house h;

	house_init(&h);
	play_bulk(&h, 10001, EHLO MAIL RCPT DATA, ".\r\n",
		  "S 552 5.3.4 Error: message file too big\n" MAIL RCPT DATA "C .\nS 250*\n" QUIT);
	assert_int_equal(h.letters, 1);
	house_free(&h);
	house_init(&h);
	play_bulk(&h, 10001, EHLO MAIL RCPT "C BDAT 1000100 LAST\n", "",
		  "S 552 5.3.4 Chunk exceeds message size limit\n" MAIL QUIT);
	assert_int_equal(h.letters, 0);
	house_free(&h);
	house_init(&h);
	h.config.memory = 100000;
	play_bulk(&h, 2000, EHLO MAIL RCPT DATA, ".\r\n",
		  "S 452 4.3.1 Insufficient system storage\nC MAIL FROM:<s@b.test> SIZE=100001\n"
		  "S 452 4.3.1 Insufficient system storage\n" MAIL QUIT);
	house_free(&h);
	house_init(&h);
	h.config.memory = 1000;
	play(&h, EHLO "C MAIL FROM:<s@b.test>\nS 452 4.3.1 Insufficient system storage\n" QUIT);
	house_free(&h);
}

static void long_lines_are_refused(void **state)
{
	struct house h;
	char *line = malloc(300001);

	memset(line, 'y', 300000);
	line[300000] = 0;
	house_init(&h);
	play_bulk(&h, 0, EHLO MAIL RCPT DATA, line,
		  "R \\r\\n.\\r\\n\nS 554 5.6.0 Error: line too long\n" QUIT);
	assert_int_equal(h.letters, 0);
	house_free(&h);
	house_init(&h);
	play_bulk(&h, 0, EHLO, line,
		  "R \\r\\n\nS 500 5.5.2 mx.ours.test Error: command too long\nC NOOP\nS 250*\n" QUIT);
	house_free(&h);
	/* 2048 octets with the CRLF are the most. */
	line[2046] = 0;
	house_init(&h);
	play_bulk(&h, 0, EHLO, line, "R \\r\\n\nS 500 5.5.2 Error: command not recognized\n" QUIT);
	house_free(&h);
	line[2046] = 'y';
	line[2047] = 0;
	house_init(&h);
	play_bulk(&h, 0, EHLO, line, "R \\r\\n\nS 500 5.5.2 mx.ours.test Error: command too long\n" QUIT);
	house_free(&h);
	free(line);
}

/* --- the end of a letter --------------------------------------------------------------------------------------- */

/* What might pass for the end at another server; behind each comes a second letter. */
static const struct {
	const char *end;
	bool is_end;
} ends[] = {
	{"\\r\\n.\\r\\n", true},     {"\\n.\\n", false},          {"\\n.\\r\\n", false},
	{"\\r\\n.\\n", false},       {"\\r.\\r", false},          {"\\r.\\r\\n", false},
	{"\\r\\n.\\r", false},       {"\\r\\n.\\r\\r\\n", false}, {"\\n\\r.\\r\\n", false},
	{"\\r\\r\\n.\\r\\n", false}, {"\\r\\n\\0.\\r\\n", false}, {"\\r\\n.\\0\\r\\n", false},
	{"\\r\\n. \\r\\n", false},   {"\\r\\n..\\r\\n", false},   {"\\n.\\n\\r\\n", false},
	{"\\r\\n.\\n\\r\\n", false}, {"\\r.\\n", false},          {"\\n\\n.\\n\\n", false},
};

#define SMUGGLED "MAIL FROM:<evil@b.test>\\r\\nRCPT TO:<bob@ours.test>\\r\\nDATA\\r\\n"

static bool has_bare(const char *end)
{
	/* All that have no NUL, blank or second dot in them break the rule of line ends. */
	return !strstr(end, "\\0") && !strstr(end, " ") && !strstr(end, "..");
}

static void only_one_end_ends_a_letter(void **state)
{
	struct house h;
	char lines[1500];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		const char *then =
			ends[i].is_end
				? "S 250 2.0.0*\nS 250 2.1.0*\nS 250 2.1.5*\nS 354*\nR .\\r\\n\nS 250*\n" QUIT
			: has_bare(ends[i].end) ? "S 521 5.5.2*\nE\n"
						: "R \\r\\n.\\r\\n\nS 250 2.0.0*\n" QUIT;

		snprintf(lines, sizeof(lines), "%sR text%s" SMUGGLED "\n%s", EHLO MAIL RCPT DATA, ends[i].end,
			 then);
		for (int slow = 0; slow < 2; slow++) {
			house_init(&h);
			play_as(&h, lines, slow, NULL);
			assert_int_equal(h.letters, ends[i].is_end ? 2 : has_bare(ends[i].end) ? 0 : 1);
			house_free(&h);
		}
	}
}

static void normalised_line_ends_end_no_letter_either(void **state)
{
	struct house h;
	char lines[1500];

	for (size_t i = 1; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(lines, sizeof(lines), "%sR text%s" SMUGGLED "\\r\\n.\\r\\n\nS 250 2.0.0*\n%s",
			 EHLO MAIL RCPT DATA, ends[i].end, QUIT);
		house_init(&h);
		h.config.bare = SMTP_BARE_NORMALISE;
		play(&h, lines);
		assert_int_equal(h.letters, 1);
		assert_true(str_find_str(buf_str(&h.letter[0].bytes), STR("MAIL FROM:<evil@b.test>\r\n")) !=
			    STR_NONE);
		house_free(&h);
	}
	house_init(&h);
	h.config.bare = SMTP_BARE_NORMALISE;
	play(&h, "S 220*\nR EHLO a.test\\nNOOP\\n\nS 250-*\nS 250-*\nS 250-*\nS 250-*\nS 250-*\nS 250-*\nS "
		 "250 *\nS 250 2.0.0 Ok\n" QUIT);
	house_free(&h);
}

/* --- loops --------------------------------------------------------------------------------------------------------- */

static void loops_end(void **state)
{
	struct house h;
	char lines[8000];
	size_t n;

	for (int more = 0; more < 2; more++) {
		n = (size_t)snprintf(lines, sizeof(lines), "%s", EHLO MAIL RCPT DATA);
		for (int i = 0; i < 50 + more; i++)
			n += (size_t)snprintf(lines + n, sizeof(lines) - n, "C received: by x%d\n", i);
		snprintf(lines + n, sizeof(lines) - n, "C \nC Received: not in the header\nC .\nS %s\n%s",
			 more ? "554 5.4.0 Error: too many hops" : "250 2.0.0*", QUIT);
		house_init(&h);
		play(&h, lines);
		assert_int_equal(h.letters, more ? 0 : 1);
		house_free(&h);
	}
	static const struct {
		const char *field;
		const char *reply;
	} rows[] = {
		{"Delivered-To: alice@ours.test", "554 5.4.6 <alice@ours.test>: mail forwarding loop"},
		{"DELIVERED-TO:  Alice@Ours.test ", "554 5.4.6 <alice@ours.test>: mail forwarding loop"},
		{"Delivered-To: box@ours.test", "554 5.4.6 <box@ours.test>: mail forwarding loop"},
		{"Delivered-To: bob@ours.test", "250 2.0.0*"},
		{"X-Delivered-To: alice@ours.test", "250 2.0.0*"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(lines, sizeof(lines), "%sC %s\nC \nC .\nS %s\n%s", EHLO MAIL RCPT DATA,
			 rows[i].field, rows[i].reply, QUIT);
		house_init(&h);
		play(&h, lines);
		house_free(&h);
	}
}

/* --- neighbours --------------------------------------------------------------------------------------------------- */

static void spool_decides_about_the_250(void **state)
{
	static const struct {
		enum house_spool spool;
		const char *reply;
		unsigned letters, appends;
	} rows[] = {
		{HOUSE_SPOOL_FULL, "452 4.3.1 Insufficient system storage", 0, 1},
		{HOUSE_SPOOL_IO, "451 4.3.0 Error: queue file write error", 0, 1},
		{HOUSE_SPOOL_SILENT, "451 4.3.0 Error: queue file write error", 0, 1},
		{HOUSE_SPOOL_DIES_ONCE, "250 2.0.0 Ok: queued as*", 1, 2},
	};
	struct house h;
	char lines[1000];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		house_init(&h);
		h.spool = rows[i].spool;
		h.config.limits.store_ms = rows[i].spool == HOUSE_SPOOL_SILENT ? 50 : 5000;
		snprintf(lines, sizeof(lines), "%sC text\nC .\nS %s\n%s", EHLO MAIL RCPT DATA, rows[i].reply,
			 QUIT);
		play(&h, lines);
		assert_int_equal(h.letters, rows[i].letters);
		assert_int_equal(h.appends, rows[i].appends);
		house_free(&h);
	}
	house_init(&h);
	h.spool = HOUSE_SPOOL_NO_IDS;
	play(&h, EHLO MAIL RCPT "C DATA\nS 451 4.3.0 Error: mail system unavailable, try again later\n" QUIT);
	house_free(&h);
}

static void co_alone(struct house *h, void *arg)
{
	house_detach(h);
	co_play(h, arg);
}

static void nobody_is_greeted_without_neighbours(void **state)
{
	struct script script = {.lines = "S 421 4.3.2 mx.ours.test Service not available*\nE\n"};
	struct house h;

	house_init(&h);
	house_run(&h, co_alone, &script);
	assert_string_equal(script.failure, "");
	house_free(&h);
}

static void keeper_lets_clients_in(void **state)
{
	struct house h;

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
	struct house h;

	house_init(&h);
	house_run(&h, co_end_while_waiting, &script);
	assert_string_equal(script.failure, "");
	house_free(&h);
}

/* --- limits -------------------------------------------------------------------------------------------------------- */

static void many_errors_end_a_session(void **state)
{
	struct house h;
	char lines[4000];
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
	struct house h;
	char lines[8000];
	size_t n = (size_t)snprintf(lines, sizeof(lines), "S 220*\n");

	for (int i = 0; i < 120; i++)
		n += (size_t)snprintf(lines + n, sizeof(lines) - n, "C NOOP\nS 250 2.0.0 Ok\n");
	snprintf(lines + n, sizeof(lines) - n, "S 421 4.7.0*\nE\n");
	house_init(&h);
	play(&h, lines);
	house_free(&h);
}

static void recipients_have_a_limit(void **state)
{
	struct house h;

	house_init(&h);
	h.config.limits.recipients = 2;
	play(&h, EHLO MAIL RCPT
	     "C RCPT TO:<bob@ours.test>\nS 250*\nC RCPT TO:<postmaster>\nS 452 4.5.3 Error: too many "
	     "recipients\n" DATA "C .\nS 250*\n" QUIT);
	assert_int_equal(h.letter[0].envelope.recipient_count, 2);
	house_free(&h);
}

/* A large envelope leaves no room for the letter beside it in one message. */
static void co_many_recipients(struct house *h, void *arg)
{
	struct script *script = arg;
	struct stream client;
	char line[100];

	stream_open(&client, house_connect(h, "192.0.2.7"));
	co_play_on(&client, script, EHLO MAIL);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line), "C RCPT TO:<many-%u@ours.test>\nS 250*\n", i);
		co_play_on(&client, script, line);
	}
	co_play_on(&client, script, "C RCPT TO:<many-1000@ours.test>\nS 452 4.5.3*\n" DATA);
	co_play_on(&client, script, "C .\nS 250 2.0.0*\n" MAIL);
	/* Long names fill the envelope sooner. */
	for (unsigned i = 0; i < 1000 && !script->failure[0]; i++) {
		bool full = i > 400;

		stream_printf(&client, "RCPT TO:<many-%0100u@ours.test>\r\n", i);
		struct str reply;

		if (co_stream_line(&client, 1000, deadline_in(WAIT_MS), &reply) != 0)
			break;
		if (full && str_starts(reply, STR("452 4.5.3")))
			break;
		if (!str_starts(reply, STR("250")) || i == 999)
			snprintf(script->failure, sizeof(script->failure), "%u: %.*s", i, STR_ARG(reply));
	}
	co_play_on(&client, script, DATA);
	co_send_lines(&client, 320, ".\r\n");
	co_play_on(&client, script, "S 250 2.0.0*\n" QUIT);
	stream_close(&client);
	co_house_quiet(h);
}

static void envelopes_may_be_large(void **state)
{
	struct script script = {0};
	struct house h;

	house_init(&h);
	house_run(&h, co_many_recipients, &script);
	assert_string_equal(script.failure, "");
	assert_int_equal(h.letter[0].envelope.recipient_count, 1000);
	assert_false(h.letter[0].sealed_file);
	assert_true(h.letter[1].sealed_file);
	assert_in_range(h.letter[1].bytes.n, 32000, LETTER_INLINE_MAX);
	house_free(&h);
}

static void who_is_silent_is_cut_off(void **state)
{
	static const char *const rows[] = {
		"S 220*\nS 421 4.4.2 mx.ours.test Error: timeout exceeded\nE\n",
		"S 220*\nR NOO\nS 421 4.4.2*\nE\n",
		EHLO MAIL RCPT DATA "C text\nS 421 4.4.2 mx.ours.test Error: timeout exceeded\nE\n",
		EHLO MAIL RCPT "R BDAT 10\\r\\nabc\nS 421 4.4.2*\nE\n",
	};
	struct house h;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		house_init(&h);
		h.config.limits.idle_ms = 50;
		play(&h, rows[i]);
		assert_true(house_logged(&h, "timeout after "));
		assert_int_equal(h.letters, 0);
		house_free(&h);
	}
}

/* One byte now and then keeps no session open for ever. */
static void co_drip(struct house *h, void *arg)
{
	struct script *script = arg;
	struct stream client;
	int64_t began = clock_ms();

	stream_open(&client, house_connect(h, "192.0.2.7"));
	co_play_on(&client, script, EHLO MAIL RCPT DATA);
	while (h->service.fibers.count > 0 && clock_ms() - began < WAIT_MS) {
		co_send(&client, STR("x"), false);
		co_sleep_until(deadline_in(10));
	}
	if (clock_ms() - began >= WAIT_MS || !house_logged(h, "timeout after DATA"))
		snprintf(script->failure, sizeof(script->failure), "the session goes on");
	stream_close(&client);
	co_house_quiet(h);
}

static void slow_letters_are_cut_off(void **state)
{
	struct script script = {0};
	struct house h;

	house_init(&h);
	h.config.limits.idle_ms = 200;
	h.config.limits.bytes_per_s = 10000;
	house_run(&h, co_drip, &script);
	assert_string_equal(script.failure, "");
	house_free(&h);
}

static void a_lost_client_costs_nothing(void **state)
{
	static const char *const rows[] = {
		"S 220*\n",
		"S 220*\nR EHL\n",
		EHLO MAIL RCPT,
		EHLO MAIL RCPT DATA "C text\n",
		EHLO MAIL RCPT "R BDAT 100 LAST\\r\\nabc\n",
	};
	struct house h;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		house_init(&h);
		play(&h, rows[i]);
		assert_int_equal(h.letters, 0);
		assert_int_equal(h.came, h.left);
		assert_true(house_logged(&h, "lost connection after "));
		house_free(&h);
	}
}

/* --- pipelining ---------------------------------------------------------------------------------------------------- */

static void commands_may_come_together(void **state)
{
	struct house h;

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
	struct house h;

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

struct tls_script {
	struct script script;
	const char *before, *behind;
	SSL_CTX *ctx;
};

static void co_tls(struct house *h, void *arg)
{
	struct tls_script *t = arg;
	struct stream client;
	struct err e;

	stream_open(&client, house_connect(h, "192.0.2.7"));
	co_play_on(&client, &t->script, t->before);
	if (!t->script.failure[0] &&
	    co_stream_tls_connect(&client, t->ctx, NULL, deadline_in(WAIT_MS), &e) != 0)
		snprintf(t->script.failure, sizeof(t->script.failure), "%s", e.text);
	co_play_on(&client, &t->script, t->behind);
	stream_tls_end(&client);
	stream_close(&client);
	co_house_quiet(h);
}

#define EHLO_TLS                                                                            \
	"S 220*\nC EHLO a.test\nS 250-mx.ours.test\nS 250-PIPELINING\nS 250-SIZE 1000000\n" \
	"S 250-STARTTLS\nS 250-ENHANCEDSTATUSCODES\nS 250-8BITMIME\nS 250-SMTPUTF8\nS 250 CHUNKING\n"
#define EHLO_INSIDE                                                                      \
	"C EHLO inside.test\nS 250-mx.ours.test\nS 250-PIPELINING\nS 250-SIZE 1000000\n" \
	"S 250-ENHANCEDSTATUSCODES\nS 250-8BITMIME\nS 250-SMTPUTF8\nS 250 CHUNKING\n"

static void with_tls(const char *before, const char *behind, struct house *h)
{
	struct buf certificate, key;
	struct tls_script t = {.before = before, .behind = behind, .ctx = SSL_CTX_new(TLS_client_method())};
	struct err e;

	test_identity_make("mx.ours.test", &certificate, &key);
	house_init(h);
	assert_int_equal(tls_server_new(buf_str(&certificate), buf_str(&key), STR(""), &h->config.tls, &e),
			 0);
	house_run(h, co_tls, &t);
	if (t.script.failure[0])
		fail_msg("%s", t.script.failure);
	tls_server_destroy(&h->config.tls);
	SSL_CTX_free(t.ctx);
	buf_free(&certificate);
	buf_free(&key);
}

static void nothing_survives_starttls(void **state)
{
	struct house h;

	/* What is injected behind STARTTLS is never done, and MAIL before it is forgotten. */
	with_tls(EHLO_TLS MAIL "R STARTTLS\\r\\nRCPT TO:<alice@ours.test>\\r\\nNOOP\\r\\nEHL\nS 220 2.0.0 "
			       "Ready to start TLS\n",
		 "C RCPT TO:<alice@ours.test>\nS 503 5.5.1 Error: send HELO/EHLO first\n" EHLO_INSIDE
		 "C RCPT TO:<alice@ours.test>\nS 503 5.5.1 Error: need MAIL command\nC STARTTLS\nS 554 5.5.1 "
		 "Error: TLS "
		 "already active\n" MAIL RCPT DATA "C .\nS 250 2.0.0*\n" QUIT,
		 &h);
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
	struct buf certificate, key;
	struct script script = {0};
	struct house h;
	struct err e;

	test_identity_make("mx.ours.test", &certificate, &key);
	house_init(&h);
	assert_int_equal(tls_server_new(buf_str(&certificate), buf_str(&key), STR(""), &h.config.tls, &e), 0);
	house_run(&h, co_no_handshake, &script);
	assert_string_equal(script.failure, "");
	assert_true(house_logged(&h, "SSL_accept error from unknown[192.0.2.7]: "));
	tls_server_destroy(&h.config.tls);
	buf_free(&certificate);
	buf_free(&key);
	house_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_have_their_replies),
		cmocka_unit_test(bytes_may_come_one_by_one),
		cmocka_unit_test(strangers_cannot_relay),
		cmocka_unit_test(own_networks_may_relay_but_not_route),
		cmocka_unit_test(a_letter_reaches_spool_as_it_was_sent),
		cmocka_unit_test(the_null_sender_and_utf8_stay_as_they_are),
		cmocka_unit_test(large_letters_travel_in_sealed_files),
		cmocka_unit_test(letters_above_the_limit_are_read_and_refused),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(only_one_end_ends_a_letter),
		cmocka_unit_test(normalised_line_ends_end_no_letter_either),
		cmocka_unit_test(loops_end),
		cmocka_unit_test(spool_decides_about_the_250),
		cmocka_unit_test(nobody_is_greeted_without_neighbours),
		cmocka_unit_test(keeper_lets_clients_in),
		cmocka_unit_test(an_orderly_end_says_so),
		cmocka_unit_test(many_errors_end_a_session),
		cmocka_unit_test(many_idle_commands_are_errors),
		cmocka_unit_test(recipients_have_a_limit),
		cmocka_unit_test(envelopes_may_be_large),
		cmocka_unit_test(who_is_silent_is_cut_off),
		cmocka_unit_test(slow_letters_are_cut_off),
		cmocka_unit_test(a_lost_client_costs_nothing),
		cmocka_unit_test(commands_may_come_together),
		cmocka_unit_test(refusals_are_logged),
		cmocka_unit_test(nothing_survives_starttls),
		cmocka_unit_test(a_failed_handshake_ends_the_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
