/* SPDX-License-Identifier: Apache-2.0 */
/* The journal on a model of a disk that the journal's tests share. */
#include "store/journal_fixture.h"

#include "base/unit.h"

#include <errno.h>
#include <string.h>

const struct check_key fixture_key = {{1, 2, 3, 4}};

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

struct journal_visitor visitor(struct fixture *f)
{
	int stop = f->t.stop;
	int not_whole = f->t.not_whole;

	f->t = (struct told){.stop = stop, .not_whole = not_whole};
	return (struct journal_visitor){&f->t, on_entry, on_group, on_damage, on_whole};
}

int open_from(struct fixture *f, uint64_t from)
{
	const struct journal_visitor v = visitor(f);

	return journal_open(&f->j, &f->d->io, JOURNAL_DIR, &fixture_key, SEGMENT, from, &v, &f->r, &f->e);
}

int scan_from(struct fixture *f, uint64_t from)
{
	const struct journal_visitor v = visitor(f);

	return journal_scan(&f->d->io, JOURNAL_DIR, &fixture_key, from, &v, &f->r, &f->e);
}

int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->d = disk_new(1);
	*state = f;
	return open_from(f, 0);
}

int tear_down(void **state)
{
	struct fixture *f = *state;

	journal_destroy(&f->j);
	disk_destroy(&f->d);
	test_free(f);
	return 0;
}

void crash(struct fixture *f, enum disk_cut how)
{
	journal_destroy(&f->j);
	disk_power_cut(f->d, how);
}

int add(struct fixture *f, struct journal_group *g, const char *letters, size_t n, bool frees)
{
	uint32_t entry;
	int rc = 0;

	for (; rc == 0 && *letters; letters++) {
		memset(f->payload, *letters, n);
		rc = journal_group_add(g, (struct str){f->payload, n}, frees, &entry, &f->e);
	}
	return rc;
}

int commit_sized(struct fixture *f, const char *letters, size_t n, bool frees)
{
	struct journal_group g;

	journal_group_init(&g, f->j);
	int rc = add(f, &g, letters, n, frees);

	if (rc == 0)
		rc = journal_commit(f->j, &g, 1, &f->e);
	journal_group_free(&g);
	return rc;
}

int commit(struct fixture *f, const char *letters)
{
	return commit_sized(f, letters, 40, false);
}

void fail_next(struct fixture *f, enum disk_call call, long in, long count)
{
	f->d->fail_calls = call;
	f->d->fail_in = in;
	f->d->fail_count = count;
	f->d->fail_errno = EIO;
}

void assert_told(struct fixture *f, const char *want)
{
	assert_int_equal(scan_from(f, 0), 0);
	assert_string_equal(f->t.first, want);
}

unsigned char *bytes_at(struct fixture *f, uint64_t position)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(position_segment(position), name);
	struct disk_file *file = disk_find(f->d, JOURNAL_DIR, name);

	assert_non_null(file);
	/* Dirty, so that reading from the disk gives the changed bytes. */
	memset(file->dirty, 1, file->n);
	return file->cache + position_offset(position);
}
