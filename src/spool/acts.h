/* SPDX-License-Identifier: Apache-2.0 */
/* acts: the questions of the mailbox shards (net/messages.def). */
#ifndef SPOOL_ACTS_H
#define SPOOL_ACTS_H

#include "base/str.h"
#include "net/chan.h"

void co_on_shard(void *room, struct chan_parcel *p);
void co_on_act(void *room, struct chan_parcel *p);
void co_on_acts(void *room, struct chan_parcel *p);
void co_on_folded(void *room, struct chan_parcel *p);

/* A sum over the payload of an entry with one act, without its epoch: a shard sends an
 * act again under the epoch that it has then. */
uint32_t act_check(struct str payload);

#endif
