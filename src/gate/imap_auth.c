/* SPDX-License-Identifier: Apache-2.0 */
/* LOGIN, AUTHENTICATE, and the way into the shard (see imap_login.h). */
#include "gate/imap_login.h"

#include "base/clock.h"
#include "format/log_text.h"
#include "net/log.h"
#include "net/messages.h"
#include "net/verdicts.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHOWN_MAX ((size_t)320)
/* How long a shard's end may take to be heard of after its session's. */
#define NEWS_MS 20

bool imap_may_send_password(const struct imap_client *s)
{
	return s->stream.ssl || client_is_this_machine(&s->client, &s->here);
}

static void refuse_plaintext(struct imap_client *s)
{
	s->exposed = true;
	imap_say(s, "* BAD [ALERT] A password was sent without TLS: whoever listened knows it now.");
	imap_reply(s, IMAP_WRONG,
		   "NO [PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) "
		   "connections.");
}

/* --- into the shard ------------------------------------------------------------------------------- */

static void unavailable(struct imap_client *s)
{
	imap_reply(s, IMAP_FINE, "NO [UNAVAILABLE] Temporary authentication failure.");
}

/* Nothing of the dialogue before is needed any more, and a session may last for days. */
static void forget_dialogue(struct imap_client *s)
{
	arena_wipe(&s->arena);
	imap_read_free(&s->reader);
	buf_wipe(&s->stream.in);
	buf_init(&s->stream.in, STREAM_IN_MAX);
	s->stream.in_at = 0;
}

static void log_login(const struct imap_client *s, const struct auth_attempt *t, const struct login_answer *a)
{
	struct buf facts;

	buf_init(&facts, 256);
	imap_add_facts(s, &facts);
	log_line(LOG_INFO, "imap-login: Login: user=<%.*s>, method=%s, %.*s, session=<%016llx>",
		 STR_ARG(a->account), t->method, STR_ARG(buf_str(&facts)), (unsigned long long)a->session);
	buf_free(&facts);
}

/* Whether the process that had the session is there no more. */
static bool co_shard_died(const struct imap_client *s)
{
	co_sleep_until(deadline_in(NEWS_MS));
	return !chan_attached(s->shard) || chan_epoch(s->shard) != s->shard_epoch;
}

void co_imap_carry(struct imap_client *s)
{
	bool at_line_end = true;
	int code = ERR_MEMORY;
	struct io io;

	if (io_open(&io, s->carried) == 0)
		code = co_pump(&s->stream, &io, &s->service->pool, s->service->limits.stall_ms, &at_line_end);
	io_close(&io);
	s->carried = -1;
	s->gone = code == ERR_CLOSED || code == ERR_TIMEOUT;
	if (!at_line_end)
		return;
	if (code == ERR_CANCELLED)
		imap_say(s, "* BYE Server shutting down.");
	else if (code == ERR_MEMORY || (code == ERR_OK && co_shard_died(s)))
		imap_say(s, "* BYE Internal error, please connect again.");
}

/* Whether the shard has said no: then it has not touched the connection. */
static bool is_refusal(int code)
{
	return code != ERR_TIMEOUT && code != ERR_CANCELLED && code != ERR_ROOM_GONE && code != ERR_CLOSED;
}

/* The shard may have the connection, or not: nothing can be said but good-bye. */
static void give_up(struct imap_client *s, int code)
{
	s->closing = true;
	s->why = "Internal login failure";
	if (code == ERR_ROOM_GONE)
		imap_say(s, "* BYE Internal error, please connect again.");
	else
		s->gone = true;
}

static int co_ask_shard_for(struct imap_client *s, struct chan *shard, const struct login_answer *a, int fd)
{
	struct session_question q = {.session = a->session,
				     .service = (uint8_t)s->kind,
				     .tls = s->stream.ssl != NULL,
				     .tag = buf_str(&s->tag),
				     .client = str_of(s->client.ip),
				     .pending = stream_pending(&s->stream),
				     .socket = fd};
	struct session_answer yes;
	struct chan_parcel store;
	struct err e;
	int code = co_ask_session(shard, &q, deadline_in(s->service->limits.session_ms), &store, &yes, &e);

	if (code == ERR_OK)
		chan_parcel_free(&store);
	else
		log_line(LOG_WARNING, "%s did not take a session: %s", chan_name(shard), e.text);
	return code;
}

