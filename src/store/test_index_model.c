/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thousands of random acts: the index that folds them in batches of any size,
 * through crashes that lose any part of its WAL, and the views that follow them
 * at once, both equal the model.  The seed is printed; as first argument it
 * repeats a run.
 */
#include "base/clock.h"
#include "base/unit.h"
#include "store/index.h"
#include "store/test_dir.h"
#include "store/test_model.h"
#include "store/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define ACTS 2000

static const struct str domain = STR_INIT("example.org");
static const struct str user = STR_INIT("ann");

/* A session of one folder: what it was told last. */
struct session {
	struct view *view;
	uint64_t since;
	uint32_t uidnext;
	uint32_t uids[4000];
	uint32_t n;
};

struct bench {
	struct model model;
	struct buf bodies[ACTS + 1]; /* by serial: the journal */
	char dir[TEST_DIR_MAX];
	struct index *ix;
	struct views views;
	struct session session;
	uint64_t refused;
	uint64_t crashes;
	uint64_t lost;
};

/* Decodes a body of the journal; the act lives in the arena. */
static struct act_body act_of(struct bench *t, uint64_t serial, struct arena *a)
{
	struct act_body act;
	struct err err;

	if (act_body_get(buf_str(&t->bodies[serial]), serial, a, &act, &err))
		fail_msg("%s", err.text);
	return act;
}

static void open_index(struct bench *t)
{
	struct err err;

	if (index_open(t->dir, domain, user, 7, true, &t->ix, &err))
		fail_msg("%s", err.text);
}

/* ---- comparing ---- */

static void compare_keywords(const struct ledger *l, const struct keyword_set *got, uint64_t want)
{
	struct keyword_set expect = {0};

	for (int w = 0; w < MODEL_WORDS; w++)
		if (want >> w & 1) {
			assert_int_not_equal(ledger_keyword(l, model_word(w)), KEYWORDS_MAX);
			keyword_set_add(&expect, ledger_keyword(l, model_word(w)));
		}
	assert_memory_equal(got, &expect, sizeof(expect));
}

static void compare_ledger(const struct model *m, const struct ledger *l)
{
	size_t alive = 0;

	assert_int_equal(l->serial, m->serial);
	assert_int_equal(l->next_folder, m->folder_n + 1);
	assert_int_equal(l->next_uidvalidity, m->next_uidvalidity);
	for (uint32_t id = 1; id <= m->folder_n; id++) {
		const struct model_folder *want = model_folder(m, id);
		const struct folder *got = ledger_folder(l, id);

		assert_int_equal(!want, !got);
		if (!want)
			continue;
		alive++;
		assert_true(str_eq(got->name, model_name(want->name)));
		assert_ptr_equal(ledger_find(l, model_name(want->name)), got);
		assert_int_equal(got->uidvalidity, want->uidvalidity);
		assert_int_equal(got->uidnext, want->uidnext);
		assert_int_equal(got->special_use, want->special_use);
		assert_int_equal(got->modseq, want->modseq);
	}
	assert_int_equal(l->n, alive);
	for (int i = 0; i < MODEL_NAMES; i++)
		assert_int_equal(ledger_subscribed(l, model_name(i)), m->subscribed[i]);
}

static struct counts counts_of(const struct model *m, uint32_t folder)
{
	struct counts c = {0};

	for (size_t i = 0; i < m->message_n; i++)
		if (m->messages[i].folder == folder)
			counts_add(&c, m->messages[i].m.flags, m->messages[i].m.size);
	return c;
}

static void compare_row(const struct ledger *l, const struct message *got, const struct message *want)
{
	assert_int_equal(got->uid, want->uid);
	assert_int_equal(got->flags, want->flags);
	assert_int_equal(got->modseq, want->modseq);
	assert_int_equal(got->date_us, want->date_us);
	assert_int_equal(got->size, want->size);
	assert_int_equal(got->letter, want->letter);
	compare_keywords(l, &got->keywords, want->keywords.w[0]);
}

