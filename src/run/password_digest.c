/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords stored as themselves, as one digest, or as the states of HMAC-MD5. */
#define OPENSSL_API_COMPAT 0x10100000L /* MD5_CTX: CRAM-MD5 stores what is inside */
#include "run/password_schemes.h"

#include <openssl/crypto.h>
#include <openssl/md5.h>

#define MD5_STATE 16

int password_plain(const struct password_scheme *scheme, struct str value, struct str password)
{
	return password_compare(value, password);
}

static bool digest_of(const EVP_MD *md, struct str password, struct str salt, unsigned char *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestInit_ex(ctx, md, NULL) == 1 &&
		    EVP_DigestUpdate(ctx, password.p, password.n) == 1 &&
		    EVP_DigestUpdate(ctx, salt.p, salt.n) == 1 && EVP_DigestFinal_ex(ctx, out, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

int password_salted(const struct password_scheme *scheme, struct str value, struct str password)
{
	unsigned char got[EVP_MAX_MD_SIZE];
	size_t size = (size_t)EVP_MD_get_size(scheme->digest());

	if (value.n < size)
		return ERR_INVALID;
	if (!digest_of(scheme->digest(), password, str_skip(value, size), got))
		return ERR_MEMORY;
	int rc = password_compare((struct str){(char *)got, size}, str_head(value, size));

	OPENSSL_cleanse(got, sizeof(got));
	return rc;
}

int password_digest(const struct password_scheme *scheme, struct str value, struct str password)
{
	if (value.n != (size_t)EVP_MD_get_size(scheme->digest()))
		return ERR_INVALID;
	return password_salted(scheme, value, password);
}

/* The state of MD5 after the one block that HMAC (RFC 2104) hashes first. */
static void hmac_md5_state(const unsigned char key[MD5_CBLOCK], unsigned char pad, char state[MD5_STATE])
{
	unsigned char block[MD5_CBLOCK];
	MD5_CTX md5;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = key[i] ^ pad;
	MD5_Init(&md5);
	MD5_Update(&md5, block, sizeof(block));
	le32_set(state, md5.A);
	le32_set(state + 4, md5.B);
	le32_set(state + 8, md5.C);
	le32_set(state + 12, md5.D);
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(&md5, sizeof(md5));
}

int password_cram_md5(const struct password_scheme *scheme, struct str value, struct str password)
{
	unsigned char key[MD5_CBLOCK] = {0};
	char states[2 * MD5_STATE];

	if (value.n != sizeof(states))
		return ERR_INVALID;
	if (password.n <= sizeof(key))
		memcpy(key, password.p ? password.p : "", password.n);
	else if (!digest_of(EVP_md5(), password, STR(""), key))
		return ERR_MEMORY;
	hmac_md5_state(key, 0x5c, states);
	hmac_md5_state(key, 0x36, states + MD5_STATE);
	int rc = password_compare((struct str){states, sizeof(states)}, value);

	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(states, sizeof(states));
	return rc;
}
