/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment_pool: the files of the journal folder: segments by number, and the
 * spares that wait for their next use.
 *
 * Invariant 10: two spares are kept for groups that free or settle, so that a
 * full disk can be emptied.  A number is never used twice, and no byte of it is
 * written before its name is on stable storage.
 */
#ifndef STORE_SEGMENT_POOL_H
#define STORE_SEGMENT_POOL_H

#include "base/err.h"
#include "store/segment.h"
#include "store/sysio.h"

#define SPARES_KEPT 2 /* for groups that free or settle */
#define SPARES_MAX 4

struct segment_pool {
	const struct sysio *io;
	int dirfd;
	uint32_t segment_size;
	uint32_t spares; /* bit n: spare.n is there */
	uint32_t next; /* number of the next segment */
};

/* The numbers in the folder, ascending. */
struct segment_list {
	uint32_t *numbers;
	size_t count;
	size_t cap;
	bool failed; /* no memory */
	uint32_t spares;
};

#define SEGMENT_NAME_SIZE 16
void segment_name(uint32_t number, char out[SEGMENT_NAME_SIZE]);

/* Lists the folder; free the list also after an error. */
int segment_list(const struct sysio *io, int dirfd, struct segment_list *out, struct err *e);
void segment_list_free(struct segment_list *l);

/* Looks at the folder: next number, spares; those of another size go. */
int segment_pool_init(struct segment_pool *p, const struct sysio *io, int dirfd, uint32_t segment_size,
		      struct err *e);
unsigned segment_pool_spares(const struct segment_pool *p);
/* Makes spares until SPARES_KEPT are there: 0, ERR_FULL or ERR_IO. */
int segment_pool_refill(struct segment_pool *p, struct err *e);
/* A file for the next number, durably named, opened for writing.
 * ERR_FULL with nothing changed when there is no space and frees is false or
 * no spare is left; after any other error *number (not 0) is used up. */
int segment_pool_begin(struct segment_pool *p, bool frees, uint32_t *number, int *fd, struct err *e);
/* Turns every segment below that number into a spare, or removes it. */
int segment_pool_recycle(struct segment_pool *p, uint32_t below, struct err *e);

#endif
