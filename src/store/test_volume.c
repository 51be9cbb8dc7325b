/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes on the model of a disk: the invariants they keep, roll over, damage. */
#include "store/disk_model.h"
#include "store/volume.h"

#include "base/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define SIZE 4096

static const struct check_key key = {{5, 6, 7}};

struct fixture {
	struct disk *d;
	struct volume *v;
	struct record_store store;
	struct err e;
	char bytes[SIZE], got[SIZE];
	struct place at;
};

static int open_volume(struct fixture *f, bool clean)
{
	return volume_open(&f->v, &f->d->io, VOLUMES_DIR, &key, SIZE, clean, &f->e);
}

static int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->d = disk_new(1);
	f->store = (struct record_store){&f->d->io, &key, VOLUMES_DIR, -1};
	for (size_t i = 0; i < sizeof(f->bytes); i++)
		f->bytes[i] = (char)(i * 7 + 3);
	*state = f;
	return open_volume(f, false);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	volume_destroy(&f->v);
	disk_destroy(&f->d);
	test_free(f);
	return 0;
}

/* A letter of n bytes into the batch. */
static int add(struct fixture *f, uint64_t id, size_t n)
{
	const struct record r = {id, n, n, crc32c(0, f->bytes, n), TRANSFORM_NONE};

	return volume_add(f->v, &r, (struct str){f->bytes, n}, &f->at, &f->e);
}

static int commit(struct fixture *f)
{
	int rc = volume_write(f->v, 1, &f->e);

	if (rc == 0)
		rc = volume_sync(f->v, &f->e);
	if (rc == 0)
		volume_accept(f->v);
	return rc;
}

static int store(struct fixture *f, uint64_t id, size_t n)
{
	int rc = add(f, id, n);

	return rc ? rc : commit(f);
}

/* Reads the letter back, all of it, verified. */
static int check(struct fixture *f, uint64_t id, struct place at, size_t n)
{
	char *got = f->got;
	struct record r;
	int fd;
	int rc = record_open(&f->store, id, at, &fd, &f->e);

	if (rc)
		return rc;
	rc = record_head(&f->store, fd, id, at, &r, &f->e);
	if (rc == 0) {
		assert_int_equal(r.stored, n);
		assert_int_equal(r.length, n);
		rc = record_read(&f->store, fd, at, &r, 0, got, n, RECORD_VERIFY, &f->e);
	}
	if (rc == 0)
		assert_memory_equal(got, f->bytes, n);
	f->d->io.close(&f->d->io, fd);
	return rc;
}

static struct disk_file *file(struct fixture *f, uint32_t number)
{
	char name[VOLUME_NAME_SIZE];

	volume_name(number, name);
	return disk_find(f->d, VOLUMES_DIR, name);
}

static void letters_in_a_row(void **state)
{
	static const size_t sizes[] = {0, 1, 7, 8, 9, 47, 48, 300};
	struct fixture *f = *state;
	struct place at[8];

	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(add(f, i + 1, sizes[i]), 0);
		at[i] = f->at;
		assert_int_equal(at[i].offset % RECORD_ALIGN, 0);
	}
	long calls = f->d->calls, syncs = f->d->syncs;

	assert_int_equal(commit(f), 0);
	/* A new volume: made, one write, one sync, its name. */
	assert_int_equal(f->d->calls - calls, 4);
	assert_int_equal(f->d->syncs - syncs, 2);
	calls = f->d->calls;
	assert_int_equal(store(f, 9, 100), 0);
	assert_int_equal(f->d->calls - calls, 2);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(check(f, i + 1, at[i], sizes[i]), 0);
}

static void invariant_1_accepted_letters_survive(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store(f, 1, 100), 0);
	struct place first = f->at;

	assert_int_equal(store(f, 2, 100), 0);
	volume_destroy(&f->v);
	disk_power_cut(f->d, CUT_LOSE);
	assert_int_equal(check(f, 1, first, 100), 0);
	assert_int_equal(check(f, 2, f->at, 100), 0);
}

