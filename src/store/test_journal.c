/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal, one test for each numbered invariant of docs/format.md that it
 * keeps.
 */
#include "store/journal_fixture.h"

#include "base/unit.h"

#include <fcntl.h>
#include <string.h>

static void invariant_1_durable_before_heard(void **state)
{
	struct fixture *f = *state;
	struct journal_group g;
	long syncs;

	assert_int_equal(commit(f, "a"), 0);
	journal_group_init(&g, f->j);
	assert_int_equal(add(f, &g, "b", 10, false), 0);
	syncs = f->d->syncs;
	assert_int_equal(journal_write(f->j, &g, 1, &f->e), 0);
	assert_int_equal(f->d->syncs, syncs);
	assert_int_equal(journal_sync(f->j, &f->e), 0);
	/* One sync a group, however many entries, and one write. */
	assert_int_equal(f->d->syncs, syncs + 1);
	journal_accept(f->j);
	journal_group_free(&g);
	long calls = f->d->calls;

	assert_int_equal(commit(f, "cdefgh"), 0);
	assert_int_equal(f->d->calls, calls + 2);
	crash(f, CUT_LOSE);
	assert_told(f, "abcdefgh");
}

static void invariant_2_torn_tail_is_cut(void **state)
{
	struct fixture *f = *state;
	struct journal_group g;

	assert_int_equal(commit(f, "ab"), 0);
	uint64_t end = journal_end(f->j);

	/* Two whole entries and half of their mark arrive. */
	journal_group_init(&g, f->j);
	assert_int_equal(add(f, &g, "cd", 40, false), 0);
	f->d->off_at_byte = f->d->bytes + (long)g.bytes.n + 20;
	assert_int_equal(journal_commit(f->j, &g, 1, &f->e), ERR_IO);
	journal_group_free(&g);
	crash(f, CUT_KEEP);
	assert_told(f, "ab");
	assert_int_equal(f->t.damages, 0);
	assert_int_equal(f->r.torn_bytes, 2 * frame_size(40));
	assert_true(f->r.end == end);
	assert_false(f->r.clean);
}

static void invariant_2_damage_is_skipped(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "abc"), 0);
	assert_int_equal(commit(f, "de"), 0);
	assert_told(f, "abcde");
	uint64_t b = f->t.position[1], c = f->t.position[2];

	/* A bad payload costs this entry and no other. */
	bytes_at(f, b)[FRAME_HEADER + 5] ^= 1;
	assert_told(f, "acde");
	assert_int_equal(f->t.damages, 1);
	assert_true(f->t.damaged_at == b && f->t.damaged_bytes == frame_size(40));
	/* So does a bad header, even beside it. */
	bytes_at(f, c)[4] ^= 1;
	assert_told(f, "ade");
	assert_true(f->r.damaged_bytes == 2 * frame_size(40));
	/* A bad mark costs nothing: a later group shows that this one was synced. */
	bytes_at(f, c + frame_size(40))[FRAME_HEADER] ^= 1;
	assert_told(f, "ade");
	assert_int_equal(f->t.damages, 3);
	assert_int_equal(f->r.torn_bytes, 0);
}

/* The pages of one write reach the disk in any order: a mark may be there and
 * its entries not.  Such a group is a tail, not damage. */
static void invariant_2_mark_without_its_entries(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "a"), 0);
	assert_int_equal(commit(f, "bc"), 0);
	assert_told(f, "abc");
	uint64_t b = f->t.position[1];

	memset(bytes_at(f, b), 0, frame_size(40));
	assert_told(f, "a");
	assert_int_equal(f->t.damages, 0);
	assert_true(f->r.torn_bytes > 0);
}

/* The same for the header, which is part of the first group's write. */
static void invariant_2_first_group_without_its_header(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "a"), 0);
	memset(bytes_at(f, position_make(1, 0)), 0, SEGMENT_HEADER);
	assert_told(f, "");
	assert_int_equal(f->t.damages, 0);
	assert_true(f->r.torn_bytes > 0);
}

