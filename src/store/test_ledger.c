/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "store/ledger.h"

#include <stdlib.h>
#include <string.h>

static const struct uid_range first_three[] = {{1, 3}};
static const struct uid_range one_to_ten[] = {{1, 10}};
static const struct str word[] = {STR_INIT("$Later")};

static struct change create(uint32_t id, struct str name)
{
	return (struct change){.kind = CHANGE_FOLDER_CREATE, .create = {id, id * 10, 1, 0, false, name}};
}

/* The next act of the account. */
static int apply(struct ledger *l, const struct change *c, size_t n)
{
	struct err err;

	return ledger_apply(l, &(struct act_body){l->serial + 1, c, n}, &err);
}

/* INBOX (1), A (2), A.B (3); INBOX has UIDs 1 to 10. */
static void fill(struct ledger *l)
{
	struct change c[] = {
		create(1, STR("INBOX")),
		create(2, STR("A")),
		create(3, STR("A.B")),
		{.kind = CHANGE_ADD, .add = {.folder = 1, .uid = 10, .letter = 1}},
	};

	ledger_init(l);
	assert_int_equal(apply(l, c, 4), 0);
}

static void serials_have_no_gaps(void **state)
{
	struct ledger l;
	struct change c = create(4, STR("C"));
	struct err err;

	fill(&l);
	assert_int_equal(ledger_apply(&l, &(struct act_body){1, &c, 1}, &err), ERR_CORRUPT);
	assert_int_equal(ledger_apply(&l, &(struct act_body){3, &c, 1}, &err), ERR_CORRUPT);
	assert_int_equal(l.n, 3);
	assert_int_equal(ledger_apply(&l, &(struct act_body){2, &c, 1}, &err), 0);
	assert_int_equal(l.serial, 2);
	assert_int_equal(ledger_folder(&l, 4)->modseq, 2);
	ledger_free(&l);
}

static void numbers_never_come_back(void **state)
{
	struct ledger l;
	struct change c = create(2, STR("C"));

	fill(&l);
	assert_int_equal(apply(&l, &c, 1), ERR_EXISTS);
	c.create.folder = 7;
	assert_int_equal(apply(&l, &c, 1), ERR_EXISTS); /* UIDVALIDITY 20 was given */
	c.create.uidvalidity = 31;
	c.create.name = STR("A.B");
	assert_int_equal(apply(&l, &c, 1), ERR_EXISTS);
	c.create.name = STR("C");
	assert_int_equal(apply(&l, &c, 1), 0);
	assert_int_equal(l.next_folder, 8);
	assert_int_equal(l.next_uidvalidity, 32);
	struct change gone = {.kind = CHANGE_FOLDER_DELETE, .delete = {7}};

	assert_int_equal(apply(&l, &gone, 1), 0);
	assert_null(ledger_folder(&l, 7));
	assert_null(ledger_find(&l, STR("C")));
	assert_int_equal(apply(&l, &gone, 1), ERR_NOT_FOUND);
	/* Created again under its name: a new id, a new UIDVALIDITY. */
	assert_int_equal(apply(&l, &c, 1), ERR_EXISTS);
	c.create.folder = 8;
	assert_int_equal(apply(&l, &c, 1), ERR_EXISTS);
	c.create.uidvalidity = 32;
	assert_int_equal(apply(&l, &c, 1), 0);
	/* Only an imported folder may have an old UIDVALIDITY. */
	struct change imported = create(9, STR("D"));

	imported.create.uidvalidity = 5;
	imported.create.imported = true;
	assert_int_equal(apply(&l, &imported, 1), 0);
	assert_int_equal(l.next_uidvalidity, 33);
	imported.create.folder = UINT32_MAX;
	imported.create.name = STR("E");
	assert_int_equal(apply(&l, &imported, 1), ERR_EXISTS);
	ledger_free(&l);
}

static void uids_go_up(void **state)
{
	struct ledger l;
	struct change add = {.kind = CHANGE_ADD, .add = {.folder = 1, .uid = 10, .letter = 2}};
	struct change copy = {.kind = CHANGE_COPY, .transfer = {1, 2, 1, {first_three, 1}}};

	fill(&l);
	assert_int_equal(ledger_folder(&l, 1)->uidnext, 11);
	assert_int_equal(apply(&l, &add, 1), ERR_EXISTS);
	add.add.uid = 20;
	assert_int_equal(apply(&l, &add, 1), 0);
	assert_int_equal(ledger_folder(&l, 1)->uidnext, 21);
	assert_int_equal(apply(&l, &copy, 1), 0);
	assert_int_equal(ledger_folder(&l, 2)->uidnext, 4);
	assert_int_equal(ledger_folder(&l, 2)->modseq, 3);
	assert_int_equal(ledger_folder(&l, 1)->modseq, 2);
	assert_int_equal(apply(&l, &copy, 1), ERR_EXISTS);
	copy.kind = CHANGE_MOVE;
	copy.transfer.first_uid = 4;
	assert_int_equal(apply(&l, &copy, 1), 0);
	assert_int_equal(ledger_folder(&l, 1)->modseq, 4);
	ledger_free(&l);
}

