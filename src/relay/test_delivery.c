/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries to scripted servers on the loopback: what is said, and what becomes of each recipient. */
#include "base/unit.h"
#include "relay/test_play.h"
#include "store/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- a letter that goes ---------------------------------------------------------------------------- */

static void a_letter_goes(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {PLAIN MAIL OK RCPT OK DATA QUEUED QUIT}}}};
	struct play p = {.want = SENT};

	play_run(&w, &p);
	assert_str(buf_str(&w.data), LETTER ".\r\n");
	assert_int_equal(w.lookups, 3);
	play_done(&w, &p);
}

static void greeting_and_replies_may_have_many_lines(void **state)
{
	play_one("S 220-mx1.b.test\nS 220-welcome\nS 220 ESMTP\nC EHLO mx.ours.test\nS 250 x\n" MAIL
		 "S 250-2.1.0 first\nS 250 2.1.0 second\n" RCPT "S 251 2.1.5 will forward\n"
		 "C DATA\nS 354 go\nD\nS 250-2.6.0 one\nS 250 2.6.0 two\n" QUIT,
		 "sent 2.6.0 " MTA " 250 2.6.0 one two");
}

static void helo_where_ehlo_is_unknown(void **state)
{
	play_one(HELLO "S 502 what?\nC HELO mx.ours.test\nS 250 x\n" MAIL OK RCPT OK DATA QUEUED QUIT, SENT);
}

static void dots_are_stuffed_and_line_ends_made_whole(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {PLAIN MAIL OK RCPT OK DATA QUEUED QUIT}}}};
	struct play p = {.letter = "a: b\r\n\r\n.\r\n..x\r\nlf\n.\ncr\r.\r\nlast", .want = SENT};

	play_run(&w, &p);
	assert_str(buf_str(&w.data), "a: b\r\n\r\n..\r\n...x\r\nlf\r\n..\r\ncr\r\n..\r\nlast\r\n.\r\n");
	play_done(&w, &p);
}

static void long_letters_go_in_steps(void **state)
{
	size_t n = (size_t)3 << 20;
	char *letter = malloc(n);
	struct world w = {
		.peers = {{"127.0.0.1", {PIPE MAIL RCPT "C DATA\n" OK OK "S 354 go\nD\n" QUEUED QUIT}}}};
	struct play p = {.letter = letter, .letter_n = n, .want = SENT};

	for (size_t i = 0; i < n; i++)
		letter[i] = i % 64 == 62                  ? '\r'
			    : i % 64 == 63                ? '\n'
			    : i % 64 == 0 && i % 192 == 0 ? '.'
							  : 'x';
	play_run(&w, &p);
	/* A dot more for each third line, and the end. */
	assert_int_equal(w.data.n, n + n / 192 + 3);
	play_done(&w, &p);
	free(letter);
}

static void every_parameter_that_is_offered(void **state)
{
	struct world w = {
		.peers = {
			{"127.0.0.1",
			 {HELLO
			  "S 250-x\nS 250-SIZE 1000\nS 250-8BITMIME\nS 250-SMTPUTF8\nS 250 DSN\n"
			  "C MAIL FROM:<s@ours.test> SIZE=21 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb\n" OK
			  "C RCPT TO:<a@b.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+3Dy@b.test\n" OK DATA
				  QUEUED QUIT}}}};
	struct play p = {.envid = "a+b",
			 .orcpt = "rfc822;x=y@b.test",
			 .notify = NOTIFY_SUCCESS | NOTIFY_DELAY,
			 .body = BODY_8BITMIME,
			 .smtputf8 = 1,
			 .ret = RET_HDRS,
			 .want = SENT};

	play(&w, &p);
}

static void no_parameter_that_is_not_offered(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {PLAIN MAIL OK RCPT OK DATA QUEUED QUIT}}}};
	struct play p = {.envid = "a",
			 .orcpt = "rfc822;x@b.test",
			 .notify = NOTIFY_NEVER,
			 .body = BODY_8BITMIME,
			 .smtputf8 = 1,
			 .ret = RET_FULL,
			 .letter = "a: b\r\n\r\n\xC3\xA4\r\n",
			 .want = SENT};

	play_run(&w, &p);
	assert_str(buf_str(&w.data), "a: b\r\n\r\n\xC3\xA4\r\n.\r\n");
	play_done(&w, &p);
}

