/* SPDX-License-Identifier: Apache-2.0 */
/* The map of numbers against a plain table, with keys that collide. */
#include "base/nummap.h"

#include "base/unit.h"

#define KEYS 256

static uint64_t key_of(unsigned i)
{
	/* Rows of neighbours, and keys that differ only far up. */
	return i % 2 ? i : (uint64_t)i << 45;
}

static void empty_maps_answer(void **state)
{
	struct nummap m = {0};
	size_t at = 0;

	assert_null(nummap_get(&m, 7));
	assert_null(nummap_remove(&m, 7));
	assert_null(nummap_next(&m, &at));
	nummap_free(&m);
}

static void compare(const struct nummap *m, char *const *table)
{
	size_t at = 0, n = 0, seen = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		assert_ptr_equal(nummap_get(m, key_of(i)), table[i]);
		n += table[i] != NULL;
	}
	assert_int_equal(m->n, n);
	while (nummap_next(m, &at))
		seen++;
	assert_int_equal(seen, n);
}

static void map_is_as_a_table(void **state)
{
	struct nummap m;
	char *table[KEYS] = {0};
	char values[2];
	unsigned random = 1;

	nummap_init(&m);
	for (int i = 0; i < 20000; i++) {
		random = random * 1103515245 + 12345;
		unsigned k = (random >> 8) % KEYS;

		if (random >> 20 & 1) {
			table[k] = &values[random >> 21 & 1];
			nummap_put(&m, key_of(k), table[k]);
		} else {
			assert_ptr_equal(nummap_remove(&m, key_of(k)), table[k]);
			table[k] = NULL;
		}
		if (i % 500 == 0)
			compare(&m, table);
	}
	compare(&m, table);
	nummap_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_maps_answer),
		cmocka_unit_test(map_is_as_a_table),
	};

	return cmocka_run_group_tests_name("nummap", tests, NULL, NULL);
}
