/* SPDX-License-Identifier: Apache-2.0 */
/* grants: letter ids and account ids, durable before anybody hears of them. */
#ifndef SPOOL_GRANTS_H
#define SPOOL_GRANTS_H

#include "net/chan.h"

void co_on_lease(void *room, struct chan_parcel *p);
void co_on_account(void *room, struct chan_parcel *p);

#endif
