/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "store/index_parts.h"
#include "store/test_dir.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct str domain = STR_INIT("example.org");
static const struct str user = STR_INIT("ann");

static struct index *open_at(const char *dir)
{
	struct index *ix = NULL;
	struct err err;

	if (index_open(dir, domain, user, 7, true, &ix, &err))
		fail_msg("%s", err.text);
	return ix;
}

/* Folds one act of the changes as the next one. */
static int fold(struct index *ix, const struct change *c, size_t n)
{
	struct err err;

	return index_fold(ix, &(struct act_body){index_applied(ix) + 1, c, n}, 1, &err);
}

static void fold_one(struct index *ix, struct change c)
{
	assert_int_equal(fold(ix, &c, 1), 0);
}

static struct change create(uint32_t id, struct str name)
{
	return (struct change){.kind = CHANGE_FOLDER_CREATE, .create = {id, id, 1, 0, false, name}};
}

/* A message whose letter has the number of its UID. */
static struct change add(uint32_t folder, uint32_t uid)
{
	return (struct change){.kind = CHANGE_ADD,
			       .add = {.folder = folder, .uid = uid, .letter = uid, .size = 100}};
}

/* An account with INBOX (1) and A (2), INBOX with UIDs 1 to n. */
static struct index *fill(const char *dir, uint32_t n)
{
	struct change *c = calloc(n + 2, sizeof(*c));
	struct index *ix = open_at(dir);

	assert_non_null(c);
	c[0] = create(1, STR("INBOX"));
	c[1] = create(2, STR("A"));
	for (uint32_t uid = 1; uid <= n; uid++)
		c[uid + 1] = add(1, uid);
	assert_int_equal(fold(ix, c, n + 2), 0);
	free(c);
	return ix;
}

static struct folder folder_of(struct index *ix, uint32_t id)
{
	struct ledger l;
	struct folder f;
	struct err err;

	assert_int_equal(index_folders(ix, &l, &err), 0);
	assert_non_null(ledger_folder(&l, id));
	f = *ledger_folder(&l, id);
	ledger_free(&l);
	f.name = (struct str){NULL, 0};
	return f;
}

static void opens_only_what_is_ours(void **state)
{
	char dir[TEST_DIR_MAX];
	struct index *ix = NULL;
	struct err err;

	test_dir_make(dir);
	assert_int_equal(index_open(dir, domain, user, 7, false, &ix, &err), ERR_NOT_FOUND);
	assert_null(ix);
	ix = open_at(dir);
	assert_int_equal(index_applied(ix), 0);
	index_close(&ix);
	assert_null(ix);
	index_close(&ix);
	assert_int_equal(index_open(dir, domain, user, 7, false, &ix, &err), 0);
	index_close(&ix);
	/* Account ids are never reused: this is another account's index. */
	assert_int_equal(index_open(dir, domain, user, 6, true, &ix, &err), ERR_CORRUPT);
	assert_int_equal(index_open(dir, domain, user, 8, true, &ix, &err), ERR_EXISTS);
	assert_non_null(strstr(err.text, "account 7"));
	assert_int_equal(index_open(dir, domain, STR(""), 8, true, &ix, &err), ERR_INVALID);
	assert_int_equal(index_open("/nonexistent", domain, user, 8, true, &ix, &err), ERR_IO);
	test_dir_remove(dir);
}