static void compare_view(const struct model *m, const struct ledger *l, const struct view *v)
{
	struct counts want = counts_of(m, v->folder);
	size_t pos = 0;

	for (size_t i = 0; i < m->message_n; i++) {
		if (m->messages[i].folder != v->folder)
			continue;
		assert_true(pos < v->n);
		struct message got = {
			.uid = v->uid[pos],
			.flags = v->flags[pos],
			.keywords = view_keywords(v, pos),
			.modseq = v->modseq[pos],
			.date_us = v->date_us[pos],
			.size = v->size[pos],
			.letter = v->letter[pos],
		};

		compare_row(l, &got, &m->messages[i].m);
		assert_int_equal(view_find(v, got.uid), pos);
		pos++;
	}
	assert_int_equal(v->n, pos);
	assert_int_equal(v->serial, m->serial);
	assert_memory_equal(&v->counts, &want, sizeof(want));
}

static void compare_views(struct bench *t)
{
	compare_ledger(&t->model, &t->views.ledger);
	for (size_t i = 0; i < t->views.n; i++) {
		const struct view *v = t->views.list[i];

		assert_int_equal(v->deleted, !model_folder(&t->model, v->folder));
		if (!v->stale && !v->deleted)
			compare_view(&t->model, &t->views.ledger, v);
	}
}

static void compare_heads(struct bench *t, const struct model_message *want)
{
	struct message got;
	struct buf head;
	struct err err;
	uint32_t skip;

	buf_init(&head, MESSAGE_HEAD_MAX);
	assert_int_equal(index_message(t->ix, want->folder, want->m.uid, &got, &skip, &head, &err), 0);
	assert_int_equal(skip, want->skip);
	assert_int_equal(got.place, want->m.place);
	assert_true(got.immutable == want->m.immutable);
	assert_true(str_eq(buf_str(&head), (struct str){want->head, want->head_n}));
	buf_free(&head);
}

/* The rows above a modseq, in pages of a random size. */
static void compare_rows(struct bench *t, const struct ledger *l, uint32_t folder, uint64_t since)
{
	static struct message rows[INDEX_ROWS_MAX];
	struct model *m = &t->model;
	size_t at = 0, n = 0;
	uint32_t after = 0;
	struct err err;

	for (size_t i = 0; i < m->message_n; i++) {
		const struct model_message *want = &m->messages[i];

		if (want->folder != folder || want->m.modseq <= since)
			continue;
		if (at == n) {
			size_t max = 1 + model_random(m, 50);

			assert_int_equal(since ? index_since(t->ix, folder, since, after, rows, max, &n, &err)
					       : index_load(t->ix, folder, after, rows, max, &n, &err),
					 0);
			assert_true(n > 0 && n <= max);
			at = 0;
		}
		compare_row(l, &rows[at], &want->m);
		if (model_random(m, 20) == 0)
			compare_heads(t, want);
		after = rows[at++].uid;
	}
	assert_int_equal(at, n);
	assert_int_equal(index_since(t->ix, folder, since, after, rows, 1, &n, &err), 0);
	assert_int_equal(n, 0);
}

static void compare_expunged(struct bench *t, uint32_t folder, uint64_t since)
{
	static struct uid_range got[INDEX_ROWS_MAX];
	const struct model *m = &t->model;
	uint64_t want = 0, sum = 0;
	struct err err;
	bool complete;
	size_t n;

	assert_int_equal(index_expunged(t->ix, folder, since, 0, got, INDEX_ROWS_MAX, &n, &complete, &err),
			 0);
	assert_true(complete && n < INDEX_ROWS_MAX);
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || got[i].lo > got[i - 1].hi);
		sum += got[i].hi - got[i].lo + 1;
	}
	for (size_t i = 0; i < m->gone_n; i++) {
		const struct model_gone *g = &m->gone[i];
		bool there = false;

		if (g->folder != folder || g->modseq <= since)
			continue;
		want++;
		for (size_t j = 0; j < n && !there; j++)
			there = got[j].lo <= g->uid && g->uid <= got[j].hi;
		assert_true(there);
	}
	assert_int_equal(sum, want);
}

