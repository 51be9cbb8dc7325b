/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rights: by what keeper knows a submission's login again, without a table.
 *
 *   8 octets  when it was given, seconds since 1970, little-endian
 *  16 octets  HMAC-SHA-256 (RFC 2104) of account and that time, its first half
 *
 * The key is master's, so a right outlives the keeper that gave it.  Whoever has a right
 * can show it but can make none; whether the account still exists is the caller's question.
 */
#ifndef KEEPER_RIGHTS_H
#define KEEPER_RIGHTS_H

#include "base/str.h"

#define RIGHT_KEY_SIZE 32
#define RIGHT_SIZE 24
/* As long as no session lasts. */
#define RIGHT_VALID_S ((int64_t)24 * 60 * 60)

/* False: the key is none, or there is no memory. */
bool right_make(struct str key, struct str account, int64_t now_s, uint8_t right[RIGHT_SIZE]);
/* Whether this is a right of the account, made with this key less than RIGHT_VALID_S ago.  A clock
 * that was set back makes a right no older than that either. */
bool right_holds(struct str key, struct str account, struct str right, int64_t now_s);

#endif
