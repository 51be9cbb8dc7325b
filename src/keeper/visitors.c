/* SPDX-License-Identifier: Apache-2.0 */
/* Connections by address, as counts in a hash table of chains (see visitors.h). */
#include "keeper/visitors.h"

#include <stdlib.h>
#include <string.h>

#define CHAINS 4096

struct visitor {
	struct visitor *next;
	uint8_t address[16];
	unsigned connections;
};

struct visitors {
	struct siphash_key key;
	size_t n;
	size_t taken; /* chains below it are empty: visitors_take goes on from there */
	struct visitor *chains[CHAINS];
};

struct visitors *visitors_new(struct siphash_key key)
{
	struct visitors *v = calloc(1, sizeof(*v));

	if (v)
		v->key = key;
	return v;
}

/* Where the address hangs, or would. */
static struct visitor **find(struct visitors *v, const uint8_t address[16], size_t *chain)
{
	*chain = siphash(&v->key, (struct str){(const char *)address, 16}) % CHAINS;
	struct visitor **at = &v->chains[*chain];

	while (*at && memcmp((*at)->address, address, 16) != 0)
		at = &(*at)->next;
	return at;
}

bool visitors_add(struct visitors *v, const uint8_t address[16])
{
	size_t chain;
	struct visitor **at = find(v, address, &chain);

	if (!*at) {
		*at = v->n < VISITORS_MAX ? calloc(1, sizeof(**at)) : NULL;
		if (!*at)
			return false;
		memcpy((*at)->address, address, 16);
		v->n++;
		if (chain < v->taken)
			v->taken = chain;
	}
	(*at)->connections++;
	return true;
}

static void take_one(struct visitors *v, struct visitor **at)
{
	struct visitor *visitor = *at;

	if (--visitor->connections > 0)
		return;
	*at = visitor->next;
	free(visitor);
	v->n--;
}

bool visitors_remove(struct visitors *v, const uint8_t address[16])
{
	size_t chain;
	struct visitor **at = find(v, address, &chain);

	if (!*at)
		return false;
	take_one(v, at);
	return true;
}

bool visitors_take(struct visitors *v, uint8_t address[16])
{
	while (v->taken < CHAINS && !v->chains[v->taken])
		v->taken++;
	if (v->taken == CHAINS)
		return false;
	memcpy(address, v->chains[v->taken]->address, 16);
	take_one(v, &v->chains[v->taken]);
	return true;
}

void visitors_destroy(struct visitors **v)
{
	uint8_t address[16];

	if (!*v)
		return;
	while (visitors_take(*v, address))
		;
	free(*v);
	*v = NULL;
}
