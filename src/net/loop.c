/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: one libuv loop, the timers and the fibers.
 *
 * A turn:  libuv calls back (descriptors, threads)  ->  check: fibers run
 *          ->  prepare: timers that are due, their fibers, deferred tasks
 *          ->  libuv waits, not at all when fibers are still ready.
 */
#include "net/loop.h"

#include "net/log.h"

#include "base/clock.h"
#include "base/err.h"
#include "net/fiber.h"
#include "net/timer.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

static struct {
	uv_loop_t uv;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_idle_t spin; /* active while fibers are ready: libuv does not wait */
	uv_timer_t alarm;
	int64_t alarm_at;
	struct turn_task *tasks;
	int64_t turn_began;
	uint64_t turns;
	unsigned slow_turns; /* not told yet, */
	int64_t slowest; /* and the longest of them */
	int64_t quiet_until;
	bool stopping;
} loop;

/* Of pages of its own, so that they can go. */
static _Alignas(4096) char scratch[LOOP_SCRATCH];

char *loop_scratch(void)
{
	return scratch;
}

void loop_scratch_trim(void)
{
	madvise(scratch, sizeof(scratch), MADV_DONTNEED);
}

uv_loop_t *loop_uv(void)
{
	return &loop.uv;
}

void loop_defer(struct turn_task *task)
{
	if (task->queued)
		return;
	task->queued = true;
	task->next = loop.tasks;
	loop.tasks = task;
}

void loop_undefer(struct turn_task *task)
{
	struct turn_task **at = &loop.tasks;

	while (*at && *at != task)
		at = &(*at)->next;
	if (*at)
		*at = task->next;
	task->queued = false;
}

static void run_tasks(void)
{
	while (loop.tasks) {
		struct turn_task *t = loop.tasks;

		loop.tasks = t->next;
		t->queued = false;
		t->fn(t->arg);
	}
}

static void on_spin(uv_idle_t *h)
{
	(void)h;
}

static void on_alarm(uv_timer_t *h)
{
	(void)h;
	loop.alarm_at = NO_DEADLINE;
}

/* One libuv timer stands for the earliest of ours. */
static void set_alarm(void)
{
	int64_t next = timers_next();

	if (next == loop.alarm_at)
		return;
	loop.alarm_at = next;
	if (next == NO_DEADLINE) {
		uv_timer_stop(&loop.alarm);
		return;
	}
	int64_t now = clock_ms();

	uv_update_time(&loop.uv);
	uv_timer_start(&loop.alarm, on_alarm, next > now ? (uint64_t)(next - now) : 0, 0);
}

static void tell_slow_turns(void)
{
	if (loop.slow_turns == 0 || clock_ms() < loop.quiet_until)
		return;
	log_line(LOG_INFO, "slow: turns above %d ms: %u, the longest %lld ms", LOOP_SLOW_US / 1000,
		 loop.slow_turns, (long long)(loop.slowest / 1000));
	loop.slow_turns = 0;
	loop.slowest = 0;
	loop.quiet_until = deadline_in(LOOP_TELL_MS);
}

static void note_turn(int64_t took)
{
	if (took <= LOOP_SLOW_US)
		return;
	loop.slow_turns++;
	if (took > loop.slowest)
		loop.slowest = took;
}

static void on_check(uv_check_t *h)
{
	(void)h;
	tell_slow_turns();
	loop.turn_began = clock_us();
	loop.turns++;
	fibers_run_ready();
}

static void on_prepare(uv_prepare_t *h)
{
	(void)h;
	timers_run(clock_ms());
	bool more = fibers_run_ready();

	run_tasks();
	if (more)
		uv_idle_start(&loop.spin, on_spin);
	else
		uv_idle_stop(&loop.spin);
	set_alarm();
	if (loop.turn_began)
		note_turn(clock_us() - loop.turn_began);
	if (loop.stopping)
		uv_stop(&loop.uv);
}

uint64_t loop_turns(void)
{
	return loop.turns;
}

static void must(int code, const char *what)
{
	if (code == 0)
		return;
	fprintf(stderr, "cannot start the event loop: %s: %s\n", what, uv_err_name(code));
	abort();
}

