/* SPDX-License-Identifier: Apache-2.0 */
/* Headers, frames, marks and cuts: there and back, sizes, limits. */
#include "store/segment.h"

#include "base/err.h"
#include "base/unit.h"

#include <string.h>

static const struct check_key key = {{3, 1, 4}};

static void sizes(void **state)
{
	struct cuts cuts = {.count = CUTS_MAX};
	struct mark mark = {0};
	struct buf b;

	buf_init(&b, 4096);
	mark_put(&b, &mark);
	assert_int_equal(frame_size((uint32_t)b.n), MARK_FRAME);
	buf_clear(&b);
	cuts_put(&b, &cuts);
	assert_int_equal(frame_size((uint32_t)b.n), CUTS_FRAME_MAX);
	buf_free(&b);
	assert_int_equal(frame_size(0), FRAME_HEADER);
	assert_int_equal(frame_size(1), FRAME_HEADER + 8);
	assert_int_equal(frame_size(8), FRAME_HEADER + 8);
	assert_true(position_make(3, 64) == 0x300000040);
	assert_int_equal(position_segment(0x300000040), 3);
	assert_int_equal(position_offset(0x300000040), 64);
}

static void marks_and_cuts(void **state)
{
	struct mark mark = {64, 7, 1700000000000000, MARK_CLEAN}, mark_again;
	struct cuts cuts = {.count = CUTS_MAX}, cuts_again;
	struct buf b;

	buf_init(&b, 4096);
	mark_put(&b, &mark);
	assert_true(mark_get(buf_str(&b), &mark_again));
	assert_true(mark_again.group == 64 && mark_again.count == 7 && mark_again.time_us == mark.time_us &&
		    mark_again.flags == MARK_CLEAN);
	assert_false(mark_get(str_head(buf_str(&b), b.n - 1), &mark_again));
	buf_put_u8(&b, 0);
	assert_false(mark_get(buf_str(&b), &mark_again));
	buf_clear(&b);
	for (uint32_t i = 0; i < CUTS_MAX; i++)
		cuts.ends[i] = (struct segment_end){i + 1, i * 8};
	cuts_put(&b, &cuts);
	assert_true(cuts_get(buf_str(&b), &cuts_again));
	assert_memory_equal(cuts.ends, cuts_again.ends, sizeof(cuts.ends));
	assert_false(cuts_get(str_head(buf_str(&b), b.n - 1), &cuts_again));
	/* One more than there is room for. */
	buf_put_u64(&b, 0);
	le32_set(b.p, CUTS_MAX + 1);
	assert_false(cuts_get(buf_str(&b), &cuts_again));
	buf_free(&b);
}

static void header_is_bound_to_its_number(void **state)
{
	unsigned char h[SEGMENT_HEADER];
	struct segment_view v = {{(const char *)h, sizeof(h)}, 5, &key};

	segment_header_make(h, &key, 5, 4096, 1);
	assert_int_equal(segment_header_check(&v), 0);
	for (size_t i = 0; i < sizeof(h); i++) {
		h[i] ^= 0x40;
		assert_int_equal(segment_header_check(&v), ERR_CORRUPT);
		h[i] ^= 0x40;
	}
	v.number = 6;
	assert_int_equal(segment_header_check(&v), ERR_CORRUPT);
	v.number = 5;
	v.bytes.n--;
	assert_int_equal(segment_header_check(&v), ERR_CORRUPT);
}

/* A frame at the very end of what is there, and one byte less of it. */
static void frames_end_with_the_bytes(void **state)
{
	struct frame f;
	struct buf b;

	buf_init(&b, 4096);
	buf_add(&b, "12345678", 8);
	frame_put(&b, FRAME_DATA, STR("payload"));
	frame_seal(b.p + 8, &key, position_make(1, 8), 8);
	struct segment_view v = {buf_str(&b), 1, &key};

	assert_int_equal(frame_at(&v, 0, &f), 0);
	assert_int_equal(frame_next(&v, 0, (uint32_t)b.n, &f), 1);
	assert_int_equal(f.at, 8);
	assert_int_equal(f.group, 8);
	assert_str(f.payload, "payload");
	assert_true(frame_good(&v, &f));
	/* It must begin before the end that is asked for. */
	assert_int_equal(frame_next(&v, 0, 8, &f), 0);
	assert_int_equal(frame_at(&v, UINT32_MAX - 7, &f), 0);
	for (size_t n = 0; n < b.n; n++) {
		v.bytes.n = n;
		assert_int_equal(frame_next(&v, 0, (uint32_t)n, &f), 0);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(marks_and_cuts),
		cmocka_unit_test(header_is_bound_to_its_number),
		cmocka_unit_test(frames_end_with_the_bytes),
	};

	return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
