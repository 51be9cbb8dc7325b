/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: whether a login name and a password belong together.
 *
 *   wait for the client's earlier failures -> name -> verified a moment ago, or
 *   hashed in the pool -> yes, or no after a while
 *
 * 1. A name that does not exist costs what a wrong password costs: the hash, the wait,
 *    the answer.
 * 2. A wait holds a fiber and never a thread.
 * 3. The copy of a password that a thread works on is overwritten before it goes.
 */
#ifndef KEEPER_LOGIN_H
#define KEEPER_LOGIN_H

#include "base/buf.h"
#include "keeper/hash_queue.h"
#include "keeper/limits.h"
#include "keeper/logins.h"
#include "keeper/tables.h"
#include "net/verdicts.h"

/* How long a refusal is kept back; the next attempts wait by keeper/limits.h. */
#define LOGIN_HOLD_MS 2000

struct login_desk {
	const struct tables *tables;
	struct limits *limits;
	struct logins *verified;
	struct hash_queue queue;
	int64_t hold_ms;
};

struct login_attempt {
	uint8_t address[16]; /* of the client, as in keeper/limits.h */
	struct str login, password; /* as they were sent */
	int64_t deadline;
};

/* On LOGIN_YES account gets the account's address. */
enum login_verdict co_login_judge(struct login_desk *d, const struct login_attempt *a, struct buf *account);

#endif
