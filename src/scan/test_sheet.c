/* SPDX-License-Identifier: Apache-2.0 */
/* Head and letter in a row, around the sizes of a page. */
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

static void check_row(struct sheet *s, size_t n, struct str head, struct str letter)
{
	struct str rest = str_skip(letter, n);
	struct err e;

	assert_true(str_eq(s->bytes, letter));
	assert_int_equal(sheet_behead(s, n, head, &e), 0);
	assert_true(str_eq(str_head(s->bytes, head.n), head));
	assert_true(str_eq(str_skip(s->bytes, head.n), rest));
	sheet_free(s);
	sheet_free(s);
}

/* The first n octets of the letter give way to a head. */
static void check(const char *bytes, size_t n, size_t head_n, size_t letter_n)
{
	struct str letter = {bytes, letter_n},
		   head = str_head((struct str){bytes + 7, head_n}, n + SHEET_ROOM);
	struct sheet s;
	struct err e;
	int fd;

	if (n > letter_n)
		return;
	assert_int_equal(sheet_copy(&s, letter, &e), 0);
	check_row(&s, n, head, letter);
	assert_int_equal(sealed_make("letter", letter, &fd, &e), 0);
	assert_int_equal(sheet_map(&s, fd, letter_n, &e), letter_n ? 0 : ERR_IO);
	if (letter_n)
		check_row(&s, n, head, letter);
	/* What was written stays private. */
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	for (size_t i = 0; i < letter_n && i < 9000; i++) {
		char c;

		assert_int_equal(read(fd, &c, 1), 1);
		assert_int_equal(c, bytes[i]);
	}
	close(fd);
}

static void head_and_letter_stand_in_a_row(void **state)
{
	static const int near[] = {-1, 0, 1};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *bytes = pattern();

	for (size_t pages = 0; pages < 9; pages++)
		for (size_t i = 0; i < 27; i++) {
			size_t head = pages % 3 * page + 1 + (size_t)near[i % 3];
			size_t letter = pages / 3 * page + 1 + (size_t)near[i / 3 % 3];
			size_t n = i / 9 * (page + 3);

			check(bytes, n, head, letter);
		}
	check(bytes, 0, SHEET_ROOM, 5 * page);
	check(bytes, 5 * page, SHEET_ROOM + 5 * page, 5 * page);
	free(bytes);
}

static void a_head_has_its_limit(void **state)
{
	char *bytes = pattern();
	struct sheet s;
	struct err e;

	assert_int_equal(sheet_copy(&s, STR("letter"), &e), 0);
	assert_int_equal(sheet_behead(&s, 3, (struct str){bytes, SHEET_ROOM + 4}, &e), ERR_TOO_BIG);
	assert_str(s.bytes, "letter");
	assert_int_equal(sheet_behead(&s, 3, (struct str){bytes, SHEET_ROOM + 3}, &e), 0);
	assert_str(str_skip(s.bytes, SHEET_ROOM + 3), "ter");
	sheet_free(&s);
	free(bytes);
}

static void a_file_that_may_change_is_not_mapped(void **state)
{
	int fd = memfd_create("letter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct sheet s;
	struct err e;

	assert_int_equal(write(fd, "letter", 6), 6);
	assert_int_equal(sheet_map(&s, fd, 6, &e), ERR_INVALID);
	sheet_free(&s);
	close(fd);
	assert_int_equal(sealed_make("letter", STR("letter"), &fd, &e), 0);
	assert_int_equal(sheet_map(&s, fd, 7, &e), ERR_INVALID);
	sheet_free(&s);
	/* More than there is memory for addresses. */
	assert_int_equal(sheet_map(&s, fd, UINT64_MAX, &e), ERR_INVALID);
	sheet_free(&s);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_and_letter_stand_in_a_row),
		cmocka_unit_test(a_head_has_its_limit),
		cmocka_unit_test(a_file_that_may_change_is_not_mapped),
	};

	return cmocka_run_group_tests_name("sheet", tests, NULL, NULL);
}
