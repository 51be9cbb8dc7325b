/* SPDX-License-Identifier: Apache-2.0 */
/* What the loop says of turns that keep all others waiting. */
#include "net/loop.h"

#include "base/clock.h"
#include "base/unit.h"
#include "net/fiber.h"
#include "net/log.h"

#include <stdio.h>
#include <string.h>

static char lines[1000];

static void take_line(void *arg, enum log_level level, const char *line, size_t n)
{
	size_t used = strlen(lines);

	snprintf(lines + used, sizeof(lines) - used, "%.*s\n", (int)n, line);
}

static void keep_busy(int64_t us)
{
	int64_t until = clock_us() + us;

	while (clock_us() < until)
		;
}

static void slow_fiber(void *arg)
{
	for (int i = 0; i < 3; i++) {
		keep_busy(LOOP_SLOW_US + 5000);
		co_yield ();
	}
	loop_stop();
}

static void quick_fiber(void *arg)
{
	for (int i = 0; i < 100; i++)
		co_yield ();
	loop_stop();
}

static void run(fiber_fn *fn)
{
	struct fiber_group fibers;

	lines[0] = 0;
	loop_init();
	log_open_function(take_line, NULL, LOG_INFO);
	fiber_group_init(&fibers, 1);
	assert_int_equal(fiber_start(&fibers, fn, NULL), 0);
	loop_run();
	log_close();
	loop_end();
}

static void slow_turns_are_told_once_in_a_while(void **state)
{
	char want[100];

	snprintf(want, sizeof(want), "slow: turns above %d ms: 1, the longest ", LOOP_SLOW_US / 1000);
	run(quick_fiber);
	/* Not even on a busy machine are they all slow. */
	assert_true(strlen(lines) < 100);
	run(slow_fiber);
	if (!strstr(lines, want))
		fail_msg("%s", lines);
	/* Of the others no line comes within a minute. */
	assert_ptr_equal(strstr(strstr(lines, want) + 1, "slow:"), NULL);
}

static void raise_first(void *arg)
{
	uv_sem_post(arg);
}

static void wait_second(void *arg)
{
	uv_sem_wait(arg);
}

static void pair_fiber(void *arg)
{
	co_run_blocking_pair(raise_first, wait_second, arg);
	loop_stop();
}

/* The second would wait for ever if it kept the first from running. */
static void a_pair_of_jobs_may_wait_for_the_first(void **state)
{
	struct fiber_group group;
	uv_sem_t turn;

	uv_sem_init(&turn, 0);
	loop_init();
	fiber_group_init(&group, 1);
	for (int i = 0; i < 100; i++) {
		fiber_start(&group, pair_fiber, &turn);
		loop_run();
	}
	loop_end();
	assert_int_not_equal(uv_sem_trywait(&turn), 0);
	uv_sem_destroy(&turn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_turns_are_told_once_in_a_while),
		cmocka_unit_test(a_pair_of_jobs_may_wait_for_the_first),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
