/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is: clients take turns, and only so many wait. */
#include "keeper/hash_queue.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/unit.h"
#include "net/loop.h"

#include <stdlib.h>
#include <string.h>

static struct hash_queue queue;
static struct fiber_group fibers;
static char order[128];

struct guest {
	char name;
	uint8_t address[16];
	int64_t wait_ms;
	int code;
};

/* Of 2001:db8:0:<net>::/64, or of 192.0.2.<net> when the name is small. */
static struct guest guest_of(char name, uint8_t net)
{
	struct guest g = {.name = name, .address = {0x20, 1, 0x0D, 0xB8}, .wait_ms = 5000};

	g.address[7] = net;
	g.address[15] = (uint8_t)name;
	if (name >= 'a') {
		memset(g.address, 0, 10);
		memset(g.address + 10, 0xFF, 2);
		memcpy(g.address + 12, (uint8_t[]){192, 0, 2, net}, 4);
	}
	return g;
}

static void guest_fiber(void *arg)
{
	struct guest *g = arg;

	g->code = co_hash_queue_enter(&queue, g->address, deadline_in(g->wait_ms));
	if (g->code)
		return;
	order[strlen(order)] = g->name;
	co_sleep_until(deadline_in(2));
	hash_queue_leave(&queue);
}

static void start(struct guest *guests, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fiber_start(&fibers, guest_fiber, &guests[i]) != 0)
			abort();
}

static void run(fiber_fn *fn, unsigned threads)
{
	struct fiber_group outer;

	queue = (struct hash_queue){.threads = threads};
	memset(order, 0, sizeof(order));
	loop_init();
	fiber_group_init(&fibers, 200);
	fiber_group_init(&outer, 1);
	assert_int_equal(fiber_start(&outer, fn, NULL), 0);
	loop_run();
	loop_end();
	assert_int_equal(queue.running, 0);
	assert_int_equal(queue.waiting, 0);
	assert_null(queue.first);
}

static void turns_fiber(void *arg)
{
	/* Two of one IPv6 network are one client, two IPv4 addresses are two. */
	struct guest guests[] = {guest_of('A', 1), guest_of('B', 1), guest_of('C', 1), guest_of('D', 1),
				 guest_of('x', 7), guest_of('y', 8), guest_of('z', 7)};

	start(guests, sizeof(guests) / sizeof(guests[0]));
	co_group_join(&fibers, NO_DEADLINE);
	loop_stop();
}

static void clients_take_turns(void **state)
{
	run(turns_fiber, 1);
	assert_string_equal(order, "ABxyCzD");
}

static struct guest crowd[HASH_QUEUE_MAX + 3];

static void crowd_fiber(void *arg)
{
	for (size_t i = 0; i < HASH_QUEUE_MAX + 3; i++)
		crowd[i] = guest_of('a', (uint8_t)i);
	/* One gives up. */
	crowd[5].wait_ms = 1;
	start(crowd, HASH_QUEUE_MAX + 3);
	co_group_join(&fibers, NO_DEADLINE);
	loop_stop();
}

static void only_so_many_wait(void **state)
{
	run(crowd_fiber, 2);
	for (size_t i = 0; i < HASH_QUEUE_MAX + 2; i++)
		assert_int_equal(crowd[i].code, i == 5 ? ERR_TIMEOUT : 0);
	assert_int_equal(crowd[HASH_QUEUE_MAX + 2].code, ERR_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_take_turns),
		cmocka_unit_test(only_so_many_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
