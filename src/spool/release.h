/* SPDX-License-Identifier: Apache-2.0 */
/* release: an account gives letters up (net/messages.def). */
#ifndef SPOOL_RELEASE_H
#define SPOOL_RELEASE_H

#include "net/chan.h"

void co_on_release(void *room, struct chan_parcel *p);

#endif
