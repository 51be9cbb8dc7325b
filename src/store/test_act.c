/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "store/act.h"

#include <stdlib.h>
#include <string.h>

static const struct str words[] = {STR_INIT("$Forwarded"), STR_INIT("Later")};
static const struct uid_range some[] = {{1, 4}, {9, 9}};
static const struct rename_item renames[] = {{2, STR_INIT("Old")}, {3, STR_INIT("Old.Child")}};

/* One change of each kind. */
static const struct change every[] = {
	{.kind = CHANGE_FOLDER_CREATE,
	 .create = {1, 17, 1, SPECIAL_SENT, true, STR_INIT("Gesendet.\xC3\xA4")}},
	{.kind = CHANGE_FOLDER_RENAME, .rename = {renames, 2}},
	{.kind = CHANGE_FOLDER_DELETE, .delete = {4}},
	{.kind = CHANGE_SUBSCRIBE, .subscribe = {STR_INIT("INBOX")}},
	{.kind = CHANGE_UNSUBSCRIBE, .subscribe = {STR_INIT("Gone")}},
	{.kind = CHANGE_ADD,
	 .add = {.folder = 1,
		 .uid = 7,
		 .letter = UINT64_MAX,
		 .place = 5,
		 .immutable = 0x123456789ABCDEF0,
		 .date_us = -1,
		 .size = 4000,
		 .flags = MESSAGE_SEEN | MESSAGE_DRAFT,
		 .keywords = {words, 2},
		 .skip = 12,
		 .head = STR_INIT("Return-Path: <>\r\n")}},
	{.kind = CHANGE_MOVE, .transfer = {1, 2, 100, {some, 2}}},
	{.kind = CHANGE_COPY, .transfer = {1, 1, 100, {some, 2}}},
	{.kind = CHANGE_FLAGS_SET, .flags = {1, {some, 2}, 0, {NULL, 0}}},
	{.kind = CHANGE_FLAGS_ADD, .flags = {1, {some, 2}, MESSAGE_DELETED, {words, 1}}},
	{.kind = CHANGE_FLAGS_REMOVE, .flags = {1, {some, 1}, MESSAGE_FLAGS_ALL, {words, 2}}},
	{.kind = CHANGE_EXPUNGE, .expunge = {1, {some, 2}}},
};

#define EVERY (sizeof(every) / sizeof(every[0]))

static void reads_what_it_wrote(void **state)
{
	struct act_body act = {9, every, EVERY};
	struct act_body got;
	struct arena a;
	struct buf b, again;
	struct err err;

	arena_init(&a, ACT_ARENA_MAX);
	buf_init(&b, ACT_BYTES_MAX);
	buf_init(&again, ACT_BYTES_MAX);
	assert_int_equal(act_body_put(&b, &act, &err), 0);
	assert_int_equal(act_body_get(buf_str(&b), 9, &a, &got, &err), 0);
	assert_int_equal(got.serial, 9);
	assert_int_equal(got.n, EVERY);
	assert_str(got.changes[0].create.name, "Gesendet.\xC3\xA4");
	assert_true(got.changes[0].create.imported);
	assert_int_equal(got.changes[0].create.special_use, SPECIAL_SENT);
	assert_str(got.changes[1].rename.items[1].name, "Old.Child");
	assert_true(got.changes[5].add.letter == UINT64_MAX);
	assert_int_equal(got.changes[5].add.date_us, -1);
	assert_int_equal(got.changes[5].add.skip, 12);
	assert_str(got.changes[5].add.keywords.names[1], "Later");
	assert_str(got.changes[5].add.head, "Return-Path: <>\r\n");
	assert_int_equal(got.changes[6].transfer.first_uid, 100);
	assert_int_equal(got.changes[10].kind, CHANGE_FLAGS_REMOVE);
	assert_int_equal(got.changes[11].expunge.uids.r[1].lo, 9);
	assert_int_equal(act_body_put(&again, &got, &err), 0);
	assert_true(str_eq(buf_str(&b), buf_str(&again)));
	/* No shorter body is accepted, and no longer one. */
	for (size_t n = 0; n < b.n; n++)
		assert_int_not_equal(act_body_get(str_head(buf_str(&b), n), 9, &a, &got, &err), 0);
	buf_add_c(&b, 0);
	assert_int_equal(act_body_get(buf_str(&b), 9, &a, &got, &err), ERR_INVALID);
	buf_free(&again);
	buf_free(&b);
	arena_free(&a);
}

static int put_one(const struct change *c)
{
	struct buf b;
	struct err err;

	buf_init(&b, ACT_BYTES_MAX);
	int rc = act_body_put(&b, &(struct act_body){1, c, 1}, &err);

	if (rc)
		assert_int_equal(b.n, 0);
	buf_free(&b);
	return rc;
}

