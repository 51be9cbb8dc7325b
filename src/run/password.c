/* SPDX-License-Identifier: Apache-2.0 */
/* The table of password schemes, their encodings, and making a stored password. */
#include "run/password.h"

#include "run/password_schemes.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

static const struct password_scheme schemes[] = {
	{STR_INIT("PLAIN"), AS_TEXT, .verify = password_plain},
	{STR_INIT("CLEAR"), AS_TEXT, .verify = password_plain},
	{STR_INIT("CLEARTEXT"), AS_TEXT, .verify = password_plain},
	{STR_INIT("CRYPT"), AS_TEXT, .verify = password_crypt},
	{STR_INIT("MD5-CRYPT"), AS_TEXT, .verify = password_crypt},
	{STR_INIT("SHA256-CRYPT"), AS_TEXT, .verify = password_crypt},
	{STR_INIT("SHA512-CRYPT"), AS_TEXT, .verify = password_crypt},
	{STR_INIT("BLF-CRYPT"), AS_TEXT, .verify = password_crypt},
	{STR_INIT("SHA"), AS_HEX_OR_BASE64, .verify = password_digest, .digest = EVP_sha1},
	{STR_INIT("SHA1"), AS_HEX_OR_BASE64, .verify = password_digest, .digest = EVP_sha1},
	{STR_INIT("SHA256"), AS_HEX_OR_BASE64, .verify = password_digest, .digest = EVP_sha256},
	{STR_INIT("SHA512"), AS_HEX_OR_BASE64, .verify = password_digest, .digest = EVP_sha512},
	{STR_INIT("PLAIN-MD5"), AS_HEX_OR_BASE64, .verify = password_digest, .digest = EVP_md5},
	{STR_INIT("LDAP-MD5"), AS_HEX_OR_BASE64, .verify = password_digest, .digest = EVP_md5},
	{STR_INIT("SMD5"), AS_BASE64, .verify = password_salted, .digest = EVP_md5},
	{STR_INIT("SSHA"), AS_BASE64, .verify = password_salted, .digest = EVP_sha1},
	{STR_INIT("SSHA256"), AS_BASE64, .verify = password_salted, .digest = EVP_sha256},
	{STR_INIT("SSHA512"), AS_BASE64, .verify = password_salted, .digest = EVP_sha512},
	{STR_INIT("CRAM-MD5"), AS_HEX, .verify = password_cram_md5},
	{STR_INIT("PBKDF2"), AS_TEXT, .verify = password_pbkdf2, .digest = EVP_sha1},
	{STR_INIT("SCRAM-SHA-1"), AS_TEXT, .verify = password_scram, .digest = EVP_sha1},
	{STR_INIT("SCRAM-SHA-256"), AS_TEXT, .verify = password_scram, .digest = EVP_sha256},
	{STR_INIT("ARGON2I"), AS_TEXT, .verify = password_argon2, .prefix = STR_INIT("$argon2i$")},
	{STR_INIT("ARGON2ID"), AS_TEXT, .verify = password_argon2, .prefix = STR_INIT("$argon2id$")},
};

static const struct password_scheme *scheme_named(struct str name)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (str_eq_nocase(schemes[i].name, name))
			return &schemes[i];
	return NULL;
}

int password_compare(struct str a, struct str b)
{
	return a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0 ? 0 : ERR_DENIED;
}

