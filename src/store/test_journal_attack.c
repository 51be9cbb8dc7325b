/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal against what it must not believe: copied entries, other secrets,
 * newer versions, lost and strange files; and its limits.
 */
#include "store/journal_fixture.h"

#include "base/unit.h"

#include <fcntl.h>
#include <string.h>

static void invariant_12_missing_segments_are_reported(void **state)
{
	struct fixture *f = *state;
	char name[SEGMENT_NAME_SIZE];

	assert_int_equal(commit_sized(f, "abcd", 700, false), 0);
	assert_int_equal(commit_sized(f, "efgh", 700, false), 0);
	assert_int_equal(commit_sized(f, "ijkl", 700, false), 0);
	segment_name(2, name);
	assert_int_equal(f->d->io.unlinkat(&f->d->io, JOURNAL_DIR, name), 0);
	assert_told(f, "abcdijkl");
	assert_int_equal(f->t.damages, 1);
	assert_true(f->t.damaged_at == position_make(2, 0));
	/* The oldest ones are missing only for who asks for them. */
	segment_name(1, name);
	assert_int_equal(f->d->io.unlinkat(&f->d->io, JOURNAL_DIR, name), 0);
	assert_told(f, "ijkl");
	assert_int_equal(f->t.damages, 0);
	assert_int_equal(scan_from(f, position_make(1, 64)), 0);
	assert_int_equal(f->t.damages, 1);
}

/* A letter's outline or envelope may contain anything, also what was copied
 * from a journal: real frames with real checks. */
static void attack_copied_entries_are_no_entries(void **state)
{
	struct fixture *f = *state;
	struct journal_group g;
	char *copy = f->payload;
	const size_t n = 1024;
	uint32_t entry;

	assert_int_equal(commit(f, "abc"), 0);
	assert_told(f, "abc");
	/* A whole piece of segment 1, header, frames and mark, put so that it lies
	 * at a multiple of 8 in this segment, and in the next at its old offset. */
	for (int shift = 0; shift < 2; shift++) {
		memcpy(copy, bytes_at(f, position_make(1, shift ? 0 : SEGMENT_HEADER)), n);
		journal_group_init(&g, f->j);
		assert_int_equal(journal_group_add(&g, (struct str){copy, n}, false, &entry, &f->e), 0);
		assert_int_equal(journal_commit(f->j, &g, 1, &f->e), 0);
		/* The header of the entry around it is destroyed: recovery looks inside. */
		memset(bytes_at(f, journal_group_position(&g, entry)), 0xFF, FRAME_HEADER);
		journal_group_free(&g);
		assert_int_equal(commit(f, "x"), 0);
		assert_told(f, shift ? "abcxx" : "abcx");
		assert_int_equal(f->t.damages, 1 + shift);
	}
}

static void attack_same_offset_in_another_segment(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit_sized(f, "abcd", 700, false), 0);
	assert_int_equal(commit_sized(f, "efgh", 700, false), 0);
	/* Segment 1 over segment 2, byte for byte. */
	memcpy(bytes_at(f, position_make(2, 0)), bytes_at(f, position_make(1, 0)), SEGMENT);
	assert_told(f, "abcd");
}

/* The start stops; the journal is not taken for an empty one. */
static void invariant_12_another_secret_stops_the_start(void **state)
{
	struct fixture *f = *state;
	const struct journal_visitor v = visitor(f);
	const struct check_key other = {{9}};

	assert_int_equal(commit_sized(f, "abc", 900, false), 0);
	for (int i = 0; i < 2; i++) {
		journal_destroy(&f->j);
		assert_int_equal(
			journal_open(&f->j, &f->d->io, JOURNAL_DIR, &other, SEGMENT, 0, &v, &f->r, &f->e),
			ERR_CORRUPT);
		assert_null(f->j);
		assert_int_equal(f->r.entries, 0);
		assert_int_equal(open_from(f, 0), 0);
		assert_int_equal(commit_sized(f, "d", 900, false), 0);
	}
	assert_told(f, "abcdd");
}

/* Bytes with good checks that this program does not know stop the start. */
static void newer_versions_stop_the_start(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "ab"), 0);
	assert_told(f, "ab");
	uint64_t at = f->t.position[1];
	unsigned char *b = bytes_at(f, at);

	b[9] = 2;
	le64_set(b + 24, check_of(&fixture_key, CHECK_HEADER, at, b, 24));
	assert_int_equal(scan_from(f, 0), ERR_INVALID);
	assert_non_null(strstr(f->e.text, "newer"));
	b[9] = 1;
	b[8] = 4;
	le64_set(b + 24, check_of(&fixture_key, CHECK_HEADER, at, b, 24));
	assert_int_equal(scan_from(f, 0), ERR_INVALID);
	b[8] = 1;
	le64_set(b + 24, check_of(&fixture_key, CHECK_HEADER, at, b, 24));
	assert_told(f, "ab");
	unsigned char *header = bytes_at(f, position_make(1, 0));

	le16_set(header + 8, 2);
	le64_set(header + 56, check_of(&fixture_key, CHECK_SEGMENT, position_make(1, 0), header, 56));
	assert_int_equal(scan_from(f, 0), ERR_INVALID);
}

static void bad_segment_header_loses_no_entry(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "a"), 0);
	assert_int_equal(commit(f, "b"), 0);
	memset(bytes_at(f, position_make(1, 0)), 0, SEGMENT_HEADER);
	assert_told(f, "ab");
	assert_int_equal(f->t.damages, 1);
}

