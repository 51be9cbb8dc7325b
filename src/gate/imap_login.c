/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an IMAP session before its login (see imap_login.h). */
#include "gate/imap_login.h"

#include "base/clock.h"
#include "net/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_MAX ((size_t)2048)
/* What a client may send behind its faulty command without an end. */
#define DROPPED_MAX ((size_t)64 << 10)
#define ARENA_MAX ((size_t)64 << 10)
/* Commands after which other sessions have a turn. */
#define COMMANDS_A_TURN 32

const struct imap_login_limits imap_login_limits_default = {
	.bad = 10,
	.idle_ms = 180000,
	.handshake_ms = 60000,
	.connect_ms = 200,
	.session_ms = 5000,
	.stall_ms = 300000,
	.linger_ms = 5000,
};

static const struct imap_read_limits read_limits = {
	.line = IMAP_LOGIN_LINE_MAX, .literal = IMAP_LOGIN_LITERAL_MAX, .total = 2 * IMAP_LOGIN_LITERAL_MAX};

/* --- replies ------------------------------------------------------------------------------------ */

__attribute__((format(printf, 3, 0))) static void say(struct imap_client *s, struct str tag, const char *fmt,
						      va_list ap)
{
	struct buf line;

	buf_init(&line, REPLY_MAX);
	buf_add_str(&line, tag);
	buf_vprintf(&line, fmt, ap);
	stream_put(&s->stream, buf_str(&line));
	stream_put(&s->stream, STR("\r\n"));
	buf_free(&line);
}

void imap_say(struct imap_client *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(s, STR(""), fmt, ap);
	va_end(ap);
}

void imap_reply(struct imap_client *s, bool wrong, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	stream_put(&s->stream, s->tag.n > 0 ? buf_str(&s->tag) : STR("*"));
	say(s, STR(" "), fmt, ap);
	va_end(ap);
	s->bad += wrong;
	if (s->bad < s->service->limits.bad || s->closing)
		return;
	imap_say(s, "* BYE Too many invalid commands.");
	s->why = "Too many invalid commands";
	s->closing = true;
}

void imap_end_for(struct imap_client *s, int code)
{
	s->closing = true;
	s->why = "Connection closed";
	if (code == ERR_TIMEOUT) {
		s->why = "Inactivity";
		imap_say(s, "* BYE Disconnected for inactivity.");
	} else if (code == ERR_CANCELLED) {
		s->why = "Shutting down";
		imap_say(s, "* BYE Server shutting down.");
	} else
		s->gone = true;
}

/* --- reading ------------------------------------------------------------------------------------- */

/* The tag of what has been read so far. */
static void note_tag(struct imap_client *s)
{
	struct imap_command cmd;
	struct err e;

	buf_clear(&s->tag);
	if (imap_command_peek(imap_read_text(&s->reader), &cmd, &e) == 0 || cmd.tag.n > 0)
		buf_add_str(&s->tag, cmd.tag);
	if (buf_failed(&s->tag))
		buf_clear(&s->tag);
}

static void take_literal(struct imap_client *s)
{
	bool nonsync = imap_read_announced(&s->reader)->nonsync;

	if (imap_read_accept(&s->reader) != 0) {
		note_tag(s);
		imap_read_refuse(&s->reader);
		imap_reply(s, IMAP_WRONG, "BAD [TOOBIG] The literal is too large.");
	} else if (!nonsync)
		imap_say(s, "+ OK");
}

static void refuse_command(struct imap_client *s)
{
	note_tag(s);
	imap_reply(s, IMAP_WRONG, "BAD %s", imap_read_fault(&s->reader));
	imap_read_next(&s->reader);
}

static void lose(struct imap_client *s)
{
	imap_say(s, "* BYE %s", imap_read_fault(&s->reader));
	s->why = "Too long command";
	s->closing = true;
}

static enum imap_read_event feed(struct imap_client *s)
{
	struct str pending = stream_pending(&s->stream), rest = pending;
	enum imap_read_event event = imap_read_feed(&s->reader, &rest);

	stream_consume(&s->stream, pending.n - rest.n);
	return event;
}

static void co_more(struct imap_client *s, int64_t deadline)
{
	int code;

	if (imap_read_dropped(&s->reader) > DROPPED_MAX) {
		imap_say(s, "* BYE The command is too long.");
		s->why = "Too long command";
		s->closing = true;
		return;
	}
	code = co_stream_fill(&s->stream, deadline);
	if (code == ERR_OK)
		code = co_breathe();
	if (code)
		imap_end_for(s, code);
}

