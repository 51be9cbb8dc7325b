/* SPDX-License-Identifier: Apache-2.0 */
/* messages_again: every message decoded and encoded again, for the fuzzer alone (tools/messages.py makes it). */
#ifndef NET_MESSAGES_AGAIN_H
#define NET_MESSAGES_AGAIN_H

#include "net/chan_frame.h"

struct message_again {
	uint16_t type; /* 0: the end of the table */
	uint8_t kind; /* enum chan_kind */
	/* NULL when it is refused.  Its descriptors are closed, the frame has copies. */
	struct chan_frame *(*again)(struct chan_parcel *p);
};

extern const struct message_again messages_again[];

#endif
