/* SPDX-License-Identifier: Apache-2.0 */
/* Letters in memory: holders, recipients, and when they leave. */
#include "spool/letters.h"

#include "base/unit.h"

static void holders_are_a_set(void **state)
{
	struct letters l;

	letters_init(&l, 100);
	struct kept_letter *k = letters_add(&l, 7, 0);

	assert_true(letter_dead(k));
	for (int again = 0; again < 3; again++)
		for (uint32_t account = 1; account < 20; account++)
			letter_hold(k, account);
	assert_int_equal(k->holder_count, 19);
	assert_true(letter_held_by(k, 19));
	assert_false(letter_held_by(k, 20));
	assert_false(letter_dead(k));
	letters_free(&l);
}

static void a_letter_lives_while_somebody_waits(void **state)
{
	struct letters l;

	letters_init(&l, 100);
	struct kept_letter *k = letters_add(&l, 7, 2);

	assert_false(letter_dead(k));
	letter_settle(k, 1);
	letter_count_death(k, 0);
	assert_true(letter_settled(k, 1));
	assert_false(letter_settled(k, 0));
	letter_settle(k, 0);
	assert_true(letter_dead(k));
	k->holds_coming = 1;
	assert_false(letter_dead(k));
	letter_unsettle(k, 0);
	assert_int_equal(letter_deaths(k, 0), 1);
	for (int i = 0; i < 20; i++)
		letter_count_death(k, 0);
	assert_int_equal(letter_deaths(k, 0), DEATHS_HELD);
	assert_int_equal(k->open, 1);
	letters_free(&l);
}

static void written_letters_leave(void **state)
{
	struct letters l;

	letters_init(&l, 100);
	struct kept_letter *k = letters_add(&l, 7, 1);

	letters_touch(&l, k);
	letters_touch(&l, k);
	assert_int_equal(l.dirty, 1);
	/* Changed since it was copied. */
	letters_written(&l, k, 1);
	assert_int_equal(l.dirty, 1);
	letters_written(&l, k, 2);
	assert_int_equal(l.dirty, 0);
	assert_ptr_equal(letters_get(&l, 7), k); /* its recipient is open */
	letters_pin(k);
	letter_settle(k, 0);
	letters_touch(&l, k);
	letters_written(&l, k, 1);
	assert_ptr_equal(letters_get(&l, 7), k); /* somebody points to it */
	letters_unpin(&l, k);
	assert_null(letters_get(&l, 7));
	letters_free(&l);
}

static void entries_are_kept_while_there_is_room(void **state)
{
	static const char bytes[60];
	struct letters l;

	letters_init(&l, 100);
	struct kept_letter *a = letters_add(&l, 1, 1), *b = letters_add(&l, 2, 1);

	letters_cache(&l, a, (struct str){bytes, 60}, false);
	letters_cache(&l, b, (struct str){bytes, 60}, false);
	assert_non_null(a->entry);
	assert_null(b->entry);
	letters_cache(&l, b, (struct str){bytes, 60}, true);
	assert_non_null(b->entry);
	assert_int_equal(l.cached, 120);
	letters_pin(a);
	letters_unpin(&l, a);
	assert_null(a->entry);
	assert_int_equal(l.cached, 60);
	letters_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holders_are_a_set),
		cmocka_unit_test(a_letter_lives_while_somebody_waits),
		cmocka_unit_test(written_letters_leave),
		cmocka_unit_test(entries_are_kept_while_there_is_room),
	};

	return cmocka_run_group_tests_name("letters", tests, NULL, NULL);
}
