/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: what deliveries go by.
 *
 * A delivery ends with what it began with, whatever is reloaded meanwhile, so it is counted
 * and never changes.
 */
#ifndef RELAY_CONFIG_H
#define RELAY_CONFIG_H

#include "base/buf.h"
#include "base/err.h"
#include "run/settings.h"

/* The longest waits (RFC 5321 4.5.3.2) and other limits that are no settings. */
struct relay_limits {
	int64_t lookup_ms; /* for one answer of the DNS */
	int64_t connect_ms;
	int64_t greeting_ms;
	int64_t hello_ms; /* EHLO, HELO, STARTTLS and each step of AUTH */
	int64_t handshake_ms;
	int64_t mail_ms;
	int64_t rcpt_ms;
	int64_t data_ms;
	int64_t block_ms; /* for the peer to take some of the letter */
	int64_t end_ms; /* for the reply to the end of the letter */
	int64_t quit_ms; /* we are polite, but have what we wanted */
	int64_t tries_ms; /* no further address is tried after so long */
	unsigned addresses; /* tried for one letter */
	unsigned sessions; /* that came as far as MAIL, for one letter */
};

extern const struct relay_limits relay_limits_default;

struct relay_config {
	unsigned users;
	char hostname[256];
	/* Takes everything, when there is one. */
	char host[256]; /* empty: none */
	uint16_t host_port;
	bool host_direct; /* no MX look-up */
	uint16_t port; /* of the hosts that MX records name */
	struct buf user; /* empty: no login */
	struct buf password; /* wiped */
	bool needs_tls; /* nothing goes out in clear text */
	struct relay_limits limits;
};

/* Of relay's settings, with one user; ERR_INVALID, ERR_MEMORY. */
int relay_config_new(const struct settings *s, struct relay_config **out, struct err *e);
struct relay_config *relay_config_take(struct relay_config *c);
/* Ends one use. */
void relay_config_drop(struct relay_config **c);

#endif
