/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of letter ids with a bit for each. */
#include "spool/leases.h"

#include <stdlib.h>

#define WORD_BITS 64

struct lease {
	struct lease *next;
	const void *who;
	uint64_t first;
	uint32_t count, used;
	uint64_t bits[(LEASE_COUNT + WORD_BITS - 1) / WORD_BITS];
};

void leases_init(struct leases *l, uint64_t next)
{
	*l = (struct leases){.floor = next, .next = next};
}

static void drop(struct lease **at)
{
	struct lease *gone = *at;

	*at = gone->next;
	free(gone);
}

void leases_free(struct leases *l)
{
	while (l->first)
		drop(&l->first);
}

/* Used up, or one too many of its holder. */
static void trim(struct leases *l, const void *who)
{
	unsigned n = 0;

	for (struct lease **at = &l->first; *at;)
		if ((*at)->who == who && ((*at)->used == (*at)->count || ++n > LEASES_EACH))
			drop(at);
		else
			at = &(*at)->next;
}

void leases_add(struct leases *l, const void *who, uint64_t first, uint32_t count)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		abort();
	lease->who = who;
	lease->first = first;
	lease->count = count;
	lease->next = l->first;
	l->first = lease;
	trim(l, who);
}

static struct lease *block_of(const struct leases *l, uint64_t id)
{
	for (struct lease *lease = l->first; lease; lease = lease->next)
		if (id >= lease->first && id - lease->first < lease->count)
			return lease;
	return NULL;
}

enum lease_answer_kind leases_look(const struct leases *l, const void *who, uint64_t id)
{
	const struct lease *lease = block_of(l, id);

	if (id < l->floor)
		return LEASE_OLD;
	if (!lease || lease->who != who)
		return LEASE_WRONG;
	uint64_t at = id - lease->first;

	return lease->bits[at / WORD_BITS] >> at % WORD_BITS & 1 ? LEASE_WRONG : LEASE_GOOD;
}

void leases_use(struct leases *l, uint64_t id, bool used)
{
	struct lease *lease = block_of(l, id);

	if (!lease)
		return;
	uint64_t at = id - lease->first, bit = 1ULL << at % WORD_BITS;
	bool was = lease->bits[at / WORD_BITS] & bit;

	lease->bits[at / WORD_BITS] ^= was != used ? bit : 0;
	lease->used += (uint32_t)used - (uint32_t)was;
}