static void the_null_sender(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {PLAIN "C MAIL FROM:<>\n" OK RCPT OK DATA QUEUED QUIT}}}};
	struct play p = {.sender = "", .want = SENT};

	play(&w, &p);
}

/* --- recipients -------------------------------------------------------------------------------------- */

#define THREE "a@b.test b@b.test c@b.test"
#define RCPT_B "C RCPT TO:<b@b.test>\n"
#define RCPT_C "C RCPT TO:<c@b.test>\n"
#define NO_B "S 550 5.1.1 <b@b.test>: User unknown\n"
#define LATER_C "S 450 4.2.0 <c@b.test>: Greylisted\n"
#define BOUNCED_B                          \
	"bounced 5.1.1 " MTA " host " HOST \
	" said: 550 5.1.1 <b@b.test>: User unknown (in reply to RCPT TO command)"
#define DEFERRED_C                          \
	"deferred 4.2.0 " MTA " host " HOST \
	" said: 450 4.2.0 <c@b.test>: Greylisted (in reply to RCPT TO command)"

static void each_recipient_has_his_own_outcome(void **state)
{
	static const char *const scripts[] = {
		PLAIN MAIL OK RCPT OK RCPT_B NO_B RCPT_C LATER_C DATA QUEUED QUIT,
		PIPE MAIL RCPT RCPT_B RCPT_C "C DATA\n" OK OK NO_B LATER_C "S 354 go\nD\n" QUEUED QUIT,
	};

	for (int i = 0; i < 2; i++) {
		struct world w = {.peers = {{"127.0.0.1", {scripts[i]}}}};
		struct play p = {.to = THREE, .want = SENT "\n" BOUNCED_B "\n" DEFERRED_C};

		play(&w, &p);
	}
}

static void no_data_when_all_are_refused(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {PLAIN MAIL OK RCPT_B NO_B QUIT}}}};
	struct play p = {.to = "b@b.test", .want = BOUNCED_B};

	play(&w, &p);
}

static void a_lone_dot_when_all_were_refused_behind_our_back(void **state)
{
	struct world w = {.peers = {{"127.0.0.1",
				     {PIPE MAIL RCPT_B "C DATA\n" OK NO_B
						       "S 354 go\nD\nS 554 5.5.1 no recipients\n" QUIT}}}};
	struct play p = {.to = "b@b.test", .want = BOUNCED_B};

	play_run(&w, &p);
	assert_str(buf_str(&w.data), ".\r\n");
	play_done(&w, &p);
}

static void pipelined_refusals(void **state)
{
	struct world w = {
		.peers = {{"127.0.0.1",
			   {PIPE MAIL RCPT RCPT_B "C DATA\nS 550 5.7.1 not you\nS 503 5.5.1 no MAIL\n"
						  "S 250 ok\nS 354 go\nD\nS 250 2.0.0 nothing\n" QUIT}}}};
	struct play p = {.to = "a@b.test b@b.test",
			 .want = "bounced 5.7.1 " MTA " host " HOST
				 " said: 550 5.7.1 not you (in reply to MAIL FROM command)\n"
				 "bounced 5.7.1 " MTA " host " HOST
				 " said: 550 5.7.1 not you (in reply to MAIL FROM command)"};

	play(&w, &p);
}

static void one_too_many_comes_later(void **state)
{
	struct world w = {
		.peers = {{"127.0.0.1",
			   {PLAIN MAIL OK RCPT OK RCPT_B "S 552 too many\n" RCPT_C
							 "S 552 5.2.2 mailbox full\n" DATA QUEUED QUIT}}}};
	struct play p = {.to = THREE,
			 .want = SENT "\ndeferred 4.0.0 " MTA " host " HOST " said: 552 too many*\n"
				      "bounced 5.2.2 " MTA " host " HOST " said: 552 5.2.2 mailbox full*"};

	play(&w, &p);
}

