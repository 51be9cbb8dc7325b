/* SPDX-License-Identifier: Apache-2.0 */
#include "net/timer.h"
#include "base/clock.h"
#include "base/unit.h"

#include <stdbool.h>
#include <stdlib.h>

#define N 500

static int64_t last_fired;
static unsigned fired;
static struct timer timers[N];

static void in_order(void *arg)
{
	const struct timer *t = arg;

	assert_true(t->at >= last_fired);
	last_fired = t->at;
	fired++;
}

static void fire_in_order_and_only_when_due(void **state)
{
	unsigned seed = 7, running = 0;

	last_fired = 0;
	fired = 0;
	for (unsigned i = 0; i < N; i++) {
		timer_init(&timers[i], in_order, &timers[i]);
		timer_start(&timers[i], 1 + rand_r(&seed) % 1000);
	}
	/* move some, stop some */
	for (unsigned i = 0; i < N; i += 3)
		timer_start(&timers[i], 1 + rand_r(&seed) % 1000);
	for (unsigned i = 0; i < N; i += 5)
		timer_stop(&timers[i]);
	for (unsigned i = 0; i < N; i++)
		running += timers[i].place != 0;
	timers_run(500);
	assert_true(timers_next() > 500);
	for (unsigned i = 0; i < N; i++)
		if (timers[i].place)
			assert_true(timers[i].at > 500);
	timers_run(1000);
	assert_int_equal(fired, running);
	assert_true(timers_next() == NO_DEADLINE);
	timers_end();
}

static struct timer again;

static void restart(void *arg)
{
	fired++;
	if (fired < 3)
		timer_start(&again, again.at + 10);
}

static void may_start_itself_again(void **state)
{
	fired = 0;
	timer_init(&again, restart, NULL);
	timer_start(&again, 10);
	timers_run(25);
	assert_int_equal(fired, 2);
	timers_run(30);
	assert_int_equal(fired, 3);
	timer_start(&again, 50);
	timer_start(&again, NO_DEADLINE);
	assert_true(timers_next() == NO_DEADLINE);
	timers_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fire_in_order_and_only_when_due),
		cmocka_unit_test(may_start_itself_again),
	};

	return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
