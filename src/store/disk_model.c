/* SPDX-License-Identifier: Apache-2.0 */
/* The model of a disk that the store's tests run on. */
#include "store/disk_model.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static struct disk *disk_of(const struct sysio *io)
{
	return (struct disk *)(uintptr_t)io;
}

/* splitmix64 */
uint64_t disk_random(struct disk *d)
{
	uint64_t z = d->random += 0x9E3779B97F4A7C15;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

static struct disk_dir *dir_of(struct disk *d, int fd)
{
	return fd == JOURNAL_DIR || fd == VOLUMES_DIR ? &d->dirs[fd - JOURNAL_DIR] : NULL;
}

/* Counts a call that changes something; false (errno) when it must not work. */
static bool allowed(struct disk *d, enum disk_call call)
{
	if (d->off_at_call >= 0 && d->calls >= d->off_at_call)
		d->off = true;
	d->calls++;
	errno = EIO;
	if (d->off)
		return false;
	if (!(d->fail_calls & call))
		return true;
	if (d->fail_in > 0) {
		d->fail_in--;
		return true;
	}
	if (d->fail_count-- <= 0) {
		d->fail_calls = 0;
		return true;
	}
	errno = d->fail_errno;
	return false;
}

static int name_index(const struct disk_names *names, const char *name)
{
	for (int i = 0; i < names->count; i++)
		if (strcmp(names->entry[i].name, name) == 0)
			return i;
	return -1;
}

/* Notes the state before a change; a long history forgets its middle. */
static void changing(struct disk_dir *dir)
{
	if (dir->changes == DISK_HISTORY) {
		memmove(&dir->history[1], &dir->history[2], (DISK_HISTORY - 2) * sizeof(dir->history[0]));
		dir->changes--;
	}
	dir->history[dir->changes++] = dir->now;
}

static void name_remove(struct disk_names *names, int i)
{
	names->entry[i] = names->entry[--names->count];
}

static void name_add(struct disk_names *names, const char *name, int file)
{
	assert(names->count < DISK_FILES && strlen(name) < sizeof(names->entry[0].name));
	memcpy(names->entry[names->count].name, name, strlen(name) + 1);
	names->entry[names->count++].file = file;
}

/* A file that no folder names, now or after a power cut, is used again. */
static bool named(const struct disk *d, int file)
{
	for (int i = 0; i < 2; i++)
		for (int h = -1; h < d->dirs[i].changes; h++) {
			const struct disk_names *names = h < 0 ? &d->dirs[i].now : &d->dirs[i].history[h];

			for (int k = 0; k < names->count; k++)
				if (names->entry[k].file == file)
					return true;
		}
	for (int i = 0; i < DISK_FDS; i++)
		if (d->fds[i] == file + 1)
			return true;
	return false;
}

static int new_file(struct disk *d)
{
	int file = 0;

	while (file < d->file_count && named(d, file))
		file++;
	assert(file < DISK_FILES);
	if (file == d->file_count)
		d->file_count++;
	d->files[file].n = d->files[file].platter_n = 0;
	return file;
}

static void grow(struct disk_file *f, size_t n)
{
	if (n > f->cap) {
		f->cache = realloc(f->cache, n);
		f->platter = realloc(f->platter, n);
		f->dirty = realloc(f->dirty, n);
		f->cap = n;
	}
	if (n > f->n) {
		memset(f->cache + f->n, 0, n - f->n);
		memset(f->dirty + f->n, 1, n - f->n);
		f->n = n;
	}
}

/* Space for n more bytes, or what there is. */
static size_t take_space(struct disk *d, size_t n)
{
	if (d->space < 0)
		return n;
	if ((long)n > d->space)
		n = (size_t)d->space;
	d->space -= (long)n;
	return n;
}

static int model_openat(const struct sysio *io, int dirfd, const char *name, int flags, mode_t mode)
{
	struct disk *d = disk_of(io);
	struct disk_dir *dir = dir_of(d, dirfd);
	int i = name_index(&dir->now, name);
	int fd = 0;

	if (d->off || ((flags & O_CREAT) && !allowed(d, CALL_OPEN)))
		return -1;
	if (i < 0 && !(flags & O_CREAT)) {
		errno = ENOENT;
		return -1;
	}
	if (i >= 0 && (flags & O_EXCL)) {
		errno = EEXIST;
		return -1;
	}
	if (i < 0) {
		changing(dir);
		name_add(&dir->now, name, new_file(d));
		i = dir->now.count - 1;
	}
	while (fd < DISK_FDS && d->fds[fd])
		fd++;
	assert(fd < DISK_FDS);
	d->fds[fd] = dir->now.entry[i].file + 1;
	if (flags & O_TRUNC)
		d->files[d->fds[fd] - 1].n = 0;
	return fd;
}

static struct disk_file *file_of(struct disk *d, int fd)
{
	assert(fd >= 0 && fd < DISK_FDS && d->fds[fd]);
	return &d->files[d->fds[fd] - 1];
}

static int model_close(const struct sysio *io, int fd)
{
	file_of(disk_of(io), fd);
	disk_of(io)->fds[fd] = 0;
	return 0;
}

/* One byte after the other, so that the power can go away between any two. */
static bool write_byte(struct disk *d, struct disk_file *f, size_t at, unsigned char byte)
{
	if (d->off_at_byte >= 0 && d->bytes >= d->off_at_byte) {
		d->off = true;
		return false;
	}
	if (at >= f->n) {
		if (take_space(d, at + 1 - f->n) < at + 1 - f->n)
			return false;
		if (at + 1 > f->cap) {
			size_t n = f->n;

			grow(f, 2 * (at + 1)); /* capacity only */
			f->n = n;
		}
		grow(f, at + 1);
	}
	f->cache[at] = byte;
	f->dirty[at] = 1;
	d->bytes++;
	return true;
}

static ssize_t model_pwritev(const struct sysio *io, int fd, const struct iovec *iov, int count, off_t at)
{
	struct disk *d = disk_of(io);
	struct disk_file *f = file_of(d, fd);
	size_t done = 0;

	if (!allowed(d, CALL_WRITE))
		return -1;
	f->writes++;
	for (int i = 0; i < count; i++)
		for (size_t k = 0; k < iov[i].iov_len; k++) {
			if (d->max_write && done == d->max_write)
				return (ssize_t)done;
			if (!write_byte(d, f, (size_t)at + done, ((unsigned char *)iov[i].iov_base)[k])) {
				errno = d->off ? EIO : ENOSPC;
				return done && !d->off ? (ssize_t)done : -1;
			}
			done++;
		}
	return (ssize_t)done;
}

static ssize_t model_preadv2(const struct sysio *io, int fd, const struct iovec *iov, int count, off_t at,
			     int flags)
{
	struct disk_file *f = file_of(disk_of(io), fd);
	size_t n = (size_t)at < f->n ? f->n - (size_t)at : 0;

	assert(count == 1);
	if (n > iov->iov_len)
		n = iov->iov_len;
	if (n > 0)
		memcpy(iov->iov_base, f->cache + at, n);
	return (ssize_t)n;
}

static void sync_file(struct disk_file *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->dirty[i] || i >= f->platter_n)
			f->platter[i] = f->cache[i];
	if (f->n > 0)
		memset(f->dirty, 0, f->n);
	f->platter_n = f->n;
}

