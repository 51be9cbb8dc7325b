/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incoming: the bytes of one letter between the message that brought them and the store.
 *
 * Below LETTER_OWN_FILE they wait in memory for the volume's batch; a larger letter is
 * written into a file of its own and synced before its entry joins a group (invariant 11).
 *
 *   claim -> check the id -> take or read -> (its entry's group is decided) -> end
 */
#ifndef SPOOL_INCOMING_H
#define SPOOL_INCOMING_H

#include "base/err.h"
#include "store/entry.h"

struct spool;

struct incoming {
	struct spool *spool;
	const void *who; /* has the id in its lease */
	uint64_t id, size;
	struct str bytes; /* what the volume is to take; empty when it has its own file */
	bool own_file;
	uint32_t crc;
	char *memory;
};

/* Bytes and id are this letter's until incoming_end().  ERR_BUSY: the id is being stored
 * already, or too many bytes are under way (invariant 10). */
int incoming_claim(struct incoming *in, struct spool *s, const void *who, uint64_t id, uint64_t size,
		   struct err *e);
void incoming_end(struct incoming *in);
/* Whether `who` may store a letter under this id: one of his lease, or of a run before when no
 * letter has it (ERR_EXISTS). */
int co_incoming_check_id(const struct incoming *in, struct err *e);
/* ERR_DENIED: not leased to him, or used.  For a kind's join. */
int incoming_check_lease(const struct incoming *in, struct err *e);
/* Bytes that stay where they are until the end. */
void incoming_take(struct incoming *in, struct str bytes);
/* Those of a memory file that was checked (sealed_check). */
int co_incoming_read(struct incoming *in, int file, struct err *e);
/* The group was refused: the file of its own goes. */
void co_incoming_drop(struct incoming *in);
/* Says in l what was taken. */
void incoming_describe(const struct incoming *in, struct letter *l);

/* The outline that came along: in the message, or a sealed memory file, which is mapped. */
struct incoming_outline {
	struct str bytes;
	void *map;
	size_t map_n;
};

/* Takes `wide` over (-1: none); freed in any case. */
int incoming_outline_take(struct incoming_outline *o, struct str bytes, uint32_t size, int wide,
			  struct err *e);
void incoming_outline_free(struct incoming_outline *o);

#endif
