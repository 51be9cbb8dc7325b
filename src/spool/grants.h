/* SPDX-License-Identifier: Apache-2.0 */
/* grants: letter ids and account ids, durable before anybody hears of them. */
#ifndef SPOOL_GRANTS_H
#define SPOOL_GRANTS_H

#include "net/chan.h"

struct spool;

void co_on_lease(void *room, struct chan_parcel *p);
void co_on_account(void *room, struct chan_parcel *p);

/* An id for a letter of spool's own, never used before. */
int co_own_id(struct spool *s, uint64_t *id, struct err *e);
/* The account id of an address; a new one if there is none. */
int co_own_account(struct spool *s, struct str address, uint32_t *id, struct err *e);

#endif
