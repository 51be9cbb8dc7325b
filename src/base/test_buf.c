/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/unit.h"

#include <string.h>

static void grows_to_its_ceiling(void **state)
{
	struct buf b;

	buf_init(&b, 100);
	for (int i = 0; i < 100; i++)
		buf_add_c(&b, 'x');
	assert_false(buf_failed(&b));
	assert_int_equal(b.n, 100);
	buf_add_c(&b, 'y');
	assert_true(buf_failed(&b));
	assert_int_equal(b.n, 100);
	/* sticky: room that comes back is not used until cleared */
	buf_truncate(&b, 10);
	buf_add_z(&b, "z");
	assert_int_equal(b.n, 10);
	buf_clear(&b);
	buf_add_z(&b, "again");
	assert_str(buf_str(&b), "again");
	buf_free(&b);
}

static void an_addition_is_whole_or_nothing(void **state)
{
	struct buf b;

	buf_init(&b, 4);
	buf_add_z(&b, "abc");
	buf_add_z(&b, "de");
	assert_true(buf_failed(&b));
	assert_str(buf_str(&b), "abc");
	buf_free(&b);
}

static void prints(void **state)
{
	struct buf b;
	char big[600];

	memset(big, 'q', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	buf_init(&b, 2000);
	buf_printf(&b, "%d %.*s", 42, STR_ARG(STR("view")));
	assert_str(buf_str(&b), "42 view");
	buf_clear(&b);
	buf_printf(&b, "<%s>", big);
	assert_int_equal(b.n, 601);
	buf_drop(&b, 600);
	assert_str(buf_str(&b), ">");
	buf_free(&b);
}

static void reads_what_was_put(void **state)
{
	struct buf b;

	buf_init(&b, 1000);
	buf_put_u8(&b, 0xFE);
	buf_put_u16(&b, 0xFEDC);
	buf_put_u32(&b, 0xFEDCBA98);
	buf_put_u64(&b, 0xFEDCBA9876543210);
	buf_put_str(&b, STR("letter"));
	struct reader r = reader_of(buf_str(&b));

	assert_int_equal(read_u8(&r), 0xFE);
	assert_int_equal(read_u16(&r), 0xFEDC);
	assert_int_equal(read_u32(&r), 0xFEDCBA98);
	assert_true(read_u64(&r) == 0xFEDCBA9876543210);
	assert_str(read_str(&r, 6), "letter");
	assert_true(reader_done(&r));
	assert_int_equal(read_u8(&r), 0);
	assert_false(reader_done(&r));
	buf_free(&b);
}

static void a_short_or_long_string_is_refused(void **state)
{
	struct reader r = reader_of(STR("\5\0\0\0abc"));

	assert_int_equal(read_str(&r, 100).n, 0);
	assert_false(reader_done(&r));
	r = reader_of(STR("\3\0\0\0abc"));
	assert_int_equal(read_str(&r, 2).n, 0);
	assert_false(reader_done(&r));
}

static void varints_have_one_spelling(void **state)
{
	static const uint64_t values[] = {0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, UINT64_MAX};
	static const char *const bad[] = {"\x80", "\x80\x00", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02",
					  "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"};
	static const size_t bad_n[] = {1, 2, 10, 11};
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		buf_put_varint(&b, values[i]);
	assert_int_equal(b.n, 1 + 1 + 1 + 2 + 2 + 2 + 3 + 5 + 10);
	struct reader r = reader_of(buf_str(&b));

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_true(read_varint(&r, UINT64_MAX) == values[i]);
	assert_true(reader_done(&r));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct reader q = reader_of((struct str){bad[i], bad_n[i]});

		assert_true(read_varint(&q, UINT64_MAX) == 0);
		assert_true(q.failed);
	}
	struct reader q = reader_of(STR("\x05"));

	assert_true(read_varint(&q, 4) == 0);
	assert_true(q.failed);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_to_its_ceiling),
		cmocka_unit_test(an_addition_is_whole_or_nothing),
		cmocka_unit_test(prints),
		cmocka_unit_test(reads_what_was_put),
		cmocka_unit_test(a_short_or_long_string_is_refused),
		cmocka_unit_test(varints_have_one_spelling),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
