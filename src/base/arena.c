/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: blocks of growing size in a list. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
	struct arena_block *older;
	size_t used;
	size_t cap;
	alignas(max_align_t) char bytes[];
};

#define FIRST_BLOCK 1000
#define LARGEST_BLOCK 65000

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){.max = max};
}

static void drop_blocks(struct arena_block *b)
{
	while (b) {
		struct arena_block *older = b->older;

		free(b);
		b = older;
	}
}

void arena_free(struct arena *a)
{
	drop_blocks(a->blocks);
	arena_init(a, a->max);
}

void arena_wipe(struct arena *a)
{
	for (struct arena_block *b = a->blocks; b; b = b->older)
		explicit_bzero(b->bytes, b->used);
	arena_free(a);
}

void arena_reset(struct arena *a)
{
	struct arena_block *b = a->blocks;

	a->used = 0;
	if (!b)
		return;
	while (b->older) {
		struct arena_block *older = b->older;

		free(b);
		b = older;
	}
	b->used = 0;
	a->blocks = b;
}

static struct arena_block *add_block(struct arena *a, size_t n)
{
	size_t cap = a->blocks ? a->blocks->cap * 2 : FIRST_BLOCK;

	if (cap > LARGEST_BLOCK)
		cap = LARGEST_BLOCK;
	if (cap < n)
		cap = n;
	struct arena_block *b = malloc(sizeof(*b) + cap);

	if (!b)
		return NULL;
	*b = (struct arena_block){.older = a->blocks, .cap = cap};
	a->blocks = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t align = alignof(max_align_t);

	if (n > a->max || a->used > a->max - n)
		return NULL;
	size_t rounded = (n + align - 1) / align * align;
	struct arena_block *b = a->blocks;

	if (!b || b->cap - b->used < rounded)
		b = add_block(a, rounded);
	if (!b)
		return NULL;
	void *p = b->bytes + b->used;

	b->used += rounded;
	a->used += rounded;
	return memset(p, 0, n);
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
	size_t n;

	return __builtin_mul_overflow(count, size, &n) ? NULL : arena_alloc(a, n);
}

char *arena_z(struct arena *a, struct str s)
{
	char *z = arena_alloc(a, s.n + 1);

	if (z && s.n)
		memcpy(z, s.p, s.n);
	return z;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *z = arena_z(a, s);

	return (struct str){z, z ? s.n : 0};
}

struct str arena_str_lower(struct arena *a, struct str s)
{
	char *z = arena_z(a, s);

	for (size_t i = 0; z && i < s.n; i++)
		z[i] = ascii_lower(z[i]);
	return (struct str){z, z ? s.n : 0};
}

struct str arena_join(struct arena *a, struct str x, struct str y, struct str z)
{
	const struct str parts[] = {x, y, z};
	size_t n = 0, max;

	if (__builtin_add_overflow(x.n, y.n, &max) || __builtin_add_overflow(max, z.n, &max) ||
	    max == SIZE_MAX)
		return (struct str){NULL, 0};
	char *p = arena_alloc(a, max + 1);

	for (size_t i = 0; p && i < 3; i++) {
		if (parts[i].n)
			memcpy(p + n, parts[i].p, parts[i].n);
		n += parts[i].n;
	}
	return (struct str){p, p ? n : 0};
}