static void invariant_3_failed_sync_leaves_the_volume(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store(f, 1, 100), 0);
	struct place first = f->at;

	f->d->fail_calls = CALL_SYNC;
	f->d->fail_count = 1;
	f->d->fail_errno = EIO;
	assert_int_equal(store(f, 2, 100), ERR_IO);
	unsigned writes = file(f, 1)->writes;

	assert_int_equal(volume_refuse(f->v, 1, &f->e), 0);
	assert_int_equal(volume_number(f->v), 2);
	assert_int_equal(store(f, 3, 100), 0);
	assert_int_equal(f->at.volume, 2);
	/* Nothing was written to the old one again; the new one says where it ends. */
	assert_int_equal(file(f, 1)->writes, writes);
	assert_int_equal(le32_get(file(f, 2)->cache + 16), 1);
	assert_true(le64_get(file(f, 2)->cache + 24) == first.offset + record_size(100));
	assert_int_equal(check(f, 1, first, 100), 0);
	assert_int_equal(check(f, 3, f->at, 100), 0);
}

static void invariant_3_read_only_after_two_failures(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store(f, 1, 100), 0);
	struct place first = f->at;

	f->d->fail_calls = CALL_SYNC;
	f->d->fail_count = 2;
	f->d->fail_errno = EIO;
	assert_int_equal(store(f, 2, 100), ERR_IO);
	assert_int_equal(volume_refuse(f->v, 1, &f->e), ERR_IO);
	assert_false(volume_writable(f->v));
	assert_int_equal(add(f, 3, 100), ERR_IO);
	assert_int_equal(volume_refuse(f->v, 1, &f->e), ERR_IO);
	assert_int_equal(check(f, 1, first, 100), 0);
}

static void invariant_3_unclean_stop_begins_a_new_volume(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store(f, 1, 100), 0);
	volume_destroy(&f->v);
	assert_int_equal(open_volume(f, false), 0);
	assert_int_equal(store(f, 2, 100), 0);
	assert_int_equal(f->at.volume, 2);
	volume_destroy(&f->v);
	assert_int_equal(open_volume(f, true), 0);
	assert_int_equal(store(f, 3, 101), 0);
	assert_int_equal(f->at.volume, 2);
	volume_destroy(&f->v);
	assert_int_equal(open_volume(f, true), 0);
	assert_int_equal(store(f, 4, 100), 0);
	assert_int_equal(check(f, 3, (struct place){2, 64 + record_size(100)}, 101), 0);
	assert_int_equal(check(f, 4, f->at, 100), 0);
}

/* The journal refused the group: its letters leave no trace. */
static void refused_letters_are_cut_off(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store(f, 1, 100), 0);
	size_t n = file(f, 1)->n;

	assert_int_equal(add(f, 2, 100), 0);
	struct place refused = f->at;

	assert_int_equal(volume_write(f->v, 1, &f->e), 0);
	assert_int_equal(volume_sync(f->v, &f->e), 0);
	assert_int_equal(volume_refuse(f->v, 1, &f->e), 0);
	assert_int_equal(file(f, 1)->n, n);
	assert_int_equal(check(f, 2, refused, 100), ERR_CORRUPT);
	/* Not even written. */
	assert_int_equal(add(f, 3, 100), 0);
	assert_int_equal(volume_refuse(f->v, 1, &f->e), 0);
	assert_int_equal(store(f, 4, 50), 0);
	assert_true(f->at.volume == refused.volume && f->at.offset == refused.offset);
	assert_int_equal(check(f, 4, f->at, 50), 0);
	assert_int_equal(check(f, 2, refused, 50), ERR_CORRUPT);
}

