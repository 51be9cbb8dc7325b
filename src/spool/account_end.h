/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account_end: an account is no more.
 *
 *   end entry durable -> nobody sends it acts or letters; what it held in memory is released,
 *                        what was on its way to it bounces
 *                     -> what it holds in the catalogue alone is released, page by page
 *                     -> a checkpoint may pass the entry
 *
 * Recovery does the same when it reads the entry.  The id is never used again.
 */
#ifndef SPOOL_ACCOUNT_END_H
#define SPOOL_ACCOUNT_END_H

#include "net/chan.h"

struct account;
struct spool;

/* Letters of one look into the catalogue. */
#define HELD_PAGE 256

/* What the durable end means for all that is in memory.  Done twice it changes nothing more. */
void account_end(struct spool *s, struct account *a);

void co_on_end_account(void *room, struct chan_parcel *p);
void co_on_ended(void *room, struct chan_parcel *p);

#endif
