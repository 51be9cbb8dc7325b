/* SPDX-License-Identifier: Apache-2.0 */
/* Hash map with open addressing; at most three quarters of the slots are used. */
#include "base/map.h"

#include "base/err.h"

struct map_slot {
	struct str key;
	void *value;
	uint64_t hash;
	bool used;
};

#define FIRST_SLOTS 16

void map_init(struct map *m, struct arena *a, struct siphash_key key)
{
	*m = (struct map){.arena = a, .key = key};
}

/* The slot that holds the key, or the free one where it belongs. */
static struct map_slot *slot_of(struct map_slot *slots, size_t cap, struct str key, uint64_t hash)
{
	size_t i = (size_t)hash & (cap - 1);

	while (slots[i].used && (slots[i].hash != hash || !str_eq(slots[i].key, key)))
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static int map_enlarge(struct map *m)
{
	size_t cap = m->cap ? m->cap * 2 : FIRST_SLOTS;
	struct map_slot *slots = arena_calloc(m->arena, cap, sizeof(*slots));

	if (!slots)
		return ERR_MEMORY;
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].used)
			*slot_of(slots, cap, m->slots[i].key, m->slots[i].hash) = m->slots[i];
	m->slots = slots;
	m->cap = cap;
	return 0;
}

static struct map_slot *map_find(const struct map *m, struct str key)
{
	struct map_slot *s = m->cap ? slot_of(m->slots, m->cap, key, siphash(&m->key, key)) : NULL;

	return s && s->used ? s : NULL;
}

int map_put(struct map *m, struct str key, void *value)
{
	if (map_find(m, key))
		return ERR_EXISTS;
	if (m->n >= m->cap / 4 * 3 && map_enlarge(m))
		return ERR_MEMORY;
	uint64_t hash = siphash(&m->key, key);

	*slot_of(m->slots, m->cap, key, hash) = (struct map_slot){key, value, hash, true};
	m->n++;
	return 0;
}

void *map_get(const struct map *m, struct str key)
{
	const struct map_slot *s = map_find(m, key);

	return s ? s->value : NULL;
}

bool map_has(const struct map *m, struct str key)
{
	return map_find(m, key) != NULL;
}