/* MORE: the session ends. */
static enum imap_read_event co_event(struct imap_client *s, int64_t deadline)
{
	enum imap_read_event event = IMAP_READ_MORE;

	while (!s->closing && (event = feed(s)) == IMAP_READ_MORE)
		co_more(s, deadline);
	return event;
}

static bool co_next_command(struct imap_client *s)
{
	int64_t deadline = deadline_in(s->service->limits.idle_ms);

	for (;;) {
		switch (co_event(s, deadline)) {
		case IMAP_READ_COMMAND:
			return true;
		case IMAP_READ_LITERAL:
			take_literal(s);
			break;
		case IMAP_READ_BAD:
			refuse_command(s);
			break;
		case IMAP_READ_LOST:
			lose(s);
			return false;
		default:
			return false;
		}
	}
}

bool co_imap_response(struct imap_client *s, struct str *line)
{
	imap_read_next(&s->reader);
	imap_read_raw(&s->reader);
	enum imap_read_event event = co_event(s, deadline_in(s->service->limits.idle_ms));

	if (event == IMAP_READ_BAD) {
		imap_reply(s, IMAP_WRONG, "BAD %s", imap_read_fault(&s->reader));
		imap_read_next(&s->reader);
	} else if (event == IMAP_READ_LOST)
		lose(s);
	*line = imap_read_text(&s->reader).bytes;
	return event == IMAP_READ_COMMAND;
}

/* --- a session --------------------------------------------------------------------------------------- */

bool co_imap_start_tls(struct imap_client *s)
{
	int64_t deadline = deadline_in(s->service->limits.handshake_ms);
	struct err e;
	int code;

	/* What somebody put in between is not ours to answer. */
	stream_discard_input(&s->stream);
	imap_read_free(&s->reader);
	imap_read_init(&s->reader, read_limits);
	code = co_stream_flush(&s->stream, deadline);
	if (code == ERR_OK)
		code = co_stream_tls_accept(&s->stream, tls_server_context(s->config->tls), deadline, &e);
	else
		err_set(&e, code, "the connection was lost");
	if (code == ERR_OK)
		return true;
	log_line(LOG_INFO, "imap-login: SSL_accept error from [%s]: %s", s->client.ip, e.text);
	s->closing = s->gone = true;
	s->why = "TLS handshake failed";
	return false;
}

static bool co_greet(struct imap_client *s)
{
	struct chan *keeper = s->service->keeper;
	struct buf can;

	if (s->kind == SERVICE_IMAPS && (!s->config->tls || !co_imap_start_tls(s)))
		return false;
	if (!chan_attached(keeper)) {
		imap_say(s, "* BYE [UNAVAILABLE] Service not available, try again later.");
		s->why = "Not available";
		return false;
	}
	if (!co_client_may_come_in(&s->client, keeper, s->service->limits.connect_ms)) {
		imap_say(s, "* BYE Too many connections from %s.", s->client.ip);
		s->why = "Too many connections";
		return false;
	}
	buf_init(&can, REPLY_MAX);
	imap_add_capabilities(s, &can);
	imap_say(s, "* OK [%.*s] Mailstead ready.", STR_ARG(buf_str(&can)));
	buf_free(&can);
	return true;
}

static void co_do_command(struct imap_client *s)
{
	struct imap_command cmd;
	struct err e;
	int code = imap_command_read(imap_read_text(&s->reader), 0, &s->arena, &cmd, &e);

	buf_clear(&s->tag);
	buf_add_str(&s->tag, cmd.tag);
	if (buf_failed(&s->tag)) {
		buf_clear(&s->tag);
		imap_reply(s, IMAP_WRONG, "BAD The tag is too long.");
	} else if (cmd.row && !(cmd.row->states & IMAP_NOT_AUTHENTICATED))
		imap_reply(s, IMAP_WRONG, "BAD %.*s is not possible before the login.",
			   STR_ARG(cmd.row->name));
	else if (code)
		imap_reply(s, IMAP_WRONG, "BAD %s", e.text);
	else
		co_imap_command(s, &cmd);
	arena_reset(&s->arena);
	imap_read_next(&s->reader);
}

static void co_serve(struct imap_client *s)
{
	for (unsigned n = 1; co_next_command(s); n++) {
		co_do_command(s);
		if (n % COMMANDS_A_TURN == 0 && !s->closing && co_yield () != 0)
			imap_end_for(s, ERR_CANCELLED);
	}
}

