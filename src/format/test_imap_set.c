/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sequence sets. */
#include "format/imap_set.h"

#include "base/err.h"
#include "base/unit.h"

#include <string.h>

static void show(const struct imap_set *set, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < set->count; i++)
		buf_printf(out, "%s%u:%u", i ? "," : "", set->ranges[i].first, set->ranges[i].last);
}

static const struct {
	const char *in;
	uint32_t largest;
	const char *want;
} good[] = {
	{"1", 9, "1:1"},
	{"1:3", 9, "1:3"},
	{"3:1", 9, "1:3"},
	{"*", 9, "9:9"},
	{"*:4", 9, "4:9"},
	{"4:*", 9, "4:9"},
	/* RFC 9051: "3291:*" has the last message's UID even when that is smaller. */
	{"3291:*", 9, "9:3291"},
	{"*:*", 9, "9:9"},
	{"*", 0, ""},
	{"1:*,5", 0, "5:5"},
	/* RFC 9051's examples: with 15 messages "2,4:7,9,12:*", with 10 "*:4,5:7". */
	{"2,4:7,9,12:*", 15, "2:2,4:7,9:9,12:15"},
	{"*:4,5:7", 10, "4:10"},
	{"5,3,4,1:2", 9, "1:5"},
	{"1:10,2:3,4", 9, "1:10"},
	{"7,7,7", 9, "7:7"},
	{"4294967295,4294967294", 9, "4294967294:4294967295"},
	{"1:4294967295,*", 4294967295u, "1:4294967295"},
};

static void resolves(void **state)
{
	struct arena a;
	struct buf b;

	arena_init(&a, 100000);
	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct str s = str_of(good[i].in);
		struct imap_set set;

		assert_int_equal(imap_set_parse(&a, &s, 100, &set), 0);
		assert_int_equal(s.n, 0);
		assert_false(set.saved);
		imap_set_resolve(&set, good[i].largest);
		show(&set, &b);
		assert_str(buf_str(&b), good[i].want);
	}
	arena_free(&a);
	buf_free(&b);
}

static const struct {
	const char *in;
	int rc;
	size_t at; /* how many bytes were taken */
} partly[] = {
	{"", ERR_INVALID, 0},
	{"0", ERR_INVALID, 0},
	{"01", ERR_INVALID, 0},
	{"1,", ERR_INVALID, 2},
	{",1", ERR_INVALID, 0},
	{"1:", ERR_INVALID, 2},
	{"1:0", ERR_INVALID, 2},
	{":1", ERR_INVALID, 0},
	{"1,,2", ERR_INVALID, 2},
	{"4294967296", ERR_INVALID, 0},
	{"-1", ERR_INVALID, 0},
	{"1:2:3", 0, 3},
	{"1 FLAGS", 0, 1},
	{"**", 0, 1},
	{"$", 0, 1},
	{"$,1", 0, 1},
	{"1,$", ERR_INVALID, 2},
	{"99999999999999999999", ERR_INVALID, 0},
	{"1,2,3,4", 0, 7},
	{"1,2,3,4,5", ERR_TOO_BIG, 0},
};

static void tells_the_place(void **state)
{
	struct arena a;

	arena_init(&a, 100000);
	for (size_t i = 0; i < sizeof(partly) / sizeof(partly[0]); i++) {
		struct str s = str_of(partly[i].in);
		struct imap_set set;

		assert_int_equal(imap_set_parse(&a, &s, 4, &set), partly[i].rc);
		assert_int_equal(s.p - partly[i].in, partly[i].at);
		assert_int_equal(set.saved, partly[i].in[0] == '$');
	}
	arena_free(&a);
}

static void needs_memory(void **state)
{
	struct arena a;
	struct str s = STR("1,2,3");
	struct imap_set set;

	arena_init(&a, 16);
	assert_int_equal(imap_set_parse(&a, &s, 4, &set), ERR_MEMORY);
	arena_free(&a);
}

static void answers(void **state)
{
	struct imap_range r[] = {{20, 30}, {7, 7}, {4294967294u, IMAP_SET_STAR}};
	struct imap_set set = {.ranges = r, .count = 3};
	const uint32_t in[] = {7, 20, 25, 30, 4294967294u, UINT32_MAX},
		       out[] = {0, 1, 6, 8, 19, 31, 4294967293u};

	imap_set_resolve(&set, UINT32_MAX);
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		assert_true(imap_set_has(&set, in[i]));
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		assert_false(imap_set_has(&set, out[i]));
	assert_int_equal(imap_set_size(&set), 14);
	assert_true(imap_set_last(&set) == UINT32_MAX);
	assert_int_equal(imap_set_above(&set, 0), 7);
	assert_int_equal(imap_set_above(&set, 7), 20);
	assert_int_equal(imap_set_above(&set, 20), 21);
	assert_true(imap_set_above(&set, 30) == 4294967294u);
	assert_true(imap_set_above(&set, 4294967294u) == UINT32_MAX);
	assert_int_equal(imap_set_above(&set, UINT32_MAX), 0);
}

static void an_empty_set(void **state)
{
	struct imap_set set = {0};

	imap_set_resolve(&set, 5);
	assert_false(imap_set_has(&set, 1));
	assert_int_equal(imap_set_above(&set, 0), 0);
	assert_int_equal(imap_set_last(&set), 0);
	assert_int_equal(imap_set_size(&set), 0);
}

static void writes(void **state)
{
	static const struct {
		uint32_t n[6];
		size_t count;
		const char *want;
	} rows[] = {
		{{0}, 0, ""},
		{{4}, 1, "4"},
		{{4, 5}, 2, "4:5"},
		{{4, 5, 7, 8, 9, 11}, 6, "4:5,7:9,11"},
		{{3, 2, 1}, 3, "3,2,1"},
		{{5, 5, 6}, 3, "5,5:6"},
		{{4294967294u, UINT32_MAX, 1}, 3, "4294967294:4294967295,1"},
	};
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&b);
		imap_set_put(&b, rows[i].n, rows[i].count);
		assert_str(buf_str(&b), rows[i].want);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolves), cmocka_unit_test(tells_the_place), cmocka_unit_test(needs_memory),
		cmocka_unit_test(answers),  cmocka_unit_test(an_empty_set),    cmocka_unit_test(writes),
	};

	return cmocka_run_group_tests_name("imap_set", tests, NULL, NULL);
}
