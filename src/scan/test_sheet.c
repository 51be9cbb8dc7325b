/* SPDX-License-Identifier: Apache-2.0 */
/* Front and letter in a row, around the sizes of a page. */
#include "scan/sheet.h"

#include "base/sealed.h"
#include "base/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST ((size_t)3 * 65536 + 2)

static char *pattern(void)
{
	char *p = malloc(MOST);

	for (size_t i = 0; i < MOST; i++)
		p[i] = (char)(i * 31 + i / 251);
	return p;
}

static void check(const char *bytes, size_t front, size_t letter)
{
	struct str f = {bytes, front}, l = {bytes + front, letter};
	struct sheet s;
	struct err e;
	int fd;

	assert_int_equal(sheet_copy(&s, f, l, &e), 0);
	assert_true(str_eq(s.bytes, (struct str){bytes, front + letter}));
	sheet_free(&s);
	assert_int_equal(sealed_make("letter", l, &fd, &e), 0);
	assert_int_equal(sheet_map(&s, f, fd, letter, &e), letter ? 0 : ERR_IO);
	close(fd);
	if (letter)
		assert_true(str_eq(s.bytes, (struct str){bytes, front + letter}));
	sheet_free(&s);
	sheet_free(&s);
}

static void front_and_letter_stand_in_a_row(void **state)
{
	static const int near[] = {-1, 0, 1};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *bytes = pattern();

	for (size_t fronts = 0; fronts <= 2; fronts++)
		for (size_t letters = 0; letters <= 2; letters++)
			for (size_t i = 0; i < 9; i++) {
				size_t front = fronts * page + 1 + (size_t)near[i % 3];
				size_t letter = letters * page + 1 + (size_t)near[i / 3];

				check(bytes, front, letter);
			}
	free(bytes);
}

static void a_file_that_may_change_is_not_mapped(void **state)
{
	int fd = memfd_create("letter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct sheet s;
	struct err e;

	assert_int_equal(write(fd, "letter", 6), 6);
	assert_int_equal(sheet_map(&s, STR("front"), fd, 6, &e), ERR_INVALID);
	sheet_free(&s);
	close(fd);
	assert_int_equal(sealed_make("letter", STR("letter"), &fd, &e), 0);
	assert_int_equal(sheet_map(&s, STR("front"), fd, 7, &e), ERR_INVALID);
	sheet_free(&s);
	/* More than there is memory for addresses. */
	assert_int_equal(sheet_map(&s, STR("front"), fd, UINT64_MAX, &e), ERR_INVALID);
	sheet_free(&s);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(front_and_letter_stand_in_a_row),
		cmocka_unit_test(a_file_that_may_change_is_not_mapped),
	};

	return cmocka_run_group_tests_name("sheet", tests, NULL, NULL);
}
