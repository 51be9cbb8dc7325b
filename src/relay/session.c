/* SPDX-License-Identifier: Apache-2.0 */
/* Until MAIL (see session.h). */
#include "relay/session.h"

#include "base/clock.h"
#include "format/log_text.h"
#include "format/sasl.h"
#include "net/log.h"
#include "relay/tls_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define GO_ON 334
#define SERVICE_ENDS 421
/* Private to this file: the handshake failed, clear text will do, connect anew. */
#define TRY_CLEAR 1

void relay_session_init(struct session *s, const struct relay_config *config, SSL_CTX *tls, uint64_t letter)
{
	*s = (struct session){.config = config, .tls = tls, .letter = letter};
	smtp_reply_init(&s->reply);
}

static void close_stream(struct session *s)
{
	if (s->open)
		stream_close(&s->stream);
	s->open = false;
}

void relay_session_end(struct session *s)
{
	close_stream(s);
	smtp_reply_free(&s->reply);
}

int64_t relay_session_deadline(const struct session *s, int64_t longest_ms)
{
	int64_t deadline = deadline_in(longest_ms);

	return deadline < s->deadline ? deadline : s->deadline;
}

/* --- replies -------------------------------------------------------------------------------- */

int relay_session_lost(struct session *s, int code, const char *doing)
{
	if (code == ERR_TIMEOUT)
		verdict_set(&s->why, "4.4.2", "conversation with %s timed out while %s", s->hop.peer, doing);
	else if (code != ERR_CANCELLED)
		verdict_set(&s->why, "4.4.2", "lost connection with %s while %s", s->hop.peer, doing);
	close_stream(s);
	return code;
}

/* What cannot be a reply cannot be followed by one. */
static int no_reply(struct session *s, int code, struct str line, const char *doing)
{
	struct buf shown;

	buf_init(&shown, 128);
	log_text_add(&shown, line, 100);
	verdict_set(&s->why, "4.5.0", "%s answered with %s while %s: %.*s", s->hop.peer,
		    code == ERR_TOO_BIG ? "a reply that is too long" : "what is no reply", doing,
		    STR_ARG(buf_str(&shown)));
	buf_free(&shown);
	close_stream(s);
	return ERR_INVALID;
}

/* A bare LF ends a line as well: we only read. */
static struct str without_end(struct str line)
{
	line.n--;
	line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
	return line;
}

int co_relay_session_reply(struct session *s, int64_t longest_ms, const char *doing)
{
	int64_t deadline = relay_session_deadline(s, longest_ms);
	int state = SMTP_REPLY_MORE;

	if (!s->open)
		return ERR_CLOSED;
	smtp_reply_clear(&s->reply);
	/* A reply that came too early is no reason to keep the command back. */
	int code = co_stream_flush(&s->stream, deadline);

	if (code)
		return relay_session_lost(s, code, doing);
	while (state == SMTP_REPLY_MORE) {
		struct str line;

		code = co_stream_line(&s->stream, SESSION_LINE_MAX, deadline, &line);

		if (code == ERR_TOO_BIG)
			return no_reply(s, code, stream_pending(&s->stream), doing);
		if (code)
			return relay_session_lost(s, code, doing);
		line = without_end(line);
		state = smtp_reply_line(&s->reply, line);
		if (state < 0)
			return no_reply(s, state, line, doing);
	}
	if (s->reply.code == SERVICE_ENDS)
		close_stream(s);
	return ERR_OK;
}

static bool replied(const struct session *s, unsigned class)
{
	return s->reply.code / 100 == class;
}

/* Before MAIL nothing is final. */
static int refused(struct session *s)
{
	verdict_soften(&s->why);
	close_stream(s);
	return ERR_DENIED;
}

static int refused_to_talk(struct session *s)
{
	verdict_no(&s->why, &s->reply, "", "host %s refused to talk to me: ", s->hop.peer);
	return refused(s);
}

/* --- greeting and EHLO ---------------------------------------------------------------------------- */

static int co_greeting(struct session *s)
{
	int code = co_relay_session_reply(s, s->config->limits.greeting_ms,
					  "receiving the initial server greeting");

	if (code)
		return code;
	return replied(s, 2) ? ERR_OK : refused_to_talk(s);
}

static int co_say_hello(struct session *s, const char *verb, const char *doing)
{
	stream_printf(&s->stream, "%s %s\r\n", verb, s->config->hostname);
	return co_relay_session_reply(s, s->config->limits.hello_ms, doing);
}

