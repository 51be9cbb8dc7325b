/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "keeper/limits.h"

#include <string.h>

static const struct siphash_key key = {11, 22};

struct ip {
	uint8_t bytes[16];
};

static struct ip ipv4(uint32_t n)
{
	return (struct ip){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
			    (uint8_t)(n >> 8), (uint8_t)n}};
}

static struct ip ipv6(uint32_t net, uint32_t host)
{
	return (struct ip){{0x20, 0x01, 0x0d, 0xb8, (uint8_t)(net >> 24), (uint8_t)(net >> 16),
			    (uint8_t)(net >> 8), (uint8_t)net, 0, 0, 0, 0, (uint8_t)(host >> 24),
			    (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host}};
}

static void connections_have_a_ceiling(void **state)
{
	struct limits *l = limits_new(64, key);
	struct ip a = ipv4(0x0a000001), b = ipv4(0x0a000002);

	for (int i = 0; i < 3; i++)
		assert_true(limits_connect(l, a.bytes, 3, 0));
	assert_false(limits_connect(l, a.bytes, 3, 0));
	assert_true(limits_connect(l, b.bytes, 3, 0));
	limits_disconnect(l, a.bytes);
	assert_true(limits_connect(l, a.bytes, 3, 0));
	assert_false(limits_connect(l, a.bytes, 3, 0));
	/* no limit; and one that was lowered while connections are open */
	assert_true(limits_connect(l, a.bytes, 0, 0));
	assert_false(limits_connect(l, a.bytes, 1, 0));
	limits_destroy(&l);
	assert_null(l);
	limits_destroy(&l);
}

static void an_ipv6_host_has_a_whole_network(void **state)
{
	struct limits *l = limits_new(64, key);
	struct ip a = ipv6(1, 1), b = ipv6(1, 2), other = ipv6(2, 1);

	assert_true(limits_connect(l, a.bytes, 1, 0));
	assert_false(limits_connect(l, b.bytes, 1, 0));
	assert_true(limits_connect(l, other.bytes, 1, 0));
	limits_disconnect(l, b.bytes);
	assert_true(limits_connect(l, a.bytes, 1, 0));
	limits_destroy(&l);
}

static void a_disconnect_too_many_is_harmless(void **state)
{
	struct limits *l = limits_new(8, key);
	struct ip a = ipv4(1);

	limits_disconnect(l, a.bytes);
	assert_true(limits_connect(l, a.bytes, 1, 0));
	limits_disconnect(l, a.bytes);
	limits_disconnect(l, a.bytes);
	assert_true(limits_connect(l, a.bytes, 1, 0));
	assert_false(limits_connect(l, a.bytes, 1, 0));
	limits_destroy(&l);
}

static void waits_grow_with_failures(void **state)
{
	static const int64_t waits[] = {1000, 2000, 4000, 8000, 16000, 16000, 16000};
	struct limits *l = limits_new(64, key);
	struct ip a = ipv4(7), b = ipv4(8);
	int64_t now = 5000;

	assert_int_equal(limits_login_wait(l, a.bytes, now), 0);
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		limits_login_failed(l, a.bytes, now);
		assert_int_equal(limits_login_wait(l, a.bytes, now), waits[i]);
		assert_int_equal(limits_login_wait(l, b.bytes, now), 0);
		now += 100000;
	}
	limits_destroy(&l);
}

static void waiting_in_parallel_does_not_help(void **state)
{
	struct limits *l = limits_new(64, key);
	struct ip a = ipv4(7);

	for (int i = 0; i < 3; i++)
		limits_login_failed(l, a.bytes, 0);
	assert_int_equal(limits_login_wait(l, a.bytes, 0), 4000);
	assert_int_equal(limits_login_wait(l, a.bytes, 0), 8000);
	assert_int_equal(limits_login_wait(l, a.bytes, 1000), 11000);
	for (int i = 0; i < 4; i++)
		assert_true(limits_login_wait(l, a.bytes, 1000) > 0);
	assert_int_equal(limits_login_wait(l, a.bytes, 1000), -1);
	/* those that were refused took no turn */
	assert_int_equal(limits_login_wait(l, a.bytes, 3000), 29000);
	limits_destroy(&l);
}

