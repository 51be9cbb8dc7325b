/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "store/message.h"

static void changes_flags(void **state)
{
	struct keyword_set high = {0};
	const struct {
		struct flag_change change;
		uint8_t before, after;
		uint64_t high_before, high_after; /* the second word of keywords */
		bool seen, different; /* touches \Seen; changes the message */
	} rows[] = {
		{flag_change_set(MESSAGE_SEEN, high), 0, MESSAGE_SEEN, 2, 0, true, true},
		{flag_change_set(0, high), 0, 0, 0, 0, true, false},
		{flag_change_add(MESSAGE_SEEN, high), MESSAGE_DRAFT, MESSAGE_SEEN | MESSAGE_DRAFT, 2, 2, true,
		 true},
		{flag_change_add(MESSAGE_SEEN, high), MESSAGE_SEEN, MESSAGE_SEEN, 2, 2, true, false},
		{flag_change_add(MESSAGE_DELETED, high), 0, MESSAGE_DELETED, 0, 0, false, true},
		{flag_change_remove(MESSAGE_SEEN, high), MESSAGE_FLAGS_ALL, MESSAGE_FLAGS_ALL - 1, 2, 2, true,
		 true},
		{flag_change_remove(MESSAGE_SEEN, high), 0, 0, 0, 0, true, false},
		{flag_change_remove(0, (struct keyword_set){{0, 2}}), 0, 0, 3, 1, false, true},
		{flag_change_add(0, (struct keyword_set){{0, 2}}), 0, 0, 1, 3, false, true},
		{flag_change_add(0, (struct keyword_set){{0, 2}}), 0, 0, 3, 3, false, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct keyword_set keywords = {{0, rows[i].high_before}};
		uint8_t flags = rows[i].before;

		assert_int_equal(flag_change_touches(&rows[i].change, MESSAGE_SEEN), rows[i].seen);
		assert_int_equal(flag_change_apply(&rows[i].change, &flags, &keywords), rows[i].different);
		assert_int_equal(flags, rows[i].after);
		assert_int_equal(keywords.w[0], 0);
		assert_int_equal(keywords.w[1], rows[i].high_after);
	}
}

static void numbers_keywords(void **state)
{
	struct keyword_set set = {0};

	for (unsigned i = 0; i < KEYWORDS_MAX; i += 63)
		keyword_set_add(&set, i);
	for (unsigned i = 0; i < KEYWORDS_MAX; i++)
		assert_int_equal(keyword_set_has(&set, i), i % 63 == 0);
}

static void counts_messages(void **state)
{
	struct counts all = {0}, some = {0};

	counts_add(&all, MESSAGE_SEEN | MESSAGE_DELETED, UINT32_MAX);
	counts_add(&all, 0, UINT32_MAX);
	counts_add(&some, MESSAGE_DELETED, 5);
	counts_plus(&all, &some);
	assert_int_equal(all.messages, 3);
	assert_int_equal(all.unseen, 2);
	assert_int_equal(all.deleted, 2);
	assert_true(all.size == 2 * (uint64_t)UINT32_MAX + 5);
	counts_minus(&all, &some);
	assert_int_equal(all.messages, 2);
	assert_int_equal(all.unseen, 1);
	assert_int_equal(all.deleted, 1);
	assert_true(all.size == 2 * (uint64_t)UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_flags),
		cmocka_unit_test(numbers_keywords),
		cmocka_unit_test(counts_messages),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
