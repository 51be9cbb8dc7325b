/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_login: an IMAP client from its connection to its login (RFC 3501 sections 6.1, 6.2).
 *
 *   connect -> (TLS) -> greeting -> command, reply, ... -> keeper: login -> shard: session
 *                                                                             |
 *                              the socket itself went along, or, with TLS, pump to the end
 *
 * imap_login.c is its life and the reading of commands, imap_commands.c the commands that need
 * no more than the session, imap_auth.c LOGIN, AUTHENTICATE and the way into the shard.
 *
 * 1. Nothing that came before a TLS handshake is looked at after it (RFC 3501 6.2.1).
 * 2. A password is taken under TLS only, or from this very machine.
 * 3. Once the shard was asked to take the session, only the shard answers the command; gate
 *    speaks again when the shard has refused, or is gone.
 * 4. Buffers that may hold a password are overwritten before they go.
 */
#ifndef GATE_IMAP_LOGIN_H
#define GATE_IMAP_LOGIN_H

#include "format/imap_command.h"
#include "gate/auth.h"
#include "gate/client.h"
#include "gate/doorway.h"
#include "gate/pump.h"
#include "gate/smtp_config.h"
#include "net/services.h"

/* What a command may be before the login; `login` takes 1024 bytes of name and of password. */
#define IMAP_LOGIN_LINE_MAX ((size_t)8 << 10)
#define IMAP_LOGIN_LITERAL_MAX ((size_t)1024)
/* Of a login command's tag. */
#define IMAP_LOGIN_TAG_MAX ((size_t)255)

struct imap_login_limits {
	unsigned bad; /* commands that are wrong or fail, before the session ends */
	int64_t idle_ms; /* for a whole command */
	int64_t handshake_ms;
	int64_t connect_ms; /* for keeper's word about the client */
	int64_t session_ms; /* for the shard's word */
	int64_t stall_ms; /* a client that reads nothing of what is there for it */
	int64_t linger_ms; /* how long unread input is read before closing */
};

extern const struct imap_login_limits imap_login_limits_default;

/* What the sessions of a gate share. */
struct imap_service {
	struct smtp_config **config; /* the gate's, for new sessions: name, certificate */
	struct chan *keeper;
	struct auth_desk *desk; /* the gate's */
	/* The channel to a shard; NULL: there is none of that number. */
	struct chan *(*shard)(void *house, unsigned index);
	void *house;
	struct imap_login_limits limits;
	struct fiber_group fibers;
	struct pump_pool pool;
};

struct imap_client {
	struct imap_service *service;
	enum service kind;
	struct smtp_config *config;
	struct client client, here;
	struct stream stream;
	struct imap_read reader;
	struct arena arena;
	struct buf tag; /* of the command under way */
	unsigned bad;
	bool closing; /* after the present reply */
	bool gone; /* there is nobody to say good-bye to */
	/* Once the shard has the session and gate carries its bytes; -1: gate does not. */
	int carried;
	struct chan *shard;
	uint32_t shard_epoch;
	/* For the log. */
	const char *why; /* it ended; NULL: it is logged in */
	int64_t begun_ms;
	unsigned failures;
	struct buf user; /* of the last failed login, escaped */
	const char *method;
	bool exposed; /* a password was sent where it must not */
};

/* Take connections for a struct imap_service. */
extern const struct doorway_kind imap_doorway, imaps_doorway;
/* Ends all sessions: with BYE those that wait for the client or are pumped.  At the deadline
 * whatever they do. */
void co_imap_logins_end(struct imap_service *service, int64_t deadline);

/* --- for the commands ------------------------------------------------------------------- */

/* A line without its CRLF. */
__attribute__((format(printf, 2, 3))) void imap_say(struct imap_client *s, const char *fmt, ...);
/* The same with the command's tag in front; wrong counts as a mistake of the client. */
__attribute__((format(printf, 3, 4))) void imap_reply(struct imap_client *s, bool wrong, const char *fmt,
						      ...);
#define IMAP_FINE false
#define IMAP_WRONG true

/* What a failed wait for the client leads to. */
void imap_end_for(struct imap_client *s, int code);
/* The client's answer to a continuation request, without its line end; the command's own text
 * is gone then.  False: that was answered, or the session ends. */
bool co_imap_response(struct imap_client *s, struct str *line);
/* The handshake, with all input forgotten; false when it failed. */
bool co_imap_start_tls(struct imap_client *s);
/* "rip=192.0.2.7, lip=192.0.2.1, TLS" */
void imap_add_facts(const struct imap_client *s, struct buf *out);

/* imap_commands.c: does a command that was read. */
void co_imap_command(struct imap_client *s, const struct imap_command *cmd);
/* "CAPABILITY IMAP4rev1 ..." as the session stands. */
void imap_add_capabilities(const struct imap_client *s, struct buf *out);

/* imap_auth.c */
bool imap_may_send_password(const struct imap_client *s);
void co_imap_login(struct imap_client *s, const struct imap_command *cmd);
void co_imap_authenticate(struct imap_client *s, const struct imap_command *cmd);
/* Pumps the session to its end. */
void co_imap_carry(struct imap_client *s);

#endif
