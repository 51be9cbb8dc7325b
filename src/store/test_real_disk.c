/* SPDX-License-Identifier: Apache-2.0 */
/* Journal, volumes and letter files together on a real disk. */
#include "store/journal.h"
#include "store/letter_file.h"
#include "store/volume.h"

#include "base/unit.h"
#include "store/temp_folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct fixture {
	struct temp_folder t;
	struct check_key key;
	struct record_store store;
	struct sysio io; /* sysio_real, with faults */
	struct err e;
};

static int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	if (temp_folder_make(&f->t) < 0)
		return -1;
	f->io = sysio_real;
	f->store = (struct record_store){&f->io, &f->key, f->t.fd, f->t.fd};
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	temp_folder_remove(&f->t);
	test_free(f);
	return 0;
}

struct seen {
	unsigned entries, damages;
};

static int on_entry(void *arg, uint64_t position, struct str payload)
{
	((struct seen *)arg)->entries++;
	return 0;
}

static void on_damage(void *arg, uint64_t position, uint64_t length, const char *what)
{
	((struct seen *)arg)->damages++;
}

static void journal_on_real_files(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	const struct journal_visitor v = {.arg = &seen, .entry = on_entry, .damage = on_damage};
	struct journal_report r;
	struct journal *j;
	struct journal_group g;
	char payload[500] = "payload";
	uint32_t entry;

	for (int life = 0; life < 4; life++) {
		seen = (struct seen){0};
		assert_int_equal(journal_open(&j, &f->io, f->t.fd, &f->key, 1 << 16, 0, &v, &r, &f->e), 0);
		assert_int_equal(seen.entries, life * 300);
		assert_int_equal(seen.damages, 0);
		assert_int_equal(r.clean, life % 2 == 1);
		journal_group_init(&g, j);
		for (int i = 0; i < 300; i++) {
			assert_int_equal(
				journal_group_add(&g, (struct str){payload, (size_t)i}, false, &entry, &f->e),
				0);
			if (i % 10 == 9) {
				assert_int_equal(journal_commit(j, &g, 1, &f->e), 0);
				journal_group_clear(&g);
			}
		}
		journal_group_free(&g);
		if (life % 2 == 0)
			assert_int_equal(journal_close(j, 1, &f->e), 0);
		journal_destroy(&j);
	}
}

static int no_fallocate(const struct sysio *io, int fd, int mode, off_t at, off_t n)
{
	errno = EOPNOTSUPP;
	return -1;
}

static void file_system_without_fallocate(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	const struct journal_visitor v = {.arg = &seen, .entry = on_entry, .damage = on_damage};
	struct journal_report r;
	struct journal *j;
	struct stat st;

	f->io.fallocate = no_fallocate;
	assert_int_equal(journal_open(&j, &f->io, f->t.fd, &f->key, 100000, 0, &v, &r, &f->e), 0);
	assert_int_equal(journal_spares(j), 2);
	assert_int_equal(fstatat(f->t.fd, "spare.1", &st, 0), 0);
	assert_int_equal(st.st_size, 100000);
	assert_true(st.st_blocks * 512 >= 100000);
	journal_destroy(&j);
}

static void volume_on_real_files(void **state)
{
	struct fixture *f = *state;
	struct volume *v;
	struct place at;
	struct record r = {0x0001000000000001, 5, 5, crc32c(0, "bytes", 5), TRANSFORM_NONE};
	char got[5];
	int fd;

	assert_int_equal(volume_open(&v, &f->io, f->t.fd, &f->key, VOLUME_SIZE, false, &f->e), 0);
	assert_int_equal(volume_add(v, &r, STR("bytes"), &at, &f->e), 0);
	assert_int_equal(volume_write(v, 1, &f->e), 0);
	assert_int_equal(volume_sync(v, &f->e), 0);
	volume_accept(v);
	volume_destroy(&v);
	assert_int_equal(record_open(&f->store, r.id, at, &fd, &f->e), 0);
	assert_int_equal(record_head(&f->store, fd, r.id, at, &r, &f->e), 0);
	assert_int_equal(record_read(&f->store, fd, at, &r, 1, got, 4, 0, &f->e), 0);
	assert_memory_equal(got, "ytes", 4);
	/* In memory or not: either answer is right, other bytes are not. */
	memset(got, 0, sizeof(got));
	int rc = record_read(&f->store, fd, at, &r, 0, got, 5, RECORD_NOWAIT, &f->e);

	assert_true(rc == ERR_BUSY || (rc == 0 && memcmp(got, "bytes", 5) == 0));
	close(fd);
}

static ssize_t not_in_memory(const struct sysio *io, int fd, const struct iovec *iov, int count, off_t at,
			     int flags)
{
	if (flags & RWF_NOWAIT) {
		errno = EAGAIN;
		return -1;
	}
	return sysio_real.preadv2(io, fd, iov, count, at, flags);
}

static void add_letter(struct fixture *f, struct letter_file *file, uint64_t id, size_t chunks)
{
	char chunk[1000];

	assert_int_equal(letter_file_begin(file, &f->store, id, &f->e), 0);
	for (size_t i = 0; i < chunks; i++) {
		memset(chunk, (int)i, sizeof(chunk));
		assert_int_equal(letter_file_add(file, (struct str){chunk, sizeof(chunk)}, &f->e), 0);
	}
}

