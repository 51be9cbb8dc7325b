/* SPDX-License-Identifier: Apache-2.0 */
/* Mechanisms, and asking keeper (see auth.h). */
#include "gate/auth.h"

#include "base/clock.h"
#include "format/base64.h"
#include "format/sasl.h"
#include "net/verdicts.h"

struct auth_mechanism {
	struct str name;
	enum auth_outcome (*co_do)(struct auth_exchange *x, struct auth_attempt *out);
};

/* --- the exchange ------------------------------------------------------------------------------ */

static enum auth_outcome co_response(struct auth_exchange *x, const char *challenge, struct buf *out)
{
	struct str line;

	if (!x->co_line(x->session, challenge, &line))
		return AUTH_OVER;
	if (str_eq(line, STR("*")))
		return AUTH_ABORTED;
	return base64_decode(line, out) == 0 ? AUTH_DONE : AUTH_NOT_BASE64;
}

/* The first response may have come with the command. */
static enum auth_outcome co_first_response(struct auth_exchange *x, const char *challenge)
{
	if (!x->has_initial)
		return co_response(x, challenge, &x->first);
	return base64_decode(x->initial, &x->first) == 0 ? AUTH_DONE : AUTH_NOT_BASE64;
}

static enum auth_outcome co_plain(struct auth_exchange *x, struct auth_attempt *out)
{
	enum auth_outcome outcome = co_first_response(x, "");
	struct sasl_login l;

	*out = (struct auth_attempt){.method = "PLAIN"};
	if (outcome != AUTH_DONE || sasl_parse_plain(buf_str(&x->first), &l) != 0)
		return outcome;
	/* Whoever would act for another is asked for as "other*he". */
	buf_add_str(&x->second, sasl_user(&l));
	if (sasl_master(&l).n > 0) {
		buf_add_c(&x->second, '*');
		buf_add_str(&x->second, sasl_master(&l));
	}
	out->login = buf_str(&x->second);
	out->password = l.password;
	return outcome;
}

static enum auth_outcome co_login(struct auth_exchange *x, struct auth_attempt *out)
{
	/* "Username:", "Password:" */
	enum auth_outcome outcome = co_first_response(x, "VXNlcm5hbWU6");

	if (outcome == AUTH_DONE)
		outcome = co_response(x, "UGFzc3dvcmQ6", &x->second);
	*out = (struct auth_attempt){
		.method = "LOGIN", .login = buf_str(&x->first), .password = buf_str(&x->second)};
	return outcome;
}

static const struct auth_mechanism mechanisms[] = {
	{STR_INIT("PLAIN"), co_plain},
	{STR_INIT("LOGIN"), co_login},
};

#define MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

/* In the order of the words of the setting. */
static bool is_offered(size_t i, unsigned offered)
{
	return offered == 0 || offered & 1u << i;
}

const struct auth_mechanism *auth_mechanism_find(struct str name, unsigned offered)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if (is_offered(i, offered) && str_eq_nocase(mechanisms[i].name, name))
			return &mechanisms[i];
	return NULL;
}

void auth_mechanisms_add(unsigned offered, const char *before, struct buf *out)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if (is_offered(i, offered)) {
			buf_add_z(out, before);
			buf_add_str(out, mechanisms[i].name);
		}
}

enum auth_outcome co_auth_exchange(struct auth_exchange *x, const struct auth_mechanism *mechanism,
				   struct auth_attempt *out)
{
	buf_init(&x->first, SASL_RESPONSE_MAX);
	buf_init(&x->second, SASL_RESPONSE_MAX);
	/* In one piece: growing would leave copies of a password behind. */
	if (!buf_room(&x->first, SASL_RESPONSE_MAX) || !buf_room(&x->second, SASL_RESPONSE_MAX))
		return AUTH_NO_MEMORY;
	return mechanism->co_do(x, out);
}

void auth_exchange_free(struct auth_exchange *x)
{
	buf_wipe(&x->first);
	buf_wipe(&x->second);
}

/* --- keeper ------------------------------------------------------------------------------------ */

int co_auth_ask(struct auth_desk *desk, enum service service, const struct client *client,
		const struct auth_attempt *attempt, struct chan_parcel *store, struct login_answer *a)
{
	struct login_question q = {.service = (uint8_t)service,
				   .address = client_address(client),
				   .login = attempt->login,
				   .password = attempt->password};
	struct err e;

	*store = (struct chan_parcel){0};
	*a = (struct login_answer){.verdict = LOGIN_NO};
	if (attempt->login.n > AUTH_PART_MAX || attempt->password.n > AUTH_PART_MAX)
		return ERR_OK;
	if (desk->asked >= desk->most)
		return ERR_BUSY;
	desk->asked++;
	int code = co_ask_login(desk->keeper, &q, deadline_in(desk->wait_ms), store, a, &e);

	desk->asked--;
	return code;
}
