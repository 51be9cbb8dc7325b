/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn: one fiber at a time, in the order in which they came.
 */
#ifndef SCAN_TURN_H
#define SCAN_TURN_H

#include <stdbool.h>
#include <stdint.h>

struct turn_waiter;

/* Zeroed: free. */
struct turn {
	struct turn_waiter *first;
	bool taken;
};

/* Waits until it is this fiber's turn.  0, and turn_give() must follow; ERR_TIMEOUT or
 * ERR_CANCELLED. */
int co_turn_take(struct turn *t, int64_t deadline);
/* The next one's turn. */
void turn_give(struct turn *t);

#endif
