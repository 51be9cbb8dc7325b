/* SPDX-License-Identifier: Apache-2.0 */
/* Turns: in order, and never lost when somebody gives up. */
#include "scan/turn.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/unit.h"
#include "net/fiber.h"
#include "net/loop.h"

#include <string.h>

static char trace[256];
static struct turn turn;
static struct fiber_group outer, takers;

struct taker {
	char name;
	int64_t wait_ms, hold_ms;
	struct fiber *self;
};

static void note(char c)
{
	size_t n = strlen(trace);

	trace[n] = c;
	trace[n + 1] = 0;
}

static void taker_fiber(void *arg)
{
	struct taker *t = arg;

	t->self = fiber_self();
	int code = co_turn_take(&turn, deadline_in(t->wait_ms));

	note(code == 0 ? t->name : code == ERR_TIMEOUT ? '-' : 'x');
	if (code)
		return;
	co_sleep_until(deadline_in(t->hold_ms));
	turn_give(&turn);
}

static void run(fiber_fn *fn)
{
	trace[0] = 0;
	turn = (struct turn){0};
	loop_init();
	fiber_group_init(&outer, 1);
	fiber_group_init(&takers, 10);
	assert_int_equal(fiber_start(&outer, fn, NULL), 0);
	loop_run();
	assert_false(turn.taken);
	assert_null(turn.first);
	loop_end();
}

static void order_fiber(void *arg)
{
	struct taker row[] = {{'a', 1000, 10, NULL},
			      {'b', 1000, 1, NULL},
			      {'c', 2, 1, NULL},
			      {'d', 1000, 1, NULL},
			      {'e', 1000, 0, NULL}};

	for (size_t i = 0; i < 5; i++)
		fiber_start(&takers, taker_fiber, &row[i]);
	co_group_join(&takers, NO_DEADLINE);
	loop_stop();
}

static void turns_come_in_order(void **state)
{
	run(order_fiber);
	/* c gave up while a had it. */
	assert_string_equal(trace, "a-bde");
}

static void cancelled_fiber(void *arg)
{
	struct taker a = {'a', 1000, 10, NULL}, b = {'b', 1000, 1, NULL}, c = {'c', 1000, 1, NULL},
		     d = {'d', 1000, 1, NULL};

	fiber_start(&takers, taker_fiber, &a);
	fiber_start(&takers, taker_fiber, &b);
	fiber_start(&takers, taker_fiber, &c);
	fiber_start(&takers, taker_fiber, &d);
	co_sleep_until(deadline_in(2));
	/* b is cancelled while it waits.  c is cancelled and given the turn in the same moment: a ends
	 * first among those that are ready. */
	fiber_cancel(b.self);
	co_yield ();
	fiber_wake(a.self, ERR_TIMEOUT);
	fiber_cancel(c.self);
	co_group_join(&takers, NO_DEADLINE);
	loop_stop();
}

static void a_turn_given_to_one_who_gave_up_goes_on(void **state)
{
	run(cancelled_fiber);
	assert_string_equal(trace, "axxd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_come_in_order),
		cmocka_unit_test(a_turn_given_to_one_who_gave_up_goes_on),
	};

	return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
