/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of timers, earliest first. */
#include "net/timer.h"

#include "base/clock.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

static struct {
	struct timer **heap; /* heap[1] is the earliest */
	size_t n, cap;
} timers;

void timer_init(struct timer *t, void (*fn)(void *), void *arg)
{
	*t = (struct timer){.fn = fn, .arg = arg};
}

static void put(struct timer *t, size_t place)
{
	timers.heap[place] = t;
	t->place = place;
}

static void sift_up(struct timer *t, size_t i)
{
	while (i > 1 && timers.heap[i / 2]->at > t->at) {
		put(timers.heap[i / 2], i);
		i /= 2;
	}
	put(t, i);
}

static void sift_down(struct timer *t, size_t i)
{
	for (;;) {
		size_t child = i * 2;

		if (child > timers.n)
			break;
		if (child < timers.n && timers.heap[child + 1]->at < timers.heap[child]->at)
			child++;
		if (timers.heap[child]->at >= t->at)
			break;
		put(timers.heap[child], i);
		i = child;
	}
	put(t, i);
}

static void reserve_place(void)
{
	if (timers.n + 1 < timers.cap)
		return;
	timers.cap = timers.cap ? timers.cap * 2 : 64;
	struct timer **heap = realloc(timers.heap, timers.cap * sizeof(struct timer *));

	/* A few bytes a fiber: without them the role restarts. */
	if (!heap)
		abort();
	timers.heap = heap;
}

void timer_stop(struct timer *t)
{
	size_t hole = t->place;

	if (hole == 0)
		return;
	struct timer *last = timers.heap[timers.n--];

	t->place = 0;
	if (last == t)
		return;
	if (hole > 1 && timers.heap[hole / 2]->at > last->at)
		sift_up(last, hole);
	else
		sift_down(last, hole);
}

void timer_start(struct timer *t, int64_t deadline)
{
	timer_stop(t);
	if (deadline == NO_DEADLINE)
		return;
	reserve_place();
	t->at = deadline;
	sift_up(t, ++timers.n);
}

void timers_run(int64_t now)
{
	while (timers.n > 0 && timers.heap[1]->at <= now) {
		struct timer *t = timers.heap[1];

		timer_stop(t);
		t->fn(t->arg);
	}
}

int64_t timers_next(void)
{
	return timers.n > 0 ? timers.heap[1]->at : NO_DEADLINE;
}

void timers_end(void)
{
	assert(timers.n == 0);
	free(timers.heap);
	timers.heap = NULL;
	timers.cap = 0;
}
