/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map: values by string key, in an arena.
 *
 * The map keeps views of its keys and pointers to its values; both have to
 * live as long as it does.  Entries are never removed.  Its own memory comes
 * from the arena (at most about 100 bytes an entry) and goes with it.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/arena.h"
#include "base/siphash.h"

struct map_slot;

struct map {
	struct arena *arena;
	struct siphash_key key;
	struct map_slot *slots;
	size_t cap; /* 0 or a power of two */
	size_t n;
};

/* An empty map.  The hash key keeps a stranger who chooses the keys of the map
 * from making them collide; where nobody does, any key will do. */
void map_init(struct map *m, struct arena *a, struct siphash_key key);
/* The value (which may be NULL) is kept under the key.  0, ERR_EXISTS when the
 * key is there already (nothing changes), ERR_MEMORY above the ceiling. */
int map_put(struct map *m, struct str key, void *value);
/* The value, or NULL. */
void *map_get(const struct map *m, struct str key);
bool map_has(const struct map *m, struct str key);

#endif
