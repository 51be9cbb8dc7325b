/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accounts: address and id of every account, and where its acts lie.
 *
 * Ids are never used again.  Serials of acts have no gaps; of the acts since the
 * checkpoint the positions in the journal are kept, so that a shard can be given
 * them again.
 */
#ifndef SPOOL_ACCOUNTS_H
#define SPOOL_ACCOUNTS_H

#include "base/nummap.h"
#include "base/str.h"
#include "store/check.h"

#include <stdbool.h>

/* Where one act lies. */
struct act_ref {
	uint64_t position;
	uint32_t length; /* of its entry's payload */
	uint32_t check; /* CRC of the payload, its epoch left out: tells a repeat */
};

struct account {
	struct account *same; /* next one whose address has the same hash */
	uint32_t id;
	bool ended; /* its address may live again under another id */
	bool dirty; /* the catalogue does not have it as it is */
	uint64_t serial; /* of the last act, also one that is in a group */
	uint64_t ending; /* where its end lies, until no letter is held by it; 0: not */
	uint64_t folded; /* the shard has it on stable storage */
	/* The acts since the checkpoint, from serial `acts_from` on: durable ones only. */
	uint64_t acts_from;
	struct act_ref *acts;
	size_t act_count, act_cap;
	size_t address_n;
	char address[]; /* in lower case */
};

struct accounts {
	struct check_key key;
	struct nummap by_id;
	struct nummap by_address; /* by keyed hash */
	uint32_t next_id;
};

void accounts_init(struct accounts *a, const struct check_key *key);
void accounts_free(struct accounts *a);
/* The account that lives under this address, or NULL.  The address in any case. */
struct account *accounts_by_address(const struct accounts *a, struct str address);
struct account *accounts_get(const struct accounts *a, uint32_t id);
struct str account_address(const struct account *account);
/* Adds one under that id (not there yet), with serials from first_serial on. */
struct account *accounts_add(struct accounts *a, uint32_t id, struct str address, uint64_t serial);
/* Takes one out that was never durable. */
void accounts_remove(struct accounts *a, struct account *account);

/* The serial of the last durable act. */
uint64_t account_durable(const struct account *account);
/* The next act is durable there. */
void account_add_act(struct account *account, struct act_ref ref);
/* The act with that serial, NULL when it is not kept or not there. */
const struct act_ref *account_act(const struct account *account, uint64_t serial);
/* From where on the journal is needed for it: the first act that the shard has not folded, or an
 * end that is not done.  UINT64_MAX: none. */
uint64_t account_first_needed(const struct account *account);
/* Forgets the acts before that position. */
void account_forget_acts(struct account *account, uint64_t before);

#endif
