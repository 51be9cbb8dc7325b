/* SPDX-License-Identifier: Apache-2.0 */
/* The store's secret on a real disk: made once, never again. */
#include "store/secret.h"

#include "base/unit.h"
#include "store/temp_folder.h"

#include <string.h>
#include <sys/stat.h>

static int set_up(void **state)
{
	struct temp_folder *t = test_calloc(1, sizeof(*t));

	*state = t;
	return temp_folder_make(t);
}

static int tear_down(void **state)
{
	temp_folder_remove(*state);
	test_free(*state);
	return 0;
}

static void invariant_12_is_never_made_again(void **state)
{
	const struct temp_folder *t = *state;
	unsigned char first[SECRET_SIZE], again[SECRET_SIZE] = {0};
	static const unsigned char zero[SECRET_SIZE];
	struct stat st;
	struct err e;

	assert_int_equal(secret_load(&sysio_real, t->fd, again, &e), ERR_NOT_FOUND);
	assert_int_equal(secret_create(&sysio_real, t->fd, first, &e), 0);
	assert_int_not_equal(memcmp(first, zero, SECRET_SIZE), 0);
	assert_int_equal(fstatat(t->fd, "secret", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, SECRET_SIZE);
	assert_int_equal(fstatat(t->fd, "secret.new", &st, 0), -1);
	assert_int_equal(secret_create(&sysio_real, t->fd, again, &e), ERR_EXISTS);
	assert_int_equal(secret_load(&sysio_real, t->fd, again, &e), 0);
	assert_memory_equal(first, again, SECRET_SIZE);
}

static void wrong_length_stops_the_start(void **state)
{
	static const char bytes[SECRET_SIZE + 1] = "x";
	static const size_t sizes[] = {0, 1, SECRET_SIZE - 1, SECRET_SIZE + 1};
	const struct temp_folder *t = *state;
	unsigned char out[SECRET_SIZE];
	struct err e;

	for (size_t i = 0; i < 4; i++) {
		int fd = openat(t->fd, "secret", O_WRONLY | O_CREAT | O_TRUNC, 0600);

		assert_int_equal(write(fd, bytes, sizes[i]), sizes[i]);
		close(fd);
		assert_int_equal(secret_load(&sysio_real, t->fd, out, &e), ERR_CORRUPT);
		assert_non_null(strstr(e.text, "backup"));
	}
}

/* A start that died while it made one leaves a file that is replaced. */
static void unfinished_one_is_replaced(void **state)
{
	const struct temp_folder *t = *state;
	unsigned char out[SECRET_SIZE], again[SECRET_SIZE];
	struct err e;
	int fd = openat(t->fd, "secret.new", O_WRONLY | O_CREAT, 0666);

	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	assert_int_equal(secret_create(&sysio_real, t->fd, out, &e), 0);
	assert_int_equal(secret_load(&sysio_real, t->fd, again, &e), 0);
	assert_memory_equal(out, again, SECRET_SIZE);
}

static void no_folder_is_an_error(void **state)
{
	unsigned char out[SECRET_SIZE];
	struct err e;

	assert_int_equal(secret_load(&sysio_real, -1, out, &e), ERR_IO);
	assert_int_equal(secret_create(&sysio_real, -1, out, &e), ERR_IO);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(invariant_12_is_never_made_again),
		WITH_FOLDER(wrong_length_stops_the_start),
		WITH_FOLDER(unfinished_one_is_replaced),
		cmocka_unit_test(no_folder_is_an_error),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