static void full_disk_costs_no_volume(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store(f, 1, 100), 0);
	f->d->space = 60;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(store(f, 2, 200), ERR_FULL);
		assert_int_equal(volume_refuse(f->v, 1, &f->e), 0);
		assert_int_equal(volume_number(f->v), 1);
		assert_int_equal(f->d->space, 60);
	}
	/* Also when the volume itself is new. */
	assert_int_equal(store(f, 3, 3900), ERR_FULL);
	assert_int_equal(volume_refuse(f->v, 1, &f->e), 0);
	assert_null(file(f, 2));
	f->d->space = -1;
	assert_int_equal(store(f, 4, 100), 0);
	assert_int_equal(check(f, 4, f->at, 100), 0);
}

static void invariant_7_sealed_volumes_do_not_change(void **state)
{
	struct fixture *f = *state;
	struct place at[20];
	unsigned writes = 0;

	for (uint64_t i = 0; i < 20; i++) {
		int rc = add(f, i + 1, 700);

		assert_int_equal(rc, 0);
		assert_int_equal(commit(f), 0);
		at[i] = f->at;
		if (at[i].volume == 2 && writes == 0)
			writes = file(f, 1)->writes;
	}
	assert_true(volume_number(f->v) >= 4);
	assert_int_equal(file(f, 1)->writes, writes);
	for (uint32_t n = 1; n <= volume_number(f->v); n++)
		assert_true(file(f, n)->n <= SIZE);
	for (uint64_t i = 0; i < 20; i++)
		assert_int_equal(check(f, i + 1, at[i], 700), 0);
}

static void batches_have_limits(void **state)
{
	struct fixture *f = *state;
	size_t most = SIZE - VOLUME_HEADER - RECORD_HEADER;

	assert_int_equal(add(f, 1, most + 1), ERR_TOO_BIG);
	assert_int_equal(store(f, 1, most), 0);
	assert_int_equal(check(f, 1, f->at, most), 0);
	assert_int_equal(file(f, 1)->n, SIZE);
	/* The next letter begins the next volume; one that does not fit there waits. */
	assert_int_equal(add(f, 2, most - 100), 0);
	assert_int_equal(f->at.volume, 2);
	assert_int_equal(add(f, 3, 100), ERR_BUSY);
	assert_int_equal(commit(f), 0);
	assert_int_equal(store(f, 3, 100), 0);
	assert_int_equal(f->at.volume, 3);
	/* So many letters in a batch. */
	volume_destroy(&f->v);
	assert_int_equal(volume_open(&f->v, &f->d->io, VOLUMES_DIR, &key, 1 << 20, false, &f->e), 0);
	for (unsigned i = 0; i < VOLUME_BATCH_MAX; i++)
		assert_int_equal(add(f, i + 1, i % 10), 0);
	assert_int_equal(add(f, 999, 1), ERR_BUSY);
	assert_int_equal(commit(f), 0);
	assert_int_equal(add(f, 999, 1), 0);
}

/* Each byte of a record changed: never other bytes, always an error or the
 * letter as it was. */
static void every_changed_byte_is_found(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store(f, 1, 101), 0);
	struct disk_file *v = file(f, 1);

	for (size_t at = f->at.offset; at < v->n; at++) {
		bool gap = at >= f->at.offset + RECORD_HEADER + 101;

		v->cache[at] ^= 0x10;
		assert_int_equal(check(f, 1, f->at, 101), gap ? 0 : ERR_CORRUPT);
		v->cache[at] ^= 0x10;
	}
	v->n -= 30;
	assert_int_equal(check(f, 1, f->at, 101), ERR_CORRUPT);
}

/* A letter may contain a whole record, copied or made: it has no check for the
 * place where it lies now. */
static void attack_record_inside_a_letter(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store(f, 1, 100), 0);
	memcpy(f->bytes, file(f, 1)->cache + f->at.offset, 148);
	assert_int_equal(store(f, 2, 148), 0);
	struct place inside = {f->at.volume, f->at.offset + RECORD_HEADER};

	assert_int_equal(check(f, 1, inside, 100), ERR_CORRUPT);
	/* Nor is a letter another one's. */
	assert_int_equal(check(f, 3, f->at, 148), ERR_CORRUPT);
	assert_int_equal(check(f, 2, (struct place){9, 64}, 148), ERR_NOT_FOUND);
	assert_int_equal(check(f, 2, (struct place){1, 1 << 20}, 148), ERR_CORRUPT);
}

