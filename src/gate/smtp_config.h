/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp_config: what an SMTP session goes by from its first to its last line.
 *
 * New sessions take the newest one, running ones end with what they began with, so
 * it is counted and never changes.
 */
#ifndef GATE_SMTP_CONFIG_H
#define GATE_SMTP_CONFIG_H

#include "format/smtp_data.h"
#include "gate/tls_server.h"
#include "run/settings.h"

/* Limits that are no settings (compat with Postfix's defaults; RFC 5321 4.5.3). */
struct smtp_limits {
	unsigned recipients; /* of one letter */
	unsigned errors_slow; /* errors from which on each reply waits for slow_ms */
	unsigned errors_end; /* errors that end the session */
	unsigned logins; /* that fail, and end the session */
	unsigned locals; /* sessions of one user of this machine at a time */
	unsigned junk; /* commands without mail that are no errors yet */
	unsigned hops; /* Received fields */
	int64_t slow_ms;
	int64_t idle_ms; /* the longest wait for a command, or for more of a letter */
	int64_t connect_ms; /* the longest wait for keeper's word about the client */
	int64_t name_ms; /* the longest wait for the client's name before the greeting, */
	int64_t dns_ms; /* and for it and the sender's domain in a transaction */
	int64_t ask_ms; /* the same about a recipient, and for letter ids */
	int64_t scan_ms; /* the longest wait for scan to have looked into a letter */
	int64_t store_ms; /* the same for spool to have the letter */
	int64_t handshake_ms;
	int64_t linger_ms; /* how long unread input is read before closing */
	unsigned bytes_per_s; /* a letter that comes slower than this is a time-out */
};

extern const struct smtp_limits smtp_limits_default;

struct smtp_config {
	unsigned users;
	char hostname[256];
	uint64_t size_limit; /* octets of a letter */
	uint64_t memory; /* for all letters of this gate */
	enum smtp_data_policy bare;
	unsigned mechanisms; /* offered, as in gate/auth.h */
	bool sender_domains; /* those of senders must exist */
	struct network *trusted;
	size_t trusted_count;
	struct tls_server *tls; /* NULL: STARTTLS is not offered */
	struct smtp_limits limits;
};

/* Of the gate's settings and the files tls_cert, tls_key and tls_tickets (each may be
 * empty).  With one user; ERR_INVALID, ERR_MEMORY. */
int smtp_config_new(const struct settings *s, struct str certificate, struct str key, struct str tickets,
		    struct smtp_config **out, struct err *e);
struct smtp_config *smtp_config_take(struct smtp_config *c);
/* Ends one use. */
void smtp_config_drop(struct smtp_config **c);
/* Whether a client of that address (4 or 16 bytes) is one of mynetworks. */
bool smtp_config_trusts(const struct smtp_config *c, const unsigned char *address, size_t n);

#endif
