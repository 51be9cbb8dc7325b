/* SPDX-License-Identifier: Apache-2.0 */
/* Taking turns (see turn.h). */
#include "scan/turn.h"

#include "net/fiber.h"

struct turn_waiter {
	struct turn_waiter *next;
	struct fiber *fiber;
	bool given;
};

static void leave(struct turn *t, const struct turn_waiter *self)
{
	struct turn_waiter **at = &t->first;

	while (*at != self)
		at = &(*at)->next;
	*at = self->next;
}

int co_turn_take(struct turn *t, int64_t deadline)
{
	struct turn_waiter self = {.fiber = fiber_self()}, **end = &t->first;
	int code;

	if (!t->taken) {
		t->taken = true;
		return 0;
	}
	while (*end)
		end = &(*end)->next;
	*end = &self;
	code = co_park(deadline);
	if (!self.given)
		leave(t, &self);
	else if (code)
		turn_give(t); /* given in the moment in which we gave up */
	return code;
}

void turn_give(struct turn *t)
{
	struct turn_waiter *next = t->first;

	t->taken = next != NULL;
	if (!next)
		return;
	t->first = next->next;
	next->given = true;
	fiber_wake(next->fiber, 0);
}
