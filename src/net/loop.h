/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop: the one event loop of a process.
 *
 * libuv waits for descriptors, signals and pool threads; what they wake are
 * fibers, which the loop runs in turn.  Tasks deferred to the end of a turn
 * (sending what has gathered in channels and in the log) run once after the
 * fibers.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define LOOP_SCRATCH ((size_t)1280 << 10)

/* Something to do once at the end of the present turn. */
struct turn_task {
	struct turn_task *next;
	bool queued;
	void (*fn)(void *arg);
	void *arg;
};

/* Makes the loop.  Aborts when the system has no descriptors left: nothing runs
 * without it. */
void loop_init(void);
/* Runs until loop_stop(). */
void loop_run(void);
/* Ends loop_run after the present turn. */
void loop_stop(void);
/* Closes what is left and frees the loop.  No fiber may exist any more. */
void loop_end(void);

uv_loop_t *loop_uv(void);
/* Memory for a call that does not switch fibers: what is in it is gone after the next
 * call of anything.  LOOP_SCRATCH bytes. */
char *loop_scratch(void);
/* Gives back the pages that it has filled. */
void loop_scratch_trim(void);
void loop_defer(struct turn_task *task);
/* Takes a task back that may be queued, before its memory goes. */
void loop_undefer(struct turn_task *task);

/* Turns since the start: a room whose count stands still is idle. */
uint64_t loop_turns(void);
/* Turns above this, in microseconds, are told to the log: all others wait so long.  At most one line in
 * LOOP_TELL_MS, with the longest of them. */
#ifdef MAILSTEAD_SANITIZED
#define LOOP_SLOW_US 200000
#else
#define LOOP_SLOW_US 20000
#endif
#define LOOP_TELL_MS 60000

/* Runs fn(arg) in the thread pool and waits for it.  arg must live on the heap or
 * otherwise not be touched by anyone meanwhile; the wait has no deadline and is
 * not cancelled, since the worker still uses arg.  fn must see nothing shared. */
void co_run_blocking(void (*fn)(void *arg), void *arg);
/* Two at once and waits for both: `first` begins before `second`, in another thread or, when no
 * other is free, ends before it.  What of arg both use is theirs to order. */
void co_run_blocking_pair(void (*first)(void *arg), void (*second)(void *arg), void *arg);
/* Starts the threads of the pool, each once busy (before the walls forbid it), and lets them
 * be nicer than the loop by so much. */
void loop_warm_pool(unsigned threads, int nice);

#endif