/* RFC 5321 3.2: one who does not know EHLO is asked again with HELO. */
static int co_hello(struct session *s)
{
	int code = co_say_hello(s, "EHLO", "performing the EHLO handshake");

	s->ehlo = (struct smtp_ehlo){0};
	if (code)
		return code;
	if (replied(s, 2)) {
		smtp_ehlo_parse(smtp_reply_text(&s->reply), &s->ehlo);
		return ERR_OK;
	}
	if (!replied(s, 5))
		return refused_to_talk(s);
	code = co_say_hello(s, "HELO", "performing the HELO handshake");
	if (code)
		return code;
	return replied(s, 2) ? ERR_OK : refused_to_talk(s);
}

/* --- TLS --------------------------------------------------------------------------------------------- */

static void log_tls(struct session *s)
{
	struct buf what;

	buf_init(&what, 200);
	stream_tls_describe(&s->stream, &what);
	log_line(LOG_INFO, "%016llX: %s TLS connection established to %s: %.*s",
		 (unsigned long long)s->letter,
		 tls_client_trusts(s->stream.ssl, s->hop.name) ? "Trusted" : "Untrusted", s->hop.mta,
		 STR_ARG(buf_str(&what)));
	buf_free(&what);
}

static int co_handshake(struct session *s)
{
	struct err e;
	int code = co_stream_tls_connect(&s->stream, s->tls, s->hop.has_name ? s->hop.name : NULL,
					 relay_session_deadline(s, s->config->limits.handshake_ms), &e);

	if (code == 0) {
		log_tls(s);
		return ERR_OK;
	}
	close_stream(s);
	if (code == ERR_CANCELLED)
		return code;
	log_line(LOG_WARNING, "%016llX: no TLS with %s: %s", (unsigned long long)s->letter, s->hop.mta,
		 e.text);
	verdict_set(&s->why, "4.7.5", "Cannot start TLS with host %s: handshake failure", s->hop.peer);
	return s->config->needs_tls || s->hop.tls_first ? code : TRY_CLEAR;
}

static int tls_refused(struct session *s)
{
	verdict_no(&s->why, &s->reply, "",
		   "TLS is required, but host %s refused to start TLS: ", s->hop.peer);
	return refused(s);
}

static int co_starttls(struct session *s)
{
	stream_put(&s->stream, STR("STARTTLS\r\n"));
	int code = co_relay_session_reply(s, s->config->limits.hello_ms, "performing the STARTTLS handshake");

	if (code)
		return code;
	if (!s->open)
		return refused_to_talk(s);
	if (!replied(s, 2))
		return s->config->needs_tls ? tls_refused(s) : ERR_OK;
	/* Behind the reply nothing may come before our handshake: what is there was put in by
	 * somebody on the way, who would have us read it as part of what is protected
	 * (RFC 3207 section 6). */
	if (stream_pending(&s->stream).n > 0)
		log_line(LOG_WARNING, "%016llX: %s sent plain text behind its reply to STARTTLS: ignored",
			 (unsigned long long)s->letter, s->hop.mta);
	stream_discard_input(&s->stream);
	code = co_handshake(s);
	/* What the server said before is forgotten (4.2). */
	return code ? code : co_hello(s);
}

static int co_protect(struct session *s, bool use_tls)
{
	if (s->stream.ssl || !use_tls)
		return ERR_OK;
	if (s->ehlo.starttls)
		return co_starttls(s);
	if (!s->config->needs_tls)
		return ERR_OK;
	verdict_set(&s->why, "4.7.4", "TLS is required, but was not offered by host %s", s->hop.peer);
	return refused(s);
}

/* --- AUTH ---------------------------------------------------------------------------------------------- */

/* Past the stream's buffer, which leaves copies behind. */
static int co_write_secret(struct session *s, struct str bytes, int64_t deadline)
{
	int code = ERR_OK;

	while (bytes.n > 0 && code == ERR_OK) {
		size_t put;
		enum stream_step step = stream_write_now(&s->stream, bytes, &put);

		if (step == STREAM_DONE)
			bytes = str_skip(bytes, put);
		else if (step == STREAM_ENDED)
			code = ERR_CLOSED;
		else
			code = step == STREAM_WANT_READ ? co_wait_readable(&s->stream.io, deadline)
							: co_wait_writable(&s->stream.io, deadline);
	}
	return code;
}

