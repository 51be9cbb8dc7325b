/* SPDX-License-Identifier: Apache-2.0 */
/* Known tickets, oldest first, found by a keyed hash. */
#include "spool/tickets.h"

#include <stdlib.h>
#include <string.h>

struct ticket {
	struct ticket *older, *newer;
	uint64_t letter;
	unsigned char bytes[TICKET_SIZE];
};

void tickets_init(struct tickets *t, const struct check_key *key, size_t max)
{
	*t = (struct tickets){.key = *key, .max = max};
}

static uint64_t hash_of(const struct tickets *t, const unsigned char *ticket)
{
	return siphash24(&t->key, ticket, TICKET_SIZE);
}

static void forget(struct tickets *t, struct ticket *k)
{
	nummap_remove(&t->map, hash_of(t, k->bytes));
	*(k->older ? &k->older->newer : &t->oldest) = k->newer;
	*(k->newer ? &k->newer->older : &t->newest) = k->older;
	free(k);
}

void tickets_free(struct tickets *t)
{
	while (t->oldest)
		forget(t, t->oldest);
	nummap_free(&t->map);
}

static struct ticket *find(const struct tickets *t, const unsigned char *ticket)
{
	struct ticket *k = nummap_get(&t->map, hash_of(t, ticket));

	return k && memcmp(k->bytes, ticket, TICKET_SIZE) == 0 ? k : NULL;
}

uint64_t tickets_find(const struct tickets *t, const unsigned char *ticket)
{
	const struct ticket *k = find(t, ticket);

	return k ? k->letter : 0;
}

void tickets_add(struct tickets *t, const unsigned char *ticket, uint64_t letter)
{
	struct ticket *k = malloc(sizeof(*k));
	struct ticket *same = nummap_get(&t->map, hash_of(t, ticket));

	if (!k)
		abort();
	/* Two tickets of one hash: the key is ours, so this is chance, once in 2^29 tables. */
	if (same)
		forget(t, same);
	if (t->map.n >= t->max)
		forget(t, t->oldest);
	*k = (struct ticket){.older = t->newest, .letter = letter};
	memcpy(k->bytes, ticket, TICKET_SIZE);
	*(t->newest ? &t->newest->newer : &t->oldest) = k;
	t->newest = k;
	nummap_put(&t->map, hash_of(t, ticket), k);
}

void tickets_remove(struct tickets *t, const unsigned char *ticket)
{
	struct ticket *k = find(t, ticket);

	if (k)
		forget(t, k);
}
