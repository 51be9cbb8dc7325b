/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl: the messages of the mechanisms PLAIN (RFC 4616) and LOGIN, both sides.
 *
 * Serving, a login says whose mailbox is meant and who vouches for it: an
 * authorization identity of its own, or the form "user*master", asks to act as
 * `user` with the password of the master user.  Whether that person may is the
 * caller's question.
 *
 * Names are lower-cased; only A-Z a-z 0-9 . - _ @ may occur in them.  Passwords
 * may hold anything but NUL, which divides the message.
 */
#ifndef FORMAT_SASL_H
#define FORMAT_SASL_H

#include "base/buf.h"

#define SASL_NAME_MAX 255
#define SASL_PASSWORD_MAX 1024
/* Base64 of the longest PLAIN message, and so of any response we read. */
#define SASL_RESPONSE_MAX 2048

struct sasl_login {
	uint8_t user_n, master_n;
	char user[SASL_NAME_MAX]; /* whose mailbox */
	char master[SASL_NAME_MAX]; /* whose password; empty: the user's own */
	struct str password; /* view of the message; empty after sasl_parse_login */
};

struct str sasl_user(const struct sasl_login *l);
struct str sasl_master(const struct sasl_login *l);

/* Reads a decoded PLAIN message: authzid NUL authcid NUL password.  ERR_INVALID
 * breaks the grammar or a name's rules, ERR_TOO_BIG a limit. */
int sasl_parse_plain(struct str message, struct sasl_login *out);

/* Reads a user name that came by itself: LOGIN, IMAP LOGIN, POP3 USER. */
int sasl_parse_login(struct str name, struct sasl_login *out);

/* Appends the base64 message for PLAIN as a client, without authorization
 * identity.  ERR_INVALID when a part is empty or holds a NUL. */
int sasl_build_plain(struct str user, struct str password, struct buf *out);

/* Appends the base64 answer to the step-th prompt of LOGIN: 0 the user name,
 * 1 the password; ERR_INVALID when the server asks on. */
int sasl_build_login(unsigned step, struct str user, struct str password, struct buf *out);

#endif
