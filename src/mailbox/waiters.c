/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of waiting fibers (see waiters.h); the nodes live on their stacks. */
#include "mailbox/waiters.h"

#include "base/err.h"
#include "net/fiber.h"

#include <stddef.h>

struct waiter_node {
	struct waiter_node *next;
	struct fiber *fiber;
};

int co_waiters_park(struct waiters *w, int64_t deadline)
{
	struct waiter_node self = {.fiber = fiber_self()}, **at = &w->first;

	while (*at)
		at = &(*at)->next;
	*at = &self;
	int code = co_park(deadline);

	for (at = &w->first; *at != &self; at = &(*at)->next)
		;
	*at = self.next;
	return code;
}

void waiters_wake(struct waiters *w)
{
	for (struct waiter_node *n = w->first; n; n = n->next)
		fiber_wake(n->fiber, ERR_OK);
}