static void failures_are_forgotten(void **state)
{
	struct limits *l = limits_new(64, key);
	struct ip a = ipv4(7);

	for (int i = 0; i < 40; i++)
		limits_login_failed(l, a.bytes, 1000);
	assert_true(limits_login_wait(l, a.bytes, 1000 + LIMITS_MEMORY_MS - 1) >= 0);
	limits_login_failed(l, a.bytes, 1000);
	assert_int_equal(limits_login_wait(l, a.bytes, 1000 + LIMITS_MEMORY_MS), 0);
	limits_login_failed(l, a.bytes, 2000 + LIMITS_MEMORY_MS);
	assert_int_equal(limits_login_wait(l, a.bytes, 2000 + LIMITS_MEMORY_MS), 1000);
	limits_destroy(&l);
}

static void a_good_login_halves(void **state)
{
	struct limits *l = limits_new(64, key);
	struct ip a = ipv4(7), b = ipv4(9);

	limits_login_good(l, b.bytes, 0);
	limits_login_failed(l, a.bytes, 0);
	limits_login_good(l, a.bytes, 0);
	assert_int_equal(limits_login_wait(l, a.bytes, 0), 0);
	for (int i = 0; i < 4; i++)
		limits_login_failed(l, a.bytes, 100000);
	limits_login_good(l, a.bytes, 200000);
	/* two are left: the one after next waits 2 s */
	assert_int_equal(limits_login_wait(l, a.bytes, 200000), 0);
	assert_int_equal(limits_login_wait(l, a.bytes, 200000), 2000);
	limits_destroy(&l);
}

static void a_flood_takes_no_counted_place(void **state)
{
	struct limits *l = limits_new(8, key);
	struct ip a = ipv4(1), guesser = ipv4(2);

	assert_true(limits_connect(l, a.bytes, 1, 0));
	for (int i = 0; i < 5; i++)
		limits_login_failed(l, guesser.bytes, 1000);
	for (uint32_t i = 10; i < 100010; i++) {
		struct ip stranger = ipv4(i);

		assert_true(limits_connect(l, stranger.bytes, 1, 1000));
		limits_disconnect(l, stranger.bytes);
	}
	/* neither the open connection nor the failures were lost */
	assert_false(limits_connect(l, a.bytes, 1, 1000));
	assert_int_equal(limits_login_wait(l, guesser.bytes, 1000), 16000);
	limits_destroy(&l);
}

static void a_full_table_lets_in(void **state)
{
	struct limits *l = limits_new(1, key);
	struct ip late = ipv4(100);

	for (uint32_t i = 0; i < 8; i++)
		assert_true(limits_connect(l, ipv4(i).bytes, 1, 0));
	assert_true(limits_connect(l, late.bytes, 1, 0));
	assert_true(limits_connect(l, late.bytes, 1, 0));
	limits_login_failed(l, late.bytes, 0);
	assert_int_equal(limits_login_wait(l, late.bytes, 0), 0);
	for (uint32_t i = 0; i < 8; i++)
		assert_false(limits_connect(l, ipv4(i).bytes, 1, 0));
	limits_disconnect(l, ipv4(3).bytes);
	assert_true(limits_connect(l, late.bytes, 1, 0));
	assert_false(limits_connect(l, late.bytes, 1, 0));
	limits_destroy(&l);
}

static void the_oldest_failure_gives_way(void **state)
{
	struct limits *l = limits_new(8, key);

	for (uint32_t i = 0; i < 9; i++)
		limits_login_failed(l, ipv4(i).bytes, 1000 + (i == 0 ? 500 : i));
	/* 1 was the oldest */
	assert_int_equal(limits_login_wait(l, ipv4(1).bytes, 1500), 0);
	for (uint32_t i = 2; i < 9; i++)
		assert_true(limits_login_wait(l, ipv4(i).bytes, 1500) > 0);
	limits_destroy(&l);
}

static void an_impossible_size_is_no_memory(void **state)
{
	assert_null(limits_new(SIZE_MAX, key));
	assert_null(limits_new(SIZE_MAX / 64, key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_have_a_ceiling),
		cmocka_unit_test(an_ipv6_host_has_a_whole_network),
		cmocka_unit_test(a_disconnect_too_many_is_harmless),
		cmocka_unit_test(waits_grow_with_failures),
		cmocka_unit_test(waiting_in_parallel_does_not_help),
		cmocka_unit_test(failures_are_forgotten),
		cmocka_unit_test(a_good_login_halves),
		cmocka_unit_test(a_flood_takes_no_counted_place),
		cmocka_unit_test(a_full_table_lets_in),
		cmocka_unit_test(the_oldest_failure_gives_way),
		cmocka_unit_test(an_impossible_size_is_no_memory),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
