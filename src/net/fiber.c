/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler of fibers.
 *
 *            fiber_start                   switched to             fn returns
 *   (pool) ------------> READY ---------------------> RUNNING --------------> (pool)
 *                          ^                             |
 *                          | fiber_wake, timer, cancel   | co_park
 *                          +------------- PARKED <-------+
 *
 * 1. Only the loop switches to fibers, only a fiber switches back to the loop:
 *    no fiber ever runs inside another.
 * 2. A fiber on the ready list is not parked, so a second wake is ignored.
 * 3. A stack goes back to the pool only after the switch away from it.
 */
#include "net/fiber.h"

#include "base/clock.h"
#include "base/err.h"
#include "net/fiber_stack.h"
#include "net/fiber_switch.h"
#include "net/timer.h"

#include <assert.h>
#include <stdlib.h>

#define SLICE_US 2000

enum fiber_state { FIBER_POOLED, FIBER_READY, FIBER_RUNNING, FIBER_PARKED };

struct fiber {
	struct fiber_context context;
	enum fiber_state state;
	struct fiber *next; /* in the ready list or the pool */
	struct fiber_group *group;
	struct fiber *group_next, *group_prev;
	struct timer timer;
	fiber_fn *fn;
	void *arg;
	int wake_code;
	unsigned shields;
	bool cancelled; /* not delivered yet */
};

static struct {
	struct fiber_context loop;
	struct fiber *running;
	struct fiber *ready_first, **ready_end;
	struct fiber *pool;
	size_t stacks, pooled;
	int64_t slice_began;
	size_t deepest;
	bool paint;
} sched;

struct fiber *fiber_self(void)
{
	return sched.running;
}

static void make_ready(struct fiber *f, int code)
{
	f->state = FIBER_READY;
	f->wake_code = code;
	f->next = NULL;
	if (!sched.ready_first)
		sched.ready_end = &sched.ready_first;
	*sched.ready_end = f;
	sched.ready_end = &f->next;
}

void fiber_wake(struct fiber *f, int code)
{
	if (f->state != FIBER_PARKED)
		return;
	timer_stop(&f->timer);
	make_ready(f, code);
}

void fiber_cancel(struct fiber *f)
{
	f->cancelled = true;
	if (f->state == FIBER_PARKED && f->shields == 0)
		fiber_wake(f, ERR_CANCELLED);
}

static void to_loop(struct fiber *f)
{
	fiber_context_switch(&f->context, &sched.loop);
}

int co_park(int64_t deadline)
{
	struct fiber *f = sched.running;

	assert(f);
	if (f->cancelled && f->shields == 0) {
		f->cancelled = false;
		return ERR_CANCELLED;
	}
	f->state = FIBER_PARKED;
	timer_start(&f->timer, deadline);
	to_loop(f);
	if (f->wake_code == ERR_CANCELLED)
		f->cancelled = false;
	return f->wake_code;
}

static void park_timed_out(void *arg)
{
	fiber_wake(arg, ERR_TIMEOUT);
}

int co_sleep_until(int64_t deadline)
{
	int code = co_park(deadline);

	return code == ERR_TIMEOUT ? ERR_OK : code;
}

int co_yield (void)
{
	struct fiber *f = sched.running;

	assert(f);
	if (f->cancelled && f->shields == 0) {
		f->cancelled = false;
		return ERR_CANCELLED;
	}
	make_ready(f, ERR_OK);
	to_loop(f);
	return ERR_OK;
}

int co_breathe(void)
{
	return clock_us() - sched.slice_began < SLICE_US ? ERR_OK : co_yield ();
}

void fiber_shield(bool on)
{
	struct fiber *f = sched.running;

	assert(f && (on || f->shields > 0));
	if (on)
		f->shields++;
	else
		f->shields--;
}

void fiber_group_init(struct fiber_group *g, size_t max)
{
	*g = (struct fiber_group){.max = max};
}

void fiber_group_cancel(struct fiber_group *g)
{
	for (struct fiber *f = g->first; f; f = f->group_next)
		fiber_cancel(f);
}

