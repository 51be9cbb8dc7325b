/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_control: what `mailstead queue` asks (net/messages.def: queue, queue_letter,
 * queue_change), over the control socket only: rooms have no use for it (invariant 14).
 */
#ifndef SPOOL_QUEUE_CONTROL_H
#define SPOOL_QUEUE_CONTROL_H

#include "net/chan.h"

void co_on_queue(void *room, struct chan_parcel *p);
void co_on_queue_letter(void *room, struct chan_parcel *p);
void co_on_queue_change(void *room, struct chan_parcel *p);

#endif