/* The index when it has folded everything. */
static void compare_index(struct bench *t)
{
	struct ledger l;
	struct err err;

	assert_int_equal(index_folders(t->ix, &l, &err), 0);
	compare_ledger(&t->model, &l);
	for (size_t i = 0; i < l.n; i++) {
		struct counts want = counts_of(&t->model, l.folders[i].id);

		assert_memory_equal(&l.folders[i].counts, &want, sizeof(want));
		compare_rows(t, &l, l.folders[i].id, 0);
		uint64_t since = model_random(&t->model, (uint32_t)t->model.serial + 1);

		compare_rows(t, &l, l.folders[i].id, since);
		compare_expunged(t, l.folders[i].id, since);
	}
	ledger_free(&l);
}

/* Every letter whose last row is gone, none that has one; then they are released. */
static void compare_releases(struct bench *t)
{
	static struct index_release got[INDEX_ROWS_MAX];
	struct model *m = &t->model;
	struct err err;
	size_t n;

	assert_int_equal(index_sync(t->ix, &err), 0);
	do {
		assert_int_equal(index_releases(t->ix, got, 1 + model_random(m, 100), &n, &err), 0);
		for (size_t i = 0; i < n; i++) {
			assert_false(model_has_letter(m, got[i].letter));
			for (size_t j = 0; j < m->gone_n; j++)
				if (m->gone[j].letter == got[i].letter)
					m->gone[j].letter = 0;
		}
		assert_int_equal(index_released(t->ix, got, n, &err), 0);
	} while (n);
	for (size_t i = 0; i < m->gone_n; i++)
		assert_true(!m->gone[i].letter || model_has_letter(m, m->gone[i].letter));
}

/* ---- folding and crashing ---- */

/* Folds the next acts, some that are folded already in front of them. */
static void fold_some(struct bench *t, uint32_t most)
{
	struct model *m = &t->model;
	uint64_t applied = index_applied(t->ix);
	uint64_t from = applied + 1 - (applied ? model_random(m, (uint32_t)(applied < 5 ? applied : 5)) : 0);
	uint64_t to = applied + 1 + model_random(m, most);
	struct act_body *acts = calloc(most + 8, sizeof(*acts));
	struct arena a;
	struct err err;
	size_t n = 0;

	assert_non_null(acts);
	arena_init(&a, ACT_ARENA_MAX);
	for (uint64_t serial = from; serial <= to && serial <= m->serial; serial++)
		acts[n++] = act_of(t, serial, &a);
	/* Without its second act a batch has a gap: refused, and nothing changes. */
	if (n > 2 && acts[1].serial > applied && model_random(m, 4) == 0) {
		struct act_body second = acts[1];

		acts[1] = acts[0];
		assert_int_equal(index_fold(t->ix, acts, n, &err), ERR_CORRUPT);
		assert_int_equal(index_applied(t->ix), applied);
		acts[1] = second;
	}
	if (index_fold(t->ix, acts, n, &err))
		fail_msg("%s", err.text);
	assert_int_equal(index_applied(t->ix), to < m->serial ? to : m->serial);
	arena_free(&a);
	free(acts);
}

static void fold_rest(struct bench *t)
{
	while (index_applied(t->ix) < t->model.serial)
		fold_some(t, 200);
}

/* Copies a file, at most `most` bytes; no file is no bytes. */
static void copy_file(const char *from_dir, const char *to_dir, const char *name, size_t most)
{
	char path[256];
	char *bytes = malloc(most + 1);
	size_t n = 0;

	assert_non_null(bytes);
	snprintf(path, sizeof(path), "%s/accounts/example.org/ann/%s", from_dir, name);
	FILE *f = fopen(path, "rb");

	if (f) {
		n = fread(bytes, 1, most, f);
		fclose(f);
		snprintf(path, sizeof(path), "%s/accounts/example.org/ann/%s", to_dir, name);
		f = fopen(path, "wb");
		assert_non_null(f);
		assert_int_equal(fwrite(bytes, 1, n, f), n);
		fclose(f);
	}
	free(bytes);
}

