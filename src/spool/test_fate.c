/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "spool/fate.h"

#define TEXT "450 later"

static struct letters letters;

static int set_up(void **state)
{
	letters_init(&letters, 0);
	return 0;
}

static int tear_down(void **state)
{
	letters_free(&letters);
	return 0;
}

static struct outcome later(uint32_t recipient, uint32_t tries, uint64_t until)
{
	return (struct outcome){.letter = 1,
				.recipient = recipient,
				.result = OUTCOME_DEFERRED,
				.tries = tries,
				.until_us = until,
				.status = STR("4.2.0"),
				.mta = STR("mx.x.test[192.0.2.1]:25"),
				.text = STR(TEXT)};
}

static void nothing_is_known_at_first(void **state)
{
	struct kept_letter *k = letters_add(&letters, 1, 2);

	assert_int_equal(fate_tries(k, 1), 0);
	assert_true(fate_next_us(k, 1) == 0);
	assert_false(fate_held(k));
	assert_str(fate_reason(k, 1).text, "");
	fate_hurry(k);
	fate_release(k);
	assert_null(k->fate);
}

static void the_row_comes_back(void **state)
{
	struct kept_letter *k = letters_add(&letters, 1, 3), *again = letters_add(&letters, 2, 3);
	struct outcome one = later(0, 1, 100), two = later(2, 7, 200);
	struct buf row;

	fate_note(k, &one);
	/* Told again, with its own words: the last counts. */
	one.tries = 2;
	one.text = fate_reason(k, 0).text;
	fate_note(k, &one);
	fate_note(k, &two);
	fate_hold(k, STR("because"));
	buf_init(&row, 10000);
	fate_put(k, &row);
	assert_true(fate_get(again, buf_str(&row)));
	assert_int_equal(fate_tries(again, 0), 2);
	assert_true(fate_next_us(again, 0) == 100 && fate_next_us(again, 1) == 0);
	assert_int_equal(fate_tries(again, 2), 7);
	assert_str(fate_reason(again, 2).status, "4.2.0");
	assert_str(fate_reason(again, 2).mta, "mx.x.test[192.0.2.1]:25");
	assert_str(fate_reason(again, 0).text, TEXT);
	assert_str(fate_why(again), "because");
	fate_release(again);
	assert_false(fate_held(again));
	fate_hurry(again);
	assert_true(fate_next_us(again, 2) == 0);
	assert_int_equal(fate_tries(again, 2), 7);
	/* Any cut is refused, and so is a recipient that is not there. */
	for (size_t n = 0; n < row.n; n++) {
		struct kept_letter *other = letters_add(&letters, 100 + n, 3);
		bool whole = n == 12 || n == 12 + (row.n - 12) / 2;

		assert_int_equal(fate_get(other, str_head(buf_str(&row), n)), whole);
	}
	assert_false(fate_get(letters_add(&letters, 3, 2), buf_str(&row)));
	/* What is settled is not written. */
	letter_settle(k, 0);
	letter_settle(k, 2);
	buf_clear(&row);
	fate_put(k, &row);
	assert_int_equal(row.n, 12);
	buf_free(&row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_known_at_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_row_comes_back, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("fate", tests, NULL, NULL);
}
