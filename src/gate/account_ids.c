/* SPDX-License-Identifier: Apache-2.0 */
/* Remembering account ids (see account_ids.h). */
#include "gate/account_ids.h"

#include "net/messages.h"

#include <openssl/rand.h>

/* Some 20,000 accounts; what does not fit is asked each time. */
#define REMEMBERED_MAX ((size_t)4 << 20)

struct known_id {
	uint32_t id;
};

int account_ids_init(struct account_ids *ids, struct err *e)
{
	struct siphash_key key;

	arena_init(&ids->arena, REMEMBERED_MAX);
	if (RAND_bytes((unsigned char *)&key, sizeof(key)) != 1)
		return err_set(e, ERR_IO, "the system gives no random numbers");
	map_init(&ids->map, &ids->arena, key);
	return ERR_OK;
}

void account_ids_free(struct account_ids *ids)
{
	arena_free(&ids->arena);
}

void account_ids_forget(struct account_ids *ids)
{
	struct siphash_key key = ids->map.key;

	arena_reset(&ids->arena);
	map_init(&ids->map, &ids->arena, key);
}

static void remember(struct account_ids *ids, struct str address, uint32_t id)
{
	struct known_id *known = arena_alloc(&ids->arena, sizeof(*known));

	address = arena_str(&ids->arena, address);
	if (!known || !address.p)
		return;
	known->id = id;
	/* Another session may have been told the same meanwhile. */
	map_put(&ids->map, address, known);
}

int co_account_id(struct account_ids *ids, struct chan *spool, struct str address, int64_t deadline,
		  uint32_t *id, struct err *e)
{
	const struct known_id *known = map_get(&ids->map, address);
	struct account_question q = {.address = address, .make = 1};
	struct account_answer a;
	struct chan_parcel store;

	if (known) {
		*id = known->id;
		return ERR_OK;
	}
	int code = co_ask_account(spool, &q, deadline, &store, &a, e);

	if (code)
		return code;
	*id = a.account;
	chan_parcel_free(&store);
	if (*id == 0)
		return err_set(e, ERR_INVALID, "spool gave no id for an account");
	remember(ids, address, *id);
	return ERR_OK;
}
