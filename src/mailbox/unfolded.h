/* SPDX-License-Identifier: Apache-2.0 */
/* unfolded: after each start of spool or shard, accounts that nobody opens are folded too. */
#ifndef MAILBOX_UNFOLDED_H
#define MAILBOX_UNFOLDED_H

/* A fiber of the shard (struct shard *arg); ends when it is cancelled. */
void unfolded_fiber(void *arg);

#endif