static void survives_reopening(void **state)
{
	static const struct str words[] = {STR_INIT("$Junk"), STR_INIT("x")};
	struct change c[] = {
		create(3, STR("B")),
		{.kind = CHANGE_SUBSCRIBE, .subscribe = {STR("B")}},
		{.kind = CHANGE_ADD,
		 .add = {.folder = 3,
			 .uid = 5,
			 .letter = UINT64_MAX - 1,
			 .place = UINT64_MAX,
			 .immutable = 1,
			 .date_us = -5,
			 .size = UINT32_MAX,
			 .flags = MESSAGE_FLAGGED,
			 .keywords = {words, 2},
			 .skip = 3,
			 .head = STR("Return-Path: <>\r\n")}},
	};
	char dir[TEST_DIR_MAX];
	struct message m;
	struct ledger l;
	struct buf head;
	struct err err;
	uint32_t skip;

	test_dir_make(dir);
	struct index *ix = fill(dir, 0);

	assert_int_equal(fold(ix, c, 3), 0);
	index_close(&ix);
	ix = open_at(dir);
	assert_int_equal(index_applied(ix), 2);
	assert_int_equal(index_folders(ix, &l, &err), 0);
	assert_str(ledger_folder(&l, 3)->name, "B");
	assert_int_equal(ledger_folder(&l, 3)->uidnext, 6);
	assert_true(ledger_folder(&l, 3)->counts.size == UINT32_MAX);
	assert_int_equal(l.next_folder, 4);
	assert_int_equal(l.next_uidvalidity, 4);
	assert_true(ledger_subscribed(&l, STR("B")));
	assert_int_equal(ledger_keyword(&l, STR("X")), 1);
	ledger_free(&l);
	buf_init(&head, MESSAGE_HEAD_MAX);
	assert_int_equal(index_message(ix, 3, 5, &m, &skip, &head, &err), 0);
	assert_str(buf_str(&head), "Return-Path: <>\r\n");
	assert_int_equal(skip, 3);
	assert_true(m.letter == UINT64_MAX - 1 && m.place == UINT64_MAX && m.immutable == 1);
	assert_int_equal(m.date_us, -5);
	assert_true(m.size == UINT32_MAX);
	assert_int_equal(m.modseq, 2);
	assert_int_equal(m.keywords.w[0], 3);
	assert_int_equal(index_message(ix, 3, 6, &m, &skip, &head, &err), ERR_NOT_FOUND);
	buf_free(&head);
	buf_init(&head, 3);
	assert_int_equal(index_message(ix, 3, 5, &m, &skip, &head, &err), ERR_TOO_BIG);
	buf_free(&head);
	index_close(&ix);
	test_dir_remove(dir);
}

/* Invariant 4: acts that are applied are passed over, a gap stops the account. */
static void folds_once_and_without_gaps(void **state)
{
	struct change c[] = {add(1, 4), add(1, 5), add(1, 6), add(1, 5)};
	struct act_body acts[] = {{2, &c[0], 1}, {3, &c[1], 1}, {4, &c[2], 1}};
	struct act_body gap[] = {{2, &c[0], 1}, {4, &c[2], 1}};
	struct act_body misfit[] = {{2, &c[0], 1}, {3, &c[1], 1}, {4, &c[3], 1}};
	char dir[TEST_DIR_MAX];
	struct err err;

	test_dir_make(dir);
	struct index *ix = fill(dir, 3);

	assert_int_equal(index_fold(ix, acts, 0, &err), 0);
	assert_int_equal(index_fold(ix, gap, 2, &err), ERR_CORRUPT);
	assert_non_null(strstr(err.text, "account 7"));
	assert_int_equal(index_fold(ix, misfit, 3, &err), ERR_CORRUPT);
	/* Nothing of a refused batch stays. */
	assert_int_equal(index_applied(ix), 1);
	assert_int_equal(folder_of(ix, 1).counts.messages, 3);
	assert_int_equal(folder_of(ix, 1).uidnext, 4);
	assert_int_equal(index_fold(ix, acts, 2, &err), 0);
	assert_int_equal(index_fold(ix, acts, 3, &err), 0);
	assert_int_equal(index_fold(ix, acts, 3, &err), 0);
	assert_int_equal(index_applied(ix), 4);
	assert_int_equal(folder_of(ix, 1).counts.messages, 6);
	index_close(&ix);
	test_dir_remove(dir);
}