/* Sends the line, which has room for its end, overwrites it and reads the reply. */
static int co_send_secret(struct session *s, struct buf *line)
{
	static const char doing[] = "performing SASL authentication";
	int64_t longest = s->config->limits.hello_ms;

	buf_add_z(line, "\r\n");
	int code = buf_failed(line) ? ERR_CLOSED
				    : co_write_secret(s, buf_str(line), relay_session_deadline(s, longest));

	buf_wipe(line);
	return code ? relay_session_lost(s, code, doing) : co_relay_session_reply(s, longest, doing);
}

/* All the room at once, since growing leaves copies behind. */
static void begin_secret(struct buf *line, const char *verb)
{
	buf_init(line, 2 * SASL_RESPONSE_MAX);
	if (buf_room(line, line->max))
		buf_add_z(line, verb);
}

static int co_auth_plain(struct session *s)
{
	struct buf line;

	begin_secret(&line, "AUTH PLAIN ");
	if (sasl_build_plain(buf_str(&s->config->user), buf_str(&s->config->password), &line) != 0)
		line.failed = true;
	return co_send_secret(s, &line);
}

static int co_auth_login(struct session *s)
{
	stream_put(&s->stream, STR("AUTH LOGIN\r\n"));
	int code = co_relay_session_reply(s, s->config->limits.hello_ms, "performing SASL authentication");

	for (unsigned step = 0; step < 2 && code == 0 && s->reply.code == GO_ON; step++) {
		struct buf line;

		begin_secret(&line, "");
		if (sasl_build_login(step, buf_str(&s->config->user), buf_str(&s->config->password), &line) !=
		    0)
			line.failed = true;
		code = co_send_secret(s, &line);
	}
	return code;
}

static int co_log_in(struct session *s)
{
	int code;

	if (s->ehlo.mechanisms & SMTP_MECH_PLAIN)
		code = co_auth_plain(s);
	else if (s->ehlo.mechanisms & SMTP_MECH_LOGIN)
		code = co_auth_login(s);
	else {
		verdict_set(&s->why, "4.7.0",
			    "SASL authentication failed; server %s offers no mechanism we know", s->hop.peer);
		return refused(s);
	}
	if (code || replied(s, 2))
		return code;
	verdict_no(&s->why, &s->reply, "", "SASL authentication failed; server %s said: ", s->hop.peer);
	return refused(s);
}

/* --- the whole ------------------------------------------------------------------------------------------- */

int co_relay_session_hello(struct session *s, bool use_tls)
{
	int code = s->hop.tls_first ? co_handshake(s) : ERR_OK;

	if (code || (code = co_greeting(s)) || (code = co_hello(s)) || (code = co_protect(s, use_tls)))
		return code;
	return s->hop.is_relay_host && s->config->user.n > 0 ? co_log_in(s) : ERR_OK;
}

static int not_connected(struct session *s, int number)
{
	struct err e;

	errno = number;
	err_errno(&e, "connect to %s", s->hop.mta);
	verdict_set(&s->why, "4.4.1", "%s", e.text);
	close_stream(s);
	return ERR_CLOSED;
}

static int co_dial(struct session *s)
{
	const struct sockaddr *address = (const void *)&s->hop.address;
	int one = 1, number = 0,
	    fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(number);

	if (fd < 0)
		return not_connected(s, errno);
	/* A letter's last piece must not wait for the ACK of the one before. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, address, s->hop.address_n) != 0 && errno != EINPROGRESS) {
		number = errno;
		close(fd);
		return not_connected(s, number);
	}
	if (stream_open(&s->stream, fd) != 0)
		return not_connected(s, ENOMEM);
	s->open = true;
	int code = co_wait_writable(&s->stream.io, relay_session_deadline(s, s->config->limits.connect_ms));

	if (code == ERR_CANCELLED) {
		close_stream(s);
		return code;
	}
	if (code == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &n) != 0)
		number = errno;
	return code || number ? not_connected(s, code ? ETIMEDOUT : number) : ERR_OK;
}

int co_relay_session_open(struct session *s, const struct hop *hop, int64_t deadline)
{
	bool use_tls = true;
	int code;

	s->hop = *hop;
	s->deadline = deadline;
	do {
		code = co_dial(s);
		if (code == 0)
			code = co_relay_session_hello(s, use_tls);
		use_tls = code != TRY_CLEAR;
	} while (code == TRY_CLEAR);
	return code;
}

void co_relay_session_quit(struct session *s)
{
	if (!s->open)
		return;
	stream_put(&s->stream, STR("QUIT\r\n"));
	if (co_relay_session_reply(s, s->config->limits.quit_ms, "sending QUIT") == 0 && s->open)
		stream_tls_end(&s->stream);
	close_stream(s);
}
