/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "store/uids.h"

#define RANGES(...)                                             \
	((struct uids){(const struct uid_range[]){__VA_ARGS__}, \
		       sizeof((const struct uid_range[]){__VA_ARGS__}) / sizeof(struct uid_range)})

static void tells_valid_sets(void **state)
{
	const struct {
		struct uids uids;
		bool valid;
	} rows[] = {
		{{NULL, 0}, true},
		{RANGES({1, 1}), true},
		{RANGES({1, UINT32_MAX}), true},
		{RANGES({1, 3}, {5, 5}), true},
		{RANGES({0, 3}), false},
		{RANGES({3, 2}), false},
		{RANGES({1, 3}, {4, 5}), false}, /* touch */
		{RANGES({1, 3}, {3, 5}), false}, /* overlap */
		{RANGES({5, 6}, {1, 2}), false},
		{RANGES({1, UINT32_MAX}, {1, 2}), false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(uids_valid(rows[i].uids), rows[i].valid);
}

static void looks_up(void **state)
{
	struct uids u = RANGES({2, 2}, {5, 9}, {UINT32_MAX, UINT32_MAX});
	const uint32_t in[] = {2, 5, 7, 9, UINT32_MAX};
	const uint32_t out[] = {0, 1, 3, 4, 10, UINT32_MAX - 1};

	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		assert_true(uids_has(u, in[i]));
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		assert_false(uids_has(u, out[i]));
	assert_int_equal(uids_count(u), 7);
	assert_int_equal(uids_last(u), UINT32_MAX);
	assert_int_equal(uids_last((struct uids){NULL, 0}), 0);
	assert_true(uids_count(RANGES({1, UINT32_MAX})) == UINT32_MAX);
}

static void lists_merge(void **state)
{
	struct uid_list l;

	uid_list_init(&l);
	uid_list_add(&l, 1, 1);
	uid_list_add(&l, 2, 5);
	uid_list_add(&l, 7, 7);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.r[0].hi, 5);
	assert_false(l.failed);
	uid_list_add(&l, 7, 8);
	assert_true(l.failed);
	uid_list_add(&l, 20, 21);
	assert_int_equal(l.n, 2);
	uid_list_clear(&l);
	uid_list_add(&l, 0, 1);
	assert_true(l.failed);
	uid_list_clear(&l);
	uid_list_add(&l, 5, 4);
	assert_true(l.failed);
	uid_list_clear(&l);
	for (uint32_t i = 0; i < UID_RANGES_MAX; i++)
		uid_list_add(&l, i * 2 + 1, i * 2 + 1);
	assert_false(l.failed);
	assert_true(uids_valid(uid_list_uids(&l)));
	uid_list_add(&l, UID_RANGES_MAX * 2 + 1, UID_RANGES_MAX * 2 + 1);
	assert_true(l.failed);
	uid_list_free(&l);
}

static struct uids read_back(struct str bytes, struct arena *a, bool *ok)
{
	struct reader r = reader_of(bytes);
	struct uids u = uids_get(&r, a);

	*ok = reader_done(&r);
	return u;
}

static void reads_what_it_wrote(void **state)
{
	const struct uids sets[] = {
		{NULL, 0},
		RANGES({1, 1}),
		RANGES({1, UINT32_MAX}),
		RANGES({UINT32_MAX, UINT32_MAX}),
		RANGES({1, 127}, {256, 300}, {70000, 70000}),
	};
	struct arena a;
	struct buf b;
	bool ok;

	arena_init(&a, 4096);
	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		buf_clear(&b);
		uids_put(&b, sets[i]);
		struct uids got = read_back(buf_str(&b), &a, &ok);

		assert_true(ok);
		assert_int_equal(got.n, sets[i].n);
		for (size_t j = 0; j < got.n; j++) {
			assert_int_equal(got.r[j].lo, sets[i].r[j].lo);
			assert_int_equal(got.r[j].hi, sets[i].r[j].hi);
		}
		/* Every shorter piece is refused. */
		for (size_t n = 0; n < b.n; n++) {
			read_back(str_head(buf_str(&b), n), &a, &ok);
			assert_false(ok);
		}
	}
	buf_clear(&b);
	uids_put(&b, RANGES({1, 1}, {3, 3}, {5, 5}));
	assert_int_equal(b.n, 7);
	buf_free(&b);
	arena_free(&a);
}

static void refuses_hostile_bytes(void **state)
{
	const struct str rows[] = {
		STR_INIT("\x81\x00"), /* 1 in two bytes */
		STR_INIT("\x02\x00\x00"), /* claims two, holds one */
		STR_INIT("\xFF\xFF\xFF\xFF\x0F\x00\x00"), /* claims 2^32-1 */
		STR_INIT("\x01\xFF\xFF\xFF\xFF\x10\x00"), /* above 32 bits */
		STR_INIT("\x01\x80\x80\x80\x80\x80\x01\x00"), /* too many bytes */
		STR_INIT("\x01\xFF\xFF\xFF\xFF\x0F\x00"), /* 2^32 */
		STR_INIT("\x01\x01\xFF\xFF\xFF\xFF\x0F"), /* ends above */
		STR_INIT("\x02\xFE\xFF\xFF\xFF\x0F\x00\x00\x00"), /* nothing can follow 2^32-1 */
	};
	struct arena a;
	bool ok;

	arena_init(&a, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		read_back(rows[i], &a, &ok);
		assert_false(ok);
	}
	arena_free(&a);
	/* An arena that is too small refuses too. */
	arena_init(&a, 8);
	read_back(STR("\x02\x00\x00\x00\x00"), &a, &ok);
	assert_false(ok);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_valid_sets),      cmocka_unit_test(looks_up),
		cmocka_unit_test(lists_merge),           cmocka_unit_test(reads_what_it_wrote),
		cmocka_unit_test(refuses_hostile_bytes),
	};

	return cmocka_run_group_tests_name("uids", tests, NULL, NULL);
}
