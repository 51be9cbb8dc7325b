/* SPDX-License-Identifier: Apache-2.0 */
/* A submission right holds for whom it was given, for a day, and for nobody else. */
#include "base/unit.h"
#include "keeper/rights.h"

#include <string.h>

#define NOW ((int64_t)1790000000)

#define KEY STR_INIT("0123456789abcdef0123456789abcdef")
#define ANN STR_INIT("ann@d.test")
static const struct str key = KEY;
static const struct str ann = ANN;

static struct str made(uint8_t right[RIGHT_SIZE])
{
	assert_true(right_make(key, ann, NOW, right));
	return (struct str){(const char *)right, RIGHT_SIZE};
}

static void it_holds_for_a_day(void **state)
{
	static const struct {
		int64_t age;
		bool want;
	} rows[] = {
		{0, true},
		{1, true},
		{RIGHT_VALID_S - 1, true},
		{RIGHT_VALID_S, false},
		{RIGHT_VALID_S + 1, false},
		{INT64_MAX - NOW, false},
		/* the clock was set back */
		{-1, true},
		{1 - RIGHT_VALID_S, true},
		{-RIGHT_VALID_S, false},
		{-NOW - INT64_MAX / 2, false},
	};
	uint8_t right[RIGHT_SIZE];
	struct str r = made(right);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (right_holds(key, ann, r, NOW + rows[i].age) != rows[i].want)
			fail_msg("%lld s later", (long long)rows[i].age);
}

static void it_holds_for_its_account_and_key_only(void **state)
{
	static const struct {
		struct str key, account;
	} rows[] = {
		{KEY, STR_INIT("bob@d.test")},
		{KEY, STR_INIT("ann@d.tes")},
		{KEY, STR_INIT("ann@d.test\0")},
		{KEY, STR_INIT("")},
		{STR_INIT("0123456789abcdef0123456789abcdeF"), ANN},
		{STR_INIT("0123456789abcdef0123456789abcde"), ANN},
		{STR_INIT(""), ANN},
	};
	uint8_t right[RIGHT_SIZE];
	struct str r = made(right);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_false(right_holds(rows[i].key, rows[i].account, r, NOW));
	assert_true(right_holds(key, ann, r, NOW));
}

static void it_cannot_be_forged(void **state)
{
	uint8_t right[RIGHT_SIZE];
	struct str r = made(right);

	for (size_t i = 0; i < RIGHT_SIZE; i++)
		for (int bit = 0; bit < 8; bit++) {
			right[i] ^= (uint8_t)(1 << bit);
			assert_false(right_holds(key, ann, r, NOW));
			right[i] ^= (uint8_t)(1 << bit);
		}
	for (size_t n = 0; n < RIGHT_SIZE; n++)
		assert_false(right_holds(key, ann, str_head(r, n), NOW));
	uint8_t longer[RIGHT_SIZE + 1] = {0};

	memcpy(longer, right, RIGHT_SIZE);
	assert_false(right_holds(key, ann, (struct str){(const char *)longer, sizeof(longer)}, NOW));
	assert_true(right_holds(key, ann, r, NOW));
}

static void nothing_is_made_without_a_key(void **state)
{
	uint8_t right[RIGHT_SIZE];

	assert_false(right_make(STR(""), ann, NOW, right));
	assert_false(right_make(str_head(key, RIGHT_KEY_SIZE - 1), ann, NOW, right));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_holds_for_a_day),
		cmocka_unit_test(it_holds_for_its_account_and_key_only),
		cmocka_unit_test(it_cannot_be_forged),
		cmocka_unit_test(nothing_is_made_without_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