static void refuses_what_does_not_fit(void **state)
{
	const struct change rows[] = {
		{.kind = CHANGE_FOLDER_DELETE, .delete = {1}}, /* INBOX */
		{.kind = CHANGE_FOLDER_DELETE, .delete = {9}},
		{.kind = CHANGE_ADD, .add = {.folder = 9, .uid = 1, .letter = 1}},
		{.kind = CHANGE_MOVE, .transfer = {9, 1, 11, {first_three, 1}}},
		{.kind = CHANGE_MOVE, .transfer = {1, 9, 11, {first_three, 1}}},
		{.kind = CHANGE_COPY, .transfer = {2, 1, 11, {first_three, 1}}}, /* never given in A */
		{.kind = CHANGE_FLAGS_ADD, .flags = {9, {first_three, 1}, 1, {NULL, 0}}},
		{.kind = CHANGE_FLAGS_ADD, .flags = {2, {first_three, 1}, 1, {word, 1}}},
		{.kind = CHANGE_EXPUNGE, .expunge = {9, {first_three, 1}}},
		{.kind = CHANGE_EXPUNGE, .expunge = {2, {first_three, 1}}},
	};
	struct ledger l;

	fill(&l);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* Alone, and after changes that fit: all or nothing. */
		struct change both[] = {
			create(4, STR("New")),
			{.kind = CHANGE_FLAGS_ADD, .flags = {1, {one_to_ten, 1}, 0, {word, 1}}},
			{.kind = CHANGE_SUBSCRIBE, .subscribe = {STR("New")}},
			rows[i],
		};

		assert_int_not_equal(apply(&l, &rows[i], 1), 0);
		assert_int_not_equal(apply(&l, both, 4), 0);
		assert_int_equal(l.serial, 1);
		assert_int_equal(l.n, 3);
		assert_int_equal(l.keyword_count, 0);
		assert_int_equal(l.subscribed, 0);
		assert_int_equal(l.next_folder, 4);
	}
	ledger_free(&l);
}

static void renames_families(void **state)
{
	const struct {
		struct rename_item items[2];
		size_t n;
		int rc;
	} rows[] = {
		{{{2, STR("C")}, {3, STR("C.B")}}, 2, 0},
		/* Into its own child, and back: any order will do. */
		{{{2, STR("C.B")}, {3, STR("C.B.B")}}, 2, 0},
		{{{2, STR("C")}, {3, STR("C.B")}}, 2, 0},
		{{{2, STR("C.B")}, {3, STR("C")}}, 2, 0}, /* swap */
		{{{2, STR("C.B")}}, 1, 0}, /* to itself */
		{{{2, STR("C")}}, 1, ERR_EXISTS},
		{{{2, STR("X")}, {3, STR("X")}}, 2, ERR_EXISTS},
		{{{2, STR("X")}, {2, STR("Y")}}, 2, ERR_INVALID},
		{{{2, STR("INBOX")}}, 1, ERR_EXISTS},
		{{{1, STR("X")}}, 1, ERR_INVALID},
		{{{2, STR("X")}, {9, STR("Y")}}, 2, ERR_NOT_FOUND},
	};
	struct ledger l;

	fill(&l);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct change c = {.kind = CHANGE_FOLDER_RENAME, .rename = {rows[i].items, rows[i].n}};

		assert_int_equal(apply(&l, &c, 1), rows[i].rc);
		for (size_t j = 0; j < rows[i].n && !rows[i].rc; j++)
			assert_int_equal(ledger_find(&l, rows[i].items[j].name)->id, rows[i].items[j].folder);
	}
	assert_str(ledger_folder(&l, 2)->name, "C.B");
	assert_str(ledger_folder(&l, 3)->name, "C");
	ledger_free(&l);
}

static void keywords_get_numbers(void **state)
{
	const struct str upper[] = {STR_INIT("$LATER"), STR_INIT("Other")};
	struct change c = {.kind = CHANGE_FLAGS_REMOVE, .flags = {1, {one_to_ten, 1}, 0, {word, 1}}};
	struct flag_change how;
	struct ledger l;

	fill(&l);
	/* Taking away what nobody has takes no number. */
	assert_int_equal(apply(&l, &c, 1), 0);
	assert_int_equal(l.keyword_count, 0);
	c.kind = CHANGE_FLAGS_ADD;
	assert_int_equal(apply(&l, &c, 1), 0);
	c.flags.keywords = (struct keyword_names){upper, 2};
	assert_int_equal(apply(&l, &c, 1), 0);
	assert_int_equal(l.keyword_count, 2);
	assert_int_equal(ledger_keyword(&l, STR("$later")), 0);
	assert_int_equal(ledger_keyword(&l, STR("other")), 1);
	assert_int_equal(ledger_keyword(&l, STR("none")), KEYWORDS_MAX);
	how = ledger_flag_change(&l, &c);
	assert_int_equal(how.keyword_add.w[0], 3);
	assert_true(flag_change_touches(&how, MESSAGE_SEEN) == false);
	ledger_free(&l);
}

