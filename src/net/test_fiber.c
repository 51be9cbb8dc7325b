/* SPDX-License-Identifier: Apache-2.0 */
#include "net/fiber.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/unit.h"
#include "net/fiber_stack.h"
#include "net/io.h"
#include "net/loop.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Each test is a fiber; assertions inside a fiber would jump across stacks, so
 * fibers note what they saw and the test looks afterwards. */
static char trace[4096];

static void note(const char *what)
{
	size_t n = strlen(trace);

	snprintf(trace + n, sizeof(trace) - n, "%s ", what);
}

static struct fiber_group group, outer;

static void run_main_fiber(fiber_fn *fn)
{
	trace[0] = 0;
	loop_init();
	fiber_group_init(&outer, 1);
	fiber_group_init(&group, 2000);
	assert_int_equal(fiber_start(&outer, fn, NULL), 0);
	loop_run();
	assert_int_equal(outer.count, 0);
	assert_int_equal(group.count, 0);
	loop_end();
}

static void yields_fiber(void *arg)
{
	note(arg);
	co_yield ();
	note(arg);
}

static char first[] = "a", second[] = "b";

static void turns_main_fiber(void *arg)
{
	fiber_start(&group, yields_fiber, first);
	fiber_start(&group, yields_fiber, second);
	co_group_join(&group, NO_DEADLINE);
	loop_stop();
}

static void take_turns(void **state)
{
	run_main_fiber(turns_main_fiber);
	assert_string_equal(trace, "a b a b ");
}

static void sleeper_fiber(void *arg)
{
	int code = co_sleep_until(deadline_in(60000));

	note(code == ERR_CANCELLED ? "cancelled" : "slept");
	/* once delivered, clean-up may wait again */
	note(co_sleep_until(deadline_in(1)) == 0 ? "cleaned" : "lost");
}

static void busy_fiber(void *arg)
{
	fiber_cancel(fiber_self());
	note(co_yield () == ERR_CANCELLED ? "next-wait" : "not-told");
	note(co_yield () == 0 ? "once" : "twice");
}

static void cancel_main_fiber(void *arg)
{
	fiber_start(&group, sleeper_fiber, NULL);
	co_yield ();
	fiber_group_cancel(&group);
	co_group_join(&group, NO_DEADLINE);
	fiber_start(&group, busy_fiber, NULL);
	co_group_join(&group, NO_DEADLINE);
	loop_stop();
}

static void cancelling_is_delivered_once(void **state)
{
	run_main_fiber(cancel_main_fiber);
	assert_string_equal(trace, "cancelled cleaned next-wait once ");
}

static void shielded_fiber(void *arg)
{
	fiber_shield(true);
	note(co_sleep_until(deadline_in(5)) == 0 ? "shielded" : "pierced");
	fiber_shield(false);
	note(co_yield () == ERR_CANCELLED ? "then-told" : "forgotten");
}

static void shield_main_fiber(void *arg)
{
	fiber_start(&group, shielded_fiber, NULL);
	co_yield ();
	fiber_group_cancel(&group);
	co_group_join(&group, NO_DEADLINE);
	loop_stop();
}

static void a_shield_keeps_cancelling_back(void **state)
{
	run_main_fiber(shield_main_fiber);
	assert_string_equal(trace, "shielded then-told ");
}

static void deadline_main_fiber(void *arg)
{
	int64_t before = clock_ms();
	int code = co_park(deadline_in(20));

	note(code == ERR_TIMEOUT && clock_ms() - before >= 19 ? "timeout" : "early");
	loop_stop();
}

static void a_wait_ends_at_its_deadline(void **state)
{
	run_main_fiber(deadline_main_fiber);
	assert_string_equal(trace, "timeout ");
}

static struct io left, right;

static void reader_fiber(void *arg)
{
	char text[100];
	int n;

	while ((n = co_read(&right, text, sizeof(text) - 1, deadline_in(5000))) > 0) {
		text[n] = 0;
		note(text);
	}
	note(n == ERR_CLOSED ? "end" : "error");
	io_close(&right);
}

