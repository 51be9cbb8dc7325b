/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "store/account_dir.h"
#include "store/derived.h"
#include "store/test_dir.h"

#include <fcntl.h>
#include <unistd.h>

static const struct str domain = STR_INIT("example.org");
static const struct str user = STR_INIT("ann");

static struct derived *open_at(const char *dir)
{
	struct derived *d = NULL;
	struct err err;

	if (derived_open(dir, domain, user, &d, &err))
		fail_msg("%s", err.text);
	return d;
}

static void make_account(const char *dir)
{
	struct buf path;
	struct err err;
	int fd;

	buf_init(&path, ACCOUNT_PATH_MAX);
	assert_int_equal(account_dir_open(dir, domain, user, true, &path, &fd, &err), 0);
	close(fd);
	buf_free(&path);
}

static void keeps_outlines(void **state)
{
	static char big[DERIVED_OUTLINE_MAX + 1];
	const struct outline_row rows[] = {
		{1, STR("one")},
		{UINT64_MAX, STR("a\0b")},
		{3, STR("")},
	};
	const struct outline_row too_big[] = {{4, STR("four")}, {5, {big, sizeof(big)}}};
	const uint64_t dropped[] = {1, 77};
	char dir[TEST_DIR_MAX];
	struct derived *d;
	struct buf b;
	struct err err;

	test_dir_make(dir);
	assert_int_equal(derived_open(dir, domain, user, &d, &err), ERR_NOT_FOUND);
	make_account(dir);
	d = open_at(dir);
	buf_init(&b, DERIVED_OUTLINE_MAX);
	assert_int_equal(derived_put(d, rows, 3, &err), 0);
	derived_close(&d);
	derived_close(&d);
	d = open_at(dir);
	assert_int_equal(derived_get(d, UINT64_MAX, &b, &err), 0);
	assert_true(str_eq(buf_str(&b), rows[1].outline));
	buf_clear(&b);
	assert_int_equal(derived_get(d, 3, &b, &err), 0);
	assert_int_equal(b.n, 0);
	assert_int_equal(derived_put(d, &(struct outline_row){3, STR("new")}, 1, &err), 0);
	assert_int_equal(derived_get(d, 3, &b, &err), 0);
	assert_str(buf_str(&b), "new");
	/* All or nothing. */
	assert_int_equal(derived_put(d, too_big, 2, &err), ERR_TOO_BIG);
	assert_int_equal(derived_get(d, 4, &b, &err), ERR_NOT_FOUND);
	assert_int_equal(derived_drop(d, dropped, 2, &err), 0);
	assert_int_equal(derived_get(d, 1, &b, &err), ERR_NOT_FOUND);
	assert_int_equal(derived_checkpoint(d, &err), 0);
	buf_free(&b);
	buf_init(&b, 2);
	assert_int_equal(derived_get(d, 3, &b, &err), ERR_TOO_BIG);
	buf_free(&b);
	derived_close(&d);
	test_dir_remove(dir);
}

static void keeps_how_far_recent_was_told(void **state)
{
	const struct recent_row rows[] = {{1, 7}, {9, UINT32_MAX}};
	struct recent_row got[4];
	char dir[TEST_DIR_MAX];
	struct err err;
	size_t n;

	test_dir_make(dir);
	make_account(dir);
	struct derived *d = open_at(dir);

	assert_int_equal(derived_recent(d, got, 4, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(derived_put_recent(d, rows, 2, &err), 0);
	derived_close(&d);
	d = open_at(dir);
	assert_int_equal(derived_recent(d, got, 4, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(got[0].folder, 1);
	assert_int_equal(got[1].uid, UINT32_MAX);
	assert_int_equal(derived_put_recent(d, rows + 1, 1, &err), 0);
	assert_int_equal(derived_recent(d, got, 4, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(got[0].folder, 9);
	assert_int_equal(derived_recent(d, got, 0, &n, &err), 0);
	assert_int_equal(n, 0);
	derived_close(&d);
	test_dir_remove(dir);
}

static void begins_anew_when_damaged(void **state)
{
	const char *junk[] = {"this is no database, however long it may be", ""};
	char dir[TEST_DIR_MAX], path[TEST_DIR_MAX + 64];
	struct outline_row row = {1, STR("one")};
	struct derived *d;
	struct buf b;
	struct err err;

	test_dir_make(dir);
	make_account(dir);
	snprintf(path, sizeof(path), "%s/accounts/example.org/ann/derived.db", dir);
	buf_init(&b, 100);
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		d = open_at(dir);
		assert_int_equal(derived_put(d, &row, 1, &err), 0);
		derived_close(&d);
		int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, junk[i], strlen(junk[i])), strlen(junk[i]));
		close(fd);
		d = open_at(dir);
		assert_int_equal(derived_get(d, 1, &b, &err), ERR_NOT_FOUND);
		assert_int_equal(derived_put(d, &row, 1, &err), 0);
		assert_int_equal(derived_get(d, 1, &b, &err), 0);
		derived_close(&d);
	}
	buf_free(&b);
	test_dir_remove(dir);
}

/* No address leads out of its folder, and no two have the same. */
static void escapes_names(void **state)
{
	const struct {
		struct str user;
		const char *folder;
	} rows[] = {
		{STR("ann.lee+x"), "ann.lee+x"},         {STR(".."), "%2E."},       {STR("."), "%2E"},
		{STR("a/../b"), "a%2F..%2Fb"},           {STR("a%2Fb"), "a%252Fb"}, {STR("a\0b"), "a%00b"},
		{STR("j\xC3\xBCrgen"), "j\xC3\xBCrgen"},
	};
	static char long_name[300];
	char dir[TEST_DIR_MAX];
	struct buf path;
	struct err err;
	int fd;

	test_dir_make(dir);
	buf_init(&path, ACCOUNT_PATH_MAX);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&path);
		assert_int_equal(account_dir_open(dir, domain, rows[i].user, true, &path, &fd, &err), 0);
		close(fd);
		assert_true(str_ends(buf_str(&path), str_of(rows[i].folder)));
		buf_add_c(&path, '\0');
		assert_int_equal(access(path.p, X_OK), 0);
	}
	memset(long_name, 'a', sizeof(long_name));
	assert_int_equal(account_dir_open(dir, domain, (struct str){long_name, 256}, true, &path, &fd, &err),
			 ERR_INVALID);
	assert_int_equal(account_dir_open(dir, domain, STR(""), true, &path, &fd, &err), ERR_INVALID);
	buf_clear(&path);
	assert_int_equal(account_dir_open(dir, domain, STR("bob"), false, &path, &fd, &err), ERR_NOT_FOUND);
	buf_free(&path);
	test_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_outlines),
		cmocka_unit_test(keeps_how_far_recent_was_told),
		cmocka_unit_test(begins_anew_when_damaged),
		cmocka_unit_test(escapes_names),
	};

	return cmocka_run_group_tests_name("derived", tests, NULL, NULL);
}