/* --- the end --------------------------------------------------------------------------------------- */

void imap_add_facts(const struct imap_client *s, struct buf *out)
{
	buf_printf(out, "rip=%s, lip=%s", s->client.ip, s->here.ip);
	if (s->stream.ssl)
		buf_add_z(out, ", TLS");
	else if (client_is_this_machine(&s->client, &s->here))
		buf_add_z(out, ", secured");
}

/* As fail2ban's filters for Dovecot know it. */
static void log_end(const struct imap_client *s)
{
	long long seconds = (clock_ms() - s->begun_ms) / 1000;
	struct buf text;

	buf_init(&text, REPLY_MAX);
	buf_printf(&text, "imap-login: Disconnected: %s ", s->why);
	if (s->exposed)
		buf_add_z(&text, "(tried to use disallowed plaintext auth): ");
	else if (s->failures > 0)
		buf_printf(&text, "(auth failed, %u attempts in %lld secs): ", s->failures, seconds);
	else
		buf_printf(&text, "(no auth attempts in %lld secs): ", seconds);
	if (s->failures > 0)
		buf_printf(&text, "user=<%.*s>, method=%s, ", STR_ARG(buf_str(&s->user)), s->method);
	imap_add_facts(s, &text);
	log_line(LOG_INFO, "%.*s", STR_ARG(buf_str(&text)));
	buf_free(&text);
}

static void free_session(struct imap_client *s)
{
	arena_wipe(&s->arena);
	imap_read_free(&s->reader);
	stream_close(&s->stream);
	buf_free(&s->tag);
	buf_free(&s->user);
	smtp_config_drop(&s->config);
	free(s);
}

static void session_fiber(void *arg)
{
	struct imap_client *s = arg;

	if (co_greet(s))
		co_serve(s);
	if (s->carried >= 0)
		co_imap_carry(s);
	/* NULL: it ended as one that is logged in. */
	if (s->why)
		log_end(s);
	if (!s->gone)
		co_stream_linger(&s->stream, deadline_in(s->service->limits.linger_ms));
	client_left(&s->client, s->service->keeper);
	free_session(s);
}

/* --- the beginning --------------------------------------------------------------------------------------- */

static struct imap_client *new_session(struct imap_service *service, enum service kind,
				       const struct sockaddr *peer)
{
	struct imap_client *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->service = service;
	s->kind = kind;
	s->config = smtp_config_take(*service->config);
	s->begun_ms = clock_ms();
	s->stream.io.fd = -1;
	s->carried = -1;
	client_init(&s->client, peer);
	imap_read_init(&s->reader, read_limits);
	arena_init(&s->arena, ARENA_MAX);
	buf_init(&s->tag, IMAP_LOGIN_TAG_MAX);
	buf_init(&s->user, REPLY_MAX / 2);
	return s;
}

static int begin(struct imap_service *service, enum service kind, int fd, const struct sockaddr *peer)
{
	struct sockaddr_storage here = {0};
	socklen_t n = sizeof(here);

	if (service->fibers.count >= service->fibers.max)
		return ERR_BUSY;
	struct imap_client *s = new_session(service, kind, peer);

	if (!s) {
		close(fd);
		return ERR_MEMORY;
	}
	getsockname(fd, (struct sockaddr *)&here, &n);
	client_init(&s->here, (const struct sockaddr *)&here);
	int code = stream_open(&s->stream, fd);

	if (code == 0)
		code = fiber_start(&service->fibers, session_fiber, s);
	if (code)
		free_session(s);
	return code;
}

static int begin_imap(void *service, int fd, const struct sockaddr *peer)
{
	return begin(service, SERVICE_IMAP, fd, peer);
}

static int begin_imaps(void *service, int fd, const struct sockaddr *peer)
{
	return begin(service, SERVICE_IMAPS, fd, peer);
}

static int refuse(const void *service, char *line, size_t size)
{
	(void)service;
	return snprintf(line, size, "* BYE Too many connections.\r\n");
}

const struct doorway_kind imap_doorway = {begin_imap, refuse};
/* Whoever expects TLS understands no line. */
const struct doorway_kind imaps_doorway = {begin_imaps, NULL};

void co_imap_logins_end(struct imap_service *service, int64_t deadline)
{
	fiber_group_cancel(&service->fibers);
	if (co_group_join(&service->fibers, deadline) != 0) {
		fiber_group_cancel(&service->fibers);
		co_group_join(&service->fibers, NO_DEADLINE);
	}
}
