/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "store/view.h"

#include <stdlib.h>

/* INBOX (1) and A (2), both in view, INBOX with UIDs 1 to n. */
static void fill(struct views *vs, uint32_t n)
{
	struct change c[] = {
		{.kind = CHANGE_FOLDER_CREATE, .create = {1, 1, 1, 0, false, STR("INBOX")}},
		{.kind = CHANGE_FOLDER_CREATE, .create = {2, 2, 1, 0, false, STR("A")}},
	};
	struct err err;

	views_init(vs);
	assert_int_equal(views_apply(vs, &(struct act_body){1, c, 2}, &err), 0);
	for (uint32_t id = 1; id <= 2; id++) {
		struct view *v = view_new(id, 1);

		assert_int_equal(views_join(vs, &v, NULL, 0, &err), 0);
		assert_null(v);
	}
	for (uint32_t uid = 1; uid <= n; uid++) {
		struct change add = {.kind = CHANGE_ADD,
				     .add = {.folder = 1, .uid = uid, .letter = uid, .size = 10}};

		assert_int_equal(views_apply(vs, &(struct act_body){vs->ledger.serial + 1, &add, 1}, &err),
				 0);
	}
}

static void apply(struct views *vs, struct change c)
{
	struct err err;

	assert_int_equal(views_apply(vs, &(struct act_body){vs->ledger.serial + 1, &c, 1}, &err), 0);
}

static struct change expunge(const struct uid_range *r, size_t n)
{
	return (struct change){.kind = CHANGE_EXPUNGE, .expunge = {1, {r, n}}};
}

static void follows_changes(void **state)
{
	static const struct str word[] = {STR_INIT("$Junk")};
	static const struct uid_range two_to_four[] = {{2, 4}};
	static const struct uid_range three_and_nine[] = {{3, 3}, {9, 9}};
	struct views vs;

	fill(&vs, 10);
	struct view *inbox = views_find(&vs, 1);
	struct view *a = views_find(&vs, 2);

	assert_int_equal(inbox->counts.messages, 10);
	assert_int_equal(inbox->counts.unseen, 10);
	assert_int_equal(inbox->counts.size, 100);
	assert_null(inbox->keywords[0]);
	apply(&vs,
	      (struct change){.kind = CHANGE_FLAGS_ADD,
			      .flags = {1, {two_to_four, 1}, MESSAGE_SEEN | MESSAGE_DELETED, {word, 1}}});
	assert_int_equal(inbox->counts.unseen, 7);
	assert_int_equal(inbox->counts.deleted, 3);
	assert_int_equal(inbox->modseq[2], vs.ledger.serial);
	assert_non_null(inbox->keywords[0]);
	assert_null(inbox->keywords[1]);
	/* The same again changes nothing, so nothing is told. */
	apply(&vs, (struct change){.kind = CHANGE_FLAGS_ADD,
				   .flags = {1, {two_to_four, 1}, MESSAGE_SEEN, {NULL, 0}}});
	assert_int_equal(inbox->modseq[2], vs.ledger.serial - 1);
	assert_int_equal(view_next_changed(inbox, vs.ledger.serial - 1, 0), inbox->n);
	assert_int_equal(view_next_changed(inbox, vs.ledger.serial - 2, 0), 1);
	assert_int_equal(view_next_changed(inbox, vs.ledger.serial - 2, 4), inbox->n);
	apply(&vs, (struct change){.kind = CHANGE_MOVE, .transfer = {1, 2, 5, {three_and_nine, 2}}});
	assert_int_equal(inbox->counts.messages, 8);
	assert_int_equal(inbox->counts.deleted, 2);
	assert_int_equal(a->n, 2);
	assert_int_equal(a->uid[0], 5);
	assert_int_equal(a->letter[0], 3);
	assert_int_equal(a->flags[0], MESSAGE_SEEN | MESSAGE_DELETED);
	assert_int_equal(view_keywords(a, 0).w[0], 1);
	assert_int_equal(view_keywords(a, 1).w[0], 0);
	assert_int_equal(a->uid[1], 6);
	assert_int_equal(view_find(inbox, 3), inbox->n);
	assert_int_equal(view_find(inbox, 4), 2);
	/* A message that is gone leaves a gap where its copy would be. */
	apply(&vs, (struct change){.kind = CHANGE_COPY, .transfer = {1, 2, 7, {two_to_four, 1}}});
	assert_int_equal(a->n, 4);
	assert_int_equal(a->uid[2], 7);
	assert_int_equal(a->uid[3], 9);
	apply(&vs, (struct change){.kind = CHANGE_FOLDER_DELETE, .delete = {2}});
	assert_true(a->deleted);
	assert_false(inbox->deleted);
	views_drop(&vs, 2);
	views_drop(&vs, 2);
	assert_null(views_find(&vs, 2));
	views_free(&vs);
}

