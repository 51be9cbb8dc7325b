/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal, one test for each numbered invariant of docs/format.md that it
 * keeps, and the attacks and limits around them.
 */
#include "store/disk_model.h"
#include "store/entry.h"
#include "store/journal.h"
#include "store/segment_pool.h"

#include "base/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define SEGMENT 4096
#define TOLD_MAX 64

static const struct check_key key = {{1, 2, 3, 4}};

/* What a scan told: the first byte of each payload, and where it was. */
struct told {
	char first[TOLD_MAX + 1];
	uint64_t position[TOLD_MAX];
	size_t n;
	unsigned damages;
	uint64_t damaged_at;
	uint64_t damaged_bytes;
	int stop; /* returned by the visitor */
	int not_whole; /* 1: whole() says no; less: it cannot tell */
	unsigned groups;
	uint64_t last_time, last_end;
};

static int on_entry(void *arg, uint64_t position, struct str payload)
{
	struct told *t = arg;

	assert_true(t->n < TOLD_MAX);
	t->position[t->n] = position;
	t->first[t->n++] = payload.n ? payload.p[0] : '-';
	t->first[t->n] = '\0';
	return t->stop;
}

static void on_group(void *arg, uint64_t end, uint64_t time_us)
{
	struct told *t = arg;

	t->groups++;
	t->last_time = time_us;
	t->last_end = end;
}

static void on_damage(void *arg, uint64_t position, uint64_t length, const char *what)
{
	struct told *t = arg;

	assert_true(what[0] != '\0');
	t->damages++;
	t->damaged_at = position;
	t->damaged_bytes += length;
}

static int on_whole(void *arg, struct str payload)
{
	int not_whole = ((struct told *)arg)->not_whole;

	return not_whole < 0 ? not_whole : !not_whole;
}

struct fixture {
	struct disk *d;
	struct journal *j;
	struct told t;
	struct journal_report r;
	struct err e;
	char payload[SEGMENT];
};

static struct journal_visitor visitor(struct fixture *f)
{
	int stop = f->t.stop;
	int not_whole = f->t.not_whole;

	f->t = (struct told){.stop = stop, .not_whole = not_whole};
	return (struct journal_visitor){&f->t, on_entry, on_group, on_damage, on_whole};
}

static int open_from(struct fixture *f, uint64_t from)
{
	const struct journal_visitor v = visitor(f);

	return journal_open(&f->j, &f->d->io, JOURNAL_DIR, &key, SEGMENT, from, &v, &f->r, &f->e);
}

static int scan_from(struct fixture *f, uint64_t from)
{
	const struct journal_visitor v = visitor(f);

	return journal_scan(&f->d->io, JOURNAL_DIR, &key, from, &v, &f->r, &f->e);
}

static int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->d = disk_new(1);
	*state = f;
	return open_from(f, 0);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	journal_destroy(&f->j);
	disk_destroy(&f->d);
	test_free(f);
	return 0;
}

/* The process ends without a word, the power too. */
static void crash(struct fixture *f, enum disk_cut how)
{
	journal_destroy(&f->j);
	disk_power_cut(f->d, how);
}

/* Adds entries of n bytes, one for each letter of the alphabet given. */
static int add(struct fixture *f, struct journal_group *g, const char *letters, size_t n, bool frees)
{
	uint32_t entry;
	int rc = 0;

	for (; rc == 0 && *letters; letters++) {
		memset(f->payload, *letters, n);
		rc = journal_group_add(g, (struct str){f->payload, n}, frees, &entry, &f->e);
	}
	return rc;
}

static int commit_sized(struct fixture *f, const char *letters, size_t n, bool frees)
{
	struct journal_group g;

	journal_group_init(&g, f->j);
	int rc = add(f, &g, letters, n, frees);

	if (rc == 0)
		rc = journal_commit(f->j, &g, 1, &f->e);
	journal_group_free(&g);
	return rc;
}

static int commit(struct fixture *f, const char *letters)
{
	return commit_sized(f, letters, 40, false);
}

