/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a session (see smtp_session.h). */
#include "gate/smtp_session.h"

#include "base/clock.h"
#include "format/log_text.h"
#include "net/log.h"
#include "net/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A reply line, with what is repeated of the peer's words. */
#define REPLY_MAX ((size_t)1024)
/* How much of the peer's words a log line repeats. */
#define SHOWN_MAX ((size_t)320)
/* Commands after which other sessions have a turn. */
#define COMMANDS_A_TURN 32

/* --- replies ------------------------------------------------------------------------------------ */

void smtp_say(struct smtp_session *s, const char *fmt, ...)
{
	va_list ap;
	struct buf line;

	buf_init(&line, REPLY_MAX);
	va_start(ap, fmt);
	buf_vprintf(&line, fmt, ap);
	va_end(ap);
	stream_put(&s->stream, buf_str(&line));
	stream_put(&s->stream, STR("\r\n"));
	buf_free(&line);
}

static void add_shown(struct buf *out, const char *before, struct str s, const char *behind)
{
	buf_add_z(out, before);
	log_text_add(out, s, SHOWN_MAX);
	buf_add_z(out, behind);
}

/* "from=<s> to=<r> proto=ESMTP helo=<h>" */
static void add_facts(const struct smtp_session *s, const struct str *rcpt, struct buf *out)
{
	if (s->tx.open)
		add_shown(out, "from=<", s->tx.sender, "> ");
	if (rcpt)
		add_shown(out, "to=<", *rcpt, "> ");
	buf_add_z(out, s->esmtp ? "proto=ESMTP" : "proto=SMTP");
	if (s->helo.n > 0)
		add_shown(out, " helo=<", buf_str(&s->helo), ">");
}

static void log_refusal(const struct smtp_session *s, struct str reply, const struct str *rcpt)
{
	struct buf facts;
	char id[20] = "NOQUEUE";

	buf_init(&facts, REPLY_MAX * 2);
	add_facts(s, rcpt, &facts);
	if (s->tx.id)
		snprintf(id, sizeof(id), "%016llX", (unsigned long long)s->tx.id);
	log_line(LOG_INFO, "%s: reject: %.*s from " SMTP_PEER ": %.*s; %.*s", id,
		 STR_ARG(smtp_verb_name(s->verb)), SMTP_PEER_OF(s), STR_ARG(reply), STR_ARG(buf_str(&facts)));
	buf_free(&facts);
}

bool smtp_refuse(struct smtp_session *s, const struct str *rcpt, const char *fmt, ...)
{
	va_list ap;
	struct buf line;

	buf_init(&line, REPLY_MAX);
	va_start(ap, fmt);
	buf_vprintf(&line, fmt, ap);
	va_end(ap);
	s->mild = str_starts(buf_str(&line), STR("4"));
	log_refusal(s, buf_str(&line), rcpt);
	stream_put(&s->stream, buf_str(&line));
	stream_put(&s->stream, STR("\r\n"));
	buf_free(&line);
	return SMTP_BAD;
}

struct str smtp_local_user(const struct smtp_session *s, char text[SMTP_USER_SIZE])
{
	if (!(s->kind->traits & SMTP_IS_LOCAL))
		return (struct str){NULL, 0};
	snprintf(text, SMTP_USER_SIZE, "userid %u", (unsigned)s->uid);
	return str_of(text);
}

/* --- coming in ------------------------------------------------------------------------------------ */

bool co_smtp_start_tls(struct smtp_session *s)
{
	int64_t deadline = deadline_in(s->config->limits.handshake_ms);
	struct err e;

	/* Invariant 3; what an attacker put in between is not ours to answer. */
	stream_discard_input(&s->stream);
	int code = co_stream_flush(&s->stream, deadline);

	if (code == 0)
		code = co_stream_tls_accept(&s->stream, tls_server_context(s->config->tls), deadline, &e);
	else
		err_set(&e, code, "the connection was lost");
	if (code) {
		log_line(LOG_INFO, "SSL_accept error from " SMTP_PEER ": %s", SMTP_PEER_OF(s), e.text);
		s->closing = s->gone = true;
		s->lost = "lost connection";
		return false;
	}
	stream_tls_describe(&s->stream, &s->tls);
	log_line(LOG_INFO, "Anonymous TLS connection established from " SMTP_PEER ": %.*s", SMTP_PEER_OF(s),
		 STR_ARG(buf_str(&s->tls)));
	return true;
}

