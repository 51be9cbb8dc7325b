/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords stored as crypt(3) strings, by libcrypt, within limits. */
#include "run/password_schemes.h"

#include <crypt.h>
#include <openssl/crypto.h>

#define ITOA64 "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static int itoa64_value(char c)
{
	const char *at = c ? strchr(ITOA64, c) : NULL;

	return at ? (int)(at - ITOA64) : -1;
}

/* 13 characters, two of salt: no other parameter. */
static bool des_within_limits(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if (itoa64_value(value.p[i]) < 0)
			return false;
	return value.n == 13;
}

/* $6$rounds=N$salt$hash */
static bool sha_within_limits(struct str value)
{
	uint32_t rounds;

	value = str_skip(value, 3);
	if (!str_starts(value, STR("rounds=")))
		return true;
	value = str_skip(value, 7);
	return str_to_u32(str_cut(&value, '$'), &rounds) && rounds <= PASSWORD_ROUNDS_MAX;
}

/* $2y$NN$ and 53 characters */
static bool bcrypt_within_limits(struct str value)
{
	uint32_t cost;

	value = str_skip(value, 4);
	return str_to_u32(str_cut(&value, '$'), &cost) && cost <= PASSWORD_BCRYPT_COST_MAX;
}

/* $y$jNr$salt$hash, where N and r are one character each: log2(N) - 1 and r - 1.
 * Other flavours and more parameters are not made by libcrypt's gensalt. */
static bool yescrypt_within_limits(struct str value)
{
	value = str_skip(value, 3);
	struct str parameters = str_cut(&value, '$');

	if (parameters.n != 3 || parameters.p[0] != 'j')
		return false;
	int log2_n = itoa64_value(parameters.p[1]) + 1;
	int r = itoa64_value(parameters.p[2]) + 1;

	if (log2_n < 1 || log2_n > 30 || r < 1)
		return false;
	return (uint64_t)128 * (uint64_t)r << log2_n <= PASSWORD_YESCRYPT_MEMORY_MAX;
}

static const struct {
	struct str prefix;
	bool (*within_limits)(struct str value); /* NULL: the cost is fixed */
} methods[] = {
	{STR_INIT("$1$"), NULL},
	{STR_INIT("$5$"), sha_within_limits},
	{STR_INIT("$6$"), sha_within_limits},
	{STR_INIT("$2a$"), bcrypt_within_limits},
	{STR_INIT("$2b$"), bcrypt_within_limits},
	{STR_INIT("$2y$"), bcrypt_within_limits},
	{STR_INIT("$y$"), yescrypt_within_limits},
	{STR_INIT(""), des_within_limits},
};

static bool within_limits(struct str value)
{
	size_t i = 0;

	while (!str_starts(value, methods[i].prefix))
		i++;
	return !methods[i].within_limits || methods[i].within_limits(value);
}

int password_crypt_run(struct str password, const char *setting, char *hash)
{
	char phrase[PASSWORD_MAX + 1] = {0};
	struct crypt_data *data = calloc(1, sizeof(*data));

	if (!data)
		return ERR_MEMORY;
	if (password.n)
		memcpy(phrase, password.p, password.n);
	const char *result = crypt_rn(phrase, setting, data, (int)sizeof(*data));

	snprintf(hash, CRYPT_OUTPUT_SIZE, "%s", result ? result : "");
	OPENSSL_cleanse(phrase, sizeof(phrase));
	OPENSSL_cleanse(data, sizeof(*data));
	free(data);
	return result ? 0 : ERR_INVALID;
}

int password_crypt(const struct password_scheme *scheme, struct str value, struct str password)
{
	char setting[CRYPT_OUTPUT_SIZE] = {0};
	char hash[CRYPT_OUTPUT_SIZE];

	if (value.n == 0 || value.n >= sizeof(setting) || str_find(value, 0) != STR_NONE ||
	    !within_limits(value))
		return ERR_INVALID;
	memcpy(setting, value.p, value.n);
	/* crypt(3) would see the part before a NUL only */
	bool cut = str_find(password, 0) != STR_NONE;
	int rc = password_crypt_run(password, setting, hash);

	if (rc == 0)
		rc = password_compare(str_of(hash), value);
	OPENSSL_cleanse(hash, sizeof(hash));
	return rc == 0 && cut ? ERR_DENIED : rc;
}