static void hundred_recipients_by_pipelining(void **state)
{
	struct buf to, script, want;
	struct world w = {.peers = {{"127.0.0.1", {NULL}}}};
	struct play p = {0};

	buf_init(&to, 60000);
	buf_init(&script, 60000);
	buf_init(&want, 60000);
	buf_add_z(&script, PIPE MAIL);
	for (int i = 0; i < 60; i++) {
		buf_printf(&to, "%sr%d@b.test", i ? " " : "", i);
		buf_printf(&script, "C RCPT TO:<r%d@b.test>\n", i);
		buf_add_z(&want, i ? "\n" SENT : SENT);
	}
	buf_add_z(&script, "C DATA\n" OK);
	for (int i = 0; i < 60; i++)
		buf_add_z(&script, OK);
	buf_add_z(&script, "S 354 go\nD\n" QUEUED QUIT);
	buf_add_c(&to, 0);
	buf_add_c(&script, 0);
	buf_add_c(&want, 0);
	w.peers[0].scripts[0] = script.p;
	p.to = to.p;
	p.want = want.p;
	play(&w, &p);
	buf_free(&to);
	buf_free(&script);
	buf_free(&want);
}

/* --- refused ------------------------------------------------------------------------------------------- */

static void refusals_at_each_stage(void **state)
{
	static const struct {
		const char *script, *want;
	} cases[] = {
		{"S 554 go away\nC QUIT\n",
		 "deferred 4.0.0 " MTA " host " HOST " refused to talk to me: 554 go away"},
		{"S 421 4.3.2 busy\nE\n",
		 "deferred 4.3.2 " MTA " host " HOST " refused to talk to me: 421 4.3.2 busy"},
		{HELLO "S 450 later\nW\n",
		 "deferred 4.0.0 " MTA " host " HOST " refused to talk to me: 450 later"},
		{HELLO "S 550 no\nC HELO mx.ours.test\nS 550 5.7.1 no\nW\n",
		 "deferred 4.7.1 " MTA " host " HOST " refused to talk to me: 550 5.7.1 no"},
		{PLAIN MAIL "S 451 4.3.0 later\n" QUIT,
		 "deferred 4.3.0 " MTA " host " HOST
		 " said: 451 4.3.0 later (in reply to MAIL FROM command)"},
		{PLAIN MAIL "S 354 what\n" QUIT,
		 "deferred 4.0.0 " MTA " host " HOST " said: 354 what (in reply to MAIL FROM command)"},
		{PLAIN MAIL OK RCPT OK "C DATA\nS 451 later\n" QUIT,
		 "deferred 4.0.0 " MTA " host " HOST " said: 451 later (in reply to DATA command)"},
		{PLAIN MAIL OK RCPT OK "C DATA\nS 554 5.7.1 no\n" QUIT,
		 "bounced 5.7.1 " MTA " host " HOST " said: 554 5.7.1 no (in reply to DATA command)"},
		{PLAIN MAIL OK RCPT OK "C DATA\nS 250 ok\n" QUIT,
		 "deferred 4.0.0 " MTA " host " HOST " said: 250 ok (in reply to DATA command)"},
		{PLAIN MAIL OK RCPT OK DATA "S 451 4.3.0 full\n" QUIT,
		 "deferred 4.3.0 " MTA " host " HOST
		 " said: 451 4.3.0 full (in reply to end of DATA command)"},
		{PLAIN MAIL OK RCPT OK DATA "S 554 5.6.0 spam\n" QUIT,
		 "bounced 5.6.0 " MTA " host " HOST
		 " said: 554 5.6.0 spam (in reply to end of DATA command)"},
		/* An enhanced code of another class is none. */
		{PLAIN MAIL OK RCPT "S 550 2.1.5 odd\n" QUIT,
		 "bounced 5.0.0 " MTA " host " HOST " said: 550 2.1.5 odd*"},
		{PLAIN MAIL OK RCPT "S 421 4.7.0 enough\nE\n",
		 "deferred 4.7.0 " MTA " host " HOST " said: 421 4.7.0 enough"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (i != 0)
			play_one(cases[i].script, cases[i].want);
	play_one("S 554 go away\nW\n", cases[0].want);
}

static void what_a_peer_says_is_escaped_and_cut(void **state)
{
	struct world w = {.peers = {{"127.0.0.1",
				     {PLAIN MAIL OK RCPT "R 550 5.1.1 a\\0b\x1B[2J\xFF\\\\\\r\\n\n" QUIT}}}};
	struct play p = {.want = "bounced 5.1.1 " MTA " host " HOST
				 " said: 550 5.1.1 a\\x00b\\x1B[2J\\xFF\\x5C (in reply to RCPT TO command)"};
	static char script[3000] = PLAIN MAIL OK RCPT "S 550 5.1.1 ";

	play(&w, &p);
	size_t n = strlen(script);

	memset(script + n, 'y', 2000);
	memcpy(script + n + 2000, "\n" QUIT, sizeof("\n" QUIT));
	w = (struct world){.peers = {{"127.0.0.1", {script}}}};
	p = (struct play){.want = "bounced 5.1.1 " MTA " host " HOST " said: 550 5.1.1 yyyy*"};
	play_run(&w, &p);
	assert_true(str_ends(buf_str(&p.got), STR("... (in reply to RCPT TO command)")));
	play_done(&w, &p);
}

static void too_large_for_the_server(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {HELLO "S 250-x\nS 250 SIZE 20\n" QUIT}}}};
	struct play p = {.want = "bounced 5.3.4 " MTA
				 " message size 21 exceeds size limit 20 of server " HOST};

	play(&w, &p);
	/* 0 is no limit (RFC 1870 4). */
	play_one(HELLO
		 "S 250-x\nS 250 SIZE 0\nC MAIL FROM:<s@ours.test> SIZE=21\n" OK RCPT OK DATA QUEUED QUIT,
		 SENT);
}

