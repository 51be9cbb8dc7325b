/* SPDX-License-Identifier: Apache-2.0 */
/* Letters on their way in, and what is seen of their headers. */
#include "gate/letter.h"
#include "base/unit.h"
#include "gate/letter_head.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct letter_budget budget;

static void add(struct letter *l, size_t n, char c)
{
	while (n > 0) {
		size_t step = n < LETTER_STEP_MAX ? n : LETTER_STEP_MAX;
		struct buf *tail = letter_tail(l);
		char *p = tail ? buf_room(tail, step) : NULL;

		if (!p)
			return;
		memset(p, c, step);
		buf_grow(tail, step);
		letter_finish(l);
		n -= step;
	}
}

static void short_letters_stay_in_memory(void **state)
{
	struct letter l = {0};

	letter_end(&l); /* one that never began */
	budget = (struct letter_budget){.max = 1 << 20};
	letter_begin(&l, &budget, 1 << 20);
	assert_int_equal(letter_head(&l).n, 0);
	add(&l, LETTER_INLINE_MAX, 'a');
	letter_seal(&l);
	assert_int_equal(letter_file(&l), -1);
	assert_int_equal(letter_bytes(&l).n, LETTER_INLINE_MAX);
	assert_int_equal(letter_head(&l).n, LETTER_INLINE_MAX);
	assert_int_equal(budget.used, LETTER_INLINE_MAX);
	letter_end(&l);
	letter_end(&l);
	assert_int_equal(budget.used, 0);
}

static void long_letters_get_a_sealed_file(void **state)
{
	struct letter l;
	char got[3];

	budget = (struct letter_budget){.max = 1 << 20};
	letter_begin(&l, &budget, 1 << 20);
	add(&l, LETTER_INLINE_MAX, 'a');
	add(&l, 1, 'b');
	assert_true(letter_file(&l) >= 0);
	add(&l, 200000, 'c');
	add(&l, 1, 'd');
	letter_seal(&l);
	assert_int_equal(l.size, LETTER_INLINE_MAX + 200002);
	assert_int_equal(lseek(letter_file(&l), 0, SEEK_END), l.size);
	assert_int_equal(pread(letter_file(&l), got, 3, LETTER_INLINE_MAX - 1), 3);
	assert_memory_equal(got, "abc", 3);
	assert_int_equal(pread(letter_file(&l), got, 3, (off_t)l.size - 2), 2);
	assert_memory_equal(got, "cd", 2);
	assert_int_equal(pwrite(letter_file(&l), "x", 1, 0), -1);
	assert_int_equal(ftruncate(letter_file(&l), 1), -1);
	assert_int_equal(letter_head(&l).n, LETTER_HEAD_MAX);
	assert_int_equal(letter_head(&l).p[LETTER_INLINE_MAX], 'b');
	letter_end(&l);
	assert_int_equal(budget.used, 0);
}

static void a_short_letter_can_have_a_file(void **state)
{
	struct letter l;

	budget = (struct letter_budget){.max = 1 << 20};
	letter_begin(&l, &budget, 1000);
	add(&l, 10, 'a');
	struct str head = letter_head(&l);

	letter_to_file(&l);
	assert_str(head, "aaaaaaaaaa");
	assert_str(letter_head(&l), "aaaaaaaaaa");
	assert_int_equal(lseek(letter_file(&l), 0, SEEK_END), 10);
	letter_end(&l);
}