/* Goes on with what a crash would have left: all of the WAL (the process
 * died), or its beginning (the power went). */
static void crash(struct bench *t)
{
	uint64_t applied = index_applied(t->ix);
	bool power = model_random(&t->model, 2);
	size_t wal = power ? model_random(&t->model, 1u << (10 + model_random(&t->model, 12))) : 64u << 20;
	char dir[TEST_DIR_MAX];
	struct err err;

	test_dir_make(dir);
	/* An index that is opened and closed makes the folders. */
	struct index *made = NULL;

	assert_int_equal(index_open(dir, domain, user, 7, true, &made, &err), 0);
	index_close(&made);
	copy_file(t->dir, dir, "index.db", 64u << 20);
	copy_file(t->dir, dir, "index.db-wal", wal);
	index_close(&t->ix);
	test_dir_remove(t->dir);
	memcpy(t->dir, dir, sizeof(dir));
	open_index(t);
	t->crashes++;
	t->lost += applied - index_applied(t->ix);
	assert_true(index_applied(t->ix) <= applied);
	if (!power)
		assert_int_equal(index_applied(t->ix), applied);
}

/* ---- views and a session ---- */

/* Loads a folder from the index as it is and joins it, with the acts that the
 * index has not folded. */
static void load_view(struct bench *t, uint32_t folder)
{
	static struct message rows[INDEX_ROWS_MAX];
	uint64_t applied = index_applied(t->ix);
	size_t missed = (size_t)(t->model.serial - applied);
	struct act_body *acts = calloc(missed + 1, sizeof(*acts));
	struct view *v = view_new(folder, applied);
	struct arena a;
	struct err err;
	size_t n;

	assert_non_null(acts);
	arena_init(&a, ACT_ARENA_MAX);
	for (size_t i = 0; i < missed; i++)
		acts[i] = act_of(t, applied + 1 + i, &a);
	do {
		assert_int_equal(index_load(t->ix, folder, v->n ? v->uid[v->n - 1] : 0, rows, 100, &n, &err),
				 0);
		assert_int_equal(view_push(v, rows, n, &err), 0);
	} while (n);
	int rc = views_join(&t->views, &v, acts, missed, &err);

	/* A copy from a folder it does not see is the one reason to fail. */
	assert_true(rc == 0 || (rc == ERR_BUSY && v->stale && missed));
	view_destroy(&v);
	arena_free(&a);
	free(acts);
}

static void change_views(struct bench *t)
{
	struct model *m = &t->model;
	uint32_t folder = 1 + model_random(m, (uint32_t)m->folder_n);
	struct view *v = views_find(&t->views, folder);

	if (v && (v->stale || v->deleted || model_random(m, 4) == 0)) {
		if (t->session.view == v)
			t->session.view = NULL;
		views_drop(&t->views, folder);
	} else if (!v && model_folder(m, folder)) {
		load_view(t, folder);
	}
}

static void tell(struct session *s, struct view *v, const struct ledger *l)
{
	s->view = v;
	s->since = v->serial;
	s->uidnext = ledger_folder(l, v->folder)->uidnext;
	s->n = (uint32_t)v->n;
	assert_true(v->n <= sizeof(s->uids) / sizeof(s->uids[0]));
	for (uint32_t i = 0; i < s->n; i++)
		s->uids[i] = v->uid[i];
}

