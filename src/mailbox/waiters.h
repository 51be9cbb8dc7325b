/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waiters: fibers that wait until something about a shared thing has changed.
 *
 * Whoever changes the thing wakes all of them, and each looks again.  A fiber is
 * woken here only while it waits here, so a wake never disturbs another wait.
 */
#ifndef MAILBOX_WAITERS_H
#define MAILBOX_WAITERS_H

#include <stdint.h>

struct waiter_node;

/* All zero: nobody waits. */
struct waiters {
	struct waiter_node *first;
};

/* Waits for the next waiters_wake().  0, ERR_TIMEOUT or ERR_CANCELLED. */
int co_waiters_park(struct waiters *w, int64_t deadline);
/* In the order in which they came. */
void waiters_wake(struct waiters *w);

#endif
