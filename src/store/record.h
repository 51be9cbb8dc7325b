/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: a letter's bytes on the disk: a header of 48 bytes, then the stored
 * bytes (docs/format.md, "Volumes").
 *
 * A record lies in a volume or is a file of its own.  Everything here only
 * reads; volume.h and letter_file.h write.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/err.h"
#include "store/check.h"
#include "store/entry.h"
#include "store/sysio.h"

#define RECORD_HEADER 48
#define RECORD_ALIGN 8

struct record {
	uint64_t id;
	uint64_t length; /* of the letter */
	uint64_t stored; /* bytes behind the header */
	uint32_t crc; /* CRC-32C of the stored bytes */
	uint8_t transform; /* enum transform */
};

/* What a reader of letters keeps; the caller owns the descriptors. */
struct record_store {
	const struct sysio *io;
	const struct check_key *key; /* the volume key */
	int volumes_fd;
	int letters_fd;
};

#define VOLUME_NAME_SIZE 16
void volume_name(uint32_t volume, char out[VOLUME_NAME_SIZE]);
#define LETTER_NAME_SIZE 24
/* "3F/000000000001E23F": the folder is its last two digits. */
void letter_file_name(uint64_t id, char out[LETTER_NAME_SIZE]);

void record_make(unsigned char out[RECORD_HEADER], const struct check_key *key, struct place at,
		 const struct record *r);
/* Bytes that a record takes in a volume; 0 when that cannot be counted. */
uint64_t record_size(uint64_t stored);

/* Opens the file that holds the record, read-only.  ERR_NOT_FOUND when it is
 * gone: the letter has moved, or is dead. */
int record_open(const struct record_store *s, uint64_t id, struct place at, int *fd, struct err *e);
/* Reads and checks the header: ERR_CORRUPT unless it is this letter's, made for
 * this place. */
int record_head(const struct record_store *s, int fd, uint64_t id, struct place at, struct record *r,
		struct err *e);

enum {
	RECORD_NOWAIT = 1, /* ERR_BUSY instead of waiting for the disk */
	RECORD_VERIFY = 2, /* read all, ERR_CORRUPT when the CRC is wrong; not with NOWAIT */
};

/* n of the stored bytes, from offset `from` on.  ERR_INVALID outside the
 * record: a range never reaches into the neighbour's letter. */
int record_read(const struct record_store *s, int fd, struct place at, const struct record *r, uint64_t from,
		void *out, size_t n, int flags, struct err *e);

#endif
