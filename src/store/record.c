/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of letter records, and reading letters. */
#include "store/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define RECORD_MAGIC 0x726C534D /* "MSlr" */
#define VERIFY_CHUNK (64U << 10)

void volume_name(uint32_t volume, char out[VOLUME_NAME_SIZE])
{
	snprintf(out, VOLUME_NAME_SIZE, "%08X.vol", volume);
}

void letter_file_name(uint64_t id, char out[LETTER_NAME_SIZE])
{
	char hex[LETTER_ID_SIZE];

	letter_id_format(id, hex);
	snprintf(out, LETTER_NAME_SIZE, "%s/%s", hex + 14, hex);
}

/* What the header's check is bound to. */
static uint64_t check_position(struct place at, uint64_t id)
{
	return at.volume ? (uint64_t)at.volume << 32 | at.offset : id;
}

void record_make(unsigned char out[RECORD_HEADER], const struct check_key *key, struct place at,
		 const struct record *r)
{
	le32_set(out, RECORD_MAGIC);
	out[4] = VERSION;
	out[5] = r->transform;
	le16_set(out + 6, 0);
	le64_set(out + 8, r->id);
	le64_set(out + 16, r->length);
	le64_set(out + 24, r->stored);
	le32_set(out + 32, r->crc);
	le32_set(out + 36, 0);
	le64_set(out + 40, check_of(key, CHECK_RECORD, check_position(at, r->id), out, 40));
}

uint64_t record_size(uint64_t stored)
{
	if (stored > INT64_MAX - RECORD_HEADER - RECORD_ALIGN)
		return 0;
	return RECORD_HEADER + (stored + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

int record_open(const struct record_store *s, uint64_t id, struct place at, int *fd, struct err *e)
{
	char name[LETTER_NAME_SIZE];
	int dirfd = at.volume ? s->volumes_fd : s->letters_fd;

	if (at.volume)
		volume_name(at.volume, name);
	else
		letter_file_name(id, name);
	*fd = s->io->openat(s->io, dirfd, name, O_RDONLY, 0);
	if (*fd < 0 && errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND, "%s is not there", name);
	return *fd < 0 ? err_errno(e, "cannot open %s", name) : 0;
}

int record_head(const struct record_store *s, int fd, uint64_t id, struct place at, struct record *r,
		struct err *e)
{
	unsigned char head[RECORD_HEADER];
	int rc = sysio_read(s->io, fd, head, sizeof(head), at.offset, e);

	if (rc)
		return rc;
	if (le32_get(head) != RECORD_MAGIC || le64_get(head + 8) != id ||
	    le64_get(head + 40) != check_of(s->key, CHECK_RECORD, check_position(at, id), head, 40))
		return err_set(e, ERR_CORRUPT, "no record of letter %016llX in volume %u at %llu",
			       (unsigned long long)id, at.volume, (unsigned long long)at.offset);
	if (head[4] != VERSION)
		return err_set(e, ERR_INVALID, "letter %016llX was stored by a newer program",
			       (unsigned long long)id);
	*r = (struct record){
		.id = id,
		.length = le64_get(head + 16),
		.stored = le64_get(head + 24),
		.crc = le32_get(head + 32),
		.transform = head[5],
	};
	return 0;
}

static int read_nowait(const struct record_store *s, int fd, void *out, size_t n, uint64_t at, struct err *e)
{
	struct iovec iov = {.iov_base = out, .iov_len = n};
	ssize_t got = s->io->preadv2(s->io, fd, &iov, 1, (off_t)at, RWF_NOWAIT);

	if (got >= 0 && (size_t)got == n)
		return 0;
	/* Partly in memory, not at all, or a file system that cannot tell: the pool reads it. */
	if (got >= 0 || errno == EAGAIN || errno == EINTR || errno == EOPNOTSUPP)
		return err_set(e, ERR_BUSY, "the letter is not in memory");
	return err_errno(e, "cannot read a letter");
}

/* Where [at, at + n) and [from, from + want) overlap, copies from the first to
 * the second's buffer. */
static void copy_overlap(char *out, uint64_t from, size_t want, const char *chunk, uint64_t at, size_t n)
{
	uint64_t low = from > at ? from : at;
	uint64_t high = from + want < at + n ? from + want : at + n;

	if (low < high)
		memcpy(out + (low - from), chunk + (low - at), high - low);
}

static int read_verified(const struct record_store *s, int fd, struct place at, const struct record *r,
			 uint64_t from, char *out, size_t want, struct err *e)
{
	char *chunk = malloc(VERIFY_CHUNK);
	uint32_t crc = 0;
	int rc = chunk ? 0 : err_set(e, ERR_MEMORY, "no memory to read a letter");

	for (uint64_t done = 0; rc == 0 && done < r->stored;) {
		size_t n = r->stored - done < VERIFY_CHUNK ? (size_t)(r->stored - done) : VERIFY_CHUNK;

		rc = sysio_read(s->io, fd, chunk, n, at.offset + RECORD_HEADER + done, e);
		if (rc == 0) {
			crc = crc32c(crc, chunk, n);
			copy_overlap(out, from, want, chunk, done, n);
			done += n;
		}
	}
	free(chunk);
	if (rc == 0 && crc != r->crc)
		rc = err_set(e, ERR_CORRUPT, "the bytes of letter %016llX are damaged",
			     (unsigned long long)r->id);
	return rc;
}

int record_read(const struct record_store *s, int fd, struct place at, const struct record *r, uint64_t from,
		void *out, size_t n, int flags, struct err *e)
{
	if (from > r->stored || n > r->stored - from)
		return err_set(e, ERR_INVALID, "range outside letter %016llX", (unsigned long long)r->id);
	if (flags & RECORD_VERIFY)
		return read_verified(s, fd, at, r, from, out, n, e);
	if (flags & RECORD_NOWAIT)
		return read_nowait(s, fd, out, n, at.offset + RECORD_HEADER + from, e);
	return sysio_read(s->io, fd, out, n, at.offset + RECORD_HEADER + from, e);
}
