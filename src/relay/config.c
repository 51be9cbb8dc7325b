/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as deliveries use them (see config.h). */
#include "relay/config.h"

#include <stdio.h>
#include <stdlib.h>

#define SMTP_PORT 25
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

const struct relay_limits relay_limits_default = {
	.lookup_ms = 10 * SECOND,
	.connect_ms = 30 * SECOND,
	.greeting_ms = 5 * MINUTE,
	.hello_ms = 5 * MINUTE,
	.handshake_ms = 2 * MINUTE,
	.mail_ms = 5 * MINUTE,
	.rcpt_ms = 5 * MINUTE,
	.data_ms = 2 * MINUTE,
	.block_ms = 3 * MINUTE,
	.end_ms = 10 * MINUTE,
	.quit_ms = 2 * SECOND,
	.tries_ms = 10 * MINUTE,
	.addresses = 8,
	.sessions = 2,
};

/* In one allocation, so that growing leaves no copies of a secret. */
static bool copy_text(const struct settings *s, enum setting_key key, struct buf *out)
{
	struct str text = settings_text(s, key);

	buf_init(out, text.n);
	if (text.n > 0 && buf_room(out, text.n))
		buf_add_str(out, text);
	return !buf_failed(out);
}

static void copy_host(const struct relay_addr *host, struct relay_config *c)
{
	snprintf(c->host, sizeof(c->host), "%.*s", STR_ARG(host->host));
	c->host_port = host->port ? host->port : SMTP_PORT;
	c->host_direct = host->direct;
}

int relay_config_new(const struct settings *s, struct relay_config **out, struct err *e)
{
	const struct relay_addr *host = settings_relay(s, SET_RELAY_HOST);
	struct relay_config *c = calloc(1, sizeof(*c));

	*out = c;
	if (!c)
		return err_set(e, ERR_MEMORY, "no memory");
	c->users = 1;
	c->limits = relay_limits_default;
	snprintf(c->hostname, sizeof(c->hostname), "%s", settings_text(s, SET_HOSTNAME).p);
	c->port = (uint16_t)settings_number(s, SET_RELAY_PORT);
	if (host)
		copy_host(host, c);
	if (!copy_text(s, SET_RELAY_USER, &c->user) || !copy_text(s, SET_RELAY_PASSWORD, &c->password)) {
		relay_config_drop(out);
		return err_set(e, ERR_MEMORY, "no memory");
	}
	/* As soon as there is a password to lose, nothing goes out in clear text. */
	c->needs_tls = c->user.n > 0 || settings_choice(s, SET_RELAY_TLS) == SETTING_RELAY_TLS_ENCRYPT;
	return ERR_OK;
}

struct relay_config *relay_config_take(struct relay_config *c)
{
	c->users++;
	return c;
}

void relay_config_drop(struct relay_config **c)
{
	struct relay_config *old = *c;

	*c = NULL;
	if (!old || --old->users > 0)
		return;
	buf_wipe(&old->user);
	buf_wipe(&old->password);
	free(old);
}
