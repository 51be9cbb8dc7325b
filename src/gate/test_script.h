/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_script: dialogues with a session of a test_house, as one writes them down.
 *
 * Lines of a script: "C text" sends text and CRLF; "R text" sends text with the escapes
 * \r \n \0 \\; "S pattern" is the next line of the server, "*" at its end stands for anything;
 * "E" is its end.
 */
#ifndef GATE_TEST_SCRIPT_H
#define GATE_TEST_SCRIPT_H

#include "gate/test_house.h"

#define WAIT_MS 5000

struct script {
	const char *ip; /* NULL: 192.0.2.7 */
	const char *lines;
	bool byte_by_byte;
	char failure[600]; /* empty: as expected */
};

/* Sends bytes as they are. */
void co_send(struct stream *client, struct str bytes, bool byte_by_byte);
/* Plays lines until one fails. */
void co_play_on(struct stream *client, struct script *script, const char *lines);
/* Plays the script as one client, from connection to end; for house_run. */
void co_play(struct house *h, void *arg);
/* The same in a house of its own run; a failure fails the test. */
void play_as(struct house *h, const char *lines, bool byte_by_byte, const char *ip);
void play(struct house *h, const char *lines);
/* The same with `lines` lines of 100 octets, and then `end`, sent between two scripts. */
void play_bulk(struct house *h, unsigned lines, const char *before, const char *end, const char *behind);
void co_send_lines(struct stream *client, unsigned lines, const char *end);

/* The same with TLS between two scripts; an empty first one: from the first byte. */
void play_tls(struct house *h, const char *before, const char *behind);
/* Gives the house a certificate; tls_server_destroy() takes it away. */
void script_make_tls(struct house *h);

#define HELLO "S 220 mx.ours.test ESMTP*\nC HELO a.test\nS 250 mx.ours.test\n"
#define EHLO                                                                               \
	"S 220 mx.ours.test ESMTP*\nC EHLO a.test\nS 250-mx.ours.test\nS 250-PIPELINING\n" \
	"S 250-SIZE 1000000\nS 250-ENHANCEDSTATUSCODES\nS 250-8BITMIME\nS 250-SMTPUTF8\nS 250 CHUNKING\n"
#define MAIL "C MAIL FROM:<s@b.test>\nS 250 2.1.0 Ok\n"
#define RCPT "C RCPT TO:<alice@ours.test>\nS 250 2.1.5 Ok\n"
#define DATA "C DATA\nS 354 End data with <CR><LF>.<CR><LF>\n"
#define QUIT "C QUIT\nS 221 2.0.0 Bye\nE\n"

#endif
