/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber: straight-line code that waits without blocking its process.
 *
 * A fiber is a stack of its own that runs one function and ends with it.  All
 * fibers of a process run on one thread, one at a time, and change only inside
 * functions named co_...; after any such call everything that another fiber may
 * have changed must be looked at again.
 *
 * A fiber belongs to a group, which has a ceiling, can be cancelled as a whole
 * and joined.  Cancelling wakes the fiber: its present or next wait returns
 * ERR_CANCELLED, once; what it does after that (cleaning up) may wait again.
 * A fiber must never block the thread: no file sync, no password hash, no name
 * look-up; such work goes through co_run_blocking (net/loop.h).
 */
#ifndef NET_FIBER_H
#define NET_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fiber;
typedef void fiber_fn(void *arg);

struct fiber_group {
	struct fiber *first;
	struct fiber *joiner; /* the fiber in co_group_join */
	size_t count;
	size_t max; /* fiber_start refuses above it */
};

void fiber_group_init(struct fiber_group *g, size_t max);
/* Wakes every fiber of the group with ERR_CANCELLED. */
void fiber_group_cancel(struct fiber_group *g);
/* Waits until the group is empty.  0, ERR_TIMEOUT or ERR_CANCELLED. */
int co_group_join(struct fiber_group *g, int64_t deadline);

/* Makes a fiber that runs fn(arg) from the next look at the ready list on.
 * 0; ERR_BUSY when the group is full; ERR_MEMORY when there is no stack. */
int fiber_start(struct fiber_group *g, fiber_fn *fn, void *arg);
/* The running fiber; NULL in the loop itself. */
struct fiber *fiber_self(void);

/* Waits until fiber_wake.  Returns the code given there, ERR_TIMEOUT, or
 * ERR_CANCELLED. */
int co_park(int64_t deadline);
/* Ends the wait of f with this code; ignored unless f is parked, so that two
 * wakers of one wait need not know of each other. */
void fiber_wake(struct fiber *f, int code);
void fiber_cancel(struct fiber *f);

/* Waits for the time.  0 or ERR_CANCELLED. */
int co_sleep_until(int64_t deadline);
/* Lets the other fibers and the loop have a turn.  0 or ERR_CANCELLED. */
int co_yield (void);
/* The same, but only when this fiber has run for 2 ms; for long loops. */
int co_breathe(void);

/* Cancelling is kept back while on; nests.  For waits whose memory somebody
 * else still writes to. */
void fiber_shield(bool on);

/* Runs the fibers that are ready now, each once; true when others became ready
 * meanwhile.  Called by the loop. */
bool fibers_run_ready(void);
/* Gives pooled stacks back beyond keep of them, and of the others all pages but
 * the topmost.  For a room that has become idle. */
void fibers_trim(size_t keep);
/* Stacks that exist, and the most that one has used when painting is on. */
size_t fibers_stack_count(void);
void fibers_paint(bool on);
size_t fibers_deepest(void);

#endif