static void fail_next(struct fixture *f, enum disk_call call, long in, long count)
{
	f->d->fail_calls = call;
	f->d->fail_in = in;
	f->d->fail_count = count;
	f->d->fail_errno = EIO;
}

static void assert_told(struct fixture *f, const char *want)
{
	assert_int_equal(scan_from(f, 0), 0);
	assert_string_equal(f->t.first, want);
}

/* The file of a segment, to change its bytes. */
static unsigned char *bytes_at(struct fixture *f, uint64_t position)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(position_segment(position), name);
	struct disk_file *file = disk_find(f->d, JOURNAL_DIR, name);

	assert_non_null(file);
	return file->cache + position_offset(position);
}

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

/* Bytes with good checks that this program does not know stop the start. */
static void newer_versions_stop_the_start(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "ab"), 0);
	assert_told(f, "ab");
	uint64_t at = f->t.position[1];
	unsigned char *b = bytes_at(f, at);

	b[9] = 2;
	le64_set(b + 24, check_of(&key, CHECK_HEADER, at, b, 24));
	assert_int_equal(scan_from(f, 0), ERR_INVALID);
	assert_non_null(strstr(f->e.text, "newer"));
	b[9] = 1;
	b[8] = 4;
	le64_set(b + 24, check_of(&key, CHECK_HEADER, at, b, 24));
	assert_int_equal(scan_from(f, 0), ERR_INVALID);
	b[8] = 1;
	le64_set(b + 24, check_of(&key, CHECK_HEADER, at, b, 24));
	assert_told(f, "ab");
	unsigned char *header = bytes_at(f, position_make(1, 0));

	le16_set(header + 8, 2);
	le64_set(header + 56, check_of(&key, CHECK_SEGMENT, position_make(1, 0), header, 56));
	assert_int_equal(scan_from(f, 0), ERR_INVALID);
}

static void bad_segment_header_loses_no_entry(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, "ab"), 0);
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
		assert_int_equal(
			journal_open(&f->j, &f->d->io, JOURNAL_DIR, &key, rows[i].size, 0, &v, &f->r, &f->e),
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

#define WITH_JOURNAL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_JOURNAL(invariant_1_durable_before_heard),
		WITH_JOURNAL(invariant_2_torn_tail_is_cut),
		WITH_JOURNAL(invariant_2_damage_is_skipped),
		WITH_JOURNAL(invariant_2_mark_without_its_entries),
		WITH_JOURNAL(invariant_3_failed_sync_is_not_tried_again),
		WITH_JOURNAL(invariant_3_read_only_after_two_failures),
		WITH_JOURNAL(invariant_3_synced_group_is_refused),
		WITH_JOURNAL(invariant_3_unclean_stop_begins_a_new_segment),
		WITH_JOURNAL(clean_stop_goes_on_in_the_segment),
		WITH_JOURNAL(last_group_is_asked_for_its_letters),
		WITH_JOURNAL(invariant_8_recycle_takes_only_what_lies_before),
		WITH_JOURNAL(invariant_9_recovery_from_a_position),
		WITH_JOURNAL(invariant_10_room_to_clean_up),
		WITH_JOURNAL(invariant_12_missing_segments_are_reported),
		WITH_JOURNAL(burnt_number_is_no_damage),
		WITH_JOURNAL(attack_copied_entries_are_no_entries),
		WITH_JOURNAL(attack_same_offset_in_another_segment),
		WITH_JOURNAL(invariant_12_another_secret_stops_the_start),
		WITH_JOURNAL(groups_tell_their_time),
		WITH_JOURNAL(newer_versions_stop_the_start),
		WITH_JOURNAL(bad_segment_header_loses_no_entry),
		WITH_JOURNAL(group_limits),
		WITH_JOURNAL(segment_sizes),
		WITH_JOURNAL(file_cut_short_is_damage),
		WITH_JOURNAL(strange_names_are_ignored),
		WITH_JOURNAL(starts_that_die_leave_nothing),
		WITH_JOURNAL(many_torn_starts),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
