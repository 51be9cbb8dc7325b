/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an IMAP session: commands are collected, read, and handed to their functions. */
#include "mailbox/imap_session.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/messages.h"

#include <stdlib.h>
#include <unistd.h>

#define OPEN_MS 30000
/* Literals are names and search texts; the message of an APPEND goes another way. */
#define LITERAL_MAX ((size_t)64 << 10)
#define LITERALS_MAX ((size_t)256 << 10)
#define BAD_MAX 20
#define TAG_MAX 1000
/* Of a refused command; who goes on sending it is sent away. */
#define DROPPED_MAX ((uint64_t)64 << 20)

/* --- writing ------------------------------------------------------------------------------ */

void co_imap_put(struct imap_session *s, struct str bytes)
{
	if (!s->ended && co_stream_put(&s->stream, bytes, deadline_in(s->shard->client_write_ms)) != 0)
		s->ended = true;
}

__attribute__((format(printf, 3, 0))) static void co_put_line(struct imap_session *s, struct str tag,
							      const char *fmt, va_list ap)
{
	struct buf line;

	buf_init(&line, IMAP_REPLY_MAX);
	if (tag.n)
		buf_printf(&line, "%.*s ", STR_ARG(tag));
	buf_vprintf(&line, fmt, ap);
	if (tag.n)
		buf_add_z(&line, "\r\n");
	if (buf_failed(&line))
		s->ended = true;
	co_imap_put(s, buf_str(&line));
	buf_free(&line);
}

void co_imap_printf(struct imap_session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	co_put_line(s, (struct str){0}, fmt, ap);
	va_end(ap);
}

static struct str tag_of(const struct imap_session *s)
{
	/* No client means a tag longer than that. */
	return s->cmd.tag.n && s->cmd.tag.n <= TAG_MAX ? s->cmd.tag : STR("*");
}

void co_imap_done(struct imap_session *s, const char *fmt, ...)
{
	const struct imap_handler *h = imap_handler_of(s->cmd.id);
	va_list ap;

	if (s->sel.view)
		co_imap_sync(s, h->news == IMAP_NEWS_ALL || s->cmd.uid);
	s->sel.said = (struct imap_said){0};
	va_start(ap, fmt);
	co_put_line(s, tag_of(s), fmt, ap);
	va_end(ap);
}

void co_imap_bye(struct imap_session *s, const char *fmt, ...)
{
	va_list ap;

	if (s->ended)
		return;
	va_start(ap, fmt);
	co_put_line(s, STR("* BYE"), fmt, ap);
	va_end(ap);
	if (!s->ended)
		co_stream_flush(&s->stream, deadline_in(s->shard->client_write_ms));
	s->ended = true;
}

static const struct {
	int code;
	const char *name; /* RFC 5530 */
} reply_codes[] = {
	{ERR_NOT_FOUND, "NONEXISTENT"}, {ERR_EXISTS, "ALREADYEXISTS"}, {ERR_TOO_BIG, "LIMIT"},
	{ERR_INVALID, "CANNOT"},        {ERR_DENIED, "NOPERM"},        {ERR_CORRUPT, "CORRUPTION"},
};

void co_imap_refuse(struct imap_session *s, int code, const struct err *e)
{
	const char *name = "UNAVAILABLE";
	char text[sizeof(e->text)];
	size_t n = 0;

	if (code == ERR_CANCELLED) {
		co_imap_bye(s, "Server shutting down.");
		return;
	}
	for (size_t i = 0; i < sizeof(reply_codes) / sizeof(reply_codes[0]); i++)
		if (reply_codes[i].code == code)
			name = reply_codes[i].name;
	/* resp-text is US-ASCII. */
	for (; e->text[n]; n++)
		text[n] = e->text[n] >= 0x20 && e->text[n] < 0x7F ? e->text[n] : '?';
	co_imap_done(s, "NO [%s] %.*s", name, (int)n, text);
}

bool co_imap_breathe(struct imap_session *s)
{
	if (!s->ended && co_breathe() != 0)
		co_imap_bye(s, "Server shutting down.");
	return !s->ended;
}

/* --- one command --------------------------------------------------------------------------- */

