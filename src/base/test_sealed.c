/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed memory files: nobody changes them, and nothing else passes for one. */
#include "base/sealed.h"
#include "base/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALL (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void what_is_made_cannot_change(void **state)
{
	char got[16] = "";
	struct err e;
	int fd;

	assert_int_equal(sealed_make("test", STR("some bytes"), &fd, &e), 0);
	assert_int_equal(sealed_check(fd, 10, &e), 0);
	assert_int_equal(pread(fd, got, sizeof(got), 0), 10);
	assert_string_equal(got, "some bytes");
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 5), -1);
	assert_int_equal(ftruncate(fd, 50), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, 0), -1);
	assert_ptr_equal(mmap(NULL, 10, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	close(fd);
	assert_int_equal(sealed_make("empty", STR(""), &fd, &e), 0);
	assert_int_equal(sealed_check(fd, 0, &e), 0);
	close(fd);
}

static void it_is_made_in_steps(void **state)
{
	char got[16] = "";
	struct err e;
	int fd;

	assert_int_equal(sealed_open("test", &fd, &e), 0);
	assert_int_equal(sealed_write(fd, STR("bytes"), 5, &e), 0);
	assert_int_equal(sealed_write(fd, STR("some "), 0, &e), 0);
	assert_int_equal(sealed_check(fd, 10, &e), ERR_INVALID);
	assert_int_equal(sealed_seal(fd, &e), 0);
	assert_int_equal(sealed_check(fd, 10, &e), 0);
	assert_int_equal(pread(fd, got, sizeof(got), 0), 10);
	assert_string_equal(got, "some bytes");
	assert_int_equal(sealed_write(fd, STR("x"), 0, &e), ERR_IO);
	assert_int_equal(sealed_seal(fd, &e), ERR_IO);
	close(fd);
}

static void anything_else_is_refused(void **state)
{
	static const struct {
		int seals;
		uint64_t says;
		const char *want;
	} rows[] = {
		{0, 10, "the file is not sealed"},
		{ALL & ~F_SEAL_SHRINK, 10, "the file is not sealed"},
		{ALL & ~F_SEAL_GROW, 10, "the file is not sealed"},
		{ALL & ~F_SEAL_WRITE, 10, "the file is not sealed"},
		{ALL & ~F_SEAL_SEAL, 10, "the file is not sealed"},
		{ALL, 9, "the file has another size"},
		{ALL, 11, "the file has another size"},
		{ALL, UINT64_MAX, "the file has another size"},
	};
	struct err e;
	int ends[2];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

		assert_int_equal(write(fd, "some bytes", 10), 10);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, rows[i].seals), 0);
		assert_int_equal(sealed_check(fd, rows[i].says, &e), ERR_INVALID);
		assert_string_equal(e.text, rows[i].want);
		close(fd);
	}
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(sealed_check(ends[0], 0, &e), ERR_INVALID);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(sealed_check(-1, 0, &e), ERR_INVALID);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_equal(sealed_check(null, 0, &e), ERR_INVALID);
	close(null);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_cannot_change),
		cmocka_unit_test(it_is_made_in_steps),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests_name("sealed", tests, NULL, NULL);
}
