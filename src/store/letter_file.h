/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letter_file: a big letter as a file of its own, data_dir/letters/<2 hex>/<id>.
 *
 * Written and synced with its folder before its entry joins a group, so that it
 * holds up no small letter (invariant 11).  The caller hashes what it adds and
 * decides at the end whether the letter is kept.  Read it with record.h, place
 * {0, 0}.
 */
#ifndef STORE_LETTER_FILE_H
#define STORE_LETTER_FILE_H

#include "store/record.h"

struct letter_file {
	const struct record_store *store;
	uint64_t id;
	int fd; /* -1: not open */
	int dirfd; /* its folder */
	uint64_t stored;
	uint32_t crc;
};

/* Begins the file.  One that is there already is the remains of an append that
 * nobody was answered, and is replaced. */
int letter_file_begin(struct letter_file *f, const struct record_store *s, uint64_t id, struct err *e);
/* Adds stored bytes. */
int letter_file_add(struct letter_file *f, struct str bytes, struct err *e);
/* Writes the header and syncs file and folder; *r is what the entry says.
 * After an error, here or above, call letter_file_abort. */
int letter_file_finish(struct letter_file *f, uint64_t length, enum transform transform, struct record *r,
		       struct err *e);
/* Removes the unfinished file; does nothing after a finish that succeeded. */
void letter_file_abort(struct letter_file *f);

/* Removes the file of a dead letter.  ERR_NOT_FOUND when it is gone already. */
int letter_file_drop(const struct record_store *s, uint64_t id, struct err *e);

#endif
