/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope: from whom and for whom a letter is, as RFC 5321 and RFC 3461 carry
 * it beside the letter.
 *
 * Its encoding (docs/format.md) has a version of its own, because it stands in
 * the journal and in messages between rooms alike.
 */
#ifndef STORE_ENVELOPE_H
#define STORE_ENVELOPE_H

#include "base/arena.h"
#include "base/buf.h"

#define ENVELOPE_ADDRESS_MAX 1024 /* reverse-path, recipient, login */
#define ENVELOPE_ENVID_MAX 100 /* RFC 3461, 4.4 */
#define ENVELOPE_ORCPT_MAX 500 /* RFC 3461, 4.2 */
#define ENVELOPE_RECIPIENTS_MAX 4096

/* BODY= of RFC 6152 and RFC 3030. */
enum envelope_body {
	BODY_7BIT = 0,
	BODY_8BITMIME = 1,
	BODY_BINARYMIME = 2,
};

/* RET= of RFC 3461. */
enum envelope_ret {
	RET_NONE = 0,
	RET_FULL = 1,
	RET_HDRS = 2,
};

/* NOTIFY= of RFC 3461: none of them when absent, NEVER only alone. */
enum {
	NOTIFY_SUCCESS = 1,
	NOTIFY_FAILURE = 2,
	NOTIFY_DELAY = 4,
	NOTIFY_NEVER = 8,
};

struct recipient {
	struct str address;
	struct str orcpt; /* "type;address", decoded; empty: absent */
	uint32_t account; /* 0: not here, relay brings it on */
	uint8_t notify;
};

struct envelope {
	struct str reverse_path; /* empty: the null reverse-path */
	struct str envid; /* decoded; empty: absent */
	struct str login; /* who submitted it; empty: a stranger */
	uint64_t received_us; /* since 1970 */
	struct recipient *recipients;
	uint32_t recipient_count;
	uint8_t body; /* enum envelope_body */
	uint8_t ret; /* enum envelope_ret */
	bool smtputf8; /* RFC 6531 */
	bool held; /* scan ended twice with it: nobody is offered it until it is released */
};

/* Appends it; sets b->failed when a limit or rule above is broken. */
void envelope_put(struct buf *b, const struct envelope *env);
/* Takes one off r; sets r->failed on any broken limit or rule, then *env is
 * empty.  Its strings are views into r's bytes, its array lives in a. */
void envelope_get(struct reader *r, struct arena *a, struct envelope *env);

#endif
