/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account_ids: which number an account has, asked of spool once and remembered.
 *
 * An envelope names local recipients by account id.  Ids are never used again for
 * another account (docs/architecture.md 5), but an account may end, and its address live
 * again under another id: spool refuses the old one, and all that is remembered is forgotten.
 */
#ifndef GATE_ACCOUNT_IDS_H
#define GATE_ACCOUNT_IDS_H

#include "base/err.h"
#include "base/map.h"
#include "net/chan.h"

struct account_ids {
	struct arena arena;
	struct map map; /* address -> struct known_id */
};

int account_ids_init(struct account_ids *ids, struct err *e);
void account_ids_free(struct account_ids *ids);
/* Spool did not know one of them: they are asked for again. */
void account_ids_forget(struct account_ids *ids);
/* The id of the account with that address; a new one is made where there is none.
 * A negative code when spool did not say. */
int co_account_id(struct account_ids *ids, struct chan *spool, struct str address, int64_t deadline,
		  uint32_t *id, struct err *e);

#endif