static void invariant_3_failed_sync_is_not_tried_again(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "a"), 0);
	uint32_t number = position_segment(journal_end(f->j));
	long syncs = f->d->syncs;

	fail_next(f, CALL_SYNC, 0, 1);
	assert_int_equal(commit(f, "b"), ERR_IO);
	/* The refusal is durable already: in a new segment. */
	assert_true(journal_writable(f->j));
	assert_int_equal(position_segment(journal_end(f->j)), number + 1);
	assert_true(f->d->syncs > syncs + 1);
	/* b is whole in the old segment's cache, yet never comes to life. */
	assert_told(f, "a");
	assert_int_equal(f->t.damages, 0);
	assert_int_equal(commit(f, "c"), 0);
	crash(f, CUT_KEEP);
	assert_told(f, "ac");
}

static void invariant_3_read_only_after_two_failures(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "a"), 0);
	/* The group's, that of a new spare, that of the cut. */
	fail_next(f, CALL_SYNC, 0, 3);
	assert_int_equal(commit(f, "b"), ERR_IO);
	assert_false(journal_writable(f->j));
	assert_int_equal(commit(f, "c"), ERR_IO);
	assert_non_null(strstr(f->e.text, "read-only"));
	assert_int_equal(journal_close(f->j, 1, &f->e), ERR_IO);
	/* Reading goes on. */
	assert_int_equal(scan_from(f, 0), 0);
	assert_int_equal(f->t.first[0], 'a');
	/* And so does writing once it is opened again. */
	crash(f, CUT_LOSE);
	assert_int_equal(open_from(f, 0), 0);
	assert_int_equal(commit(f, "d"), 0);
	assert_told(f, "ad");
}

/* The volume's sync failed, the journal's was good: the letters' entries must
 * not live without their letters. */
static void invariant_3_synced_group_is_refused(void **state)
{
	struct fixture *f = *state;
	struct journal_group g;

	assert_int_equal(commit(f, "a"), 0);
	journal_group_init(&g, f->j);
	assert_int_equal(add(f, &g, "b", 40, false), 0);
	assert_int_equal(journal_write(f->j, &g, 1, &f->e), 0);
	assert_int_equal(journal_sync(f->j, &f->e), 0);
	assert_int_equal(journal_refuse(f->j, 1, &f->e), 0);
	journal_group_free(&g);
	assert_int_equal(commit(f, "c"), 0);
	crash(f, CUT_LOSE);
	assert_told(f, "ac");
}

static void invariant_3_unclean_stop_begins_a_new_segment(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "a"), 0);
	uint64_t end = journal_end(f->j);

	crash(f, CUT_LOSE);
	assert_int_equal(open_from(f, 0), 0);
	assert_false(f->r.clean);
	assert_true(journal_end(f->j) == end);
	assert_int_equal(commit(f, "b"), 0);
	assert_int_equal(position_segment(journal_end(f->j)), position_segment(end) + 1);
	assert_told(f, "ab");
}

static void clean_stop_goes_on_in_the_segment(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "a"), 0);
	assert_int_equal(journal_close(f->j, 1, &f->e), 0);
	uint64_t end = journal_end(f->j);

	crash(f, CUT_LOSE);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(open_from(f, 0), 0);
		assert_true(f->r.clean);
		/* Nothing new to say: closing writes nothing. */
		assert_int_equal(journal_close(f->j, 1, &f->e), 0);
		assert_true(journal_end(f->j) == end);
		journal_destroy(&f->j);
	}
	assert_int_equal(open_from(f, 0), 0);
	assert_int_equal(commit(f, "b"), 0);
	assert_int_equal(position_segment(journal_end(f->j)), position_segment(end));
	crash(f, CUT_LOSE);
	assert_told(f, "ab");
	assert_false(f->r.clean);
}

/* Letters are synced beside the group: a whole last group may lack them. */
static void last_group_is_asked_for_its_letters(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "ab"), 0);
	assert_int_equal(commit(f, "cd"), 0);
	f->t.not_whole = 1;
	assert_told(f, "ab");
	assert_true(f->r.torn_bytes > 0);
	/* A volume that cannot be read now is no reason to drop a letter. */
	f->t.not_whole = ERR_IO;
	assert_int_equal(scan_from(f, 0), ERR_IO);
	assert_int_equal(f->t.n, 0);
	f->t.not_whole = 1;
	/* Once opened and gone on, the answer of then stays. */
	journal_destroy(&f->j);
	assert_int_equal(open_from(f, 0), 0);
	assert_int_equal(commit(f, "e"), 0);
	f->t.not_whole = 0;
	assert_told(f, "abe");
	/* After a stop in order nobody is asked. */
	assert_int_equal(journal_close(f->j, 1, &f->e), 0);
	f->t.not_whole = 1;
	assert_told(f, "abe");
}

