/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probing.  A removal moves the entries behind it
 * back, so there are no tombstones and a search ends at the first free slot.
 */
#include "base/nummap.h"

#include <stdlib.h>

#define CAP_FIRST 16

/* Fibonacci hashing: numbers in a row spread over the table. */
static size_t home_of(const struct nummap *m, uint64_t key)
{
	key ^= key >> 32;
	return (size_t)((key * 0x9E3779B97F4A7C15ULL) >> 20) & (m->cap - 1);
}

void nummap_init(struct nummap *m)
{
	*m = (struct nummap){0};
}

void nummap_free(struct nummap *m)
{
	free(m->slots);
	nummap_init(m);
}

/* The slot of the key, or the free one where it would go. */
static struct nummap_slot *find(const struct nummap *m, uint64_t key)
{
	size_t at = home_of(m, key);

	while (m->slots[at].value && m->slots[at].key != key)
		at = (at + 1) & (m->cap - 1);
	return &m->slots[at];
}

void *nummap_get(const struct nummap *m, uint64_t key)
{
	return m->cap ? find(m, key)->value : NULL;
}

static void grow(struct nummap *m)
{
	struct nummap old = *m;

	m->cap = old.cap ? old.cap * 2 : CAP_FIRST;
	m->slots = calloc(m->cap, sizeof(*m->slots));
	if (!m->slots)
		abort();
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].value)
			*find(m, old.slots[i].key) = old.slots[i];
	free(old.slots);
}

void nummap_put(struct nummap *m, uint64_t key, void *value)
{
	if ((m->n + 1) * 4 > m->cap * 3)
		grow(m);
	struct nummap_slot *s = find(m, key);

	if (!s->value)
		m->n++;
	*s = (struct nummap_slot){key, value};
}

void *nummap_remove(struct nummap *m, uint64_t key)
{
	if (!m->cap)
		return NULL;
	struct nummap_slot *s = find(m, key);
	void *value = s->value;
	size_t hole = (size_t)(s - m->slots), at = hole, mask = m->cap - 1;

	if (!value)
		return NULL;
	m->n--;
	for (;;) {
		m->slots[hole].value = NULL;
		do {
			at = (at + 1) & mask;
			if (!m->slots[at].value)
				return value;
			/* It stays when its home lies behind the hole, up to where it is. */
		} while (((at - home_of(m, m->slots[at].key)) & mask) < ((at - hole) & mask));
		m->slots[hole] = m->slots[at];
		hole = at;
	}
}

void *nummap_next(const struct nummap *m, size_t *at)
{
	while (*at < m->cap)
		if (m->slots[(*at)++].value)
			return m->slots[*at - 1].value;
	return NULL;
}