static void octets_come_in_front(void **state)
{
	static const size_t sizes[] = {
		0, 1, LETTER_INLINE_MAX - 3, LETTER_INLINE_MAX - 2, LETTER_INLINE_MAX + 1, 300000};
	struct err e;
	char got[4];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct letter l;

		budget = (struct letter_budget){.max = 1 << 20};
		letter_begin(&l, &budget, sizes[i]);
		add(&l, sizes[i], 'a');
		letter_seal(&l);
		letter_head(&l);
		assert_int_equal(letter_edit(&l, STR("xyz"), STR(""), &e), 0);
		assert_int_equal(l.fault, LETTER_GOOD);
		assert_int_equal(l.size, sizes[i] + 3);
		assert_int_equal(budget.used, l.size);
		assert_int_equal(letter_file(&l) >= 0, l.size > LETTER_INLINE_MAX);
		struct str whole = letter_whole(&l);

		assert_int_equal(whole.n, l.size);
		assert_true(str_starts(whole, STR("xyz")));
		for (size_t k = 3; k < whole.n; k++)
			if (whole.p[k] != 'a')
				fail_msg("%zu", k);
		if (letter_file(&l) >= 0) {
			assert_int_equal(letter_bytes(&l).n, 0);
			assert_int_equal(pwrite(letter_file(&l), "x", 1, 0), -1);
			assert_int_equal(pread(letter_file(&l), got, 4, 0), 4);
			assert_memory_equal(got, "xyza", 4);
		}
		letter_end(&l);
		assert_int_equal(budget.used, 0);
	}
}

/* A letter of that many octets behind its header. */
static void make_letter(struct letter *l, size_t body)
{
	struct buf *tail;

	budget = (struct letter_budget){.max = 1 << 20};
	letter_begin(l, &budget, 1 << 20);
	tail = letter_tail(l);
	buf_add_z(tail, "A: 1\r\nB: 2\r\n\tb\r\nC: 3\r\n\r\n");
	letter_finish(l);
	add(l, body, 'a');
	letter_seal(l);
}

static void fields_are_cut_out(void **state)
{
	static const struct {
		const char *front, *want;
		struct {
			uint64_t at;
			uint32_t n;
		} cut[2];
		unsigned cuts;
		bool good;
	} rows[] = {
		{"", "A: 1\r\nB: 2\r\n\tb\r\nC: 3\r\n\r\n", {{0}}, 0, true},
		{"F: 0\r\n", "F: 0\r\nA: 1\r\nC: 3\r\n\r\n", {{6, 10}}, 1, true},
		{"", "A: 1\r\nC: 3\r\n\r\n", {{6, 10}}, 1, true},
		{"F: 0\r\n", "F: 0\r\nB: 2\r\n\tb\r\n\r\n", {{0, 6}, {16, 6}}, 2, true},
		{"", "\r\n", {{0, 22}}, 1, true},
		{"F: 0\r\n", NULL, {{6, 6}}, 1, false},
		{"F: 0\r\n", NULL, {{16, 8}}, 1, false},
		{"F: 0\r\n", NULL, {{6, 10}, {0, 6}}, 2, false},
	};
	static const size_t bodies[] = {0, 100, LETTER_INLINE_MAX - 20, LETTER_INLINE_MAX + 20, 300000};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) * 5; i++) {
		size_t row = i / 5, body = bodies[i % 5];
		struct str want =
			str_of(rows[row].good ? rows[row].want : "A: 1\r\nB: 2\r\n\tb\r\nC: 3\r\n\r\n");
		struct letter l;
		struct buf cuts;
		struct err e;

		buf_init(&cuts, 100);
		for (unsigned k = 0; k < rows[row].cuts; k++) {
			buf_put_u64(&cuts, rows[row].cut[k].at);
			buf_put_u32(&cuts, rows[row].cut[k].n);
		}
		make_letter(&l, body);
		assert_int_equal(letter_edit(&l, str_of(rows[row].front), buf_str(&cuts), &e),
				 rows[row].good ? 0 : ERR_INVALID);
		assert_int_equal(l.fault, LETTER_GOOD);
		assert_int_equal(l.size, want.n + body);
		assert_int_equal(budget.used, l.size);
		struct str whole = letter_whole(&l);

		assert_int_equal(whole.n, l.size);
		assert_true(str_starts(whole, want));
		for (size_t k = want.n; k < whole.n; k++)
			if (whole.p[k] != 'a')
				fail_msg("row %zu at %zu", row, k);
		letter_end(&l);
		assert_int_equal(budget.used, 0);
		buf_free(&cuts);
	}
}

