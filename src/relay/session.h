/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: a connection to another server, from its first byte to where it takes letters.
 *
 *   connect -> greeting -> EHLO (or HELO) -> STARTTLS -> EHLO -> AUTH -> ready
 *                             ^                 | failed, and clear text will do
 *                             +-- connect anew -+
 *
 * What goes wrong before MAIL is never the letter's fault, so it is deferred, whatever the
 * peer said.  TLS is used where it is offered.  Where it is needed (relay_tls = encrypt, or a
 * password is set) nothing but EHLO goes out without it.
 *
 * The peer is not trusted: a reply has at most SESSION_LINE_MAX bytes a line and
 * SMTP_REPLY_LINES_MAX lines, and the deadline of its stage is that of the whole reply, so
 * one who sends a byte a minute gains nothing.
 */
#ifndef RELAY_SESSION_H
#define RELAY_SESSION_H

#include "net/stream.h"
#include "relay/route.h"

#define SESSION_LINE_MAX 4096

struct session {
	const struct relay_config *config;
	SSL_CTX *tls;
	uint64_t letter; /* for log lines */
	struct hop hop;
	int64_t deadline; /* of everything */
	struct stream stream;
	bool open;
	struct smtp_reply reply; /* the last one */
	struct smtp_ehlo ehlo;
	struct verdict why; /* after a failure */
};

/* config, tls and the hop must outlive the session. */
void relay_session_init(struct session *s, const struct relay_config *config, SSL_CTX *tls, uint64_t letter);
/* Until MAIL may be sent: 0; another negative code and s->why; ERR_CANCELLED. */
int co_relay_session_open(struct session *s, const struct hop *hop, int64_t deadline);
/* The part of it behind the connection, for a stream that is there. */
int co_relay_session_hello(struct session *s, bool use_tls);
/* Sends QUIT and waits a moment for the reply, where that makes sense; then closes. */
void co_relay_session_quit(struct session *s);
/* Closes, without a word; frees. */
void relay_session_end(struct session *s);

/* Flushes and reads one reply into s->reply.  `doing` stands in sentences, "sending MAIL FROM".
 * ERR_CLOSED, ERR_TIMEOUT, ERR_INVALID and s->why; ERR_CANCELLED.  After a failure, and after
 * 421, the session is closed. */
int co_relay_session_reply(struct session *s, int64_t longest_ms, const char *doing);
/* What failed between two replies, as words in s->why; closes. */
int relay_session_lost(struct session *s, int code, const char *doing);
/* The earlier of that time from now and the deadline of everything. */
int64_t relay_session_deadline(const struct session *s, int64_t longest_ms);

#endif
