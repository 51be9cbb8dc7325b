/* SPDX-License-Identifier: Apache-2.0 */
/* Recently verified logins by keyed digest. */
#include "keeper/logins.h"

#include "base/buf.h"
#include "run/password.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_SIZE 32
#define ROW_PLACES 4

struct verified {
	uint8_t digest[DIGEST_SIZE];
	int64_t at;
	bool used;
};

struct logins {
	uint8_t key[DIGEST_SIZE];
	size_t rows; /* a power of two */
	size_t bytes; /* of all this */
	struct verified places[];
};

struct logins *logins_new(size_t places)
{
	size_t rows = 1, bytes;

	while (rows < places / ROW_PLACES + (places % ROW_PLACES != 0))
		if (__builtin_mul_overflow(rows, 2, &rows))
			return NULL;
	if (__builtin_mul_overflow(rows, ROW_PLACES * sizeof(struct verified), &bytes) ||
	    bytes > SIZE_MAX / 2)
		return NULL;
	bytes += sizeof(struct logins);
	struct logins *l = calloc(1, bytes);

	if (!l)
		return NULL;
	l->rows = rows;
	l->bytes = bytes;
	if (RAND_bytes(l->key, sizeof(l->key)) != 1)
		logins_destroy(&l);
	return l;
}

void logins_destroy(struct logins **l)
{
	if (*l)
		OPENSSL_cleanse(*l, (*l)->bytes);
	free(*l);
	*l = NULL;
}

/* Each part with its length, so that no two triples give the same input. */
static bool digest_of(const struct logins *l, const struct account *account, struct str password,
		      uint8_t digest[DIGEST_SIZE])
{
	struct buf input;

	buf_init(&input, 3 * 4 + LOWER_KEY_MAX + PASSWORD_STORED_MAX + PASSWORD_MAX);
	/* one allocation: growing would leave copies of the password behind */
	buf_room(&input, 12 + account->address.n + account->stored.n + password.n);
	buf_put_str(&input, account->address);
	buf_put_str(&input, account->stored);
	buf_put_str(&input, password);
	bool good = !buf_failed(&input) && HMAC(EVP_sha256(), l->key, sizeof(l->key),
						(const unsigned char *)input.p, input.n, digest, NULL);

	if (input.p)
		OPENSSL_cleanse(input.p, input.cap);
	buf_free(&input);
	return good;
}

static struct verified *row_of(struct logins *l, const uint8_t digest[DIGEST_SIZE])
{
	return l->places + ((size_t)le64_get(digest) & (l->rows - 1)) * ROW_PLACES;
}

static bool is_fresh(const struct verified *v, int64_t now)
{
	return v->used && now - v->at < LOGINS_MEMORY_MS;
}

bool logins_knows(struct logins *l, const struct account *account, struct str password, int64_t now)
{
	uint8_t digest[DIGEST_SIZE];
	bool known = false;

	if (!digest_of(l, account, password, digest))
		return false;
	const struct verified *row = row_of(l, digest);

	for (size_t i = 0; i < ROW_PLACES; i++)
		known |= is_fresh(&row[i], now) && CRYPTO_memcmp(row[i].digest, digest, DIGEST_SIZE) == 0;
	return known;
}

void logins_remember(struct logins *l, const struct account *account, struct str password, int64_t now)
{
	uint8_t digest[DIGEST_SIZE];

	if (!digest_of(l, account, password, digest))
		return;
	struct verified *row = row_of(l, digest), *place = row;

	for (size_t i = 0; i < ROW_PLACES; i++) {
		if (row[i].used && CRYPTO_memcmp(row[i].digest, digest, DIGEST_SIZE) == 0) {
			place = &row[i];
			break;
		}
		if (place->used && (!row[i].used || row[i].at < place->at))
			place = &row[i];
	}
	memcpy(place->digest, digest, DIGEST_SIZE);
	place->at = now;
	place->used = true;
}
