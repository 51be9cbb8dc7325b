/* SPDX-License-Identifier: Apache-2.0 */
/* The letters in memory. */
#include "spool/letters.h"

#include "spool/fate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void letters_init(struct letters *l, size_t cache_max)
{
	*l = (struct letters){.cache_max = cache_max};
}

static void kept_free(struct kept_letter *k)
{
	free(k->holders);
	free(k->recipients);
	free(k->accounts);
	free(k->entry);
	fate_destroy(&k->fate);
	free(k);
}

void letters_free(struct letters *l)
{
	struct kept_letter *k;
	size_t at = 0;

	while ((k = nummap_next(&l->map, &at)))
		kept_free(k);
	nummap_free(&l->map);
}

struct kept_letter *letters_get(const struct letters *l, uint64_t id)
{
	return nummap_get(&l->map, id);
}

struct kept_letter *letters_add(struct letters *l, uint64_t id, uint32_t recipients)
{
	struct kept_letter *k = calloc(1, sizeof(*k));

	if (!k || !(k->recipients = calloc(recipients + 1, 1)) ||
	    !(k->accounts = calloc(recipients + 1, sizeof(k->accounts[0]))))
		abort();
	k->id = id;
	k->recipient_count = k->open = recipients;
	nummap_put(&l->map, id, k);
	return k;
}

void letters_touch(struct letters *l, struct kept_letter *k)
{
	if (k->changes++ == 0)
		l->dirty++;
}

void letters_written(struct letters *l, struct kept_letter *k, uint32_t changes)
{
	if (k->changes > 0 && k->changes == changes) {
		k->changes = 0;
		l->dirty--;
	}
	if (k->changes > 0 || k->open > 0 || k->users > 0 || k->bundles > 0)
		return;
	letters_uncache(l, k);
	nummap_remove(&l->map, k->id);
	kept_free(k);
}

void letters_pin(struct kept_letter *k)
{
	k->users++;
}

void letters_unpin(struct letters *l, struct kept_letter *k)
{
	if (--k->users > 0)
		return;
	letters_uncache(l, k);
	letters_written(l, k, 0);
}

void letters_cache(struct letters *l, struct kept_letter *k, struct str entry, bool must)
{
	if (k->entry || (!must && l->cached + entry.n > l->cache_max))
		return;
	k->entry = malloc(entry.n + 1);
	if (!k->entry)
		abort();
	memcpy(k->entry, entry.p, entry.n);
	k->entry_n = (uint32_t)entry.n;
	l->cached += entry.n;
}

void letters_uncache(struct letters *l, struct kept_letter *k)
{
	if (!k->entry)
		return;
	l->cached -= k->entry_n;
	free(k->entry);
	k->entry = NULL;
	k->entry_n = 0;
}

bool letter_held_by(const struct kept_letter *k, uint32_t account)
{
	for (uint32_t i = 0; i < k->holder_count; i++)
		if (k->holders[i] == account)
			return true;
	return false;
}

void letter_hold(struct kept_letter *k, uint32_t account)
{
	if (letter_held_by(k, account))
		return;
	if (k->holder_count == k->holder_cap) {
		k->holder_cap = k->holder_cap ? k->holder_cap * 2 : 1;
		k->holders = reallocarray(k->holders, k->holder_cap, sizeof(k->holders[0]));
		if (!k->holders)
			abort();
	}
	k->holders[k->holder_count++] = account;
}

bool letter_release(struct kept_letter *k, uint32_t account)
{
	for (uint32_t i = 0; i < k->holder_count; i++)
		if (k->holders[i] == account) {
			k->holders[i] = k->holders[--k->holder_count];
			return true;
		}
	return false;
}

bool letter_dead(const struct kept_letter *k)
{
	return k->holder_count == 0 && k->holds_coming == 0 && k->open == 0;
}

bool letter_settled(const struct kept_letter *k, uint32_t recipient)
{
	return k->recipients[recipient] & RECIPIENT_SETTLED;
}

void letter_settle(struct kept_letter *k, uint32_t recipient)
{
	assert(!letter_settled(k, recipient));
	k->recipients[recipient] |= RECIPIENT_SETTLED;
	k->open--;
}

void letter_unsettle(struct kept_letter *k, uint32_t recipient)
{
	assert(letter_settled(k, recipient));
	k->recipients[recipient] &= (uint8_t)~RECIPIENT_SETTLED;
	k->open++;
}

unsigned letter_deaths(const struct kept_letter *k, uint32_t recipient)
{
	return k->recipients[recipient] & RECIPIENT_DEATHS;
}

void letter_count_death(struct kept_letter *k, uint32_t recipient)
{
	if (letter_deaths(k, recipient) < DEATHS_HELD)
		k->recipients[recipient]++;
}

void letter_forget_deaths(struct kept_letter *k)
{
	for (uint32_t i = 0; i < k->recipient_count; i++)
		k->recipients[i] &= (uint8_t)~RECIPIENT_DEATHS;
}

static void set_bit(struct kept_letter *k, uint32_t recipient, unsigned bit, bool on)
{
	if (on)
		k->recipients[recipient] |= (uint8_t)bit;
	else
		k->recipients[recipient] &= (uint8_t)~bit;
}

bool letter_under_way(const struct kept_letter *k, uint32_t recipient)
{
	return k->recipients[recipient] & RECIPIENT_UNDER_WAY;
}

void letter_set_under_way(struct kept_letter *k, uint32_t recipient, bool on)
{
	set_bit(k, recipient, RECIPIENT_UNDER_WAY, on);
}

bool letter_bounced(const struct kept_letter *k, uint32_t recipient)
{
	return k->recipients[recipient] & RECIPIENT_BOUNCED;
}

void letter_set_bounced(struct kept_letter *k, uint32_t recipient, bool on)
{
	set_bit(k, recipient, RECIPIENT_BOUNCED, on);
}

bool letter_remote_open(const struct kept_letter *k, uint32_t recipient)
{
	return k->accounts[recipient] == 0 && !letter_settled(k, recipient) && !letter_bounced(k, recipient);
}