static void co_hand_over(struct imap_client *s, const struct auth_attempt *t, const struct login_answer *a)
{
	struct chan *shard = s->service->shard(s->service->house, a->shard);
	int pair[2] = {-1, -1};

	if (!shard || (s->stream.ssl &&
		       socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)) {
		unavailable(s);
		return;
	}
	bool tls = s->stream.ssl != NULL;
	uint32_t epoch = chan_epoch(shard);
	int code = co_ask_shard_for(s, shard, a, tls ? pair[1] : s->stream.io.fd);

	if (tls)
		close(pair[1]);
	if (code == ERR_OK) {
		log_login(s, t, a);
		forget_dialogue(s);
		s->closing = true;
		s->gone = !tls;
		s->carried = pair[0];
		s->shard = shard;
		s->shard_epoch = epoch;
		return;
	}
	if (tls)
		close(pair[0]);
	if (is_refusal(code))
		unavailable(s);
	else
		give_up(s, code);
}

/* --- the verdict -------------------------------------------------------------------------------------- */

static void fail(struct imap_client *s, const struct auth_attempt *t)
{
	s->failures++;
	s->method = t->method;
	buf_clear(&s->user);
	log_text_add(&s->user, t->login, SHOWN_MAX);
	imap_reply(s, IMAP_WRONG, "NO [AUTHENTICATIONFAILED] Authentication failed.");
}

static void co_log_in(struct imap_client *s, const struct auth_attempt *t)
{
	struct login_answer a;
	struct chan_parcel store;
	int code;

	/* Replies to what came before must not wait with this one. */
	code = co_stream_flush(&s->stream, deadline_in(s->service->limits.idle_ms));
	if (code) {
		imap_end_for(s, code);
		return;
	}
	code = co_auth_ask(s->service->desk, s->kind, &s->client, t, &store, &a);
	if (code == ERR_CANCELLED)
		imap_end_for(s, code);
	else if (code)
		unavailable(s);
	if (code)
		return;
	if (a.verdict == LOGIN_YES)
		co_hand_over(s, t, &a);
	else if (a.verdict == LOGIN_NO)
		fail(s, t);
	else
		unavailable(s);
	chan_parcel_free(&store);
}

void co_imap_login(struct imap_client *s, const struct imap_command *cmd)
{
	const struct auth_attempt t = {"PLAIN", cmd->login.user, cmd->login.password};

	if (imap_may_send_password(s))
		co_log_in(s, &t);
	else
		refuse_plaintext(s);
}

/* --- AUTHENTICATE --------------------------------------------------------------------------------------- */

static bool co_line(void *session, const char *challenge, struct str *line)
{
	struct imap_client *s = session;

	imap_say(s, "+ %s", challenge);
	return co_imap_response(s, line);
}

static void co_exchange(struct imap_client *s, const struct imap_authenticate *auth,
			const struct auth_mechanism *mechanism)
{
	struct auth_exchange x = {
		.co_line = co_line, .session = s, .has_initial = auth->has_initial, .initial = auth->initial};
	struct auth_attempt t;

	switch (co_auth_exchange(&x, mechanism, &t)) {
	case AUTH_DONE:
		co_log_in(s, &t);
		break;
	case AUTH_ABORTED:
		imap_reply(s, IMAP_WRONG, "BAD Authentication aborted by client.");
		break;
	case AUTH_NOT_BASE64:
		imap_reply(s, IMAP_WRONG, "BAD Invalid base64 data.");
		break;
	case AUTH_NO_MEMORY:
		unavailable(s);
		break;
	case AUTH_OVER:
		break;
	}
	auth_exchange_free(&x);
}

void co_imap_authenticate(struct imap_client *s, const struct imap_command *cmd)
{
	const struct auth_mechanism *mechanism =
		auth_mechanism_find(cmd->authenticate.mechanism, s->config->mechanisms);

	if (!mechanism)
		imap_reply(s, IMAP_WRONG, "NO [CANNOT] Unsupported authentication mechanism.");
	else if (!imap_may_send_password(s))
		refuse_plaintext(s);
	else
		co_exchange(s, &cmd->authenticate, mechanism);
}