static int hex_digit(char c)
{
	c = ascii_lower(c);
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct str s, char *out, size_t *n)
{
	if (s.n % 2 || s.n / 2 > PASSWORD_STORED_MAX)
		return false;
	for (size_t i = 0; i < s.n; i += 2) {
		int high = hex_digit(s.p[i]), low = hex_digit(s.p[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (char)(high << 4 | low);
	}
	*n = s.n / 2;
	return true;
}

bool stored_base64_decode(struct str s, char *out, size_t *n)
{
	unsigned char padded[PASSWORD_STORED_MAX + 4];
	size_t padding = 0;

	if (s.n > PASSWORD_STORED_MAX)
		return false;
	while (padding < 2 && str_ends(s, STR("="))) {
		s.n--;
		padding++;
	}
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '+' && s.p[i] != '/')
			return false;
	if (s.n % 4 == 1 || (padding && (s.n + padding) % 4))
		return false;
	padding = (4 - s.n % 4) % 4;
	if (s.n)
		memcpy(padded, s.p, s.n);
	memset(padded + s.n, '=', padding);
	int decoded = EVP_DecodeBlock((unsigned char *)out, padded, (int)(s.n + padding));

	OPENSSL_cleanse(padded, sizeof(padded));
	*n = decoded < 0 ? 0 : (size_t)decoded - padding;
	return decoded >= 0;
}

/* Splits `{NAME.encoding}value`; without braces the value is a crypt(3) string. */
static const struct password_scheme *split_scheme(struct str stored, struct str *suffix, struct str *value)
{
	*suffix = STR("");
	*value = stored;
	if (!str_starts(stored, STR("{")))
		return scheme_named(STR("CRYPT"));
	if (str_find(stored, '}') == STR_NONE)
		return NULL;
	*value = str_skip(stored, 1);
	struct str name = str_cut(value, '}');
	size_t dot = str_rfind(name, '.');

	if (dot != STR_NONE) {
		*suffix = str_skip(name, dot + 1);
		name = str_head(name, dot);
	}
	return scheme_named(name);
}

/* Removes the encoding; bytes has room for PASSWORD_STORED_MAX. */
static bool decode_value(const struct password_scheme *scheme, struct str suffix, struct str *value,
			 char *bytes)
{
	size_t n = 0;
	bool good;

	if (str_eq_nocase(suffix, STR("hex")))
		good = hex_decode(*value, bytes, &n);
	else if (str_eq_nocase(suffix, STR("b64")) || str_eq_nocase(suffix, STR("base64")))
		good = stored_base64_decode(*value, bytes, &n);
	else if (suffix.n)
		return false;
	else if (scheme->encoding == AS_TEXT)
		return true;
	else if (scheme->encoding == AS_HEX || (scheme->encoding == AS_HEX_OR_BASE64 &&
						value->n == 2 * (size_t)EVP_MD_get_size(scheme->digest())))
		good = hex_decode(*value, bytes, &n);
	else
		good = stored_base64_decode(*value, bytes, &n);
	*value = (struct str){bytes, n};
	return good;
}

static int verify_stored(struct str stored, struct str password)
{
	char bytes[PASSWORD_STORED_MAX + 4];
	struct str suffix, value;
	const struct password_scheme *scheme = split_scheme(stored, &suffix, &value);
	int rc = ERR_INVALID;

	/* an empty value would let in whoever gives no password */
	if (scheme && decode_value(scheme, suffix, &value, bytes) && value.n)
		rc = scheme->verify(scheme, value, password);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return rc;
}

int password_verify(struct str stored, struct str password)
{
	if (password.n > PASSWORD_MAX)
		return password_verify_nobody(password);
	int rc = stored.n <= PASSWORD_STORED_MAX ? verify_stored(stored, password) : ERR_INVALID;

	if (rc == ERR_INVALID)
		password_verify_nobody(password);
	return rc;
}

int password_verify_nobody(struct str password)
{
	/* The hash of 32 random bytes that nobody kept. */
	static const struct str nobody = STR_INIT(
		"$6$Jmq1PzSyFBOoaVdN$"
		"4GtuzSEqN3C78ncscotVhfhZXaqpQdIl8FCxeq3spuHz8.jXg6RtyMbTpId1xfKTwzEy5PWmai5CyHSDOxr/h/");

	password_crypt(NULL, nobody, str_head(password, PASSWORD_MAX));
	return ERR_DENIED;
}

/* 16 characters of crypt(3)'s alphabet, 6 random bits each. */
static bool make_salt(char salt[16])
{
	static const char alphabet[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned char random[16];

	if (RAND_bytes(random, sizeof(random)) != 1)
		return false;
	for (size_t i = 0; i < sizeof(random); i++)
		salt[i] = alphabet[random[i] & 63];
	return true;
}

int password_make(struct str password, struct buf *out, struct err *e)
{
	char setting[] = "$6$0123456789abcdef";
	char hash[CRYPT_OUTPUT_SIZE];

	if (password.n == 0)
		return err_set(e, ERR_INVALID, "Password must not be empty");
	if (password.n > PASSWORD_MAX || str_find(password, 0) != STR_NONE)
		return err_set(e, ERR_INVALID, "Password is longer than %d bytes or contains a NUL",
			       PASSWORD_MAX);
	if (!make_salt(setting + 3))
		return err_set(e, ERR_IO, "No random bytes for the salt of a password");
	if (password_crypt_run(password, setting, hash))
		return err_set(e, ERR_MEMORY, "Out of memory for hashing a password");
	buf_add_z(out, "{SHA512-CRYPT}");
	buf_add_z(out, hash);
	return buf_failed(out) ? err_set(e, ERR_TOO_BIG, "No room for a password hash") : 0;
}