static void loads_in_pages(void **state)
{
	static struct message rows[INDEX_ROWS_MAX + 1];
	static const struct uid_range some[] = {{10, 12}, {1500, 1500}};
	char dir[TEST_DIR_MAX];
	struct err err;
	uint32_t after = 0;
	size_t n, total = 0;

	test_dir_make(dir);
	struct index *ix = fill(dir, 2500);

	do {
		assert_int_equal(index_load(ix, 1, after, rows, sizeof(rows) / sizeof(rows[0]), &n, &err), 0);
		assert_true(n <= INDEX_ROWS_MAX);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(rows[i].uid, ++after);
		total += n;
	} while (n);
	assert_int_equal(total, 2500);
	assert_int_equal(index_load(ix, 1, 2495, rows, 3, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_int_equal(index_load(ix, 9, 0, rows, 3, &n, &err), 0);
	assert_int_equal(n, 0);
	uint64_t count = 77;

	assert_int_equal(index_count_from(ix, 1, 2001, &count, &err), 0);
	assert_int_equal(count, 500);
	assert_int_equal(index_count_from(ix, 1, 2501, &count, &err), 0);
	assert_int_equal(count, 0);
	fold_one(ix,
		 (struct change){.kind = CHANGE_FLAGS_ADD, .flags = {1, {some, 2}, MESSAGE_SEEN, {NULL, 0}}});
	assert_int_equal(index_since(ix, 1, 1, 0, rows, INDEX_ROWS_MAX, &n, &err), 0);
	assert_int_equal(n, 4);
	assert_int_equal(rows[3].uid, 1500);
	assert_int_equal(rows[3].flags, MESSAGE_SEEN);
	assert_int_equal(index_since(ix, 1, 1, 11, rows, 1, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(rows[0].uid, 12);
	assert_int_equal(index_since(ix, 1, 2, 0, rows, INDEX_ROWS_MAX, &n, &err), 0);
	assert_int_equal(n, 0);
	index_close(&ix);
	test_dir_remove(dir);
}

static void logs_what_was_there(void **state)
{
	static const struct uid_range part[] = {{3, 4}};
	static const struct uid_range most[] = {{1, 6}, {8, 9}};
	struct uid_range got[10];
	char dir[TEST_DIR_MAX];
	struct err err;
	bool complete;
	size_t n;

	test_dir_make(dir);
	struct index *ix = fill(dir, 10);

	fold_one(ix, (struct change){.kind = CHANGE_EXPUNGE, .expunge = {1, {part, 1}}});
	/* 3 and 4 are gone already: not said twice. */
	fold_one(ix, (struct change){.kind = CHANGE_MOVE, .transfer = {1, 2, 1, {most, 2}}});
	assert_int_equal(index_expunged(ix, 1, 1, 0, got, 10, &n, &complete, &err), 0);
	assert_true(complete);
	assert_int_equal(n, 4);
	assert_int_equal(got[0].lo * 100 + got[0].hi, 102);
	assert_int_equal(got[1].lo * 100 + got[1].hi, 304);
	assert_int_equal(got[2].lo * 100 + got[2].hi, 506);
	assert_int_equal(got[3].lo * 100 + got[3].hi, 809);
	assert_int_equal(index_expunged(ix, 1, 2, 0, got, 2, &n, &complete, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(got[1].lo, 5);
	assert_int_equal(index_expunged(ix, 1, 2, 5, got, 2, &n, &complete, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(got[0].lo, 8);
	assert_int_equal(index_expunged(ix, 1, 3, 0, got, 2, &n, &complete, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(index_expunged(ix, 2, 0, 0, got, 2, &n, &complete, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(index_expunged(ix, 9, 0, 0, got, 2, &n, &complete, &err), ERR_NOT_FOUND);
	index_close(&ix);
	test_dir_remove(dir);
}

/* Expunges every second of 2n UIDs from first on in acts of a hundred ranges. */
static void expunge_odd(struct index *ix, uint32_t first, uint32_t n)
{
	struct uid_range r[100];

	for (uint32_t done = 0; done < n; done += 100) {
		for (uint32_t i = 0; i < 100; i++)
			r[i].lo = r[i].hi = first + 2 * (done + i);
		fold_one(ix, (struct change){.kind = CHANGE_EXPUNGE, .expunge = {1, {r, 100}}});
	}
}

static void add_many(struct index *ix, uint32_t first, uint32_t n)
{
	struct change *c = calloc(n, sizeof(*c));

	assert_non_null(c);
	for (uint32_t i = 0; i < n; i++)
		c[i] = add(1, first + i);
	assert_int_equal(fold(ix, c, n), 0);
	free(c);
}

static void log_has_a_floor(void **state)
{
	static struct uid_range got[INDEX_ROWS_MAX];
	char dir[TEST_DIR_MAX];
	struct err err;
	bool complete;
	size_t n, total = 0;
	uint32_t after = 0;

	test_dir_make(dir);
	struct index *ix = fill(dir, 0);

	for (uint32_t i = 0; i < 4; i++)
		add_many(ix, 1 + i * 10000, 10000);
	add_many(ix, 40001, 400);
	expunge_odd(ix, 1, INDEX_LOG_MAX);
	assert_int_equal(folder_of(ix, 1).floor, 0);
	assert_int_equal(folder_of(ix, 1).logged, INDEX_LOG_MAX);
	expunge_odd(ix, 40001, 100);
	struct folder f = folder_of(ix, 1);

	/* The older half is gone, in whole modseqs. */
	assert_int_equal(f.logged, INDEX_LOG_MAX / 2);
	assert_int_equal(f.modseq - f.floor, INDEX_LOG_MAX / 2 / 100);
	assert_int_equal(index_expunged(ix, 1, f.floor - 1, 0, got, 1, &n, &complete, &err), 0);
	assert_false(complete);
	do {
		assert_int_equal(
			index_expunged(ix, 1, f.floor, after, got, INDEX_ROWS_MAX, &n, &complete, &err), 0);
		assert_true(complete);
		total += n;
		after = n ? got[n - 1].lo : 0;
	} while (n);
	assert_int_equal(total, f.logged);
	index_close(&ix);
	ix = open_at(dir);
	assert_true(folder_of(ix, 1).floor == f.floor);
	assert_int_equal(folder_of(ix, 1).logged, f.logged);
	index_close(&ix);
	test_dir_remove(dir);
}

/* Invariant 6: a letter is released when its last row is gone for good. */
static void releases_after_the_sync(void **state)
{
	static const struct uid_range all[] = {{1, 4}};
	static const struct uid_range two[] = {{2, 2}};
	struct index_release got[10];
	char dir[TEST_DIR_MAX];
	struct err err;
	size_t n;

	test_dir_make(dir);
	struct index *ix = fill(dir, 4);

	fold_one(ix, (struct change){.kind = CHANGE_COPY, .transfer = {1, 2, 1, {two, 1}}});
	assert_int_equal(index_sync(ix, &err), 0);
	assert_int_equal(index_synced(ix), 2);
	fold_one(ix, (struct change){.kind = CHANGE_EXPUNGE, .expunge = {1, {all, 1}}});
	assert_int_equal(index_releases(ix, got, 10, &n, &err), 0);
	assert_int_equal(n, 0); /* not synced */
	assert_int_equal(index_sync(ix, &err), 0);
	assert_int_equal(index_releases(ix, got, 2, &n, &err), 0);
	assert_int_equal(n, 1); /* of letters 1 and 2 */
	assert_int_equal(index_releases(ix, got, 10, &n, &err), 0);
	assert_int_equal(n, 3); /* letter 2 has a row in A */
	assert_int_equal(got[0].letter, 1);
	assert_int_equal(got[1].letter, 3);
	/* It comes back until it is said to be released, also after a restart. */
	index_close(&ix);
	ix = open_at(dir);
	assert_int_equal(index_synced(ix), 0);
	assert_int_equal(index_releases(ix, got, 10, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(index_sync(ix, &err), 0);
	assert_int_equal(index_releases(ix, got, 10, &n, &err), 0);
	assert_int_equal(n, 3);
	/* Letter 1 arrives again: no longer to be released. */
	struct change again = add(1, 10);

	again.add.letter = 1;
	fold_one(ix, again);
	assert_int_equal(index_checkpoint(ix, &err), 0);
	assert_int_equal(index_synced(ix), 4);
	assert_int_equal(index_releases(ix, got, 10, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(got[0].letter, 3);
	assert_int_equal(index_released(ix, got, 1, &err), 0);
	assert_int_equal(index_releases(ix, got, 10, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(got[0].letter, 4);
	/* A folder's deletion lets go of the last row of letter 2. */
	fold_one(ix, (struct change){.kind = CHANGE_FOLDER_DELETE, .delete = {2}});
	assert_int_equal(index_sync(ix, &err), 0);
	assert_int_equal(index_releases(ix, got, 10, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(got[0].letter, 2);
	/* Gone, back, and gone again while its first release was under way. */
	got[0].serial--;
	assert_int_equal(index_released(ix, got, 1, &err), 0);
	assert_int_equal(index_releases(ix, got, 10, &n, &err), 0);
	assert_int_equal(n, 2);
	index_close(&ix);
	test_dir_remove(dir);
}

/* The budget of a delivery: one statement a letter, one more with a head, and
 * four a batch. */
static void counts_statements(void **state)
{
	static struct change c[40];
	static struct act_body acts[40];
	static const struct uid_range all[] = {{1, 1000}};
	char dir[TEST_DIR_MAX];
	struct err err;

	test_dir_make(dir);
	struct index *ix = fill(dir, 0);

	for (uint32_t i = 0; i < 40; i++) {
		c[i] = add(1, i + 1);
		acts[i] = (struct act_body){i + 2, &c[i], 1};
	}
	uint64_t before = index_statements(ix);

	assert_int_equal(index_fold(ix, acts, 40, &err), 0);
	/* BEGIN, the folder, meta, COMMIT. */
	assert_int_equal(index_statements(ix) - before, 40 + 4);
	for (uint32_t i = 0; i < 40; i++) {
		c[i] = add(1, i + 41);
		c[i].add.head = STR("Delivered-To: ann@example.org\r\n");
		acts[i].serial += 40;
	}
	before = index_statements(ix);
	assert_int_equal(index_fold(ix, acts, 40, &err), 0);
	assert_int_equal(index_statements(ix) - before, 80 + 4);
	add_many(ix, 81, 920);
	before = index_statements(ix);
	/* However many messages: two statements a range. */
	fold_one(ix,
		 (struct change){.kind = CHANGE_FLAGS_ADD, .flags = {1, {all, 1}, MESSAGE_SEEN, {NULL, 0}}});
	assert_int_equal(index_statements(ix) - before, 2 + 4);
	before = index_statements(ix);
	/* Count, log, release, heads, messages. */
	fold_one(ix, (struct change){.kind = CHANGE_EXPUNGE, .expunge = {1, {all, 1}}});
	assert_int_equal(index_statements(ix) - before, 5 + 4);
	before = index_statements(ix);
	assert_int_equal(index_fold(ix, acts, 40, &err), 0);
	assert_int_equal(index_statements(ix), before);
	index_close(&ix);
	test_dir_remove(dir);
}

static void renames_on_disk(void **state)
{
	static const struct rename_item swap[] = {{2, STR_INIT("B")}, {3, STR_INIT("A")}};
	struct change c[] = {
		create(3, STR("B")),
		{.kind = CHANGE_FOLDER_RENAME, .rename = {swap, 2}},
		{.kind = CHANGE_SUBSCRIBE, .subscribe = {STR("x")}},
		{.kind = CHANGE_UNSUBSCRIBE, .subscribe = {STR("x")}},
		/* What one act makes it may use and delete. */
		create(4, STR("Short")),
		add(4, 1),
		{.kind = CHANGE_FOLDER_DELETE, .delete = {4}},
	};
	struct message rows[2];
	struct ledger l;
	char dir[TEST_DIR_MAX];
	struct err err;
	size_t n;

	test_dir_make(dir);
	struct index *ix = fill(dir, 0);

	assert_int_equal(fold(ix, c, sizeof(c) / sizeof(c[0])), 0);
	index_close(&ix);
	ix = open_at(dir);
	assert_int_equal(index_folders(ix, &l, &err), 0);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.next_folder, 5);
	assert_str(ledger_folder(&l, 2)->name, "B");
	assert_str(ledger_folder(&l, 3)->name, "A");
	assert_int_equal(l.subscribed, 0);
	ledger_free(&l);
	assert_int_equal(index_load(ix, 4, 0, rows, 2, &n, &err), 0);
	assert_int_equal(n, 0);
	index_close(&ix);
	test_dir_remove(dir);
}

/* A damaged file is told, never half used. */
static void refuses_damage(void **state)
{
	char dir[TEST_DIR_MAX], path[TEST_DIR_MAX + 64];
	struct index *ix = NULL;
	struct err err;
	char page[1024];

	test_dir_make(dir);
	ix = fill(dir, 10);
	index_close(&ix);
	snprintf(path, sizeof(path), "%s/accounts/example.org/ann/index.db", dir);
	memset(page, 0xAA, sizeof(page));
	FILE *f = fopen(path, "r+b");

	assert_non_null(f);
	assert_int_equal(fwrite(page, 1, sizeof(page), f), sizeof(page));
	fclose(f);
	assert_int_equal(index_open(dir, domain, user, 7, true, &ix, &err), ERR_CORRUPT);
	assert_null(ix);
	test_dir_remove(dir);
}

/* One account, one writer. */
static void belongs_to_one_process(void **state)
{
	char dir[TEST_DIR_MAX], go = 1;
	int status, ends[2];

	test_dir_make(dir);
	assert_int_equal(pipe(ends), 0);
	/* The child is there before the index is open, and has nothing of it. */
	pid_t child = fork();

	if (child == 0) {
		struct index *other = NULL;
		struct err err;

		if (read(ends[0], &go, 1) != 1)
			_exit(2);
		_exit(index_open(dir, domain, user, 7, true, &other, &err) == ERR_BUSY ? 0 : 1);
	}
	struct index *ix = fill(dir, 1);

	assert_int_equal(write(ends[1], &go, 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ends[0]);
	close(ends[1]);
	fold_one(ix, add(1, 2));
	index_close(&ix);
	test_dir_remove(dir);
}

/* A fold that finds no room leaves the index as it was, and goes through later. */
static void survives_a_full_disk(void **state)
{
	struct rlimit before, small;
	static struct change c[900];
	char dir[TEST_DIR_MAX];
	struct err err;

	test_dir_make(dir);
	struct index *ix = fill(dir, 100);

	for (uint32_t i = 0; i < 900; i++)
		c[i] = add(1, 101 + i);
	assert_int_equal(index_checkpoint(ix, &err), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	for (small.rlim_cur = 0; small.rlim_cur < 40000; small.rlim_cur += 5000) {
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		assert_int_not_equal(fold(ix, c, 900), 0);
		assert_int_equal(index_applied(ix), 1);
		assert_int_equal(folder_of(ix, 1).counts.messages, 100);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(fold(ix, c, 900), 0);
	index_close(&ix);
	ix = open_at(dir);
	assert_int_equal(folder_of(ix, 1).counts.messages, 1000);
	index_close(&ix);
	test_dir_remove(dir);
}

static long wal_size(const char *dir)
{
	char path[TEST_DIR_MAX + 64];
	struct stat st;

	snprintf(path, sizeof(path), "%s/accounts/example.org/ann/index.db-wal", dir);
	return stat(path, &st) ? -1 : (long)st.st_size;
}

/* A sync that failed is not tried again: the second would lie. */
static void a_failed_sync_is_the_end(void **state)
{
	struct message rows[1];
	struct index_release r[1];
	char dir[TEST_DIR_MAX];
	struct err err;
	int pipe_ends[2];
	size_t n;

	test_dir_make(dir);
	struct index *ix = fill(dir, 1);

	assert_int_equal(index_sync(ix, &err), 0);
	fold_one(ix, add(1, 2));
	/* A pipe cannot be synced. */
	assert_int_equal(pipe(pipe_ends), 0);
	assert_int_equal(dup2(pipe_ends[0], ix->wal), ix->wal);
	assert_int_equal(index_sync(ix, &err), ERR_IO);
	assert_int_equal(index_synced(ix), 1);
	assert_int_equal(index_sync(ix, &err), ERR_IO);
	assert_int_equal(index_checkpoint(ix, &err), ERR_IO);
	assert_int_equal(index_load(ix, 1, 0, rows, 1, &n, &err), ERR_IO);
	assert_int_equal(index_releases(ix, r, 1, &n, &err), ERR_IO);
	struct change c = add(1, 3);

	assert_int_equal(fold(ix, &c, 1), ERR_IO);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	index_close(&ix);
	/* What the WAL gives back is written again before it counts. */
	assert_true(wal_size(dir) > 0);
	ix = open_at(dir);
	assert_int_equal(index_applied(ix), 2);
	assert_int_equal(index_synced(ix), 0);
	assert_int_equal(index_sync(ix, &err), 0);
	assert_int_equal(index_synced(ix), 2);
	assert_int_equal(wal_size(dir), 0);
	/* From then on a sync is a sync. */
	fold_one(ix, c);
	assert_int_equal(index_sync(ix, &err), 0);
	assert_int_equal(index_synced(ix), 3);
	assert_true(wal_size(dir) > 0);
	index_close(&ix);
	assert_int_equal(wal_size(dir), -1);
	test_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_only_what_is_ours),
		cmocka_unit_test(survives_reopening),
		cmocka_unit_test(folds_once_and_without_gaps),
		cmocka_unit_test(loads_in_pages),
		cmocka_unit_test(logs_what_was_there),
		cmocka_unit_test(log_has_a_floor),
		cmocka_unit_test(releases_after_the_sync),
		cmocka_unit_test(counts_statements),
		cmocka_unit_test(renames_on_disk),
		cmocka_unit_test(refuses_damage),
		cmocka_unit_test(belongs_to_one_process),
		cmocka_unit_test(survives_a_full_disk),
		cmocka_unit_test(a_failed_sync_is_the_end),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