/* A bad cut leaves the end of the segment before unsaid.  It was synced all the
 * same: a later group shows it, and nobody is asked about its letters. */
static void damaged_cut_costs_no_entry(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit_sized(f, "a", 900, false), 0);
	assert_int_equal(commit_sized(f, "b", 900, false), 0);
	assert_int_equal(commit_sized(f, "cde", 900, false), 0);
	assert_int_equal(position_segment(journal_end(f->j)), 2);
	assert_int_equal(journal_close(f->j, 1, &f->e), 0);
	bytes_at(f, position_make(2, SEGMENT_HEADER))[FRAME_HEADER] ^= 1;
	f->t.not_whole = 1;
	assert_told(f, "abcde");
	assert_int_equal(f->t.damages, 1);
	assert_int_equal(f->r.torn_bytes, 0);
	assert_true(f->r.clean);
}

/* A segment behind the last mark was begun: that was no stop in order. */
static void clean_means_that_nothing_follows(void **state)
{
	struct fixture *f = *state;
	char name[SEGMENT_NAME_SIZE];

	assert_int_equal(commit(f, "a"), 0);
	assert_int_equal(journal_close(f->j, 1, &f->e), 0);
	assert_told(f, "a");
	assert_true(f->r.clean);
	segment_name(2, name);
	int fd = f->d->io.openat(&f->d->io, JOURNAL_DIR, name, O_CREAT | O_WRONLY, 0600);

	f->d->io.close(&f->d->io, fd);
	assert_told(f, "a");
	assert_false(f->r.clean);
	crash(f, CUT_KEEP);
	assert_int_equal(open_from(f, 0), 0);
	assert_int_equal(commit(f, "b"), 0);
	assert_int_equal(position_segment(journal_end(f->j)), 3);
	assert_told(f, "ab");
	assert_int_equal(f->t.damages, 0);
}

static void invariant_8_recycle_takes_only_what_lies_before(void **state)
{
	struct fixture *f = *state;
	uint64_t kept = 0;

	for (char c = 'a'; c <= 'p'; c++) {
		char one[2] = {c, '\0'};

		if (c == 'k')
			kept = journal_end(f->j);
		assert_int_equal(commit_sized(f, one, 900, false), 0);
	}
	assert_int_equal(journal_recycle(f->j, kept, &f->e), 0);
	assert_int_equal(scan_from(f, kept), 0);
	assert_string_equal(f->t.first, "klmnop");
	assert_int_equal(f->t.damages, 0);
	/* More than the end is never taken: the numbers must go on from there. */
	assert_int_equal(journal_recycle(f->j, UINT64_MAX, &f->e), 0);
	uint64_t end = journal_end(f->j);

	crash(f, CUT_LOSE);
	assert_int_equal(open_from(f, end), 0);
	assert_int_equal(f->t.damages, 0);
	assert_int_equal(commit(f, "q"), 0);
	assert_true(journal_end(f->j) > end);
	assert_true(journal_spares(f->j) <= SPARES_MAX);
}

static void invariant_9_recovery_from_a_position(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "abc"), 0);
	assert_int_equal(commit_sized(f, "defg", 700, false), 0);
	assert_told(f, "abcdefg");
	uint64_t position[7];

	memcpy(position, f->t.position, sizeof(position));
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(scan_from(f, position[i]), 0);
		assert_string_equal(f->t.first, &"abcdefg"[i]);
		assert_int_equal(f->t.damages, 0);
	}
	assert_int_equal(scan_from(f, journal_end(f->j)), 0);
	assert_int_equal(f->t.n + f->t.damages, 0);
	assert_true(f->r.end == journal_end(f->j));
	/* A catalogue that is ahead of the journal is noticed. */
	assert_int_equal(scan_from(f, journal_end(f->j) + 64), 0);
	assert_int_equal(f->t.damages, 1);
	/* The visitor can stop it. */
	f->t.stop = ERR_CANCELLED;
	assert_int_equal(scan_from(f, 0), ERR_CANCELLED);
	assert_string_equal(f->t.first, "a");
}