/* Older sessions of the user of this machine who has this one. */
static unsigned count_older(const struct smtp_session *s)
{
	unsigned count = 0;

	for (const struct smtp_session *other = s->next; other; other = other->next)
		count += other->kind->traits & SMTP_IS_LOCAL && other->uid == s->uid;
	return count;
}

static bool co_may_come_in(struct smtp_session *s)
{
	const struct smtp_limits *limits = &s->config->limits;

	if (s->kind->traits & SMTP_IS_LOCAL)
		return count_older(s) < limits->locals;
	return co_client_may_come_in(&s->client, s->service->keeper, limits->connect_ms);
}

static bool co_let_in(struct smtp_session *s)
{
	if (co_may_come_in(s))
		return true;
	log_line(LOG_INFO, "too many connections from " SMTP_PEER, SMTP_PEER_OF(s));
	/* Whoever expects TLS understands no line, and he is not worth a handshake. */
	s->gone = s->kind->traits & SMTP_TLS_AT_ONCE;
	if (!s->gone)
		smtp_say(s, "421 4.7.0 %s Error: too many connections from %s", s->config->hostname,
			 s->client.ip);
	return false;
}

static bool co_greet(struct smtp_session *s)
{
	const char *host = s->config->hostname;
	bool at_once = s->kind->traits & SMTP_TLS_AT_ONCE;

	if (at_once && (!s->config->tls || !co_let_in(s) || !co_smtp_start_tls(s)))
		return false;
	if (s->service->stopping || !chan_attached(s->service->keeper) || !chan_attached(s->service->spool)) {
		smtp_say(s, "421 4.3.2 %s Service not available, try again later", host);
		return false;
	}
	if (!at_once && !co_let_in(s))
		return false;
	smtp_say(s, "220 %s ESMTP Mailstead", host);
	return true;
}

/* --- commands ---------------------------------------------------------------------------------------- */

/* Reads on to the end of a line that is too long, in which nothing is looked at. */
static int co_skip_line(struct smtp_session *s, int64_t deadline)
{
	for (;;) {
		struct str pending = stream_pending(&s->stream);
		size_t at = str_find(pending, '\n');

		if (at != STR_NONE) {
			stream_consume(&s->stream, at + 1);
			return ERR_OK;
		}
		stream_consume(&s->stream, pending.n);
		int code = co_stream_fill(&s->stream, deadline);

		if (code)
			return code;
		if ((code = co_yield ()))
			return code;
	}
}

/* Every way in which a wait for the client ends it. */
void smtp_end_for(struct smtp_session *s, int code)
{
	const char *host = s->config->hostname;

	s->closing = true;
	if (code == ERR_TIMEOUT) {
		s->lost = "timeout";
		smtp_say(s, "421 4.4.2 %s Error: timeout exceeded", host);
	} else if (code == ERR_CANCELLED)
		smtp_say(s, "421 4.3.2 %s Service shutting down", host);
	else
		s->lost = "lost connection";
}

/* A line with its end.  ERR_TOO_BIG: it was passed over. */
static int co_line(struct smtp_session *s, struct str *line)
{
	int64_t deadline = deadline_in(s->config->limits.idle_ms);

	s->waiting = fiber_self();
	int code = co_stream_line(&s->stream, s->kind->line_max, deadline, line);

	if (code == ERR_TOO_BIG && (code = co_skip_line(s, deadline)) == 0)
		code = ERR_TOO_BIG;
	s->waiting = NULL;
	return code;
}

