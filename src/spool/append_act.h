/* SPDX-License-Identifier: Apache-2.0 */
/* append_act: a letter that its reader stores himself (net/messages.def). */
#ifndef SPOOL_APPEND_ACT_H
#define SPOOL_APPEND_ACT_H

#include "net/chan.h"

void co_on_append_act(void *room, struct chan_parcel *p);

#endif
