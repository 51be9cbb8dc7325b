/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/test_temp.h"
#include "base/unit.h"

#include <string.h>
#include <unistd.h>

static void put(int fd, size_t n)
{
	char block[100];

	memset(block, 'x', sizeof(block));
	for (size_t done = 0; done < n; done += sizeof(block))
		assert_true(write(fd, block, n - done < 100 ? n - done : 100) > 0);
}

/* A file of each size against a ceiling of 9000. */
static void sizes(void **state)
{
	static const size_t rows[] = {0, 1, 4095, 4096, 8999, 9000, 9001, 20000};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[TEMP_NAME_MAX];
		int fd = mkstemp(temp_name(path, "test_file"));
		struct buf b;
		struct err err = {0};

		assert_true(fd >= 0);
		put(fd, rows[i]);
		buf_init(&b, 9000);
		assert_int_equal(file_read(path, &b, &err), rows[i] > 9000 ? ERR_TOO_BIG : 0);
		if (rows[i] <= 9000)
			assert_int_equal(b.n, rows[i]);
		else
			assert_non_null(strstr(err.text, "larger than 9000 bytes"));
		buf_wipe(&b);
		assert_null(b.p);
		close(fd);
		unlink(path);
	}
}

static void pipes(void **state)
{
	int fd[2];
	char path[64];
	struct buf b;
	struct err err = {0};

	assert_int_equal(pipe(fd), 0);
	put(fd[1], 6000);
	close(fd[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd[0]);
	buf_init(&b, 100000);
	assert_int_equal(file_read(path, &b, &err), 0);
	assert_int_equal(b.n, 6000);
	buf_free(&b);
	close(fd[0]);
}

static void refusals(void **state)
{
	struct buf b;
	struct err err = {0};

	buf_init(&b, 100);
	assert_int_equal(file_read("/nonexistent/file", &b, &err), ERR_NOT_FOUND);
	assert_string_equal(err.text, "cannot read /nonexistent/file: No such file or directory");
	assert_int_equal(file_read("/", &b, &err), ERR_IO);
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(pipes),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