/* Cuts the CRLF off.  A CR or LF elsewhere is how one session is made to look like two
 * others, so it ends it. */
static bool take_line_end(struct smtp_session *s, struct str *line)
{
	bool crlf = str_ends(*line, STR("\r\n"));

	line->n -= crlf ? 2 : 1;
	if (s->config->bare == SMTP_BARE_NORMALISE || (crlf && str_find(*line, '\r') == STR_NONE))
		return true;
	smtp_refuse(s, NULL, "521 5.5.2 %s Error: bare <CR> or <LF> received", s->config->hostname);
	s->closing = true;
	return false;
}

/* False when the session is to end, or the line was answered already. */
static bool co_next_line(struct smtp_session *s, const char *status, const char *what, struct str *line)
{
	int code = co_line(s, line);

	if (code == ERR_TOO_BIG)
		smtp_say(s, "500 %s %s Error: %s too long", status, s->config->hostname, what);
	else if (code)
		smtp_end_for(s, code);
	s->errors += code == ERR_TOO_BIG;
	return code == 0 && take_line_end(s, line);
}

bool co_smtp_response(struct smtp_session *s, struct str *line)
{
	return co_next_line(s, "5.5.6", "authentication exchange line", line);
}

void smtp_end_for_errors(struct smtp_session *s)
{
	smtp_say(s, "421 4.7.0 %s Error: too many errors", s->config->hostname);
	log_line(LOG_INFO, "too many errors after %.*s from " SMTP_PEER, STR_ARG(smtp_verb_name(s->verb)),
		 SMTP_PEER_OF(s));
	s->closing = true;
}

/* Who makes many mistakes waits, and then goes. */
static void co_weigh_errors(struct smtp_session *s)
{
	const struct smtp_limits *limits = &s->config->limits;

	if (s->closing || s->errors <= limits->errors_slow)
		return;
	if (s->errors < limits->errors_end) {
		if (co_sleep_until(deadline_in(limits->slow_ms)) != 0)
			smtp_end_for(s, ERR_CANCELLED);
		return;
	}
	smtp_end_for_errors(s);
}

static void co_serve(struct smtp_session *s)
{
	for (unsigned n = 1; !s->closing; n++) {
		struct str line;

		if (s->service->stopping) {
			smtp_end_for(s, ERR_CANCELLED);
			return;
		}
		if (co_next_line(s, "5.5.2", "command", &line))
			co_smtp_command(s, line);
		co_weigh_errors(s);
		if (n % COMMANDS_A_TURN == 0 && co_yield () != 0)
			smtp_end_for(s, ERR_CANCELLED);
	}
}

/* --- the end ---------------------------------------------------------------------------------------------- */

static void add_count(struct buf *out, struct str name, struct smtp_counts c)
{
	if (c.all == 0)
		return;
	buf_add_c(out, ' ');
	for (size_t i = 0; i < name.n; i++)
		buf_add_c(out, ascii_lower(name.p[i]));
	buf_printf(out, "=%u", c.good);
	if (c.good < c.all)
		buf_printf(out, "/%u", c.all);
}

static void log_end(const struct smtp_session *s)
{
	struct smtp_counts sum = {0};
	struct buf text;

	buf_init(&text, REPLY_MAX);
	for (size_t i = 0; i < SMTP_VERBS; i++) {
		const struct smtp_counts *c = &s->counts[(i + 1) % SMTP_VERBS]; /* "unknown" last */

		add_count(&text, smtp_verb_name((enum smtp_verb)((i + 1) % SMTP_VERBS)), *c);
		sum.good += c->good;
		sum.all += c->all;
	}
	add_count(&text, STR("commands"), sum);
	if (s->lost)
		log_line(LOG_INFO, "%s after %.*s from " SMTP_PEER, s->lost,
			 STR_ARG(sum.all ? smtp_verb_name(s->verb) : STR("CONNECT")), SMTP_PEER_OF(s));
	log_line(LOG_INFO, "disconnect from " SMTP_PEER "%.*s", SMTP_PEER_OF(s), STR_ARG(buf_str(&text)));
	buf_free(&text);
}

