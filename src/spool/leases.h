/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leases: which letter ids a gate may use, each of them once.
 *
 * A block is leased to one channel.  After spool was started anew its gates still
 * have ids of earlier blocks: those are below `floor`, and whether one is in use is
 * for the letters to say.
 */
#ifndef SPOOL_LEASES_H
#define SPOOL_LEASES_H

#include <stdbool.h>
#include <stdint.h>

#define LEASE_COUNT 1000
/* Blocks of one channel with ids left; the oldest is taken back above it.  A letter has its
 * id from DATA on, so that a slow client may come with one four million letters old. */
#define LEASES_EACH 4096

struct lease;

struct leases {
	struct lease *first; /* newest first */
	uint64_t floor; /* first id of this run */
	uint64_t next; /* first id of the next block */
};

enum lease_answer_kind {
	LEASE_GOOD, /* leased to it and not used yet */
	LEASE_OLD, /* of a run before */
	LEASE_WRONG, /* another's, used already, or nobody's */
};

/* next: the first id that was never leased. */
void leases_init(struct leases *l, uint64_t next);
void leases_free(struct leases *l);
/* Notes a block that was leased to `who`. */
void leases_add(struct leases *l, const void *who, uint64_t first, uint32_t count);
enum lease_answer_kind leases_look(const struct leases *l, const void *who, uint64_t id);
/* Marks a good id as used, or as free again when its letter was refused. */
void leases_use(struct leases *l, uint64_t id, bool used);

#endif
