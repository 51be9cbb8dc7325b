/* SPDX-License-Identifier: Apache-2.0 */
/* Known tickets: found, forgotten in order, taken back. */
#include "spool/tickets.h"

#include "base/unit.h"

#include <string.h>

static const struct check_key key = {{1, 2, 3}};

static const unsigned char *ticket_of(unsigned char out[TICKET_SIZE], uint32_t n)
{
	memset(out, 0xAA, TICKET_SIZE);
	memcpy(out + 8, &n, sizeof(n));
	return out;
}

static void the_last_ones_are_known(void **state)
{
	struct tickets t;
	unsigned char b[TICKET_SIZE];

	tickets_init(&t, &key, 100);
	for (uint32_t i = 1; i <= 250; i++) {
		assert_int_equal(tickets_find(&t, ticket_of(b, i)), 0);
		tickets_add(&t, ticket_of(b, i), 1000 + i);
		assert_int_equal(t.map.n, i < 100 ? i : 100);
	}
	for (uint32_t i = 1; i <= 250; i++)
		assert_int_equal(tickets_find(&t, ticket_of(b, i)), i <= 150 ? 0 : 1000 + i);
	tickets_free(&t);
}

static void refused_ones_are_forgotten(void **state)
{
	static const uint32_t order[] = {5, 1, 3, 4, 2};
	struct tickets t;
	unsigned char b[TICKET_SIZE];

	tickets_init(&t, &key, 100);
	for (uint32_t i = 1; i <= 5; i++)
		tickets_add(&t, ticket_of(b, i), i);
	for (size_t i = 0; i < 5; i++) {
		tickets_remove(&t, ticket_of(b, order[i]));
		tickets_remove(&t, ticket_of(b, order[i]));
		assert_int_equal(tickets_find(&t, ticket_of(b, order[i])), 0);
		assert_int_equal(t.map.n, 4 - i);
	}
	assert_null(t.oldest);
	assert_null(t.newest);
	tickets_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_ones_are_known),
		cmocka_unit_test(refused_ones_are_forgotten),
	};

	return cmocka_run_group_tests_name("tickets", tests, NULL, NULL);
}