static void refused_acts_change_nothing(void **state)
{
	static const struct uid_range beyond[] = {{1, 11}};
	struct change c = expunge(beyond, 1);
	struct views vs;
	struct err err;

	fill(&vs, 10);
	assert_int_equal(views_apply(&vs, &(struct act_body){12, &c, 1}, &err), ERR_INVALID);
	assert_int_equal(views_apply(&vs, &(struct act_body){13, &c, 1}, &err), ERR_CORRUPT);
	assert_int_equal(views_find(&vs, 1)->n, 10);
	assert_int_equal(views_find(&vs, 1)->serial, 11);
	views_free(&vs);
}

/* A session that is behind keeps the numbers it was told. */
static void sessions_keep_their_numbers(void **state)
{
	static const struct uid_range first[] = {{2, 3}};
	static const struct uid_range second[] = {{5, 5}, {9, 10}};
	const struct {
		int told; /* acts of the two expunges that the session knows */
		uint32_t exists;
		uint32_t uids[10]; /* by sequence number */
	} rows[] = {
		{0, 10, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{1, 8, {1, 4, 5, 6, 7, 8, 9, 10}},
		{2, 5, {1, 4, 6, 7, 8}},
	};
	struct views vs;
	uint64_t before;

	fill(&vs, 10);
	struct view *v = views_find(&vs, 1);

	before = vs.ledger.serial;
	apply(&vs, expunge(first, 1));
	apply(&vs, expunge(second, 2));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t since = before + (uint64_t)rows[i].told;

		assert_int_equal(view_count_below(v, since, 11), rows[i].exists);
		for (uint32_t seq = 1; seq <= rows[i].exists; seq++) {
			assert_int_equal(view_uid(v, since, seq), rows[i].uids[seq - 1]);
			assert_int_equal(view_seq(v, since, rows[i].uids[seq - 1]), seq);
		}
		assert_int_equal(view_uid(v, since, 0), 0);
		assert_int_equal(view_uid(v, since, rows[i].exists + 1), 0);
		assert_int_equal(view_seq(v, since, 11), 0);
		assert_int_equal(view_seq(v, since, UINT32_MAX), 0);
	}
	assert_int_equal(view_seq(v, before + 1, 2), 0);
	views_free(&vs);
}

static void tells_what_is_gone(void **state)
{
	static const struct uid_range first[] = {{5, 6}};
	static const struct uid_range second[] = {{1, 4}, {8, 8}};
	struct uid_list gone;
	struct views vs;

	fill(&vs, 10);
	struct view *v = views_find(&vs, 1);
	uint64_t before = vs.ledger.serial;

	uid_list_init(&gone);
	assert_true(view_gone_since(v, before, &gone));
	assert_int_equal(gone.n, 0);
	apply(&vs, expunge(first, 1));
	apply(&vs, expunge(second, 2));
	assert_true(view_gone_since(v, before, &gone));
	assert_int_equal(gone.n, 2);
	assert_int_equal(gone.r[0].lo, 1);
	assert_int_equal(gone.r[0].hi, 6);
	assert_int_equal(gone.r[1].lo, 8);
	uid_list_clear(&gone);
	assert_true(view_gone_since(v, before + 1, &gone));
	assert_int_equal(gone.r[0].hi, 4);
	/* The view was made after act 1: it cannot know what went before. */
	assert_false(view_gone_since(v, 0, &gone));
	uid_list_free(&gone);
	views_free(&vs);
}

