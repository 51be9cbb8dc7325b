/* SPDX-License-Identifier: Apache-2.0 */
/* The commands about the session itself: CAPABILITY, NOOP, LOGOUT, ID, NAMESPACE, ENABLE. */
#include "mailbox/imap_session.h"

#include "base/clock.h"

void co_cmd_capability(struct imap_session *s, const struct imap_command *cmd)
{
	co_imap_printf(s, "* CAPABILITY %s\r\n", imap_capabilities);
	co_imap_done(s, "OK Capability completed.");
}

void co_cmd_noop(struct imap_session *s, const struct imap_command *cmd)
{
	co_imap_done(s, "OK NOOP completed.");
}

void co_cmd_logout(struct imap_session *s, const struct imap_command *cmd)
{
	imap_unselect(s);
	co_imap_printf(s, "* BYE Logging out\r\n");
	co_imap_done(s, "OK Logout completed.");
	if (!s->ended)
		co_stream_flush(&s->stream, deadline_in(s->shard->client_write_ms));
	s->ended = true;
}

/* The version is not for strangers, nor for everybody who has a password. */
void co_cmd_id(struct imap_session *s, const struct imap_command *cmd)
{
	co_imap_printf(s, "* ID (\"name\" \"Mailstead\")\r\n");
	co_imap_done(s, "OK ID completed.");
}

void co_cmd_namespace(struct imap_session *s, const struct imap_command *cmd)
{
	co_imap_printf(s, "* NAMESPACE ((\"\" \"%c\")) NIL NIL\r\n", FOLDER_SEPARATOR);
	co_imap_done(s, "OK Namespace completed.");
}

/* There is no extension yet that waits to be enabled (RFC 5161, 3.1: others are passed over). */
void co_cmd_enable(struct imap_session *s, const struct imap_command *cmd)
{
	co_imap_printf(s, "* ENABLED\r\n");
	co_imap_done(s, "OK Enabled.");
}
