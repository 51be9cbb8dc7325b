/* SPDX-License-Identifier: Apache-2.0 */
/* Whose letter it is: keeper is asked again before a submission is stored. */
#include "spool/test_house.h"

#include <string.h>
#include <sys/mman.h>

static struct spool_setup usual(void)
{
	struct spool_setup setup;

	spool_setup_defaults(&setup);
	setup.segment_size = 1 << 20;
	return setup;
}

/* Short and long letters alike. */
static int co_submit(uint64_t ticket, const char *login, const char *right, struct err *e)
{
	house.login = login;
	house.right = right;
	int code = ticket % 2 ? co_append(ticket, co_new_id(), 1, e)
			      : co_append_memfd(ticket, co_new_id(), 1, 50000,
						F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
						50000, e);

	house.login = house.right = NULL;
	return code;
}

static void right_fiber(void *arg)
{
	struct err e;

	for (uint64_t i = 10; i < 30; i += 10) {
		assert_int_equal(co_submit(i, "ann@example.net", "good", &e), 0);
		assert_int_equal(co_submit(i + 1, "ann@example.net", "", &e), ERR_DENIED);
		assert_int_equal(co_submit(i + 2, "ann@example.net", "forged", &e), ERR_DENIED);
		assert_int_equal(co_submit(i + 3, "bob@example.net", "good", &e), ERR_DENIED);
		assert_string_equal(e.text, "<bob@example.net> has no right to send as <sender@example.net>");
		assert_int_equal(house.senders, 4 * i / 10);
		/* A stranger's letter needs none; nobody is asked. */
		assert_int_equal(co_submit(i + 4, "", "good", &e), 0);
		assert_int_equal(house.senders, 4 * i / 10);
	}
	chan_destroy(&house.keeper);
	spool_set_keeper(house.spool, NULL);
	assert_int_equal(co_submit(50, "ann@example.net", "good", &e), ERR_DENIED);
	assert_true(co_all_settled(5000));
	assert_int_equal(house.spool->commit.counts.refused, 0);
}

static void a_login_is_believed_with_its_right_only(void **state)
{
	struct spool_setup s = usual();

	house_run(right_fiber, &s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_login_is_believed_with_its_right_only)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