static void refuses_broken_rules(void **state)
{
	static const struct uid_range touching[] = {{1, 2}, {3, 4}};
	static const struct uid_range most[] = {{1, UINT32_MAX - 2}};
	static const struct str bad_word[] = {STR_INIT("two words")};
	const struct change rows[] = {
		{.kind = 0},
		{.kind = CHANGE_KINDS},
		{.kind = CHANGE_FOLDER_CREATE, .create = {0, 1, 1, 0, false, STR("a")}},
		{.kind = CHANGE_FOLDER_CREATE, .create = {1, 0, 1, 0, false, STR("a")}},
		{.kind = CHANGE_FOLDER_CREATE, .create = {1, 1, 0, 0, false, STR("a")}},
		{.kind = CHANGE_FOLDER_CREATE, .create = {1, 1, 1, 0, false, STR("")}},
		{.kind = CHANGE_FOLDER_RENAME, .rename = {renames, 0}},
		{.kind = CHANGE_FOLDER_DELETE, .delete = {0}},
		{.kind = CHANGE_SUBSCRIBE, .subscribe = {STR("a..b")}},
		{.kind = CHANGE_ADD, .add = {.folder = 1, .uid = UINT32_MAX, .letter = 1}},
		{.kind = CHANGE_ADD, .add = {.folder = 1, .uid = 0, .letter = 1}},
		{.kind = CHANGE_ADD, .add = {.folder = 1, .uid = 1, .letter = 0}},
		{.kind = CHANGE_ADD, .add = {.folder = 1, .uid = 1, .letter = 1, .flags = 0x20}},
		{.kind = CHANGE_ADD, .add = {.folder = 1, .uid = 1, .letter = 1, .keywords = {bad_word, 1}}},
		{.kind = CHANGE_ADD,
		 .add = {.folder = 1, .uid = 1, .letter = 1, .size = 1, .head = STR("ab")}},
		{.kind = CHANGE_MOVE, .transfer = {1, 2, 1, {touching, 2}}},
		{.kind = CHANGE_MOVE, .transfer = {1, 2, 1, {some, 0}}},
		{.kind = CHANGE_COPY, .transfer = {1, 2, 3, {most, 1}}},
		{.kind = CHANGE_COPY, .transfer = {1, 2, 0, {some, 1}}},
		{.kind = CHANGE_FLAGS_ADD, .flags = {1, {some, 1}, 0x40, {NULL, 0}}},
		{.kind = CHANGE_FLAGS_ADD, .flags = {1, {some, 1}, 0, {bad_word, KEYWORDS_MAX + 1}}},
		{.kind = CHANGE_EXPUNGE, .expunge = {1, {NULL, 0}}},
	};
	struct change edge = {.kind = CHANGE_COPY, .transfer = {1, 2, 2, {most, 1}}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(put_one(&rows[i]), ERR_INVALID);
	/* The last UID that still leaves a UIDNEXT. */
	assert_int_equal(put_one(&edge), 0);
}

static void keeps_ceilings(void **state)
{
	static char big[MESSAGE_HEAD_MAX + 1];
	struct change *many = calloc(ACT_CHANGES_MAX + 1, sizeof(*many));
	struct change one = {
		.kind = CHANGE_ADD,
		.add = {.folder = 1, .uid = 1, .letter = 1, .size = sizeof(big), .head = {big, sizeof(big)}}};
	struct buf b, small;
	struct err err;

	buf_init(&b, 2 * ACT_BYTES_MAX);
	buf_init(&small, 10);
	assert_non_null(many);
	assert_int_equal(put_one(&one), ERR_INVALID);
	one.add.head.n--;
	assert_int_equal(put_one(&one), 0);
	for (size_t i = 0; i <= ACT_CHANGES_MAX; i++)
		many[i] = (struct change){.kind = CHANGE_FOLDER_DELETE, .delete = {1}};
	assert_int_equal(act_body_put(&b, &(struct act_body){1, many, ACT_CHANGES_MAX + 1}, &err),
			 ERR_INVALID);
	assert_int_equal(act_body_put(&b, &(struct act_body){1, many, 0}, &err), ERR_INVALID);
	assert_int_equal(act_body_put(&small, &(struct act_body){1, many, 2}, &err), ERR_TOO_BIG);
	assert_int_equal(small.n, 0);
	for (size_t i = 0; i < 65; i++)
		many[i] = one;
	buf_add_z(&b, "before");
	assert_int_equal(act_body_put(&b, &(struct act_body){1, many, 65}, &err), ERR_TOO_BIG);
	assert_str(buf_str(&b), "before");
	free(many);
	buf_free(&b);
	buf_free(&small);
}

static void refuses_foreign_bodies(void **state)
{
	const struct str rows[] = {
		STR_INIT(""),
		STR_INIT("\x02\x01\x00\x00\x00\x03\x01\x00\x00\x00"), /* version 2 */
		STR_INIT("\x01\x00\x00\x00\x00"), /* no change */
		STR_INIT("\x01\xFF\xFF\xFF\xFF\x03\x01\x00\x00\x00"), /* claims 2^32-1 */
		STR_INIT("\x01\x02\x00\x00\x00\x03\x01\x00\x00\x00"), /* claims two */
		STR_INIT("\x01\x01\x00\x00\x00\x0D\x01\x00\x00\x00"), /* unknown kind */
		STR_INIT("\x01\x01\x00\x00\x00\x00\x01\x00\x00\x00"), /* kind 0 */
		STR_INIT("\x01\x01\x00\x00\x00\x03\x00\x00\x00\x00"), /* folder 0 */
	};
	struct arena a;
	struct act_body got;
	struct err err;

	arena_init(&a, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(act_body_get(rows[i], 1, &a, &got, &err), ERR_INVALID);
	assert_int_equal(act_body_get(STR("\x01\x01\x00\x00\x00\x03\x01\x00\x00\x00"), 1, &a, &got, &err), 0);
	arena_free(&a);
	arena_init(&a, 8);
	assert_int_equal(act_body_get(STR("\x01\x01\x00\x00\x00\x03\x01\x00\x00\x00"), 1, &a, &got, &err),
			 ERR_MEMORY);
	arena_free(&a);
}

static void knows_names(void **state)
{
	const struct {
		struct str name;
		bool folder;
		bool keyword;
	} rows[] = {
		{STR("INBOX"), true, true},    {STR("inbox"), false, true},
		{STR("Inbox.a"), false, true}, {STR("INBOX.a"), true, true},
		{STR("a.inbox"), true, true},  {STR("INBOXES"), true, true},
		{STR(""), false, false},       {STR("."), false, true},
		{STR(".a"), false, true},      {STR("a."), false, true},
		{STR("a..b"), false, true},    {STR("a b"), true, false},
		{STR("a\0b"), false, false},   {STR("a\x7F"), false, false},
		{STR("a\nb"), false, false},   {STR("\xC3\xA4"), true, false},
		{STR("\xC3"), false, false},   {STR("\xED\xA0\x80"), false, false}, /* a surrogate */
		{STR("a%"), true, false},      {STR("a*"), true, false},
		{STR("\\Seen"), true, false},  {STR("a]"), true, false},
		{STR("$Junk"), true, true},
	};
	static char long_name[FOLDER_NAME_MAX + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(folder_name_valid(rows[i].name), rows[i].folder);
		assert_int_equal(keyword_name_valid(rows[i].name), rows[i].keyword);
	}
	memset(long_name, 'a', sizeof(long_name));
	assert_true(folder_name_valid((struct str){long_name, FOLDER_NAME_MAX}));
	assert_false(folder_name_valid((struct str){long_name, FOLDER_NAME_MAX + 1}));
	assert_true(keyword_name_valid((struct str){long_name, KEYWORD_NAME_MAX}));
	assert_false(keyword_name_valid((struct str){long_name, KEYWORD_NAME_MAX + 1}));
}

static void says_a_place_later(void **state)
{
	struct change changes[2] = {
		{.kind = CHANGE_ADD, .add = {.folder = 1, .uid = 2, .letter = 3, .immutable = 4, .size = 5}},
		{.kind = CHANGE_FOLDER_DELETE, .delete = {.folder = 9}},
	};
	struct act_body act = {.serial = 1, .changes = changes, .n = 1}, got;
	struct arena arena;
	struct buf b;
	struct err e;

	buf_init(&b, 4096);
	arena_init(&arena, 1 << 16);
	assert_int_equal(act_body_put(&b, &act, &e), 0);
	for (size_t n = 0; n < 30; n++)
		assert_int_equal(act_body_set_place(b.p, n, 7, &e), ERR_INVALID);
	assert_int_equal(act_body_set_place(b.p, b.n, 7ull << 32 | 64, &e), 0);
	assert_int_equal(act_body_get(buf_str(&b), 1, &arena, &got, &e), 0);
	assert_true(got.changes[0].add.place == (7ull << 32 | 64));
	changes[0].add.place = 7ull << 32 | 64;
	struct buf want;

	buf_init(&want, 4096);
	assert_int_equal(act_body_put(&want, &act, &e), 0);
	assert_true(str_eq(buf_str(&b), buf_str(&want)));
	/* It has one now; others have none to say. */
	assert_int_equal(act_body_set_place(b.p, b.n, 8, &e), ERR_INVALID);
	changes[0].add.place = 0;
	act.n = 2;
	buf_clear(&b);
	assert_int_equal(act_body_put(&b, &act, &e), 0);
	assert_int_equal(act_body_set_place(b.p, b.n, 8, &e), ERR_INVALID);
	act.changes = changes + 1;
	act.n = 1;
	buf_clear(&b);
	assert_int_equal(act_body_put(&b, &act, &e), 0);
	assert_int_equal(act_body_set_place(b.p, b.n, 8, &e), ERR_INVALID);
	buf_free(&b);
	buf_free(&want);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_wrote), cmocka_unit_test(refuses_broken_rules),
		cmocka_unit_test(keeps_ceilings),      cmocka_unit_test(refuses_foreign_bodies),
		cmocka_unit_test(knows_names),         cmocka_unit_test(says_a_place_later),
	};

	return cmocka_run_group_tests_name("act", tests, NULL, NULL);
}
