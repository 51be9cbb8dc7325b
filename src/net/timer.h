/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer: one call at an absolute time.
 *
 * All timers of a process stand in one heap behind a single libuv timer, so
 * starting and stopping one makes no system call and needs no closing.
 */
#ifndef NET_TIMER_H
#define NET_TIMER_H

#include <stddef.h>
#include <stdint.h>

struct timer {
	int64_t at; /* deadline, base/clock.h */
	size_t place; /* 1-based position in the heap; 0: not running */
	void (*fn)(void *arg);
	void *arg;
};

void timer_init(struct timer *t, void (*fn)(void *), void *arg);
/* Calls fn(arg) from the loop once the time has come; a running timer is moved.
 * NO_DEADLINE only stops it.  fn may start it again. */
void timer_start(struct timer *t, int64_t deadline);
void timer_stop(struct timer *t);

/* For the loop: calls all timers that are due; the next deadline after that. */
void timers_run(int64_t now);
int64_t timers_next(void);
/* Frees the heap; no timer may be running. */
void timers_end(void);

#endif