static void co_bad(struct imap_session *s, const char *text)
{
	struct str name = str_head(s->cmd.name, 40);

	co_imap_printf(s, "%.*s BAD Error in IMAP command%s%.*s: %s\r\n", STR_ARG(tag_of(s)),
		       name.n ? " " : "", STR_ARG(name), text);
	if (++s->bad >= BAD_MAX)
		co_imap_bye(s, "Too many invalid IMAP commands.");
}

static enum imap_state state_of(const struct imap_session *s)
{
	return s->sel.view ? IMAP_SELECTED : IMAP_AUTHENTICATED;
}

/* Order and permission first, what it does afterwards. */
static const char *why_not(const struct imap_session *s)
{
	const struct imap_command *cmd = &s->cmd;

	if (cmd->row && !(cmd->row->states & IMAP_LOGGED_IN))
		return "Already logged in.";
	if (!cmd->row || !imap_handler_of(cmd->id)->fn)
		return "Unknown command.";
	if (!(cmd->row->states & state_of(s)))
		return "No mailbox selected.";
	return NULL;
}

static void co_command(struct imap_session *s)
{
	struct err e = {0};
	const char *no;
	int code;

	arena_reset(&s->arena);
	code = imap_command_read(imap_read_text(&s->read), IMAP_WITH_LIST_EXTENDED, &s->arena, &s->cmd, &e);
	no = why_not(s);
	if (s->cmd.tag.n && no)
		co_bad(s, no);
	else if (code)
		co_bad(s, e.text);
	else {
		s->bad = 0;
		imap_handler_of(s->cmd.id)->fn(s, &s->cmd);
	}
}

static void co_literal(struct imap_session *s)
{
	bool nonsync = imap_read_announced(&s->read)->nonsync;
	struct err e = {0};

	if (!s->upload && co_imap_append_literal(s))
		return;
	if (imap_read_accept(&s->read) == 0) {
		if (!nonsync)
			co_imap_printf(s, "+ OK\r\n");
		return;
	}
	imap_command_peek(imap_read_text(&s->read), &s->cmd, &e);
	co_bad(s, "The literal is too large.");
	upload_release(&s->upload);
	imap_read_refuse(&s->read);
}

static void co_event(struct imap_session *s, enum imap_read_event event)
{
	struct err e = {0};

	switch (event) {
	case IMAP_READ_LITERAL:
		co_literal(s);
		break;
	case IMAP_READ_DATA:
		upload_add(s->upload, imap_read_chunk(&s->read));
		if (imap_read_left(&s->read) == 0 && stream_pending(&s->stream).n == 0)
			io_ack_now(&s->stream.io);
		break;
	case IMAP_READ_COMMAND:
		co_command(s);
		upload_release(&s->upload);
		imap_read_next(&s->read);
		break;
	case IMAP_READ_BAD:
		upload_release(&s->upload);
		imap_command_peek(imap_read_text(&s->read), &s->cmd, &e);
		co_bad(s, imap_read_fault(&s->read));
		imap_read_next(&s->read);
		break;
	case IMAP_READ_LOST:
		co_imap_bye(s, "%s", imap_read_fault(&s->read));
		break;
	default:
		if (imap_read_dropped(&s->read) > DROPPED_MAX)
			co_imap_bye(s, "Too much input for one command.");
	}
}

/* --- reading --------------------------------------------------------------------------------- */

static void co_fill(struct imap_session *s)
{
	const struct shard *shard = s->shard;
	int64_t longest = s->upload ? shard->client_literal_ms : shard->client_idle_ms;
	int code = co_stream_fill(&s->stream, deadline_in(longest));

	if (code == ERR_TIMEOUT)
		co_imap_bye(s, "Disconnected for inactivity.");
	else if (code == ERR_CANCELLED)
		co_imap_bye(s, "Server shutting down.");
	else if (code)
		s->ended = true;
}

enum imap_read_event imap_feed(struct imap_session *s)
{
	enum imap_read_event event;
	struct str in;

	if (s->handed.n)
		return imap_read_feed(&s->read, &s->handed);
	in = stream_pending(&s->stream);
	size_t before = in.n;

	event = imap_read_feed(&s->read, &in);
	stream_consume(&s->stream, before - in.n);
	return event;
}