#define NEEDS_UTF8 "bounced 5.6.7 " MTA " SMTPUTF8 is required, but was not offered by host " HOST

static void utf8_goes_only_where_it_is_taken(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {PLAIN MAIL OK RCPT OK DATA QUEUED QUIT}}}};
	struct play p = {.smtputf8 = 1, .to = "a@b.test \xC3\xA4@b.test", .want = SENT "\n" NEEDS_UTF8};

	play(&w, &p);
	w = (struct world){.peers = {{"127.0.0.1", {PLAIN QUIT}}}};
	p = (struct play){.smtputf8 = 1, .sender = "\xC3\xA4@ours.test", .want = NEEDS_UTF8};
	play(&w, &p);
	w = (struct world){.peers = {{"127.0.0.1", {PLAIN QUIT}}}};
	p = (struct play){.smtputf8 = 1, .letter = "Subject: \xC3\xA4\r\n\r\nx\r\n", .want = NEEDS_UTF8};
	play(&w, &p);
}

/* --- hosts ------------------------------------------------------------------------------------------------ */

#define TWO(first, second)                                                   \
	{                                                                    \
		.peers = { {"127.0.0.1", {first}}, {"127.0.0.2", {second}} } \
	}
#define SENT_2 "sent 2.0.0 mx2.b.test[127.0.0.2]:PORT 250 2.0.0 Ok: queued as 4F"

static void the_next_host_when_the_first_fails(void **state)
{
	static const char *const firsts[] = {
		"S 554 no\nW\n",
		"S 421 no\n",
		HELLO,
		HELLO "S 421 bye\n",
		PLAIN MAIL "S 450 x\n",
		PLAIN MAIL OK RCPT "S 450 4.2.0 x\n",
		PLAIN MAIL OK RCPT "S 421 x\n",
		PLAIN MAIL OK RCPT OK "C DATA\nS 451 x\n",
		PLAIN MAIL OK RCPT OK "C DATA\n",
	};

	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		struct world w = TWO(firsts[i], PLAIN MAIL OK RCPT OK DATA QUEUED QUIT);
		struct play p = {.domain = "two.test", .want = SENT_2};

		play(&w, &p);
	}
}

static void a_final_answer_of_the_first_host_is_final(void **state)
{
	struct world w = TWO(PLAIN MAIL OK RCPT_B NO_B QUIT, NULL);
	struct play p = {.domain = "two.test", .to = "b@b.test", .want = BOUNCED_B};

	play(&w, &p);
}

