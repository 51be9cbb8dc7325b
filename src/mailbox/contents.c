/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and hashing messages (see contents.h). */
#include "mailbox/contents.h"

#include "store/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK 65536

int contents_warm_up(struct err *e)
{
	unsigned char out[CONTENTS_HASH_SIZE];

	return EVP_Digest("", 0, out, NULL, EVP_sha256(), NULL) == 1
		       ? 0
		       : err_set(e, ERR_INVALID, "the cryptographic library has no SHA-256");
}

static int open_folder(int data_folder, const char *name, int *fd, struct err *e)
{
	*fd = openat(data_folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A store without such letters may have no such folder. */
	return *fd < 0 && errno != ENOENT ? err_errno(e, "cannot open the folder %s", name) : 0;
}

int contents_open(struct contents *c, int data_folder, struct err *e)
{
	unsigned char secret[SECRET_SIZE];
	struct check_key journal;

	*c = (struct contents){
		.store = {.io = &sysio_real, .key = &c->key, .volumes_fd = -1, .letters_fd = -1}};
	int code = secret_load(&sysio_real, data_folder, secret, e);

	if (code)
		return code;
	check_keys(secret, &journal, &c->key);
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(&journal, sizeof(journal));
	code = open_folder(data_folder, "volumes", &c->store.volumes_fd, e);
	return code ? code : open_folder(data_folder, "letters", &c->store.letters_fd, e);
}

void contents_close(struct contents *c)
{
	if (c->store.volumes_fd >= 0)
		close(c->store.volumes_fd);
	if (c->store.letters_fd >= 0)
		close(c->store.letters_fd);
	OPENSSL_cleanse(&c->key, sizeof(c->key));
}

/* Feeds the letter to the hash, and checks its CRC over all of it. */
static int hash_letter(const struct contents *c, int fd, struct place at, const struct record *r,
		       uint32_t skip, EVP_MD_CTX *hash, struct err *e)
{
	char *chunk = malloc(CHUNK);
	uint32_t crc = 0;
	int code = chunk ? 0 : err_set(e, ERR_MEMORY, "no memory to read a letter");

	for (uint64_t done = 0; !code && done < r->stored;) {
		size_t n = r->stored - done < CHUNK ? (size_t)(r->stored - done) : CHUNK;
		size_t before = skip > done ? (size_t)(skip - done) : 0;

		code = record_read(&c->store, fd, at, r, done, chunk, n, 0, e);
		if (code)
			break;
		crc = crc32c(crc, chunk, n);
		if (before < n && EVP_DigestUpdate(hash, chunk + before, n - before) != 1)
			code = err_set(e, ERR_MEMORY, "cannot hash a letter");
		done += n;
	}
	free(chunk);
	if (!code && crc != r->crc)
		code = err_set(e, ERR_CORRUPT, "the bytes of letter %016llX are damaged",
			       (unsigned long long)r->id);
	return code;
}

static int hash_record(const struct contents *c, uint64_t letter, struct place at, uint32_t skip,
		       EVP_MD_CTX *hash, struct err *e)
{
	struct record r;
	int fd;
	int code = record_open(&c->store, letter, at, &fd, e);

	if (code)
		return code;
	code = record_head(&c->store, fd, letter, at, &r, e);
	if (!code && r.transform != TRANSFORM_NONE)
		code = err_set(e, ERR_INVALID, "letter %016llX is stored in a form that is not known here",
			       (unsigned long long)letter);
	if (!code && skip > r.length)
		code = err_set(e, ERR_INVALID, "letter %016llX is shorter than what is replaced",
			       (unsigned long long)letter);
	if (!code)
		code = hash_letter(c, fd, at, &r, skip, hash, e);
	close(fd);
	return code;
}

int contents_hash(const struct contents *c, uint64_t letter, uint64_t place, struct str head, uint32_t skip,
		  unsigned char out[CONTENTS_HASH_SIZE], struct err *e)
{
	struct place at = {.volume = (uint32_t)(place >> 32), .offset = place & UINT32_MAX};
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	int code = 0;

	if (!hash || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(hash, head.p, head.n) != 1)
		code = err_set(e, ERR_MEMORY, "cannot hash a letter");
	if (!code)
		code = hash_record(c, letter, at, skip, hash, e);
	if (!code && EVP_DigestFinal_ex(hash, out, NULL) != 1)
		code = err_set(e, ERR_MEMORY, "cannot hash a letter");
	EVP_MD_CTX_free(hash);
	return code;
}