void loop_init(void)
{
	/* A peer that is gone is an error of write, not the end of the process. */
	signal(SIGPIPE, SIG_IGN);
	must(uv_loop_init(&loop.uv), "uv_loop_init");
	must(uv_prepare_init(&loop.uv, &loop.prepare), "prepare");
	must(uv_check_init(&loop.uv, &loop.check), "check");
	must(uv_idle_init(&loop.uv, &loop.spin), "idle");
	must(uv_timer_init(&loop.uv, &loop.alarm), "timer");
	must(uv_prepare_start(&loop.prepare, on_prepare), "prepare");
	must(uv_check_start(&loop.check, on_check), "check");
	loop.alarm_at = NO_DEADLINE;
	loop.stopping = false;
	loop.tasks = NULL;
	loop.turn_began = 0;
	loop.slow_turns = 0;
	loop.slowest = 0;
	loop.quiet_until = 0;
}

void loop_run(void)
{
	loop.stopping = false;
	uv_run(&loop.uv, UV_RUN_DEFAULT);
}

void loop_stop(void)
{
	loop.stopping = true;
}

void loop_end(void)
{
	fibers_trim(0);
	assert(fibers_stack_count() == 0);
	uv_close((uv_handle_t *)&loop.prepare, NULL);
	uv_close((uv_handle_t *)&loop.check, NULL);
	uv_close((uv_handle_t *)&loop.spin, NULL);
	uv_close((uv_handle_t *)&loop.alarm, NULL);
	uv_run(&loop.uv, UV_RUN_DEFAULT);
	must(uv_loop_close(&loop.uv), "something is still open at the end");
	timers_end();
}

struct pool_job {
	uv_work_t work;
	void (*fn)(void *arg);
	void *arg;
	struct fiber *waiter;
	bool done;
};

static void in_thread(uv_work_t *w)
{
	struct pool_job *job = w->data;

	job->fn(job->arg);
}

static void job_done(uv_work_t *w, int status)
{
	struct pool_job *job = w->data;

	(void)status;
	job->done = true;
	fiber_wake(job->waiter, ERR_OK);
}

static struct pool_job *give_to_pool(void (*fn)(void *arg), void *arg)
{
	struct pool_job *job = calloc(1, sizeof(*job));

	if (!job)
		abort();
	job->work.data = job;
	job->fn = fn;
	job->arg = arg;
	job->waiter = fiber_self();
	must(uv_queue_work(&loop.uv, &job->work, in_thread, job_done), "uv_queue_work");
	return job;
}

static void co_take_from_pool(struct pool_job *job)
{
	fiber_shield(true);
	while (!job->done)
		co_park(NO_DEADLINE);
	fiber_shield(false);
	free(job);
}

void co_run_blocking(void (*fn)(void *arg), void *arg)
{
	co_take_from_pool(give_to_pool(fn, arg));
}

void co_run_blocking_pair(void (*first)(void *arg), void (*second)(void *arg), void *arg)
{
	struct pool_job *one = give_to_pool(first, arg), *other = give_to_pool(second, arg);

	co_take_from_pool(one);
	co_take_from_pool(other);
}

struct warm_up {
	uv_work_t work;
	uv_barrier_t *all_busy;
	int nice;
};

static void meet(uv_work_t *w)
{
	const struct warm_up *u = w->data;

	/* Of this thread alone on Linux (setpriority(2), notes). */
	if (u->nice)
		setpriority(PRIO_PROCESS, 0, u->nice);
	uv_barrier_wait(u->all_busy);
}

void loop_warm_pool(unsigned threads, int nice)
{
	struct warm_up *jobs = calloc(threads, sizeof(*jobs));
	uv_barrier_t all_busy;
	char number[16];

	if (!jobs || threads == 0) {
		free(jobs);
		return;
	}
	snprintf(number, sizeof(number), "%u", threads);
	setenv("UV_THREADPOOL_SIZE", number, 1);
	must(uv_barrier_init(&all_busy, threads + 1), "barrier");
	for (unsigned i = 0; i < threads; i++) {
		jobs[i].work.data = &jobs[i];
		jobs[i].all_busy = &all_busy;
		jobs[i].nice = nice;
		must(uv_queue_work(&loop.uv, &jobs[i].work, meet, NULL), "uv_queue_work");
	}
	uv_barrier_wait(&all_busy);
	/* Let libuv take the finished jobs off its books. */
	uv_prepare_stop(&loop.prepare);
	uv_check_stop(&loop.check);
	uv_run(&loop.uv, UV_RUN_DEFAULT);
	must(uv_prepare_start(&loop.prepare, on_prepare), "prepare");
	must(uv_check_start(&loop.check, on_check), "check");
	uv_barrier_destroy(&all_busy);
	free(jobs);
}