static void invariant_10_room_to_clean_up(void **state)
{
	struct fixture *f = *state;
	int rc, groups = 0;

	assert_int_equal(commit(f, "a"), 0);
	assert_int_equal(journal_spares(f->j), SPARES_KEPT);
	f->d->space = 0;
	/* Ordinary entries fill the open segment and stop there, at no cost. */
	while ((rc = commit_sized(f, "b", 500, false)) == 0)
		groups++;
	assert_int_equal(rc, ERR_FULL);
	assert_int_equal(journal_spares(f->j), SPARES_KEPT);
	assert_true(journal_writable(f->j));
	/* One ordinary entry makes the group an ordinary one. */
	struct journal_group g;

	journal_group_init(&g, f->j);
	assert_int_equal(add(f, &g, "c", 500, true), 0);
	assert_int_equal(add(f, &g, "d", 500, false), 0);
	assert_int_equal(journal_commit(f->j, &g, 1, &f->e), ERR_FULL);
	journal_group_free(&g);
	/* Those that free have two segments more. */
	int freed = 0;

	while (commit_sized(f, "e", 500, true) == 0)
		freed++;
	assert_true(freed >= 2 * 6);
	assert_int_equal(journal_spares(f->j), 0);
	assert_true(journal_writable(f->j));
	/* What they freed brings the room back. */
	assert_int_equal(journal_recycle(f->j, journal_end(f->j), &f->e), 0);
	assert_true(journal_spares(f->j) >= SPARES_KEPT);
	assert_int_equal(commit_sized(f, "f", 500, true), 0);
}

/* A number that was used up by a failing rename is no missing segment. */
static void burnt_number_is_no_damage(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit_sized(f, "a", 900, false), 0);
	fail_next(f, CALL_DIRSYNC, 0, 1);
	assert_int_equal(commit_sized(f, "b", 3800, false), ERR_TOO_BIG);
	assert_int_equal(commit_sized(f, "bcde", 800, false), ERR_IO);
	assert_true(journal_writable(f->j));
	assert_int_equal(commit(f, "f"), 0);
	assert_true(position_segment(journal_end(f->j)) >= 3);
	assert_told(f, "af");
	assert_int_equal(f->t.damages, 0);
}

static void groups_tell_their_time(void **state)
{
	struct fixture *f = *state;
	struct journal_group g;

	assert_int_equal(commit(f, "ab"), 0);
	journal_group_init(&g, f->j);
	assert_int_equal(add(f, &g, "c", 40, false), 0);
	assert_int_equal(journal_commit(f->j, &g, 1700000000000000, &f->e), 0);
	journal_group_free(&g);
	assert_told(f, "abc");
	assert_int_equal(f->t.groups, 2);
	assert_true(f->t.last_time == 1700000000000000);
	assert_true(f->t.last_end == journal_end(f->j));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_JOURNAL(invariant_1_durable_before_heard),
		WITH_JOURNAL(invariant_2_torn_tail_is_cut),
		WITH_JOURNAL(invariant_2_damage_is_skipped),
		WITH_JOURNAL(invariant_2_mark_without_its_entries),
		WITH_JOURNAL(invariant_2_first_group_without_its_header),
		WITH_JOURNAL(invariant_3_failed_sync_is_not_tried_again),
		WITH_JOURNAL(invariant_3_read_only_after_two_failures),
		WITH_JOURNAL(invariant_3_synced_group_is_refused),
		WITH_JOURNAL(invariant_3_unclean_stop_begins_a_new_segment),
		WITH_JOURNAL(clean_stop_goes_on_in_the_segment),
		WITH_JOURNAL(last_group_is_asked_for_its_letters),
		WITH_JOURNAL(damaged_cut_costs_no_entry),
		WITH_JOURNAL(clean_means_that_nothing_follows),
		WITH_JOURNAL(invariant_8_recycle_takes_only_what_lies_before),
		WITH_JOURNAL(invariant_9_recovery_from_a_position),
		WITH_JOURNAL(invariant_10_room_to_clean_up),
		WITH_JOURNAL(burnt_number_is_no_damage),
		WITH_JOURNAL(groups_tell_their_time),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
