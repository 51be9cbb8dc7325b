/* SPDX-License-Identifier: Apache-2.0 */
/* The commands before the login that need no more than the session (see imap_login.h). */
#include "gate/imap_login.h"

#define CAPABILITIES_MAX ((size_t)512)

static bool may_start_tls(const struct imap_client *s)
{
	return s->config->tls && !s->stream.ssl;
}

void imap_add_capabilities(const struct imap_client *s, struct buf *out)
{
	buf_add_z(out, "CAPABILITY IMAP4rev1 SASL-IR ID LITERAL+");
	if (may_start_tls(s))
		buf_add_z(out, " STARTTLS");
	if (imap_may_send_password(s))
		auth_mechanisms_add(s->config->mechanisms, " AUTH=", out);
	else
		buf_add_z(out, " LOGINDISABLED");
}

static void co_capability(struct imap_client *s, const struct imap_command *cmd)
{
	struct buf can;

	buf_init(&can, CAPABILITIES_MAX);
	imap_add_capabilities(s, &can);
	imap_say(s, "* %.*s", STR_ARG(buf_str(&can)));
	buf_free(&can);
	imap_reply(s, IMAP_FINE, "OK Capability completed.");
}

static void co_noop(struct imap_client *s, const struct imap_command *cmd)
{
	imap_reply(s, IMAP_FINE, "OK NOOP completed.");
}

static void co_id(struct imap_client *s, const struct imap_command *cmd)
{
	imap_say(s, "* ID (\"name\" \"Mailstead\")");
	imap_reply(s, IMAP_FINE, "OK ID completed.");
}

static void co_logout(struct imap_client *s, const struct imap_command *cmd)
{
	imap_say(s, "* BYE Logging out");
	imap_reply(s, IMAP_FINE, "OK Logout completed.");
	s->why = "Aborted login by logging out";
	s->closing = true;
}

static void co_starttls(struct imap_client *s, const struct imap_command *cmd)
{
	if (s->stream.ssl)
		imap_reply(s, IMAP_WRONG, "BAD TLS is already active.");
	else if (!s->config->tls)
		imap_reply(s, IMAP_WRONG, "BAD TLS is not available.");
	else {
		imap_reply(s, IMAP_FINE, "OK Begin TLS negotiation now.");
		co_imap_start_tls(s);
	}
}

static const struct {
	enum imap_command_id id;
	void (*co_do)(struct imap_client *s, const struct imap_command *cmd);
} rows[] = {
	{IMAP_CAPABILITY, co_capability},
	{IMAP_NOOP, co_noop},
	{IMAP_ID, co_id},
	{IMAP_LOGOUT, co_logout},
	{IMAP_LOGIN, co_imap_login},
	{IMAP_STARTTLS, co_starttls},
	{IMAP_AUTHENTICATE, co_imap_authenticate},
};

void co_imap_command(struct imap_client *s, const struct imap_command *cmd)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].id == cmd->id) {
			rows[i].co_do(s, cmd);
			return;
		}
}