/* What Linux does when writing back fails: the error is told once, the pages
 * count as clean. */
static void sync_fails(struct disk *d, struct disk_file *f)
{
	size_t old = f->platter_n;

	f->platter_n = f->n;
	for (size_t at = 0; at < f->n; at++) {
		if (at >= old)
			f->platter[at] = 0;
		if (f->dirty[at] && at % DISK_SECTOR == 0 && disk_random(d) % 4 == 0)
			f->platter[at] = f->cache[at];
	}
	if (f->n > 0)
		memset(f->dirty, 0, f->n);
}

static int model_fsync(const struct sysio *io, int fd)
{
	struct disk *d = disk_of(io);
	struct disk_dir *dir = dir_of(d, fd);

	d->syncs++;
	if (dir) {
		if (!allowed(d, CALL_DIRSYNC))
			return -1;
		dir->changes = 0;
		return 0;
	}
	if (!allowed(d, CALL_SYNC)) {
		if (!d->off)
			sync_fails(d, file_of(d, fd));
		errno = EIO;
		return -1;
	}
	sync_file(file_of(d, fd));
	return 0;
}

static int model_ftruncate(const struct sysio *io, int fd, off_t size)
{
	struct disk_file *f = file_of(disk_of(io), fd);

	if (!allowed(disk_of(io), CALL_TRUNCATE))
		return -1;
	if (disk_of(io)->space >= 0 && (size_t)size < f->n)
		disk_of(io)->space += (long)(f->n - (size_t)size);
	f->writes++;
	if ((size_t)size > f->n)
		grow(f, (size_t)size);
	f->n = (size_t)size;
	return 0;
}

static int model_fallocate(const struct sysio *io, int fd, int mode, off_t at, off_t n)
{
	struct disk *d = disk_of(io);
	struct disk_file *f = file_of(d, fd);
	size_t end = (size_t)(at + n);

	if (!allowed(d, CALL_ALLOCATE))
		return -1;
	if (end > f->n && d->space >= 0 && (long)(end - f->n) > d->space) {
		errno = ENOSPC;
		return -1;
	}
	if (end > f->n) {
		take_space(d, end - f->n);
		grow(f, end);
	}
	return 0;
}

