/* SPDX-License-Identifier: Apache-2.0 */
/* append: the questions with which a gate hands a letter over (net/messages.def). */
#ifndef SPOOL_APPEND_H
#define SPOOL_APPEND_H

#include "net/chan.h"

void co_on_append(void *room, struct chan_parcel *p);
void co_on_append_file(void *room, struct chan_parcel *p);

#endif
