/* SPDX-License-Identifier: Apache-2.0 */
#include "keeper/visitors.h"
#include "base/unit.h"

#include <string.h>

static const struct siphash_key key = {1, 2};

static void number(uint8_t address[16], uint32_t n)
{
	memset(address, 0, 16);
	memcpy(address + 12, &n, sizeof(n));
}

static void one_takes_back_what_it_reported(void **state)
{
	struct visitors *v = visitors_new(key);
	uint8_t a[16], b[16];

	number(a, 1);
	number(b, 2);
	assert_false(visitors_remove(v, a));
	assert_true(visitors_add(v, a));
	assert_true(visitors_add(v, a));
	assert_false(visitors_remove(v, b));
	assert_true(visitors_remove(v, a));
	assert_true(visitors_remove(v, a));
	assert_false(visitors_remove(v, a));
	assert_false(visitors_take(v, a));
	visitors_destroy(&v);
	assert_null(v);
	visitors_destroy(&v);
}

static void each_connection_is_taken_once(void **state)
{
	struct visitors *v = visitors_new(key);
	static unsigned seen[1000];
	uint8_t a[16];
	uint32_t n;

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < 3000; i++) {
		number(a, i % 1000);
		assert_true(visitors_add(v, a));
	}
	/* Adding goes on while some are taken out, and none is passed over. */
	for (unsigned i = 0; i < 3003; i++) {
		if (i == 1500 || i == 2000 || i == 3000) {
			number(a, 7);
			assert_true(visitors_add(v, a));
		}
		assert_true(visitors_take(v, a));
		memcpy(&n, a + 12, sizeof(n));
		assert_in_range(n, 0, 999);
		seen[n]++;
	}
	assert_false(visitors_take(v, a));
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(seen[i], i == 7 ? 6 : 3);
	visitors_destroy(&v);
}

static void addresses_have_a_ceiling(void **state)
{
	struct visitors *v = visitors_new(key);
	uint8_t a[16];

	for (uint32_t i = 0; i < VISITORS_MAX; i++) {
		number(a, i);
		assert_true(visitors_add(v, a));
	}
	/* Known ones are still counted. */
	assert_true(visitors_add(v, a));
	number(a, VISITORS_MAX);
	assert_false(visitors_add(v, a));
	assert_false(visitors_remove(v, a));
	number(a, 5);
	assert_true(visitors_remove(v, a));
	number(a, VISITORS_MAX);
	assert_true(visitors_add(v, a));
	visitors_destroy(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_takes_back_what_it_reported),
		cmocka_unit_test(each_connection_is_taken_once),
		cmocka_unit_test(addresses_have_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