static void io_main_fiber(void *arg)
{
	static char big[300000];
	int fds[2];

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
	io_open(&left, fds[0]);
	io_open(&right, fds[1]);
	note(co_wait_readable(&left, deadline_in(1)) == ERR_TIMEOUT ? "nothing" : "something");
	/* more than the socket holds, nobody reads: the writer gives up at its deadline */
	note(co_write(&left, (struct str){big, sizeof(big)}, deadline_in(10)) == ERR_TIMEOUT ? "full"
											     : "fits");
	io_close(&right);
	note(co_write(&left, STR("x"), deadline_in(1000)) == ERR_CLOSED ? "closed" : "open");
	io_close(&left);

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
	io_open(&left, fds[0]);
	io_open(&right, fds[1]);
	fiber_start(&group, reader_fiber, NULL);
	co_write(&left, STR("one"), NO_DEADLINE);
	co_sleep_until(deadline_in(5));
	co_write(&left, STR("two"), NO_DEADLINE);
	co_sleep_until(deadline_in(5));
	io_close(&left);
	co_group_join(&group, NO_DEADLINE);
	loop_stop();
}

static void descriptors_wake_their_fibers(void **state)
{
	run_main_fiber(io_main_fiber);
	assert_string_equal(trace, "nothing full closed one two end ");
}

static void in_thread(void *arg)
{
	usleep(2000);
	*(int *)arg = 42;
}

static void pool_fiber(void *arg)
{
	int *value = arg;

	co_run_blocking(in_thread, value);
	note(*value == 42 ? "done" : "early");
}

static void pool_main_fiber(void *arg)
{
	static int value;

	fiber_start(&group, pool_fiber, &value);
	co_yield ();
	fiber_group_cancel(&group);
	co_group_join(&group, NO_DEADLINE);
	loop_stop();
}

static void a_cancelled_fiber_waits_for_its_job(void **state)
{
	run_main_fiber(pool_main_fiber);
	assert_string_equal(trace, "done ");
}

static unsigned finished;

static void worker_fiber(void *arg)
{
	for (int i = 0; i < 10; i++)
		if (co_sleep_until(deadline_in(i % 3)))
			break;
	finished++;
}

static void crowd_main_fiber(void *arg)
{
	finished = 0;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 1000; i++)
			fiber_start(&group, worker_fiber, NULL);
		co_sleep_until(deadline_in(round * 5));
		if (round == 1)
			fiber_group_cancel(&group);
		co_group_join(&group, NO_DEADLINE);
	}
	/* stacks were pooled: three rounds made no more than one round needs */
	note(fibers_stack_count() <= 1001 ? "pooled" : "grew");
	loop_stop();
}

static void a_thousand_run_at_once(void **state)
{
	run_main_fiber(crowd_main_fiber);
	assert_string_equal(trace, "pooled ");
	assert_int_equal(finished, 3000);
}

static void a_thousand_with_mprotect_guards(void **state)
{
	fiber_stack_use_guard(STACK_GUARD_MPROTECT);
	run_main_fiber(crowd_main_fiber);
	fiber_stack_use_guard(STACK_GUARD_AUTO);
	assert_string_equal(trace, "pooled ");
}

static void ceiling_main_fiber(void *arg)
{
	struct fiber_group two;

	fiber_group_init(&two, 2);
	fiber_start(&two, sleeper_fiber, NULL);
	fiber_start(&two, sleeper_fiber, NULL);
	note(fiber_start(&two, sleeper_fiber, NULL) == ERR_BUSY ? "busy" : "no-ceiling");
	note(co_group_join(&two, deadline_in(1)) == ERR_TIMEOUT ? "late" : "joined");
	fiber_group_cancel(&two);
	co_group_join(&two, NO_DEADLINE);
	loop_stop();
}

static void a_group_has_a_ceiling(void **state)
{
	run_main_fiber(ceiling_main_fiber);
	assert_string_equal(trace, "busy late cancelled cancelled cleaned cleaned ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(take_turns),
		cmocka_unit_test(cancelling_is_delivered_once),
		cmocka_unit_test(a_shield_keeps_cancelling_back),
		cmocka_unit_test(a_wait_ends_at_its_deadline),
		cmocka_unit_test(descriptors_wake_their_fibers),
		cmocka_unit_test(a_cancelled_fiber_waits_for_its_job),
		cmocka_unit_test(a_thousand_run_at_once),
		cmocka_unit_test(a_thousand_with_mprotect_guards),
		cmocka_unit_test(a_group_has_a_ceiling),
	};

	return cmocka_run_group_tests_name("fiber", tests, NULL, NULL);
}