int co_group_join(struct fiber_group *g, int64_t deadline)
{
	assert(!g->joiner);
	while (g->count > 0) {
		g->joiner = sched.running;
		int code = co_park(deadline);

		g->joiner = NULL;
		if (code)
			return code;
	}
	return ERR_OK;
}

static void group_add(struct fiber_group *g, struct fiber *f)
{
	f->group = g;
	f->group_prev = NULL;
	f->group_next = g->first;
	if (g->first)
		g->first->group_prev = f;
	g->first = f;
	g->count++;
}

static void group_remove(struct fiber *f)
{
	struct fiber_group *g = f->group;

	if (f->group_prev)
		f->group_prev->group_next = f->group_next;
	else
		g->first = f->group_next;
	if (f->group_next)
		f->group_next->group_prev = f->group_prev;
	f->group = NULL;
	g->count--;
	if (g->count == 0 && g->joiner)
		fiber_wake(g->joiner, ERR_OK);
}

/* What every stack runs: one function after the other, pooled in between. */
static void stack_main(void *arg)
{
	struct fiber *f = arg;

	for (;;) {
		f->fn(f->arg);
		assert(f->shields == 0);
		group_remove(f);
		f->state = FIBER_POOLED;
		to_loop(f);
	}
}

static struct fiber *fiber_new(void)
{
	struct fiber *f = calloc(1, sizeof(*f));
	size_t size = 0;
	void *stack = f ? fiber_stack_map(&size) : NULL;

	if (!stack) {
		free(f);
		return NULL;
	}
	if (sched.paint)
		fiber_stack_paint(stack);
	if (fiber_context_init(&f->context, stack, size, stack_main, f) != 0) {
		fiber_stack_unmap(stack);
		free(f);
		return NULL;
	}
	timer_init(&f->timer, park_timed_out, f);
	sched.stacks++;
	return f;
}

static void drop_stack(struct fiber *f)
{
	void *stack = f->context.stack;

	timer_stop(&f->timer);
	fiber_context_free(&f->context);
	fiber_stack_unmap(stack);
	free(f);
	sched.stacks--;
}

int fiber_start(struct fiber_group *g, fiber_fn *fn, void *arg)
{
	struct fiber *f = sched.pool;

	if (g->count >= g->max)
		return ERR_BUSY;
	if (f) {
		sched.pool = f->next;
		sched.pooled--;
	} else {
		f = fiber_new();
		if (!f)
			return ERR_MEMORY;
	}
	f->fn = fn;
	f->arg = arg;
	f->cancelled = false;
	group_add(g, f);
	make_ready(f, ERR_OK);
	return ERR_OK;
}

static void put_back(struct fiber *f)
{
	if (sched.paint) {
		size_t used = fiber_stack_used(f->context.stack);

		if (used > sched.deepest)
			sched.deepest = used;
	}
	f->next = sched.pool;
	sched.pool = f;
	sched.pooled++;
}

bool fibers_run_ready(void)
{
	struct fiber *f = sched.ready_first;

	sched.ready_first = NULL;
	while (f) {
		struct fiber *next = f->next;

		f->state = FIBER_RUNNING;
		sched.running = f;
		sched.slice_began = clock_us();
		fiber_context_switch(&sched.loop, &f->context);
		sched.running = NULL;
		if (f->state == FIBER_POOLED)
			put_back(f);
		f = next;
	}
	return sched.ready_first != NULL;
}

void fibers_trim(size_t keep)
{
	while (sched.pooled > keep) {
		struct fiber *f = sched.pool;

		sched.pool = f->next;
		sched.pooled--;
		drop_stack(f);
	}
	for (struct fiber *f = sched.pool; f; f = f->next)
		fiber_stack_trim(f->context.stack);
}

size_t fibers_stack_count(void)
{
	return sched.stacks;
}

void fibers_paint(bool on)
{
	sched.paint = on;
}

size_t fibers_deepest(void)
{
	return sched.deepest;
}