static void free_session(struct smtp_session *s)
{
	if (s->prev) {
		*s->prev = s->next;
		if (s->next)
			s->next->prev = s->prev;
	}
	smtp_transaction_end(&s->tx);
	stream_close(&s->stream);
	client_name_drop(&s->name);
	buf_free(&s->helo);
	buf_free(&s->tls);
	smtp_login_end(&s->login);
	smtp_config_drop(&s->config);
	free(s);
}

static void session_fiber(void *arg)
{
	struct smtp_session *s = arg;

	s->name = client_name_begin(&s->client, s->service->resolver, &s->service->namers);
	if (co_client_name_wait(s->name, deadline_in(s->config->limits.name_ms)) != 0)
		s->closing = true;
	log_line(LOG_INFO, "connect from " SMTP_PEER, SMTP_PEER_OF(s));
	if (co_greet(s))
		co_serve(s);
	if (!s->gone)
		co_stream_linger(&s->stream, deadline_in(s->config->limits.linger_ms));
	client_left(&s->client, s->service->keeper);
	log_end(s);
	free_session(s);
}

/* Who is at the other end, and what he may do. */
static void know_client(struct smtp_session *s, int fd, const struct sockaddr *peer)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t n = sizeof(who);

	client_init(&s->client, peer);
	if (s->kind->traits & SMTP_IS_LOCAL)
		s->trusted = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0;
	else if (s->kind->traits & SMTP_IS_PUBLIC)
		s->trusted = smtp_config_trusts(s->config, s->client.address, s->client.address_n);
	s->uid = who.uid;
}

static struct smtp_session *new_session(struct smtp_service *service, const struct smtp_kind *kind)
{
	struct smtp_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->service = service;
	s->kind = kind;
	s->edits = kind->edits;
	s->config = smtp_config_take(service->config);
	s->stream.io.fd = -1;
	buf_init(&s->helo, SMTP_HELO_MAX);
	buf_init(&s->tls, 256);
	smtp_login_end(&s->login);
	return s;
}

int smtp_session_start(struct smtp_service *service, const struct smtp_kind *kind, int fd,
		       const struct sockaddr *peer)
{
	if (service->fibers.count >= service->fibers.max)
		return ERR_BUSY;
	struct smtp_session *s = new_session(service, kind);
	int code;

	if (!s) {
		close(fd);
		return ERR_MEMORY;
	}
	know_client(s, fd, peer);
	code = stream_open(&s->stream, fd);
	if (code == 0)
		code = fiber_start(&service->fibers, session_fiber, s);
	if (code) {
		free_session(s);
		return code;
	}
	s->prev = &service->sessions;
	s->next = service->sessions;
	if (s->next)
		s->next->prev = &s->next;
	service->sessions = s;
	return ERR_OK;
}

void co_smtp_sessions_end(struct smtp_service *service, int64_t deadline)
{
	service->stopping = true;
	for (struct smtp_session *s = service->sessions; s; s = s->next)
		if (s->waiting)
			fiber_cancel(s->waiting);
	if (co_group_join(&service->fibers, deadline) != 0) {
		fiber_group_cancel(&service->fibers);
		co_group_join(&service->fibers, NO_DEADLINE);
	}
	fiber_group_cancel(&service->namers);
	co_group_join(&service->namers, NO_DEADLINE);
}

static int begin(void *door, int fd, const struct sockaddr *peer)
{
	const struct smtp_door *d = door;

	return smtp_session_start(d->service, d->kind, fd, peer);
}

static int refuse(const void *door, char *line, size_t size)
{
	const struct smtp_door *d = door;

	/* Whoever expects TLS understands no line. */
	if (d->kind->traits & SMTP_TLS_AT_ONCE)
		return 0;
	return snprintf(line, size, "421 4.7.0 %s Error: too many connections\r\n",
			d->service->config->hostname);
}

const struct doorway_kind smtp_doorway = {begin, refuse};