static void only_the_open_ones_go_to_the_second_host(void **state)
{
	struct world w = TWO(PLAIN MAIL OK RCPT OK RCPT_B NO_B RCPT_C LATER_C DATA QUEUED QUIT,
			     PLAIN MAIL OK RCPT_C OK DATA QUEUED QUIT);
	struct play p = {.domain = "two.test", .to = THREE, .want = SENT "\n" BOUNCED_B "\n" SENT_2};

	play(&w, &p);
}

/* That the second one is dead does not hide what the first one said. */
static void the_better_reason_is_told(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {PLAIN MAIL OK RCPT_C LATER_C QUIT}}}};
	struct play p = {.domain = "two.test", .to = "c@b.test", .want = DEFERRED_C};

	play(&w, &p);
}

static void nobody_listens(void **state)
{
	struct world w = {.records = NULL};
	struct play p = {.want = "deferred 4.4.1 " MTA " connect to " MTA ": Connection refused"};

	play(&w, &p);
}

static void a_lost_connection_at_each_stage(void **state)
{
	static const struct {
		const char *script, *want;
	} cases[] = {
		{"R 22\n", "receiving the initial server greeting"},
		{HELLO, "performing the EHLO handshake"},
		{HELLO "S 250-x\n", "performing the EHLO handshake"},
		{PLAIN MAIL, "sending MAIL FROM"},
		{PLAIN MAIL OK RCPT, "sending RCPT TO"},
		{PLAIN MAIL OK RCPT OK "C DATA\n", "sending DATA command"},
		{PLAIN MAIL OK RCPT OK DATA, "sending end of data -- message may be sent more than once"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[300];

		snprintf(want, sizeof(want), "deferred 4.4.2 " MTA " lost connection with " HOST " while %s",
			 cases[i].want);
		play_one(cases[i].script, want);
	}
}

/* The letter may be there: no other host gets it now. */
static void after_the_end_of_the_letter_no_host_is_tried(void **state)
{
	struct world w = TWO(PLAIN MAIL OK RCPT OK DATA, NULL);
	struct play p = {.domain = "two.test", .want = "deferred 4.4.2 " MTA " lost connection*"};

	play(&w, &p);
	w = (struct world)TWO(PLAIN MAIL OK RCPT OK DATA "S 451 4.3.0 x\n" QUIT, NULL);
	p = (struct play){.domain = "two.test", .want = "deferred 4.3.0 " MTA " host*"};
	play(&w, &p);
}

static void silence_at_each_stage(void **state)
{
	static const struct {
		const char *script, *want;
	} cases[] = {
		{"W\n", "receiving the initial server greeting"},
		{"S 220-x\nR 2\nW\n", "receiving the initial server greeting"},
		{HELLO "W\n", "performing the EHLO handshake"},
		{PLAIN MAIL "W\n", "sending MAIL FROM"},
		{PLAIN MAIL OK RCPT "W\n", "sending RCPT TO"},
		{PLAIN MAIL OK RCPT OK "C DATA\nW\n", "sending DATA command"},
		{PLAIN MAIL OK RCPT OK DATA "W\n",
		 "sending end of data -- message may be sent more than once"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w = {.peers = {{"127.0.0.1", {cases[i].script}}}};
		char want[300];
		struct play p = {.wait_ms = 300, .want = want};

		snprintf(want, sizeof(want),
			 "deferred 4.4.2 " MTA " conversation with " HOST " timed out while %s",
			 cases[i].want);
		play(&w, &p);
	}
}

static void one_who_does_not_say_goodbye_changes_nothing(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {PLAIN MAIL OK RCPT OK DATA QUEUED "C QUIT\nW\n"}}}};
	struct play p = {.wait_ms = 300, .want = SENT};

	play(&w, &p);
}

/* --- hostile servers ------------------------------------------------------------------------------------- */