/* What a session computes from the view equals the list that it might have kept. */
static void check_session(struct bench *t)
{
	struct session *s = &t->session;
	struct view *v = s->view;
	struct uid_list gone;
	uint64_t told = 0;

	if (!v || v->stale || v->deleted || s->since < v->floor) {
		v = t->views.n ? t->views.list[model_random(&t->model, (uint32_t)t->views.n)] : NULL;
		s->view = NULL;
		if (v && !v->stale && !v->deleted)
			tell(s, v, &t->views.ledger);
		return;
	}
	assert_int_equal(view_count_below(v, s->since, s->uidnext), s->n);
	for (uint32_t seq = 1; seq <= s->n; seq++) {
		assert_int_equal(view_uid(v, s->since, seq), s->uids[seq - 1]);
		assert_int_equal(view_seq(v, s->since, s->uids[seq - 1]), seq);
	}
	uid_list_init(&gone);
	assert_true(view_gone_since(v, s->since, &gone));
	for (uint32_t i = 0; i < s->n; i++) {
		assert_int_equal(uids_has(uid_list_uids(&gone), s->uids[i]),
				 view_find(v, s->uids[i]) == v->n);
		told += uids_has(uid_list_uids(&gone), s->uids[i]);
	}
	/* The others came and went while it was not looking. */
	for (size_t i = 0; i < gone.n; i++)
		for (uint32_t uid = gone.r[i].lo; uid <= gone.r[i].hi; uid++)
			told += uid >= s->uidnext;
	assert_int_equal(told, uids_count(uid_list_uids(&gone)));
	uid_list_free(&gone);
	if (model_random(&t->model, 3) == 0)
		tell(s, v, &t->views.ledger);
}

/* An act that does not fit is refused by view and index, and leaves no trace. */
static void refuse(struct bench *t)
{
	struct act_body act;
	struct arena a;
	struct buf b;
	struct err err;

	arena_init(&a, ACT_ARENA_MAX);
	buf_init(&b, ACT_BYTES_MAX);
	model_bad_act(&t->model, &b);
	assert_int_equal(act_body_get(buf_str(&b), t->model.serial + 1, &a, &act, &err), 0);
	assert_int_not_equal(views_apply(&t->views, &act, &err), 0);
	if (index_applied(t->ix) == t->model.serial)
		assert_int_equal(index_fold(t->ix, &act, 1, &err), ERR_CORRUPT);
	t->refused++;
	buf_free(&b);
	arena_free(&a);
}

static void step(struct bench *t)
{
	struct model *m = &t->model;
	struct buf *body = &t->bodies[m->serial + 1];
	struct arena a;
	struct err err;

	buf_init(body, ACT_BYTES_MAX);
	model_act(m, body);
	arena_init(&a, ACT_ARENA_MAX);
	struct act_body act = act_of(t, m->serial, &a);

	if (views_apply(&t->views, &act, &err))
		fail_msg("%s", err.text);
	arena_free(&a);
	change_views(t);
	check_session(t);
	if (model_random(m, 10) == 0)
		refuse(t);
	if (model_random(m, 20) == 0)
		fold_some(t, 60);
	if (model_random(m, 50) == 0)
		compare_views(t);
	if (model_random(m, 100) == 0)
		assert_int_equal(index_checkpoint(t->ix, &err), 0);
	if (model_random(m, 60) == 0) {
		crash(t);
		fold_rest(t);
		compare_index(t);
		compare_releases(t);
	}
}

static void equal_the_model(void **state)
{
	uint64_t seed = *(uint64_t *)*state;
	struct bench *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	print_message("seed %llu\n", (unsigned long long)seed);
	model_init(&t->model, seed);
	views_init(&t->views);
	test_dir_make(t->dir);
	open_index(t);
	while (t->model.serial < ACTS)
		step(t);
	fold_rest(t);
	compare_index(t);
	compare_views(t);
	compare_releases(t);
	print_message("%zu messages, %zu gone, %llu acts refused, %llu crashes, %llu acts folded again\n",
		      t->model.message_n, t->model.gone_n, (unsigned long long)t->refused,
		      (unsigned long long)t->crashes, (unsigned long long)t->lost);
	assert_true(t->crashes > 0 && t->refused > 0 && t->model.gone_n > 0);
	for (size_t i = 1; i <= ACTS; i++)
		buf_free(&t->bodies[i]);
	index_close(&t->ix);
	views_free(&t->views);
	test_dir_remove(t->dir);
	model_free(&t->model);
	free(t);
}

int main(int argc, char **argv)
{
	uint64_t seed = (uint64_t)clock_wall_us();

	if (argc > 1 && !str_to_u64(str_of(argv[1]), &seed))
		return 2;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(equal_the_model, &seed),
	};

	return cmocka_run_group_tests_name("index_model", tests, NULL, NULL);
}
