/* SPDX-License-Identifier: Apache-2.0 */
/* Single entries by their positions, and what is asked for in vain. */
#include "store/journal.h"
#include "store/segment.h"

#include "base/unit.h"
#include "store/temp_folder.h"

#include <string.h>

#define ENTRIES 50

static int on_entry(void *arg, uint64_t position, struct str payload)
{
	return 0;
}

static void on_damage(void *arg, uint64_t position, uint64_t length, const char *what)
{
}

/* Entry i is i bytes 'a' + i; fills in where each lies. */
static void write_entries(const struct temp_folder *t, const struct check_key *key,
			  uint64_t positions[ENTRIES])
{
	const struct journal_visitor v = {.entry = on_entry, .damage = on_damage};
	struct journal_report report;
	struct journal_group g;
	struct journal *j;
	struct err e;

	assert_int_equal(journal_open(&j, &sysio_real, t->fd, key, 4096, 0, &v, &report, &e), 0);
	journal_group_init(&g, j);
	for (int i = 0; i < ENTRIES; i++) {
		char payload[ENTRIES];
		uint32_t entry;

		memset(payload, 'a' + i % 26, (size_t)i);
		assert_int_equal(journal_group_add(&g, (struct str){payload, (size_t)i}, false, &entry, &e),
				 0);
		assert_int_equal(journal_commit(j, &g, 1, &e), 0);
		positions[i] = journal_group_position(&g, entry);
		journal_group_clear(&g);
	}
	journal_group_free(&g);
	journal_destroy(&j);
}

static void entries_are_read_one_by_one(void **state)
{
	const struct check_key key = {{3}}, other = {{4}};
	uint64_t positions[ENTRIES];
	struct temp_folder t;
	struct buf b;
	struct err e;

	assert_int_equal(temp_folder_make(&t), 0);
	write_entries(&t, &key, positions);
	assert_true(position_segment(positions[ENTRIES - 1]) > position_segment(positions[0]));
	buf_init(&b, ENTRIES);
	for (int i = ENTRIES - 1; i >= 0; i--) {
		buf_clear(&b);
		assert_int_equal(journal_read_entry(&sysio_real, t.fd, &key, positions[i], &b, &e), 0);
		assert_int_equal(b.n, i);
		for (int k = 0; k < i; k++)
			assert_int_equal(b.p[k], 'a' + i % 26);
		/* Beside it, and with another key, there is none. */
		assert_int_equal(journal_read_entry(&sysio_real, t.fd, &key, positions[i] + 8, &b, &e),
				 ERR_CORRUPT);
		assert_int_equal(journal_read_entry(&sysio_real, t.fd, &other, positions[i], &b, &e),
				 ERR_CORRUPT);
		assert_int_equal(b.n, i);
	}
	assert_int_equal(journal_read_entry(&sysio_real, t.fd, &key, position_make(99, 64), &b, &e), ERR_IO);
	assert_int_equal(journal_read_entry(&sysio_real, t.fd, &key, positions[0] + 100000, &b, &e),
			 ERR_CORRUPT);
	/* The cut and the marks are the journal's own. */
	assert_int_equal(journal_read_entry(&sysio_real, t.fd, &key,
					    position_make(position_segment(positions[0]), SEGMENT_HEADER), &b,
					    &e),
			 ERR_CORRUPT);
	buf_free(&b);
	buf_init(&b, 10);
	assert_int_equal(journal_read_entry(&sysio_real, t.fd, &key, positions[10], &b, &e), 0);
	assert_int_equal(journal_read_entry(&sysio_real, t.fd, &key, positions[11], &b, &e), ERR_TOO_BIG);
	buf_free(&b);
	temp_folder_remove(&t);
}

static void a_changed_byte_is_found(void **state)
{
	const struct check_key key = {{3}};
	uint64_t positions[ENTRIES];
	struct temp_folder t;
	struct buf b;
	struct err e;

	assert_int_equal(temp_folder_make(&t), 0);
	write_entries(&t, &key, positions);
	int fd = openat(t.fd, "00000001.seg", O_RDWR);

	assert_int_equal(pwrite(fd, "X", 1, position_offset(positions[5]) + FRAME_HEADER + 2), 1);
	close(fd);
	buf_init(&b, ENTRIES);
	assert_int_equal(journal_read_entry(&sysio_real, t.fd, &key, positions[5], &b, &e), ERR_CORRUPT);
	assert_int_equal(b.n, 0);
	assert_int_equal(journal_read_entry(&sysio_real, t.fd, &key, positions[6], &b, &e), 0);
	buf_free(&b);
	temp_folder_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_read_one_by_one),
		cmocka_unit_test(a_changed_byte_is_found),
	};

	return cmocka_run_group_tests_name("journal_entry", tests, NULL, NULL);
}