bool co_imap_wait_news(struct imap_session *s, int64_t deadline)
{
	int code = co_stream_flush(&s->stream, deadline_in(s->shard->client_write_ms));

	/* No wait between this look and the next: nothing is missed. */
	if (code == 0 && s->sel.view && s->sel.view->serial != s->sel.told)
		return true;
	s->idling = fiber_self();
	if (code == 0)
		code = co_wait_readable(&s->stream.io, deadline);
	s->idling = NULL;
	/* Readable does not promise bytes, and news must not wait for them. */
	if (code == 0 && (code = co_stream_fill(&s->stream, deadline_in(0))) == ERR_TIMEOUT)
		code = ERR_BUSY;
	if (code == ERR_CANCELLED)
		co_imap_bye(s, "Server shutting down.");
	else if (code && code != ERR_TIMEOUT && code != ERR_BUSY)
		s->ended = true;
	return code != ERR_TIMEOUT;
}

static void co_commands(struct imap_session *s)
{
	while (co_imap_breathe(s)) {
		enum imap_read_event event = imap_feed(s);

		co_event(s, event);
		if (event == IMAP_READ_MORE && !s->ended)
			co_fill(s);
	}
}

/* --- the beginning and the end ------------------------------------------------------------------ */

static void wake_idle(struct account_watch *w)
{
	struct imap_session *s = (struct imap_session *)((char *)w - offsetof(struct imap_session, watch));

	if (s->idling)
		fiber_wake(s->idling, ERR_BUSY);
}

static int co_open_account(struct imap_session *s, struct str address, struct err *e)
{
	struct account_question q = {.address = address, .make = 1};
	struct account_answer a;
	struct chan_parcel store;
	int64_t deadline = deadline_in(OPEN_MS);
	int code = co_shard_meet_spool(s->shard, deadline);

	if (code)
		return err_set(e, code, "spool is not there");
	code = co_ask_account(s->shard->spool, &q, deadline, &store, &a, e);
	if (code)
		return code;
	uint32_t id = a.account;

	chan_parcel_free(&store);
	code = co_account_touch(s->shard, id, address, deadline, &s->account, e);
	if (code)
		return code;
	account_watch(s->account, &s->watch);
	return co_imap_first_folders(s, e);
}

static void co_greet(struct imap_session *s, const struct imap_handover *h)
{
	struct err e = {0};
	int code = co_open_account(s, h->account, &e);

	if (!code) {
		co_imap_printf(s, "%.*s OK [CAPABILITY %s] Logged in\r\n", STR_ARG(h->tag),
			       imap_capabilities);
		log_line(LOG_INFO, "imap: account=<%.*s>, client=%.*s%s: logged in", STR_ARG(h->account),
			 STR_ARG(h->client), h->tls ? ", TLS" : "");
		return;
	}
	log_line(LOG_WARNING, "imap: account=<%.*s>, client=%.*s: refused: %s", STR_ARG(h->account),
		 STR_ARG(h->client), e.text);
	co_imap_printf(s, "%.*s NO [UNAVAILABLE] The account cannot be opened now.\r\n", STR_ARG(h->tag));
	co_imap_bye(s, "Try again later.");
}

static void session_free(struct imap_session *s)
{
	imap_unselect(s);
	if (s->account) {
		account_unwatch(s->account, &s->watch);
		account_leave(s->account);
	}
	upload_release(&s->upload);
	imap_read_free(&s->read);
	arena_free(&s->arena);
	stream_close(&s->stream);
	free(s);
}

void co_imap_session(struct shard *shard, const struct imap_handover *h)
{
	const struct imap_read_limits limits = {
		.line = IMAP_LINE_MAX, .literal = LITERAL_MAX, .total = LITERALS_MAX};
	struct imap_session *s = calloc(1, sizeof(*s));

	if (!s || stream_open(&s->stream, h->fd) != 0) {
		if (!s)
			close(h->fd);
		free(s);
		return;
	}
	s->shard = shard;
	s->client = h->client;
	s->handed = h->pending;
	s->watch.notify = wake_idle;
	imap_read_init(&s->read, limits);
	arena_init(&s->arena, IMAP_COMMAND_ARENA);
	co_greet(s, h);
	co_commands(s);
	session_free(s);
}
