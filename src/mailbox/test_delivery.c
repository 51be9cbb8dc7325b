/* SPDX-License-Identifier: Apache-2.0 */
/* The act of a delivery, from ledgers of several histories. */
#include "mailbox/delivery.h"

#include "base/unit.h"

#include <string.h>

static const struct delivery_letter letter = {.letter = 5,
					      .target = STR_INIT("a+tag@b.test"),
					      .sender = STR_INIT("c@d.test"),
					      .received_us = 1234567,
					      .volume = 3,
					      .offset = 64,
					      .length = 1000};

static void heads(void **state)
{
	static const struct {
		const char *target, *sender, *want;
		int code;
	} cases[] = {
		{"a@b", "c@d", "Return-Path: <c@d>\r\nDelivered-To: a@b\r\n", 0},
		{"a@b", "", "Return-Path: <>\r\nDelivered-To: a@b\r\n", 0},
		{"\xC3\xA4@b", "\"x y\"@d", "Return-Path: <\"x y\"@d>\r\nDelivered-To: \xC3\xA4@b\r\n", 0},
		{"a@b\r\nX: y", "c@d", "", ERR_INVALID},
		{"a@b", "c@d\n", "", ERR_INVALID},
		{"a@b\x7F", "c@d", "", ERR_INVALID},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b;
		struct err e;

		buf_init(&b, 100);
		assert_int_equal(delivery_head(&b, str_of(cases[i].target), str_of(cases[i].sender), &e),
				 cases[i].code);
		assert_str(buf_str(&b), cases[i].want);
		buf_free(&b);
	}
}

static void a_head_has_a_ceiling(void **state)
{
	struct buf b;
	struct err e;

	buf_init(&b, 20);
	assert_int_equal(delivery_head(&b, STR("a@b"), STR("c@d"), &e), ERR_TOO_BIG);
	buf_free(&b);
}

static void apply(struct ledger *l, const struct delivery *d)
{
	const struct act_body act = {.serial = l->serial + 1, .changes = d->changes, .n = d->n};
	struct err e;

	if (ledger_apply(l, &act, &e))
		fail_msg("%s", e.text);
}

static void the_first_act_makes_the_folders(void **state)
{
	static const struct {
		const char *name;
		unsigned special_use;
	} want[] = {{"INBOX", 0},           {"Drafts", SPECIAL_DRAFTS}, {"Sent", SPECIAL_SENT},
		    {"Junk", SPECIAL_JUNK}, {"Trash", SPECIAL_TRASH},   {"Archive", SPECIAL_ARCHIVE}};
	struct ledger l;
	struct delivery d;
	struct err e;

	ledger_init(&l);
	assert_int_equal(delivery_make(&d, &l, &letter, STR("Head: x\r\n"), 1700000000, &e), 0);
	assert_int_equal(d.uid, 1);
	apply(&l, &d);
	assert_int_equal(l.n, 6);
	for (size_t i = 0; i < 6; i++) {
		const struct folder *f = ledger_find(&l, str_of(want[i].name));

		assert_non_null(f);
		assert_int_equal(f->special_use, want[i].special_use);
		assert_true(f->uidvalidity >= 1700000000);
		assert_int_equal(ledger_subscribed(&l, f->name), i > 0);
		assert_int_equal(f->uidnext, i == 0 ? 2 : 1);
	}
	ledger_free(&l);
}

static void folders_that_are_there_stay(void **state)
{
	const struct change drafts = {
		.kind = CHANGE_FOLDER_CREATE,
		.create = {.folder = 1, .uidvalidity = 1700000100, .uidnext = 1, .name = STR("Drafts")}};
	const struct act_body act = {.serial = 1, .changes = &drafts, .n = 1};
	struct ledger l;
	struct delivery d;
	struct err e;

	ledger_init(&l);
	assert_int_equal(ledger_apply(&l, &act, &e), 0);
	assert_int_equal(delivery_make(&d, &l, &letter, STR("Head: x\r\n"), 1700000000, &e), 0);
	apply(&l, &d);
	assert_int_equal(l.n, 6);
	assert_int_equal(ledger_find(&l, STR("Drafts"))->id, 1);
	/* The clock had gone back. */
	assert_true(ledger_find(&l, STR("INBOX"))->uidvalidity > 1700000100);
	assert_int_equal(ledger_find(&l, STR("INBOX"))->uidnext, 2);
	ledger_free(&l);
}

static void later_ones_only_add(void **state)
{
	struct ledger l;
	struct delivery d;
	struct err e;

	ledger_init(&l);
	for (uint32_t uid = 1; uid < 5; uid++) {
		assert_int_equal(delivery_make(&d, &l, &letter, STR("Head: x\r\n"), 1700000000, &e), 0);
		assert_int_equal(d.uid, uid);
		apply(&l, &d);
	}
	assert_int_equal(d.n, 1);
	const struct change_add *add = &d.changes[0].add;

	assert_int_equal(d.changes[0].kind, CHANGE_ADD);
	assert_int_equal(add->letter, 5);
	assert_int_equal(add->size, 1009);
	assert_int_equal(add->skip, 0);
	assert_int_equal(add->date_us, 1234567);
	assert_true(add->place == (3ull << 32 | 64));
	assert_str(add->head, "Head: x\r\n");
	ledger_free(&l);
}

static void limits(void **state)
{
	struct delivery_letter big = letter;
	struct ledger l;
	struct delivery d;
	struct err e;

	ledger_init(&l);
	big.length = UINT32_MAX - 3;
	assert_int_equal(delivery_make(&d, &l, &big, STR("1234"), 1, &e), ERR_TOO_BIG);
	assert_int_equal(delivery_make(&d, &l, &big, STR("123"), 1, &e), 0);
	/* A place that the hint cannot say is not said. */
	big = letter;
	big.offset = 1ull << 32;
	assert_int_equal(delivery_make(&d, &l, &big, STR("123"), 1, &e), 0);
	assert_int_equal(d.changes[d.n - 1].add.place, 0);
	apply(&l, &d);
	ledger_find(&l, STR("INBOX"))->uidnext = UINT32_MAX;
	assert_int_equal(delivery_make(&d, &l, &letter, STR("123"), 1, &e), ERR_TOO_BIG);
	ledger_free(&l);
}

static void another_outline_has_another_hash(void **state)
{
	struct delivery_letter one = letter, two = letter;
	struct ledger l;
	struct delivery a, b;
	struct err e;

	one.outline = STR("...hash one, and more");
	two.outline = STR("...hash two, and more");
	ledger_init(&l);
	assert_int_equal(delivery_make(&a, &l, &one, STR(""), 1, &e), 0);
	assert_int_equal(delivery_make(&b, &l, &two, STR(""), 1, &e), 0);
	assert_true(a.changes[a.n - 1].add.immutable != b.changes[b.n - 1].add.immutable);
	assert_int_equal(delivery_make(&b, &l, &letter, STR(""), 1, &e), 0);
	assert_int_equal(b.changes[b.n - 1].add.immutable, 0);
	ledger_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads),
		cmocka_unit_test(a_head_has_a_ceiling),
		cmocka_unit_test(the_first_act_makes_the_folders),
		cmocka_unit_test(folders_that_are_there_stay),
		cmocka_unit_test(later_ones_only_add),
		cmocka_unit_test(limits),
		cmocka_unit_test(another_outline_has_another_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
