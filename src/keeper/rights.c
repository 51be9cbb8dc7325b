/* SPDX-License-Identifier: Apache-2.0 */
/* Submission rights (see rights.h). */
#include "keeper/rights.h"

#include "base/buf.h"
#include "keeper/accounts.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define TIME_SIZE 8
#define DIGEST_SIZE 32
/* So that no other use of the key gives the same input. */
#define LABEL "mailstead submission right 1"

static bool digest_of(struct str key, struct str account, uint64_t given, uint8_t digest[DIGEST_SIZE])
{
	struct buf input;

	if (key.n != RIGHT_KEY_SIZE)
		return false;
	buf_init(&input, sizeof(LABEL) + 2 * 4 + TIME_SIZE + LOWER_KEY_MAX);
	buf_put_str(&input, STR(LABEL));
	buf_put_str(&input, account);
	buf_put_u64(&input, given);
	bool good = !buf_failed(&input) && HMAC(EVP_sha256(), key.p, (int)key.n, (const uint8_t *)input.p,
						input.n, digest, NULL) != NULL;

	buf_free(&input);
	return good;
}

bool right_make(struct str key, struct str account, int64_t now_s, uint8_t right[RIGHT_SIZE])
{
	uint8_t digest[DIGEST_SIZE];

	if (!digest_of(key, account, (uint64_t)now_s, digest))
		return false;
	le64_set(right, (uint64_t)now_s);
	memcpy(right + TIME_SIZE, digest, RIGHT_SIZE - TIME_SIZE);
	return true;
}

bool right_holds(struct str key, struct str account, struct str right, int64_t now_s)
{
	uint8_t digest[DIGEST_SIZE];
	int64_t age;

	if (right.n != RIGHT_SIZE)
		return false;
	uint64_t given = le64_get(right.p);

	if (!digest_of(key, account, given, digest) ||
	    CRYPTO_memcmp(digest, right.p + TIME_SIZE, RIGHT_SIZE - TIME_SIZE) != 0)
		return false;
	/* Signed by us, so the difference does not overflow but for a key that leaked. */
	return !__builtin_sub_overflow(now_s, (int64_t)given, &age) && age < RIGHT_VALID_S &&
	       age > -RIGHT_VALID_S;
}
