/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nummap: pointers by a 64-bit number.
 *
 * Open addressing with removal; grows by doubling and aborts when there is no
 * memory for it, so its user bounds what goes in.  Numbers that a stranger may
 * choose are mixed by the caller first (a keyed hash), others as they are.
 */
#ifndef BASE_NUMMAP_H
#define BASE_NUMMAP_H

#include <stddef.h>
#include <stdint.h>

struct nummap_slot {
	uint64_t key;
	void *value; /* NULL: free */
};

struct nummap {
	struct nummap_slot *slots;
	size_t cap; /* 0 or a power of two */
	size_t n;
};

/* A zeroed struct is an empty map too. */
void nummap_init(struct nummap *m);
void nummap_free(struct nummap *m);
/* The value, or NULL. */
void *nummap_get(const struct nummap *m, uint64_t key);
/* Puts a value (not NULL) in place of what was there. */
void nummap_put(struct nummap *m, uint64_t key, void *value);
/* Takes the key out; its value, or NULL when it was not there. */
void *nummap_remove(struct nummap *m, uint64_t key);
/* Goes through all values in no order: begin with *at = 0; NULL at the end.
 * Nothing may be put or removed meanwhile. */
void *nummap_next(const struct nummap *m, size_t *at);

#endif
