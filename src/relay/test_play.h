/* SPDX-License-Identifier: Apache-2.0 */
/* test_play: a delivery in a world of scripted servers, and what must become of it. */
#ifndef RELAY_TEST_PLAY_H
#define RELAY_TEST_PLAY_H

#include "relay/test_world.h"

#define LETTER "Subject: x\r\n\r\nhello\r\n"

struct play {
	const char *domain; /* NULL: b.test */
	const char *sender; /* NULL: s@ours.test */
	const char *to; /* recipients, blank between; NULL: a@b.test */
	const char *letter; /* NULL: LETTER */
	size_t letter_n; /* 0: strlen(letter) */
	const char *orcpt, *envid;
	uint8_t notify, body, smtputf8, ret;
	unsigned wait_ms; /* of every stage; 0: ten seconds */
	const char *want; /* outcomes, one a line: "sent 2.0.0 MTA TEXT", "*" for any end */
	struct buf got;
	int code;
};

/* Plays it; what was not as wanted fails the test.  play_done() must follow. */
void play_run(struct world *w, struct play *p);
void play_done(struct world *w, struct play *p);
/* Both. */
void play(struct world *w, struct play *p);
/* The same with one server and one connection. */
void play_one(const char *script, const char *want);

#define HOST "mx1.b.test[127.0.0.1]"
#define MTA HOST ":PORT"
#define HELLO "S 220 mx1.b.test ESMTP\nC EHLO mx.ours.test\n"
#define PLAIN HELLO "S 250 mx1.b.test\n"
#define PIPE HELLO "S 250-mx1.b.test\nS 250 PIPELINING\n"
#define MAIL "C MAIL FROM:<s@ours.test>\n"
#define RCPT "C RCPT TO:<a@b.test>\n"
#define OK "S 250 2.1.0 Ok\n"
#define DATA "C DATA\nS 354 go\nD\n"
#define QUIT "C QUIT\nS 221 2.0.0 Bye\nE\n"
#define QUEUED "S 250 2.0.0 Ok: queued as 4F\n"
#define SENT "sent 2.0.0 " MTA " 250 2.0.0 Ok: queued as 4F"

#endif