static void invariant_11_big_letter_has_its_own_file(void **state)
{
	const uint64_t id = 0x000100000000AB3F;
	const struct place at = {0, 0};
	struct fixture *f = *state;
	struct letter_file file;
	struct record r, read;
	struct stat st;
	char got[2000];
	int fd;

	add_letter(f, &file, id, 300);
	assert_int_equal(letter_file_finish(&file, 300000, TRANSFORM_NONE, &r, &f->e), 0);
	letter_file_abort(&file); /* nothing any more */
	assert_int_equal(fstatat(f->t.fd, "3F/000100000000AB3F", &st, 0), 0);
	assert_int_equal(st.st_size, RECORD_HEADER + 300000);
	assert_int_equal(record_open(&f->store, id, at, &fd, &f->e), 0);
	assert_int_equal(record_head(&f->store, fd, id, at, &read, &f->e), 0);
	assert_true(read.length == 300000 && read.stored == 300000 && read.crc == r.crc);
	assert_int_equal(record_read(&f->store, fd, at, &read, 65000, got, sizeof(got), RECORD_VERIFY, &f->e),
			 0);
	assert_int_equal(got[0], 65);
	assert_int_equal(got[1999], 66);
	f->io.preadv2 = not_in_memory;
	assert_int_equal(record_read(&f->store, fd, at, &read, 0, got, 10, RECORD_NOWAIT, &f->e), ERR_BUSY);
	assert_int_equal(record_read(&f->store, fd, at, &read, 0, got, 10, 0, &f->e), 0);
	/* Under another name it is nobody's letter. */
	assert_int_equal(record_head(&f->store, fd, id + 1, at, &read, &f->e), ERR_CORRUPT);
	close(fd);
	assert_int_equal(letter_file_drop(&f->store, id, &f->e), 0);
	assert_int_equal(letter_file_drop(&f->store, id, &f->e), ERR_NOT_FOUND);
	assert_int_equal(record_open(&f->store, id, at, &fd, &f->e), ERR_NOT_FOUND);
}

static void unfinished_letter_files(void **state)
{
	const uint64_t id = 0x0001000000000001;
	struct fixture *f = *state;
	struct letter_file file, again;
	struct record r;
	struct stat st;
	int fd;

	/* Given up: gone. */
	add_letter(f, &file, id, 3);
	letter_file_abort(&file);
	assert_int_equal(fstatat(f->t.fd, "01/0001000000000001", &st, 0), -1);
	/* A crash: the file has no header and is replaced by the next try. */
	add_letter(f, &file, id, 9);
	assert_int_equal(record_open(&f->store, id, (struct place){0, 0}, &fd, &f->e), 0);
	assert_int_equal(record_head(&f->store, fd, id, (struct place){0, 0}, &r, &f->e), ERR_CORRUPT);
	close(fd);
	add_letter(f, &again, id, 2);
	assert_int_equal(letter_file_finish(&again, 2000, TRANSFORM_NONE, &r, &f->e), 0);
	assert_int_equal(fstatat(f->t.fd, "01/0001000000000001", &st, 0), 0);
	assert_int_equal(st.st_size, RECORD_HEADER + 2000);
	close(file.fd);
	close(file.dirfd);
}

static int failing_sync(const struct sysio *io, int fd)
{
	errno = EIO;
	return -1;
}

static void letter_file_whose_sync_fails(void **state)
{
	struct fixture *f = *state;
	struct letter_file file;
	struct record r;

	f->io.fdatasync = failing_sync;
	add_letter(f, &file, 1, 2);
	assert_int_equal(letter_file_finish(&file, 2000, TRANSFORM_NONE, &r, &f->e), ERR_IO);
	letter_file_abort(&file);
	assert_int_equal(letter_file_drop(&f->store, 1, &f->e), ERR_NOT_FOUND);
	f->io.fsync = failing_sync;
	assert_int_equal(letter_file_begin(&file, &f->store, 2, &f->e), ERR_IO);
	letter_file_abort(&file);
}

static ssize_t one_byte(const struct sysio *io, int fd, const struct iovec *iov, int count, off_t at)
{
	return pwrite(fd, iov[0].iov_base, 1, at);
}

static ssize_t no_byte(const struct sysio *io, int fd, const struct iovec *iov, int count, off_t at)
{
	return 0;
}

static void short_writes(void **state)
{
	struct fixture *f = *state;
	char text[] = "abcde";
	struct iovec iov[] = {{NULL, 0}, {text, 2}, {NULL, 0}, {text + 2, 3}, {NULL, 0}};
	struct iovec rest[] = {{text, 1}};
	char got[5];
	int fd = openat(f->t.fd, "file", O_RDWR | O_CREAT, 0600);

	f->io.pwritev = one_byte;
	assert_int_equal(sysio_write(&f->io, fd, iov, 5, 3, &f->e), 0);
	assert_int_equal(sysio_read(&f->io, fd, got, 5, 3, &f->e), 0);
	assert_memory_equal(got, "abcde", 5);
	assert_int_equal(sysio_read(&f->io, fd, got, 5, 4, &f->e), ERR_CORRUPT);
	f->io.pwritev = no_byte;
	assert_int_equal(sysio_write(&f->io, fd, rest, 1, 0, &f->e), ERR_IO);
	close(fd);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(journal_on_real_files),
		WITH_FOLDER(file_system_without_fallocate),
		WITH_FOLDER(volume_on_real_files),
		WITH_FOLDER(invariant_11_big_letter_has_its_own_file),
		WITH_FOLDER(unfinished_letter_files),
		WITH_FOLDER(letter_file_whose_sync_fails),
		WITH_FOLDER(short_writes),
	};

	return cmocka_run_group_tests_name("real_disk", tests, NULL, NULL);
}
