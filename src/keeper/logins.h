/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logins: which logins were verified less than a minute ago.
 *
 * Mail programs open several connections at once; a login that was just verified
 * is answered from here instead of hashing again.  The table keeps no password,
 * only HMAC-SHA-256 (RFC 2104) of login, stored hash and password under a random
 * key that is made with the table and never leaves it.  A changed or removed
 * password is another input, so it is never answered from here.
 *
 * The table has a fixed size; a new entry takes the place of the oldest in its
 * row.  Times are milliseconds of the monotonic clock, given by the caller.
 */
#ifndef KEEPER_LOGINS_H
#define KEEPER_LOGINS_H

#include "keeper/accounts.h"

#define LOGINS_MEMORY_MS 60000

struct logins;

/* places is rounded up to a power of two of at least 4.  NULL: out of memory, or no
 * random bytes. */
struct logins *logins_new(size_t places);
/* Wipes the key and the table. */
void logins_destroy(struct logins **l);

/* Call it with a password that password_verify() has just accepted. */
void logins_remember(struct logins *l, const struct account *account, struct str password, int64_t now);
/* Whether this very password was remembered less than LOGINS_MEMORY_MS ago. */
bool logins_knows(struct logins *l, const struct account *account, struct str password, int64_t now);

#endif