static void replies_that_are_none(void **state)
{
	static const struct {
		const char *script, *want;
	} cases[] = {
		{"H 1000000\nW\n", HOST " answered with a reply that is too long while receiving*"},
		{"R hello\\r\\n\nW\n", HOST " answered with what is no reply while receiving*"},
		{"R \\0\\0\\0\\r\\n\nW\n", HOST " answered with what is no reply while receiving the initial "
						"server greeting: \\x00\\x00\\x00"},
		{"S 220-x\nS 250 y\nW\n", HOST " answered with what is no reply while*"},
		{"S 999 x\nW\n", HOST " answered with what is no reply while*"},
		{"S 120 x\nW\n", HOST " answered with what is no reply while*"},
		{"R \\r\\n\nW\n", HOST " answered with what is no reply while*"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[300];

		snprintf(want, sizeof(want), "deferred 4.5.0 " MTA " %s", cases[i].want);
		play_one(cases[i].script, want);
	}
}

static void a_reply_without_end(void **state)
{
	struct buf script;

	buf_init(&script, 60000);
	for (int i = 0; i < 300; i++)
		buf_add_z(&script, "S 220-and\n");
	buf_add_z(&script, "W\n");
	buf_add_c(&script, 0);
	play_one(script.p, "deferred 4.5.0 " MTA " " HOST " answered with a reply that is too long*");
	buf_free(&script);
}

/* Replies that nobody asked for are read as the next ones and give no false "sent": only a 354
 * makes us send the letter, and only the reply behind it counts. */
static void replies_in_advance(void **state)
{
	play_one("S 220 x\nS 250 x\nS 250 m\nS 250 r\nS 451 d\nC EHLO mx.ours.test\n" MAIL RCPT
		 "C DATA\nC QUIT\nS 221 x\nE\n",
		 "deferred 4.0.0 " MTA " host " HOST " said: 451 d (in reply to DATA command)");
	struct world w = {.peers = {{"127.0.0.1",
				     {"S 220 x\nS 250 x\nS 250 m\nS 250 r\nS 354 d\nS 250 e\nS 221 q\n"
				      "C EHLO mx.ours.test\n" MAIL RCPT "C DATA\nD\nC QUIT\nE\n"}}}};
	struct play p = {.want = "sent 2.0.0 " MTA " 250 e"};

	play_run(&w, &p);
	/* He said it before he had it, but he has it. */
	assert_str(buf_str(&w.data), LETTER ".\r\n");
	play_done(&w, &p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_letter_goes),
		cmocka_unit_test(greeting_and_replies_may_have_many_lines),
		cmocka_unit_test(helo_where_ehlo_is_unknown),
		cmocka_unit_test(dots_are_stuffed_and_line_ends_made_whole),
		cmocka_unit_test(long_letters_go_in_steps),
		cmocka_unit_test(every_parameter_that_is_offered),
		cmocka_unit_test(no_parameter_that_is_not_offered),
		cmocka_unit_test(the_null_sender),
		cmocka_unit_test(each_recipient_has_his_own_outcome),
		cmocka_unit_test(no_data_when_all_are_refused),
		cmocka_unit_test(a_lone_dot_when_all_were_refused_behind_our_back),
		cmocka_unit_test(pipelined_refusals),
		cmocka_unit_test(one_too_many_comes_later),
		cmocka_unit_test(hundred_recipients_by_pipelining),
		cmocka_unit_test(refusals_at_each_stage),
		cmocka_unit_test(what_a_peer_says_is_escaped_and_cut),
		cmocka_unit_test(too_large_for_the_server),
		cmocka_unit_test(utf8_goes_only_where_it_is_taken),
		cmocka_unit_test(the_next_host_when_the_first_fails),
		cmocka_unit_test(a_final_answer_of_the_first_host_is_final),
		cmocka_unit_test(only_the_open_ones_go_to_the_second_host),
		cmocka_unit_test(the_better_reason_is_told),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(a_lost_connection_at_each_stage),
		cmocka_unit_test(after_the_end_of_the_letter_no_host_is_tried),
		cmocka_unit_test(silence_at_each_stage),
		cmocka_unit_test(one_who_does_not_say_goodbye_changes_nothing),
		cmocka_unit_test(replies_that_are_none),
		cmocka_unit_test(a_reply_without_end),
		cmocka_unit_test(replies_in_advance),
	};

	return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
