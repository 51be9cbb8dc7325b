/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts in memory. */
#include "spool/accounts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_MAX 1024

void accounts_init(struct accounts *a, const struct check_key *key)
{
	*a = (struct accounts){.key = *key, .next_id = 1};
}

void accounts_free(struct accounts *a)
{
	struct account *account;
	size_t at = 0;

	while ((account = nummap_next(&a->by_id, &at))) {
		free(account->acts);
		free(account);
	}
	nummap_free(&a->by_id);
	nummap_free(&a->by_address);
}

static uint64_t hash_of(const struct accounts *a, struct str address)
{
	char lower[ADDRESS_MAX];
	size_t n = address.n < sizeof(lower) ? address.n : sizeof(lower);

	for (size_t i = 0; i < n; i++)
		lower[i] = ascii_lower(address.p[i]);
	return siphash24(&a->key, lower, n);
}

struct str account_address(const struct account *account)
{
	return (struct str){account->address, account->address_n};
}

struct account *accounts_by_address(const struct accounts *a, struct str address)
{
	struct account *account = nummap_get(&a->by_address, hash_of(a, address));

	while (account && (account->ended || !str_eq_nocase(account_address(account), address)))
		account = account->same;
	return account;
}

struct account *accounts_get(const struct accounts *a, uint32_t id)
{
	return nummap_get(&a->by_id, id);
}

struct account *accounts_add(struct accounts *a, uint32_t id, struct str address, uint64_t serial)
{
	uint64_t hash = hash_of(a, address);
	struct account *account = calloc(1, sizeof(*account) + address.n);

	if (!account)
		abort();
	account->id = id;
	account->dirty = true;
	account->serial = serial;
	account->acts_from = serial + 1;
	account->address_n = address.n;
	for (size_t i = 0; i < address.n; i++)
		account->address[i] = ascii_lower(address.p[i]);
	account->same = nummap_get(&a->by_address, hash);
	nummap_put(&a->by_address, hash, account);
	nummap_put(&a->by_id, id, account);
	if (id >= a->next_id)
		a->next_id = id + 1;
	return account;
}

void accounts_remove(struct accounts *a, struct account *account)
{
	uint64_t hash = hash_of(a, account_address(account));
	struct account *first = nummap_get(&a->by_address, hash);

	nummap_remove(&a->by_id, account->id);
	if (first != account) {
		while (first->same != account)
			first = first->same;
		first->same = account->same;
	} else if (account->same)
		nummap_put(&a->by_address, hash, account->same);
	else
		nummap_remove(&a->by_address, hash);
	free(account->acts);
	free(account);
}

uint64_t account_durable(const struct account *account)
{
	return account->acts_from + account->act_count - 1;
}

void account_add_act(struct account *account, struct act_ref ref)
{
	if (account->act_count == account->act_cap) {
		account->act_cap = account->act_cap ? account->act_cap * 2 : 4;
		account->acts = reallocarray(account->acts, account->act_cap, sizeof(ref));
		if (!account->acts)
			abort();
	}
	account->acts[account->act_count++] = ref;
	account->dirty = true;
}

const struct act_ref *account_act(const struct account *account, uint64_t serial)
{
	return serial >= account->acts_from && serial <= account_durable(account)
		       ? &account->acts[serial - account->acts_from]
		       : NULL;
}

uint64_t account_first_needed(const struct account *account)
{
	if (account->ended)
		return account->ending ? account->ending : UINT64_MAX;
	const struct act_ref *ref = account_act(
		account, account->folded < account->acts_from ? account->acts_from : account->folded + 1);

	return ref ? ref->position : UINT64_MAX;
}

void account_forget_acts(struct account *account, uint64_t before)
{
	size_t n = 0;

	while (n < account->act_count && account->acts[n].position < before)
		n++;
	if (n == 0)
		return;
	account->act_count -= n;
	account->acts_from += n;
	memmove(account->acts, account->acts + n, account->act_count * sizeof(account->acts[0]));
	if (account->act_count > 0)
		return;
	free(account->acts);
	account->acts = NULL;
	account->act_cap = 0;
}