static void keeps_ceilings(void **state)
{
	struct str *names = calloc(KEYWORDS_MAX + 1, sizeof(*names));
	char text[KEYWORDS_MAX + 1][8];
	struct change c = {.kind = CHANGE_FLAGS_ADD, .flags = {1, {one_to_ten, 1}, 0, {names, KEYWORDS_MAX}}};
	struct ledger l;

	assert_non_null(names);
	for (int i = 0; i <= KEYWORDS_MAX; i++)
		names[i] = (struct str){text[i], (size_t)snprintf(text[i], sizeof(text[i]), "k%d", i)};
	fill(&l);
	assert_int_equal(apply(&l, &c, 1), 0);
	assert_int_equal(l.keyword_count, KEYWORDS_MAX);
	c.flags.keywords = (struct keyword_names){names + KEYWORDS_MAX, 1};
	assert_int_equal(apply(&l, &c, 1), ERR_TOO_BIG);
	/* A refused change gives the numbers back that it took. */
	free((char *)l.keywords[--l.keyword_count].p);
	c.flags.keywords = (struct keyword_names){names + KEYWORDS_MAX - 1, 2};
	assert_int_equal(apply(&l, &c, 1), ERR_TOO_BIG);
	assert_int_equal(l.keyword_count, KEYWORDS_MAX - 1);
	free(names);
	ledger_free(&l);
}

static void many_folders_stay_sorted(void **state)
{
	struct ledger l, copy;
	char name[16];

	fill(&l);
	for (uint32_t i = 4; i <= LEDGER_FOLDERS_MAX; i++) {
		struct change c =
			create(i, (struct str){name, (size_t)snprintf(name, sizeof(name), "f%u", i)});

		assert_int_equal(apply(&l, &c, 1), 0);
	}
	assert_int_equal(l.n, LEDGER_FOLDERS_MAX);
	struct change more = create(LEDGER_FOLDERS_MAX + 1, STR("more"));

	assert_int_equal(apply(&l, &more, 1), ERR_TOO_BIG);
	assert_int_equal(ledger_copy(&l, &copy), 0);
	for (uint32_t i = 4; i < LEDGER_FOLDERS_MAX; i += 2) {
		struct change c = {.kind = CHANGE_FOLDER_DELETE, .delete = {i}};

		assert_int_equal(apply(&l, &c, 1), 0);
		assert_null(ledger_folder(&l, i));
		assert_int_equal(ledger_folder(&l, i + 1)->id, i + 1);
	}
	assert_int_equal(copy.n, LEDGER_FOLDERS_MAX);
	assert_str(ledger_folder(&copy, 100)->name, "f100");
	/* A name that an act created one back in the list can be used again. */
	more.create.folder = LEDGER_FOLDERS_MAX + 2;
	more.create.uidvalidity = l.next_uidvalidity;
	more.create.name = STR("f4");
	assert_int_equal(apply(&l, &more, 1), 0);
	ledger_free(&l);
	ledger_free(&copy);
}

static void subscribes_names(void **state)
{
	struct change on = {.kind = CHANGE_SUBSCRIBE, .subscribe = {STR("Not.There")}};
	struct change off = {.kind = CHANGE_UNSUBSCRIBE, .subscribe = {STR("Not.There")}};
	struct change gone = {.kind = CHANGE_FOLDER_DELETE, .delete = {3}};
	struct ledger l, copy;

	fill(&l);
	assert_int_equal(apply(&l, &on, 1), 0);
	assert_int_equal(apply(&l, &on, 1), 0);
	assert_int_equal(l.subscribed, 1);
	on.subscribe.name = STR("A.B");
	assert_int_equal(apply(&l, &on, 1), 0);
	/* Deleting a folder leaves its subscription. */
	assert_int_equal(apply(&l, &gone, 1), 0);
	assert_true(ledger_subscribed(&l, STR("A.B")));
	assert_int_equal(ledger_copy(&l, &copy), 0);
	assert_int_equal(apply(&l, &off, 1), 0);
	assert_int_equal(apply(&l, &off, 1), 0);
	assert_false(ledger_subscribed(&l, STR("Not.There")));
	assert_true(ledger_subscribed(&copy, STR("Not.There")));
	assert_int_equal(l.subscribed, 1);
	ledger_free(&l);
	ledger_free(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serials_have_no_gaps), cmocka_unit_test(numbers_never_come_back),
		cmocka_unit_test(uids_go_up),           cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(renames_families),     cmocka_unit_test(keywords_get_numbers),
		cmocka_unit_test(keeps_ceilings),       cmocka_unit_test(many_folders_stay_sorted),
		cmocka_unit_test(subscribes_names),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
