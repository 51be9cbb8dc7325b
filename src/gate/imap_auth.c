/* SPDX-License-Identifier: Apache-2.0 */
/* LOGIN, AUTHENTICATE, and the way into the shard (see imap_login.h). */
#include "gate/imap_login.h"

#include "base/clock.h"
#include "format/base64.h"
#include "format/log_text.h"
#include "format/sasl.h"
#include "net/log.h"
#include "net/messages.h"
#include "net/verdicts.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the `login` message takes of name and password each. */
#define PART_MAX ((size_t)1024)
#define SHOWN_MAX ((size_t)320)
/* How long a shard's end may take to be heard of after its session's. */
#define NEWS_MS 20

struct attempt {
	const char *method;
	struct str login, password;
};

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

static void log_login(const struct imap_client *s, const struct attempt *t, const struct login_answer *a)
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

static void co_hand_over(struct imap_client *s, const struct attempt *t, const struct login_answer *a)
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

static void fail(struct imap_client *s, const struct attempt *t)
{
	s->failures++;
	s->method = t->method;
	buf_clear(&s->user);
	log_text_add(&s->user, t->login, SHOWN_MAX);
	imap_reply(s, IMAP_WRONG, "NO [AUTHENTICATIONFAILED] Authentication failed.");
}

static int co_ask_keeper(struct imap_client *s, const struct attempt *t, struct chan_parcel *store,
			 struct login_answer *a)
{
	struct login_question q = {.service = (uint8_t)s->kind,
				   .address = client_address(&s->client),
				   .login = t->login,
				   .password = t->password};
	struct err e;
	int code;

	if (s->service->logins >= s->service->limits.logins)
		return ERR_BUSY;
	s->service->logins++;
	code = co_ask_login(s->service->keeper, &q, deadline_in(s->service->limits.login_ms), store, a, &e);
	s->service->logins--;
	return code;
}

static void co_log_in(struct imap_client *s, const struct attempt *t)
{
	struct login_answer a;
	struct chan_parcel store;
	int code;

	if (t->login.n > PART_MAX || t->password.n > PART_MAX) {
		fail(s, t);
		return;
	}
	/* Replies to what came before must not wait with this one. */
	code = co_stream_flush(&s->stream, deadline_in(s->service->limits.idle_ms));
	if (code) {
		imap_end_for(s, code);
		return;
	}
	code = co_ask_keeper(s, t, &store, &a);
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
	const struct attempt t = {"PLAIN", cmd->login.user, cmd->login.password};

	if (imap_may_send_password(s))
		co_log_in(s, &t);
	else
		refuse_plaintext(s);
}

/* --- AUTHENTICATE --------------------------------------------------------------------------------------- */

/* Asks for a line and reads the base64 in it.  False: it was answered. */
static bool co_response(struct imap_client *s, const char *prompt, struct buf *out)
{
	struct str line;

	imap_say(s, "+ %s", prompt);
	if (!co_imap_response(s, &line))
		return false;
	if (str_eq(line, STR("*")))
		imap_reply(s, IMAP_WRONG, "BAD Authentication aborted by client.");
	else if (base64_decode(line, out) != 0)
		imap_reply(s, IMAP_WRONG, "BAD Invalid base64 data.");
	else
		return true;
	return false;
}

/* The first response may have come with the command. */
static bool co_first_response(struct imap_client *s, const struct imap_authenticate *auth, const char *prompt,
			      struct buf *out)
{
	if (!auth->has_initial)
		return co_response(s, prompt, out);
	if (base64_decode(auth->initial, out) == 0)
		return true;
	imap_reply(s, IMAP_WRONG, "BAD Invalid base64 data.");
	return false;
}

static void co_plain(struct imap_client *s, const struct imap_authenticate *auth, struct buf *first,
		     struct buf *second)
{
	struct sasl_login l;

	if (!co_first_response(s, auth, "", first))
		return;
	bool good = sasl_parse_plain(buf_str(first), &l) == 0;

	/* Whoever would act for another is asked for as "other*he". */
	if (good) {
		buf_add_str(second, sasl_user(&l));
		if (sasl_master(&l).n > 0) {
			buf_add_c(second, '*');
			buf_add_str(second, sasl_master(&l));
		}
	}
	const struct attempt t = {"PLAIN", buf_str(second), good ? l.password : STR("")};

	co_log_in(s, &t);
}

static void co_login_mechanism(struct imap_client *s, const struct imap_authenticate *auth, struct buf *first,
			       struct buf *second)
{
	/* "Username:", "Password:" */
	if (!co_first_response(s, auth, "VXNlcm5hbWU6", first) || !co_response(s, "UGFzc3dvcmQ6", second))
		return;
	const struct attempt t = {"LOGIN", buf_str(first), buf_str(second)};

	co_log_in(s, &t);
}

static const struct {
	struct str name;
	void (*co_do)(struct imap_client *s, const struct imap_authenticate *auth, struct buf *first,
		      struct buf *second);
} mechanisms[] = {
	{STR_INIT("PLAIN"), co_plain},
	{STR_INIT("LOGIN"), co_login_mechanism},
};

void co_imap_authenticate(struct imap_client *s, const struct imap_command *cmd)
{
	const struct imap_authenticate *auth = &cmd->authenticate;
	struct buf first, second;
	size_t i = 0;

	while (i < sizeof(mechanisms) / sizeof(mechanisms[0]) &&
	       !str_eq_nocase(mechanisms[i].name, auth->mechanism))
		i++;
	if (i == sizeof(mechanisms) / sizeof(mechanisms[0])) {
		imap_reply(s, IMAP_WRONG, "NO [CANNOT] Unsupported authentication mechanism.");
		return;
	}
	if (!imap_may_send_password(s)) {
		refuse_plaintext(s);
		return;
	}
	buf_init(&first, SASL_RESPONSE_MAX);
	buf_init(&second, SASL_RESPONSE_MAX);
	/* In one piece: growing would leave copies of a password behind. */
	if (buf_room(&first, SASL_RESPONSE_MAX) && buf_room(&second, SASL_RESPONSE_MAX))
		mechanisms[i].co_do(s, auth, &first, &second);
	buf_wipe(&first);
	buf_wipe(&second);
}