static void limits_give_the_memory_back_at_once(void **state)
{
	struct letter l, other;

	budget = (struct letter_budget){.max = 100000};
	letter_begin(&l, &budget, 50000);
	add(&l, 50000, 'a');
	assert_int_equal(l.fault, LETTER_GOOD);
	letter_begin(&other, &budget, 100000);
	add(&other, 50000, 'b');
	assert_int_equal(other.fault, LETTER_GOOD);
	assert_int_equal(budget.used, 100000);
	add(&other, 1, 'b');
	assert_int_equal(other.fault, LETTER_NO_ROOM);
	assert_int_equal(budget.used, 50000);
	assert_null(letter_tail(&other));
	letter_finish(&other);
	letter_seal(&other);
	assert_int_equal(other.fault, LETTER_NO_ROOM);
	add(&l, 1, 'a');
	assert_int_equal(l.fault, LETTER_TOO_BIG);
	assert_int_equal(budget.used, 0);
	letter_end(&l);
	letter_end(&other);
	/* What was promised before a reload made the budget small stays. */
	letter_begin(&l, &budget, 50000);
	add(&l, 1000, 'a');
	budget.max = 10;
	add(&l, 1, 'a');
	assert_int_equal(l.fault, LETTER_NO_ROOM);
	letter_end(&l);
	assert_int_equal(budget.used, 0);
}

static void headers_tell_where_a_letter_was(void **state)
{
	static const struct {
		const char *head;
		unsigned received, delivered;
		const char *message_id;
	} rows[] = {
		{"", 0, 0, ""},
		{"\r\nReceived: x\r\n", 0, 0, ""},
		{"Received: a\r\n\tb\r\nRECEIVED : c\r\n\r\nReceived: d\r\n", 2, 0, ""},
		{"Received: a\nreceived: b\n\nReceived: c\n", 2, 0, ""},
		{"X-Received: a\r\nReceived\r\nReceived: b", 1, 0, ""},
		{"Message-ID: <a@b>\r\n", 0, 0, "<a@b>"},
		{"message-id:\r\n <a@b>\r\n\r\n", 0, 0, "<a@b>"},
		{"Message-Id: <a@b>\r\nMessage-Id: <c@d>\r\n", 0, 0, "<a@b>"},
		{"Message-Id: <a b>\r\n", 0, 0, ""},
		{"Message-Id: <a\r\n b>\r\n", 0, 0, ""},
		{"Message-Id:\r\nDelivered-To: x@y\r\nDelivered-To:\r\n Z@y \r\n", 0, 2, ""},
		{"Subject: x\r\n Received: folded\r\n\r\n", 0, 0, ""},
		{": no name\r\nReceived: a\r\n", 1, 0, ""},
	};
	struct letter_facts f;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		letter_facts_read(str_of(rows[i].head), &f);
		assert_int_equal(f.received, rows[i].received);
		assert_int_equal(f.delivered, rows[i].delivered);
		assert_str(f.message_id, rows[i].message_id);
	}
	letter_facts_read(str_of(rows[10].head), &f);
	assert_true(letter_was_at(&f, STR("X@Y")));
	assert_true(letter_was_at(&f, STR("z@y")));
	assert_false(letter_was_at(&f, STR("a@y")));
}

static void too_many_deliveries_are_a_loop(void **state)
{
	struct letter_facts f;
	struct buf head;

	buf_init(&head, 10000);
	for (int i = 0; i < LETTER_DELIVERIES_MAX; i++)
		buf_printf(&head, "Delivered-To: x%d@y\r\n", i);
	letter_facts_read(buf_str(&head), &f);
	assert_false(letter_was_at(&f, STR("a@y")));
	assert_true(letter_was_at(&f, STR("x49@y")));
	buf_add_z(&head, "Delivered-To: z@y\r\n");
	letter_facts_read(buf_str(&head), &f);
	assert_true(letter_was_at(&f, STR("a@y")));
	buf_free(&head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_letters_stay_in_memory),
		cmocka_unit_test(long_letters_get_a_sealed_file),
		cmocka_unit_test(a_short_letter_can_have_a_file),
		cmocka_unit_test(octets_come_in_front),
		cmocka_unit_test(fields_are_cut_out),
		cmocka_unit_test(limits_give_the_memory_back_at_once),
		cmocka_unit_test(headers_tell_where_a_letter_was),
		cmocka_unit_test(too_many_deliveries_are_a_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
