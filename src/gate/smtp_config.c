/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as sessions use them (see smtp_config.h). */
#include "gate/smtp_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct smtp_limits smtp_limits_default = {
	.recipients = 1000,
	.errors_slow = 10,
	.errors_end = 20,
	.logins = 5,
	.locals = 50,
	.junk = 100,
	.hops = 50,
	.slow_ms = 1000,
	.idle_ms = 300000,
	.connect_ms = 200,
	.name_ms = 200,
	.dns_ms = 5000,
	.ask_ms = 5000,
	.scan_ms = 60000,
	.store_ms = 120000,
	.handshake_ms = 60000,
	.linger_ms = 5000,
	.bytes_per_s = 500,
};

static int copy_networks(struct smtp_config *c, const struct settings *s)
{
	const struct network *networks = settings_networks(s, SET_MYNETWORKS, &c->trusted_count);

	if (c->trusted_count == 0)
		return ERR_OK;
	c->trusted = calloc(c->trusted_count, sizeof(*c->trusted));
	if (!c->trusted)
		return ERR_MEMORY;
	memcpy(c->trusted, networks, c->trusted_count * sizeof(*c->trusted));
	return ERR_OK;
}

int smtp_config_new(const struct settings *s, struct str certificate, struct str key, struct str tickets,
		    struct smtp_config **out, struct err *e)
{
	struct smtp_config *c = calloc(1, sizeof(*c));
	int code = ERR_OK;

	*out = c;
	if (!c)
		return err_set(e, ERR_MEMORY, "no memory");
	c->users = 1;
	c->limits = smtp_limits_default;
	snprintf(c->hostname, sizeof(c->hostname), "%s", settings_text(s, SET_HOSTNAME).p);
	c->size_limit = settings_number(s, SET_MESSAGE_SIZE_LIMIT);
	c->memory = settings_number(s, SET_MEMORY_FOR_LETTERS) / settings_number(s, SET_GATES);
	c->bare = settings_choice(s, SET_BARE_LF) == SETTING_BARE_LF_REFUSE ? SMTP_BARE_REFUSE
									    : SMTP_BARE_NORMALISE;
	c->mechanisms = (unsigned)settings_number(s, SET_SASL_MECHANISMS);
	c->sender_domains = settings_bool(s, SET_REJECT_UNKNOWN_SENDER_DOMAIN);
	if (copy_networks(c, s) != 0)
		code = err_set(e, ERR_MEMORY, "no memory");
	else if (certificate.n > 0)
		code = tls_server_new(certificate, key, tickets, &c->tls, e);
	if (code)
		smtp_config_drop(out);
	return code;
}

struct smtp_config *smtp_config_take(struct smtp_config *c)
{
	c->users++;
	return c;
}

void smtp_config_drop(struct smtp_config **c)
{
	struct smtp_config *old = *c;

	*c = NULL;
	if (!old || --old->users > 0)
		return;
	tls_server_destroy(&old->tls);
	free(old->trusted);
	free(old);
}

static bool network_has(const struct network *net, const unsigned char *address, size_t n)
{
	unsigned whole = net->prefix / 8, bits = net->prefix % 8;
	unsigned char mask = (unsigned char)(0xFF00 >> bits);

	if (n != (net->family == AF_INET ? 4 : 16))
		return false;
	return memcmp(net->addr, address, whole) == 0 &&
	       (bits == 0 || ((net->addr[whole] ^ address[whole]) & mask) == 0);
}

bool smtp_config_trusts(const struct smtp_config *c, const unsigned char *address, size_t n)
{
	for (size_t i = 0; i < c->trusted_count; i++)
		if (network_has(&c->trusted[i], address, n))
			return true;
	return false;
}
