/* SPDX-License-Identifier: Apache-2.0 */
/*
 * password: verifying a password against a stored one, and making stored ones.
 *
 * A stored password is `{SCHEME}value`, or a value alone, which is taken as a
 * crypt(3) string.  `{SCHEME.b64}` and `{SCHEME.hex}` say how the value is
 * encoded.  The schemes, in upper or lower case:
 *
 *   PLAIN CLEAR CLEARTEXT               the password itself
 *   CRYPT MD5-CRYPT SHA256-CRYPT        crypt(3): DES, $1$, $2a$ $2b$ $2y$, $5$,
 *   SHA512-CRYPT BLF-CRYPT              $6$ (both with rounds=), $y$
 *   SHA SHA1 SHA256 SHA512              digest; base64, or hexadecimal
 *   SMD5 SSHA SSHA256 SSHA512           digest of password and salt, then salt; base64
 *   PLAIN-MD5 LDAP-MD5                  MD5 in hexadecimal, in base64
 *   CRAM-MD5                            HMAC-MD5 states, outer then inner; hexadecimal
 *   PBKDF2                              $1$salt$rounds$hexadecimal (HMAC-SHA-1)
 *   ARGON2I ARGON2ID                    $argon2i$v=19$m=,t=,p=$salt$hash
 *   SCRAM-SHA-1 SCRAM-SHA-256           iterations,salt,StoredKey,ServerKey (RFC 5803 data)
 *
 * Any crypt(3) string is accepted under any of the crypt names, as Dovecot does.
 *
 * Comparisons take the same time wherever the difference is.  A hash that asks
 * for more work than the limits below is refused as ERR_INVALID, so that one
 * line of an accounts file cannot hold a hash thread for longer than some two
 * seconds.  A refused or mistyped hash takes as long as a verification of the
 * default scheme, as does a login that does not exist, so that the time of an
 * answer does not tell which logins there are.
 *
 * These functions burn CPU (milliseconds to seconds): call them in the thread
 * pool.  They keep no state, so any number may run side by side.
 */
#ifndef RUN_PASSWORD_H
#define RUN_PASSWORD_H

#include "base/buf.h"
#include "base/err.h"

/* What libcrypt takes; a longer password matches nothing. */
#define PASSWORD_MAX 511
/* Longest stored password, scheme included. */
#define PASSWORD_STORED_MAX 1024
/* Rounds of $5$ and $6$, iterations of PBKDF2 and SCRAM. */
#define PASSWORD_ROUNDS_MAX 1000000
/* log2 of the rounds of $2y$. */
#define PASSWORD_BCRYPT_COST_MAX 14
/* Memory of $y$ in bytes (128 * r * N). */
#define PASSWORD_YESCRYPT_MEMORY_MAX ((uint64_t)64 << 20)
/* Memory of Argon2 in KiB; the same times the number of passes; lanes. */
#define PASSWORD_ARGON2_MEMORY_MAX (128u << 10)
#define PASSWORD_ARGON2_WORK_MAX (512u << 10)
#define PASSWORD_ARGON2_LANES_MAX 16

/* 0: the password is right.  ERR_DENIED: it is not.  ERR_INVALID: the stored one
 * is of no known scheme, malformed or above a limit.  ERR_MEMORY. */
int password_verify(struct str stored, struct str password);
/* For a login that does not exist: always ERR_DENIED. */
int password_verify_nobody(struct str password);

/* Appends `{SHA512-CRYPT}$6$`, 16 random characters of salt, `$` and 86 characters.
 * ERR_INVALID: the password is empty, too long or contains a NUL. */
int password_make(struct str password, struct buf *out, struct err *e);

#endif
