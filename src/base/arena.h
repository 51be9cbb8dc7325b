/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena: memory that lives as long as one command or one letter.
 *
 * Allocations are never freed one by one; arena_free() gives everything back,
 * arena_reset() keeps the first block for the next command.  An arena has a
 * ceiling; above it an allocation returns NULL.  Memory is zeroed.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used; /* bytes handed out */
	size_t max;
};

void arena_init(struct arena *a, size_t max);
void arena_free(struct arena *a);
/* The same, overwriting all that was handed out first: for secrets. */
void arena_wipe(struct arena *a);
void arena_reset(struct arena *a);
/* n bytes, aligned for any object, zeroed; NULL above the ceiling. */
void *arena_alloc(struct arena *a, size_t n);
/* count objects of size bytes each, with overflow check. */
void *arena_calloc(struct arena *a, size_t count, size_t size);
/* A copy of s that lives in the arena; {NULL, 0} above the ceiling. */
struct str arena_str(struct arena *a, struct str s);
/* The copy in ASCII lower case. */
struct str arena_str_lower(struct arena *a, struct str s);
/* The three in a row. */
struct str arena_join(struct arena *a, struct str x, struct str y, struct str z);
/* The copy as a NUL-terminated string; NULL above the ceiling. */
char *arena_z(struct arena *a, struct str s);

#endif
