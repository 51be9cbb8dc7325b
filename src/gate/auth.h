/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth: SASL PLAIN (RFC 4616) and LOGIN, and the question to keeper, as SMTP and IMAP share them.
 *
 *   mechanism -> challenge, base64 line, ... -> login and password -> keeper: login
 *
 * How a challenge and a line look is the protocol's; what they say is the same.  Buffers that hold a
 * password are overwritten before they go.
 */
#ifndef GATE_AUTH_H
#define GATE_AUTH_H

#include "base/buf.h"
#include "gate/client.h"
#include "net/messages.h"
#include "net/services.h"

/* What the `login` message takes of name and password each. */
#define AUTH_PART_MAX ((size_t)1024)

/* What a client says about itself. */
struct auth_attempt {
	const char *method; /* "PLAIN", "LOGIN": for the log */
	struct str login, password;
};

/* --- the exchange ------------------------------------------------------------------------------ */

struct auth_mechanism;
/* What is offered: the bits of the setting sasl_mechanisms, 0 for all that we have. */

/* NULL: none of that name (in any case) is offered. */
const struct auth_mechanism *auth_mechanism_find(struct str name, unsigned offered);
/* Adds the name of each that is offered, with `before` in front. */
void auth_mechanisms_add(unsigned offered, const char *before, struct buf *out);

/* Sends a challenge, base64 or empty, and waits for the client's line.  False: the protocol has
 * answered, or the session ends. */
typedef bool auth_line_fn(void *session, const char *challenge, struct str *line);

struct auth_exchange {
	auth_line_fn *co_line;
	void *session;
	/* A response that came with the command, in base64; "" is one too. */
	bool has_initial;
	struct str initial;
	/* Where an attempt's views point to. */
	struct buf first, second;
};

enum auth_outcome {
	AUTH_DONE,
	AUTH_OVER, /* co_line gave false */
	AUTH_ABORTED, /* the client said "*" */
	AUTH_NOT_BASE64, /* or longer than any response */
	AUTH_NO_MEMORY,
};

/* AUTH_DONE: what the client says stands in *out, whatever that is; an empty login is nobody's. */
enum auth_outcome co_auth_exchange(struct auth_exchange *x, const struct auth_mechanism *mechanism,
				   struct auth_attempt *out);
void auth_exchange_free(struct auth_exchange *x);

/* --- keeper ------------------------------------------------------------------------------------ */

/* What the sessions of a gate share. */
struct auth_desk {
	struct chan *keeper;
	unsigned most; /* logins asked at once by this gate: the rest of its questions is others' */
	unsigned asked; /* now */
	int64_t wait_ms;
};

#define AUTH_DESK_MOST 128
#define AUTH_DESK_WAIT_MS 30000

/* Keeper's answer, whose views live in store; what is longer than any login is refused here.
 * ERR_BUSY: too many are asked; or what hinders it for now; ERR_CANCELLED. */
int co_auth_ask(struct auth_desk *desk, enum service service, const struct client *client,
		const struct auth_attempt *attempt, struct chan_parcel *store, struct login_answer *a);

#endif