static void forgets_the_oldest(void **state)
{
	struct uid_list gone, odd;
	struct views vs;
	struct err err;
	uint32_t rows = (VIEW_GONE_MAX / 100 + 3) * 200;

	fill(&vs, 0);
	struct change *add = calloc(1, sizeof(*add));
	struct view *v = views_find(&vs, 1);

	assert_non_null(add);
	for (uint32_t uid = 1; uid <= rows; uid++) {
		*add = (struct change){.kind = CHANGE_ADD, .add = {.folder = 1, .uid = uid, .letter = uid}};
		assert_int_equal(views_apply(&vs, &(struct act_body){vs.ledger.serial + 1, add, 1}, &err), 0);
	}
	uint64_t before = vs.ledger.serial;

	uid_list_init(&gone);
	uid_list_init(&odd);
	/* A hundred odd UIDs an act, so that no two ranges touch. */
	for (uint32_t uid = 1; uid < rows; uid += 2) {
		uid_list_add(&odd, uid, uid);
		if (odd.n < 100)
			continue;
		*add = (struct change){.kind = CHANGE_EXPUNGE, .expunge = {1, uid_list_uids(&odd)}};
		assert_int_equal(views_apply(&vs, &(struct act_body){vs.ledger.serial + 1, add, 1}, &err), 0);
		uid_list_clear(&odd);
	}
	assert_int_equal(v->n, rows / 2);
	assert_true(v->gone_n <= VIEW_GONE_MAX);
	assert_false(view_gone_since(v, before, &gone));
	uid_list_clear(&gone);
	assert_true(view_gone_since(v, v->floor, &gone));
	/* Above the floor the log is whole: so many acts, a hundred each. */
	assert_int_equal(gone.n, (vs.ledger.serial - v->floor) * 100);
	assert_false(view_gone_since(v, v->floor - 1, &gone));
	assert_false(v->stale);
	uid_list_free(&gone);
	uid_list_free(&odd);
	free(add);
	views_free(&vs);
}

static void joins_late(void **state)
{
	static const struct uid_range two[] = {{1, 2}};
	const struct message rows[] = {{.uid = 1, .size = 5}, {.uid = 2, .size = 5, .flags = MESSAGE_SEEN}};
	struct change seen = {.kind = CHANGE_FLAGS_ADD, .flags = {1, {two, 1}, MESSAGE_SEEN, {NULL, 0}}};
	struct change copy = {.kind = CHANGE_COPY, .transfer = {1, 2, 1, {two, 1}}};
	struct views vs;
	struct err err;

	fill(&vs, 2);
	views_drop(&vs, 1);
	views_drop(&vs, 2);
	uint64_t serial = vs.ledger.serial;
	struct act_body acts[] = {{serial, &seen, 1}, {serial + 1, &seen, 1}, {serial + 2, &copy, 1}};
	struct view *inbox = view_new(1, serial);
	struct view *a = view_new(2, serial);

	assert_int_equal(view_push(inbox, rows, 2, &err), 0);
	assert_int_equal(view_push(inbox, rows, 1, &err), ERR_CORRUPT);
	assert_int_equal(views_apply(&vs, &acts[1], &err), 0);
	assert_int_equal(views_apply(&vs, &acts[2], &err), 0);
	/* Without the acts that it missed it cannot join. */
	assert_int_equal(views_join(&vs, &inbox, NULL, 0, &err), ERR_BUSY);
	assert_int_equal(views_join(&vs, &inbox, acts, 3, &err), 0);
	inbox = views_find(&vs, 1);
	assert_int_equal(inbox->counts.unseen, 0);
	assert_int_equal(inbox->modseq[0], serial + 1);
	assert_int_equal(inbox->serial, serial + 2);
	/* What was copied from a folder that it does not see it lacks. */
	assert_int_equal(views_join(&vs, &a, acts, 3, &err), ERR_BUSY);
	assert_true(a->stale);
	view_destroy(&a);
	a = view_new(1, serial + 2);
	assert_int_equal(views_join(&vs, &a, NULL, 0, &err), ERR_EXISTS);
	view_destroy(&a);
	view_destroy(&a);
	/* The same in a view that is in use. */
	a = view_new(2, serial + 2);
	assert_int_equal(views_join(&vs, &a, NULL, 0, &err), 0);
	views_drop(&vs, 1);
	copy.transfer.first_uid = 3;
	apply(&vs, copy);
	assert_true(views_find(&vs, 2)->stale);
	views_free(&vs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_changes),
		cmocka_unit_test(refused_acts_change_nothing),
		cmocka_unit_test(sessions_keep_their_numbers),
		cmocka_unit_test(tells_what_is_gone),
		cmocka_unit_test(forgets_the_oldest),
		cmocka_unit_test(joins_late),
	};

	return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
