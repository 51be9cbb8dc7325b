/* SPDX-License-Identifier: Apache-2.0 */
/*
 * password_schemes: the families of schemes, for password.c only.
 *
 * Each function takes the value with its encoding removed where the scheme is
 * of bytes, as text where it is text; it answers like password_verify().
 */
#ifndef RUN_PASSWORD_SCHEMES_H
#define RUN_PASSWORD_SCHEMES_H

#include "run/password.h"

#include <openssl/evp.h>

struct password_scheme {
	struct str name;
	enum { AS_TEXT, AS_HEX, AS_BASE64, AS_HEX_OR_BASE64 } encoding; /* without a suffix */
	int (*verify)(const struct password_scheme *scheme, struct str value, struct str password);
	const EVP_MD *(*digest)(void); /* where the family has several */
	struct str prefix; /* of the value, where the family has several */
};

/* password_crypt.c */
int password_crypt(const struct password_scheme *scheme, struct str value, struct str password);
/* crypt(3) of a password without NUL: the result, NUL-terminated, in hash (room
 * for CRYPT_OUTPUT_SIZE bytes).  ERR_INVALID when libcrypt refuses the setting. */
int password_crypt_run(struct str password, const char *setting, char *hash);
/* password_digest.c */
int password_plain(const struct password_scheme *scheme, struct str value, struct str password);
int password_digest(const struct password_scheme *scheme, struct str value, struct str password);
int password_salted(const struct password_scheme *scheme, struct str value, struct str password);
int password_cram_md5(const struct password_scheme *scheme, struct str value, struct str password);
/* password_kdf.c */
int password_pbkdf2(const struct password_scheme *scheme, struct str value, struct str password);
int password_scram(const struct password_scheme *scheme, struct str value, struct str password);
int password_argon2(const struct password_scheme *scheme, struct str value, struct str password);

/* Whether both are the same, in a time that depends on their lengths only. */
int password_compare(struct str a, struct str b);

/* The bytes of an encoded value, written to out (room for PASSWORD_STORED_MAX
 * bytes); false when it breaks the encoding or is too long.  base64 may lack
 * its padding, as in Argon2's strings. */
bool hex_decode(struct str s, char *out, size_t *n);
bool stored_base64_decode(struct str s, char *out, size_t *n);

#endif
