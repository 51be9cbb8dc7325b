/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords stored through PBKDF2 (RFC 8018), SCRAM (RFC 5802) and Argon2 (RFC 9106). */
#include "run/password_schemes.h"

#include <argon2.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>

#define PBKDF2_KEY 20

static bool pbkdf2(const EVP_MD *md, struct str password, struct str salt, uint32_t rounds,
		   unsigned char *out, size_t n)
{
	return PKCS5_PBKDF2_HMAC(password.n ? password.p : "", (int)password.n, (const unsigned char *)salt.p,
				 (int)salt.n, (int)rounds, md, (int)n, out) == 1;
}

static bool rounds_of(struct str s, uint32_t *rounds)
{
	return str_to_u32(s, rounds) && *rounds >= 1 && *rounds <= PASSWORD_ROUNDS_MAX;
}

int password_pbkdf2(const struct password_scheme *scheme, struct str value, struct str password)
{
	char want[PASSWORD_STORED_MAX];
	unsigned char got[PBKDF2_KEY];
	size_t n;
	uint32_t rounds;

	if (!str_starts(value, STR("$1$")))
		return ERR_INVALID;
	value = str_skip(value, 3);
	struct str salt = str_cut(&value, '$');

	if (!rounds_of(str_cut(&value, '$'), &rounds) || !hex_decode(value, want, &n) || n != sizeof(got))
		return ERR_INVALID;
	if (!pbkdf2(scheme->digest(), password, salt, rounds, got, sizeof(got)))
		return ERR_MEMORY;
	int rc = password_compare((struct str){(char *)got, n}, (struct str){want, n});

	OPENSSL_cleanse(got, sizeof(got));
	return rc;
}

/* ClientKey, StoredKey and ServerKey of RFC 5802 section 3. */
static bool scram_keys(const EVP_MD *md, const unsigned char *salted, unsigned char *stored,
		       unsigned char *server)
{
	unsigned char client[EVP_MAX_MD_SIZE];
	int size = EVP_MD_get_size(md);
	bool good = HMAC(md, salted, size, (const unsigned char *)"Client Key", 10, client, NULL) &&
		    EVP_Digest(client, (size_t)size, stored, NULL, md, NULL) == 1 &&
		    HMAC(md, salted, size, (const unsigned char *)"Server Key", 10, server, NULL);

	OPENSSL_cleanse(client, sizeof(client));
	return good;
}

int password_scram(const struct password_scheme *scheme, struct str value, struct str password)
{
	const EVP_MD *md = scheme->digest();
	char salt[PASSWORD_STORED_MAX + 4], want_stored[PASSWORD_STORED_MAX + 4],
		want_server[PASSWORD_STORED_MAX + 4];
	unsigned char salted[EVP_MAX_MD_SIZE], stored[EVP_MAX_MD_SIZE], server[EVP_MAX_MD_SIZE];
	size_t size = (size_t)EVP_MD_get_size(md), salt_n, stored_n, server_n;
	uint32_t rounds;

	if (!rounds_of(str_cut(&value, ','), &rounds) ||
	    !stored_base64_decode(str_cut(&value, ','), salt, &salt_n) ||
	    !stored_base64_decode(str_cut(&value, ','), want_stored, &stored_n) ||
	    !stored_base64_decode(value, want_server, &server_n) || stored_n != size || server_n != size)
		return ERR_INVALID;
	if (!pbkdf2(md, password, (struct str){salt, salt_n}, rounds, salted, size) ||
	    !scram_keys(md, salted, stored, server))
		return ERR_MEMORY;
	int bad_stored =
		password_compare((struct str){(char *)stored, size}, (struct str){want_stored, size});
	int bad_server =
		password_compare((struct str){(char *)server, size}, (struct str){want_server, size});

	OPENSSL_cleanse(salted, sizeof(salted));
	return bad_stored || bad_server ? ERR_DENIED : 0;
}

/* Takes `name=number` off the front. */
static bool cut_number(struct str *rest, char sep, struct str name, uint32_t *number)
{
	struct str field = str_cut(rest, sep);

	return str_starts(field, name) && str_to_u32(str_skip(field, name.n), number);
}

/* $argon2id$[v=19$]m=65536,t=3,p=1$salt$hash, from v= on */
static bool argon2_parse(struct str value, argon2_context *c, char *salt, char *hash)
{
	size_t salt_n, hash_n;

	c->version = ARGON2_VERSION_10;
	if (str_starts(value, STR("v=")) && !cut_number(&value, '$', STR("v="), &c->version))
		return false;
	if ((c->version != ARGON2_VERSION_10 && c->version != ARGON2_VERSION_13) ||
	    !cut_number(&value, ',', STR("m="), &c->m_cost) ||
	    !cut_number(&value, ',', STR("t="), &c->t_cost) || !cut_number(&value, '$', STR("p="), &c->lanes))
		return false;
	if (!stored_base64_decode(str_cut(&value, '$'), salt, &salt_n) ||
	    !stored_base64_decode(value, hash, &hash_n))
		return false;
	c->salt = (uint8_t *)salt;
	c->saltlen = (uint32_t)salt_n;
	c->outlen = (uint32_t)hash_n;
	return true;
}

static bool argon2_within_limits(const argon2_context *c)
{
	return c->m_cost <= PASSWORD_ARGON2_MEMORY_MAX && c->lanes <= PASSWORD_ARGON2_LANES_MAX &&
	       c->t_cost >= 1 && (uint64_t)c->m_cost * c->t_cost <= PASSWORD_ARGON2_WORK_MAX &&
	       c->outlen <= 128;
}

int password_argon2(const struct password_scheme *scheme, struct str value, struct str password)
{
	char salt[PASSWORD_STORED_MAX + 4], want[PASSWORD_STORED_MAX + 4];
	uint8_t got[128];
	/* One thread whatever the number of lanes: the result is the same, and the
	 * hash threads of the room stay as many as they are. */
	argon2_context c = {.out = got, .threads = 1, .flags = ARGON2_DEFAULT_FLAGS};

	if (!str_starts(value, scheme->prefix) ||
	    !argon2_parse(str_skip(value, scheme->prefix.n), &c, salt, want) || !argon2_within_limits(&c))
		return ERR_INVALID;
	c.pwd = (uint8_t *)password.p;
	c.pwdlen = (uint32_t)password.n;
	int failed = argon2_ctx(&c, str_starts(scheme->prefix, STR("$argon2id")) ? Argon2_id : Argon2_i);

	if (failed)
		return failed == ARGON2_MEMORY_ALLOCATION_ERROR ? ERR_MEMORY : ERR_INVALID;
	int rc = password_compare((struct str){(char *)got, c.outlen}, (struct str){want, c.outlen});

	OPENSSL_cleanse(got, sizeof(got));
	return rc;
}