/* A group that fills a segment exactly, and one byte more. */
static void group_limits(void **state)
{
	struct fixture *f = *state;
	struct journal_group g;
	uint32_t entry;
	size_t most = SEGMENT - SEGMENT_HEADER - CUTS_FRAME_MAX - MARK_FRAME;

	f->payload[0] = 'z';
	journal_group_init(&g, f->j);
	assert_int_equal(journal_group_add(&g, (struct str){f->payload, most - FRAME_HEADER + 1}, false,
					   &entry, &f->e),
			 ERR_TOO_BIG);
	assert_int_equal(
		journal_group_add(&g, (struct str){f->payload, most - FRAME_HEADER}, false, &entry, &f->e),
		0);
	assert_int_equal(journal_group_add(&g, STR(""), false, &entry, &f->e), ERR_BUSY);
	assert_int_equal(journal_commit(f->j, &g, 1, &f->e), 0);
	assert_int_equal(journal_commit(f->j, &g, 1, &f->e), 0);
	journal_group_clear(&g);
	assert_int_equal(g.count + g.bytes.n, 0);
	/* An empty payload is an entry too. */
	assert_int_equal(journal_group_add(&g, STR(""), false, &entry, &f->e), 0);
	assert_int_equal(journal_commit(f->j, &g, 1, &f->e), 0);
	journal_group_free(&g);
	assert_told(f, "zz-");
	assert_true(f->t.position[2] == f->r.end - MARK_FRAME - FRAME_HEADER);
}

static void segment_sizes(void **state)
{
	static const struct {
		uint32_t size;
		int rc;
	} rows[] = {
		{JOURNAL_SEGMENT_MIN - 8, ERR_INVALID},
		{JOURNAL_SEGMENT_MIN, 0},
		{JOURNAL_SEGMENT_MIN + 4, ERR_INVALID},
		{JOURNAL_SEGMENT_MAX + 8, ERR_INVALID},
		{SEGMENT * 2, 0},
	};
	struct fixture *f = *state;

	assert_int_equal(commit(f, "a"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct journal_visitor v = visitor(f);

		journal_destroy(&f->j);
		assert_int_equal(journal_open(&f->j, &f->d->io, JOURNAL_DIR, &fixture_key, rows[i].size, 0,
					      &v, &f->r, &f->e),
				 rows[i].rc);
		if (rows[i].rc)
			continue;
		/* Spares of the old size are gone, segments of the old size are read. */
		assert_int_equal(journal_spares(f->j), SPARES_KEPT);
		assert_int_equal(commit(f, "b"), 0);
	}
	assert_told(f, "abb");
}

static void file_cut_short_is_damage(void **state)
{
	struct fixture *f = *state;
	char name[SEGMENT_NAME_SIZE];

	assert_int_equal(commit_sized(f, "abc", 900, false), 0);
	assert_int_equal(commit_sized(f, "def", 900, false), 0);
	segment_name(1, name);
	disk_find(f->d, JOURNAL_DIR, name)->n = 1500;
	assert_told(f, "adef");
	assert_int_equal(f->t.damages, 1);
	disk_find(f->d, JOURNAL_DIR, name)->n = 0;
	assert_told(f, "def");
	assert_true(f->t.damages > 0);
}

/* Names that are not ours do not disturb. */
static void strange_names_are_ignored(void **state)
{
	static const char *const names[] = {"00000000.seg", "1.seg",        "0000000a.seg", "00000007.segx",
					    "80000000.seg", "FFFFFFFF.seg", "spare.9",      "lost+found"};
	struct fixture *f = *state;

	assert_int_equal(commit(f, "a"), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = f->d->io.openat(&f->d->io, JOURNAL_DIR, names[i], O_CREAT | O_WRONLY, 0600);

		f->d->io.close(&f->d->io, fd);
	}
	crash(f, CUT_KEEP);
	assert_int_equal(open_from(f, 0), 0);
	assert_int_equal(commit(f, "b"), 0);
	assert_int_equal(position_segment(journal_end(f->j)), 2);
	assert_told(f, "ab");
}

/* Starts that die before their first group leave no trail of segments. */
static void starts_that_die_leave_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "a"), 0);
	for (int i = 0; i < 100; i++) {
		crash(f, CUT_MIX);
		assert_int_equal(open_from(f, 0), 0);
	}
	assert_int_equal(commit(f, "b"), 0);
	assert_int_equal(position_segment(journal_end(f->j)), 2);
}

/* Starts that die in their first group leave one each: more than a cut names. */
static void many_torn_starts(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "a"), 0);
	for (int i = 0; i < CUTS_MAX + 6; i++) {
		crash(f, CUT_KEEP);
		assert_int_equal(open_from(f, 0), 0);
		f->d->off_at_byte = f->d->bytes + 100;
		assert_int_equal(commit(f, "x"), ERR_IO);
	}
	crash(f, CUT_KEEP);
	assert_int_equal(open_from(f, 0), 0);
	assert_int_equal(commit(f, "b"), 0);
	assert_told(f, "ab");
	assert_int_equal(f->t.damages, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_JOURNAL(invariant_12_missing_segments_are_reported),
		WITH_JOURNAL(attack_copied_entries_are_no_entries),
		WITH_JOURNAL(attack_same_offset_in_another_segment),
		WITH_JOURNAL(invariant_12_another_secret_stops_the_start),
		WITH_JOURNAL(newer_versions_stop_the_start),
		WITH_JOURNAL(bad_segment_header_loses_no_entry),
		WITH_JOURNAL(group_limits),
		WITH_JOURNAL(segment_sizes),
		WITH_JOURNAL(file_cut_short_is_damage),
		WITH_JOURNAL(strange_names_are_ignored),
		WITH_JOURNAL(starts_that_die_leave_nothing),
		WITH_JOURNAL(many_torn_starts),
	};

	return cmocka_run_group_tests_name("journal_attack", tests, NULL, NULL);
}