static void ranges(void **state)
{
	static const struct {
		uint64_t from;
		size_t n;
		int rc;
	} rows[] = {
		{0, 1000, 0},
		{0, 0, 0},
		{1000, 0, 0},
		{1, 999, 0},
		{500, 10, 0},
		{1, 1000, ERR_INVALID},
		{1001, 0, ERR_INVALID},
		{UINT64_MAX, 2, ERR_INVALID},
		{2, SIZE_MAX, ERR_INVALID},
	};
	static const int flags[] = {0, RECORD_VERIFY, RECORD_NOWAIT};
	struct fixture *f = *state;
	struct record r;
	char got[1000];
	int fd;

	assert_int_equal(store(f, 1, 1000), 0);
	assert_int_equal(record_open(&f->store, 1, f->at, &fd, &f->e), 0);
	assert_int_equal(record_head(&f->store, fd, 1, f->at, &r, &f->e), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; k < 3; k++) {
			int rc = record_read(&f->store, fd, f->at, &r, rows[i].from, got, rows[i].n, flags[k],
					     &f->e);

			assert_int_equal(rc, rows[i].rc);
			if (rc == 0)
				assert_memory_equal(got, f->bytes + rows[i].from, rows[i].n);
		}
	/* Damage outside the range is found when it is asked for. */
	file(f, 1)->cache[f->at.offset + RECORD_HEADER + 999] ^= 1;
	assert_int_equal(record_read(&f->store, fd, f->at, &r, 0, got, 10, 0, &f->e), 0);
	assert_int_equal(record_read(&f->store, fd, f->at, &r, 0, got, 10, RECORD_VERIFY, &f->e),
			 ERR_CORRUPT);
	f->d->io.close(&f->d->io, fd);
}

static void newer_versions_stop_the_start(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store(f, 1, 100), 0);
	unsigned char *h = file(f, 1)->cache;

	volume_destroy(&f->v);
	le16_set(h + 8, 2);
	le64_set(h + 56, check_of(&key, CHECK_VOLUME, 1ULL << 32, h, 56));
	assert_int_equal(open_volume(f, true), ERR_INVALID);
	assert_null(f->v);
	/* A bad header: the records are good by themselves, but nothing is added. */
	h[56] ^= 1;
	assert_int_equal(open_volume(f, true), 0);
	assert_int_equal(check(f, 1, f->at, 100), 0);
	assert_int_equal(store(f, 2, 100), 0);
	assert_int_equal(f->at.volume, 2);
	/* A record of a newer version. */
	unsigned char *head = file(f, 2)->cache + f->at.offset;

	head[4] = 2;
	le64_set(head + 40, check_of(&key, CHECK_RECORD, 2ULL << 32 | f->at.offset, head, 40));
	assert_int_equal(check(f, 2, f->at, 100), ERR_INVALID);
}

#define WITH_DISK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DISK(letters_in_a_row),
		WITH_DISK(invariant_1_accepted_letters_survive),
		WITH_DISK(invariant_3_failed_sync_leaves_the_volume),
		WITH_DISK(invariant_3_read_only_after_two_failures),
		WITH_DISK(invariant_3_unclean_stop_begins_a_new_volume),
		WITH_DISK(refused_letters_are_cut_off),
		WITH_DISK(full_disk_costs_no_volume),
		WITH_DISK(invariant_7_sealed_volumes_do_not_change),
		WITH_DISK(batches_have_limits),
		WITH_DISK(every_changed_byte_is_found),
		WITH_DISK(attack_record_inside_a_letter),
		WITH_DISK(ranges),
		WITH_DISK(newer_versions_stop_the_start),
	};

	return cmocka_run_group_tests_name("volume", tests, NULL, NULL);
}
