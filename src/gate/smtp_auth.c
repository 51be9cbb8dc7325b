/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH: whose letters these are (RFC 4954; see smtp_session.h). */
#include "gate/smtp_session.h"

#include "base/clock.h"
#include "format/log_text.h"
#include "net/log.h"
#include "net/verdicts.h"

#include <string.h>

#define SHOWN_MAX ((size_t)320)

bool smtp_has_logged_in(const struct smtp_session *s)
{
	return s->login.account.n > 0;
}

bool smtp_may_relay(const struct smtp_session *s)
{
	return s->trusted || smtp_has_logged_in(s);
}

struct str smtp_right(const struct smtp_session *s)
{
	return (struct str){(const char *)s->login.right, s->login.right_n};
}

void smtp_login_end(struct smtp_login *login)
{
	buf_free(&login->account);
	explicit_bzero(login->right, sizeof(login->right));
	login->right_n = 0;
	login->method = NULL;
	buf_init(&login->account, SMTP_ACCOUNT_MAX);
}

static bool say(struct smtp_session *s, const char *reply)
{
	smtp_say(s, "%s", reply);
	return SMTP_BAD;
}

/* --- the verdict ---------------------------------------------------------------------------------- */

/* As fail2ban's filters for Postfix know it. */
static void log_failure(const struct smtp_session *s, const struct auth_attempt *t)
{
	struct buf shown;

	buf_init(&shown, 4 * SHOWN_MAX);
	log_text_add(&shown, t->login, SHOWN_MAX);
	log_line(LOG_WARNING,
		 SMTP_PEER ": SASL %s authentication failed: (reason unavailable), sasl_username=%.*s",
		 SMTP_PEER_OF(s), t->method, STR_ARG(buf_str(&shown)));
	buf_free(&shown);
}

static bool fail(struct smtp_session *s, const struct auth_attempt *t)
{
	log_failure(s, t);
	say(s, "535 5.7.8 Error: authentication failed: (reason unavailable)");
	if (++s->login.failures >= s->config->limits.logins)
		smtp_end_for_errors(s);
	return SMTP_BAD;
}

static bool try_later(struct smtp_session *s)
{
	s->mild = true;
	return say(s, "454 4.7.0 Temporary authentication failure: please try again later");
}

static bool take_login(struct smtp_session *s, const struct auth_attempt *t, const struct login_answer *a)
{
	buf_clear(&s->login.account);
	buf_add_str(&s->login.account, a->account);
	if (buf_failed(&s->login.account) || a->account.n == 0 || a->right.n > sizeof(s->login.right)) {
		smtp_login_end(&s->login);
		return try_later(s);
	}
	memcpy(s->login.right, a->right.p, a->right.n);
	s->login.right_n = a->right.n;
	s->login.method = t->method;
	smtp_say(s, "235 2.7.0 Authentication successful");
	return SMTP_GOOD;
}

static bool co_log_in(struct smtp_session *s, const struct auth_attempt *t)
{
	struct login_answer a;
	struct chan_parcel store;
	/* Replies to what came before must not wait with this one. */
	int code = co_stream_flush(&s->stream, deadline_in(s->config->limits.idle_ms));
	bool lost = code != 0;

	if (!lost)
		code = co_auth_ask(s->service->desk, s->kind->service, &s->client, t, &store, &a);
	if (lost || code == ERR_CANCELLED) {
		smtp_end_for(s, code);
		return SMTP_BAD;
	}
	if (code)
		return try_later(s);
	bool good = a.verdict == LOGIN_YES  ? take_login(s, t, &a)
		    : a.verdict == LOGIN_NO ? fail(s, t)
					    : try_later(s);

	chan_parcel_free(&store);
	return good;
}

/* --- the command ------------------------------------------------------------------------------------ */

static bool co_line(void *session, const char *challenge, struct str *line)
{
	struct smtp_session *s = session;

	smtp_say(s, "334 %s", challenge);
	return co_smtp_response(s, line);
}

static bool co_exchange(struct smtp_session *s, const struct auth_mechanism *mechanism, bool has_initial,
			struct str initial)
{
	struct auth_exchange x = {
		.co_line = co_line, .session = s, .has_initial = has_initial, .initial = initial};
	struct auth_attempt t;
	bool good = SMTP_BAD;

	switch (co_auth_exchange(&x, mechanism, &t)) {
	case AUTH_DONE:
		good = co_log_in(s, &t);
		break;
	case AUTH_ABORTED:
		say(s, "501 5.7.0 Authentication aborted");
		break;
	case AUTH_NOT_BASE64:
		say(s, "501 5.5.2 Error: invalid base64 data");
		break;
	case AUTH_NO_MEMORY:
		try_later(s);
		break;
	case AUTH_OVER:
		break;
	}
	auth_exchange_free(&x);
	return good;
}

/* The order of the refusals is that of compatible servers. */
bool co_smtp_auth(struct smtp_session *s, struct str arg)
{
	const struct auth_mechanism *mechanism;
	struct str name, initial;
	bool has_initial;

	if (!(s->kind->traits & SMTP_NEEDS_LOGIN))
		return say(s, "503 5.5.1 Error: authentication not enabled");
	if (smtp_has_logged_in(s))
		return say(s, "503 5.5.1 Error: already authenticated");
	if (s->tx.open)
		return say(s, "503 5.5.1 Error: MAIL transaction in progress");
	if (smtp_parse_auth(arg, &name, &initial, &has_initial) != SMTP_OK)
		return say(s, "501 5.5.4 Syntax: AUTH mechanism");
	mechanism = auth_mechanism_find(name, s->config->mechanisms);
	if (!mechanism)
		return say(s, "535 5.7.8 Error: authentication failed: Invalid authentication mechanism");
	return co_exchange(s, mechanism, has_initial, initial);
}