static int model_renameat(const struct sysio *io, int dirfd, const char *from, const char *to)
{
	struct disk_dir *dir = dir_of(disk_of(io), dirfd);
	int i = name_index(&dir->now, from);

	if (!allowed(disk_of(io), CALL_RENAME))
		return -1;
	if (i < 0) {
		errno = ENOENT;
		return -1;
	}
	changing(dir);
	int file = dir->now.entry[i].file;

	name_remove(&dir->now, i);
	i = name_index(&dir->now, to);
	if (i >= 0)
		name_remove(&dir->now, i);
	name_add(&dir->now, to, file);
	return 0;
}

static int model_unlinkat(const struct sysio *io, int dirfd, const char *name)
{
	struct disk *d = disk_of(io);
	struct disk_dir *dir = dir_of(d, dirfd);
	int i = name_index(&dir->now, name);

	if (!allowed(d, CALL_UNLINK))
		return -1;
	if (i < 0) {
		errno = ENOENT;
		return -1;
	}
	changing(dir);
	if (d->space >= 0)
		d->space += (long)d->files[dir->now.entry[i].file].n;
	name_remove(&dir->now, i);
	return 0;
}

static off_t model_size(const struct sysio *io, int fd)
{
	return (off_t)file_of(disk_of(io), fd)->n;
}

static int model_list(const struct sysio *io, int dirfd, void (*each)(void *arg, const char *name), void *arg)
{
	struct disk_dir *dir = dir_of(disk_of(io), dirfd);

	if (disk_of(io)->off) {
		errno = EIO;
		return -1;
	}
	for (int i = 0; i < dir->now.count; i++)
		each(arg, dir->now.entry[i].name);
	return 0;
}

struct disk *disk_new(uint64_t seed)
{
	struct disk *d = calloc(1, sizeof(*d));

	d->io = (struct sysio){
		.openat = model_openat,
		.close = model_close,
		.pwritev = model_pwritev,
		.preadv2 = model_preadv2,
		.fdatasync = model_fsync,
		.fsync = model_fsync,
		.ftruncate = model_ftruncate,
		.fallocate = model_fallocate,
		.renameat = model_renameat,
		.unlinkat = model_unlinkat,
		.size = model_size,
		.list = model_list,
	};
	d->random = seed;
	d->off_at_byte = d->off_at_call = d->space = -1;
	return d;
}

void disk_destroy(struct disk **d)
{
	if (!*d)
		return;
	for (int i = 0; i < DISK_FILES; i++) {
		free((*d)->files[i].cache);
		free((*d)->files[i].platter);
		free((*d)->files[i].dirty);
	}
	free(*d);
	*d = NULL;
}

void disk_process_dies(struct disk *d)
{
	memset(d->fds, 0, sizeof(d->fds));
	d->fail_calls = 0;
}

static void cut_file(struct disk *d, struct disk_file *f, enum disk_cut how)
{
	bool sector = false;
	bool size = how == CUT_KEEP || (how == CUT_MIX && disk_random(d) % 2);
	size_t n = size ? f->n : f->platter_n;

	for (size_t i = 0; i < n; i++) {
		if (i % DISK_SECTOR == 0)
			sector = how == CUT_KEEP || (how == CUT_MIX && disk_random(d) % 2);
		bool reached = i < f->n && f->dirty[i] && sector;

		if (reached)
			f->platter[i] = f->cache[i];
		else if (i >= f->platter_n)
			f->platter[i] = 0;
	}
	f->n = f->platter_n = n;
	if (n > 0) {
		memcpy(f->cache, f->platter, n);
		memset(f->dirty, 0, n);
	}
}

static void cut_dir(struct disk *d, struct disk_dir *dir, enum disk_cut how)
{
	if (dir->changes > 0 && how != CUT_KEEP) {
		int kept = how == CUT_LOSE ? 0 : (int)(disk_random(d) % (unsigned)(dir->changes + 1));

		if (kept < dir->changes)
			dir->now = dir->history[kept];
	}
	dir->changes = 0;
}

void disk_power_cut(struct disk *d, enum disk_cut how)
{
	disk_process_dies(d);
	for (int i = 0; i < 2; i++)
		cut_dir(d, &d->dirs[i], how);
	for (int i = 0; i < d->file_count; i++)
		cut_file(d, &d->files[i], how);
	d->off = false;
	d->off_at_byte = d->off_at_call = -1;
}

struct disk_file *disk_find(struct disk *d, int dirfd, const char *name)
{
	struct disk_dir *dir = dir_of(d, dirfd);
	int i = name_index(&dir->now, name);

	return i < 0 ? NULL : &d->files[dir->now.entry[i].file];
}
