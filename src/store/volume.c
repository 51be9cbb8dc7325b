/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing volumes.
 *
 *   GATHERING --volume_write--> WRITTEN --volume_sync--> SYNCED --volume_accept--> GATHERING
 *                  |               |                        |
 *             WRITE_FAILED    SYNC_FAILED                   | the journal refused
 *                  |               |                        v
 *                  |               +--volume_refuse--> the next volume begins (or READ_ONLY)
 *                  +------------------volume_refuse--> cut back to the last good end
 *
 *  1. A batch lies in one volume.
 *  2. No sync is tried twice: after a failed one the volume is left for ever,
 *     and the next one's header says where it ended (invariant 3).
 *  3. Only the newest volume is ever open for writing (invariant 7).
 */
#include "store/volume.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define VOLUME_SIZE_MIN (1U << 10)
#define VOLUME_SIZE_MAX (1U << 30)

static const char volume_magic[8] = {'M', 'S', 'v', 'o', 'l', 'u', 'm', '\n'};
static const char zeros[RECORD_ALIGN];

enum volume_state {
	GATHERING,
	WRITTEN,
	SYNCED,
	WRITE_FAILED,
	SYNC_FAILED,
	READ_ONLY,
};

struct volume {
	const struct sysio *io;
	const struct check_key *key;
	int dirfd;
	enum volume_state state;
	uint32_t size;
	int fd; /* of the open volume; -1: the next letter begins one */
	uint32_t number; /* the newest that was begun */
	uint32_t end; /* behind the last accepted letter in it */
	bool fresh; /* its name is not synced yet */
	/* The last volume with accepted letters, for the next header. */
	uint32_t before;
	uint64_t before_end;
	/* The batch: which volume, where its next letter goes. */
	uint32_t batch_number;
	uint32_t batch_end;
	unsigned count;
	unsigned char header[VOLUME_HEADER];
	unsigned char heads[VOLUME_BATCH_MAX][RECORD_HEADER];
	struct iovec iov[1 + 3 * VOLUME_BATCH_MAX];
};

static void find_newest(void *arg, const char *name)
{
	uint32_t *newest = arg;
	char again[VOLUME_NAME_SIZE];
	unsigned long number = strtoul(name, NULL, 16);

	if (number == 0 || number > UINT32_MAX - 1)
		return;
	volume_name((uint32_t)number, again);
	if (strcmp(name, again) == 0 && number > *newest)
		*newest = (uint32_t)number;
}

static void make_header(struct volume *v, uint64_t now_us)
{
	unsigned char *h = v->header;

	memset(h, 0, VOLUME_HEADER);
	memcpy(h, volume_magic, sizeof(volume_magic));
	le16_set(h + 8, VERSION);
	le16_set(h + 10, VOLUME_HEADER);
	le32_set(h + 12, v->number);
	le32_set(h + 16, v->before);
	le64_set(h + 24, v->before_end);
	le64_set(h + 32, now_us);
	le64_set(h + 56, check_of(v->key, CHECK_VOLUME, (uint64_t)v->number << 32, h, 56));
}

/* 0 good, ERR_CORRUPT, or ERR_INVALID for one of a newer version. */
static int header_check(const struct volume *v, const unsigned char *h)
{
	if (memcmp(h, volume_magic, sizeof(volume_magic)) != 0 ||
	    le64_get(h + 56) != check_of(v->key, CHECK_VOLUME, (uint64_t)v->number << 32, h, 56))
		return ERR_CORRUPT;
	return le16_get(h + 8) == VERSION ? 0 : ERR_INVALID;
}

static void leave_volume(struct volume *v)
{
	if (v->fd >= 0)
		v->io->close(v->io, v->fd);
	v->fd = -1;
}

/* Looks at the newest volume; after a stop in order, and with a good header, it
 * goes on behind its last byte. */
static int look_at_newest(struct volume *v, bool clean, struct err *e)
{
	unsigned char header[VOLUME_HEADER];
	char name[VOLUME_NAME_SIZE];
	struct err ignored;

	volume_name(v->number, name);
	v->fd = v->io->openat(v->io, v->dirfd, name, O_RDWR, 0);
	off_t size = v->fd >= 0 ? v->io->size(v->io, v->fd) : -1;

	if (size < 0)
		return err_errno(e, "cannot open the volume %s", name);
	v->before = v->number;
	v->before_end = (uint64_t)size;
	int rc = sysio_read(v->io, v->fd, header, sizeof(header), 0, &ignored);

	if (rc == 0)
		rc = header_check(v, header);
	if (rc == ERR_INVALID)
		return err_set(e, ERR_INVALID, "the volume %s was written by a newer program", name);
	/* A run that died may have left the last letters in memory only, and the
	 * journal now counts on them (invariant 1). */
	if (v->io->fsync(v->io, v->fd) < 0 || v->io->fsync(v->io, v->dirfd) < 0)
		return err_errno(e, "cannot sync the volume %s", name);
	if (rc == 0 && clean && size < VOLUME_SIZE_MAX)
		v->end = ((uint32_t)size + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
	else
		leave_volume(v);
	return 0;
}

int volume_open(struct volume **out, const struct sysio *io, int volumes_fd, const struct check_key *key,
		uint32_t size, bool clean, struct err *e)
{
	if (size < VOLUME_SIZE_MIN || size > VOLUME_SIZE_MAX)
		return err_set(e, ERR_INVALID, "a volume cannot have %u bytes", size);
	struct volume *v = calloc(1, sizeof(*v));

	if (!v)
		return err_set(e, ERR_MEMORY, "no memory for the volumes");
	*v = (struct volume){.io = io, .dirfd = volumes_fd, .key = key, .size = size, .fd = -1};
	int rc = io->list(io, volumes_fd, find_newest, &v->number);

	if (rc < 0)
		rc = err_errno(e, "cannot list the folder of the volumes");
	else if (v->number > 0)
		rc = look_at_newest(v, clean, e);
	if (rc)
		volume_destroy(&v);
	*out = v;
	return rc;
}

void volume_destroy(struct volume **v)
{
	if (!*v)
		return;
	leave_volume(*v);
	free(*v);
	*v = NULL;
}

/* Chooses the volume of the batch by its first letter. */
static void begin_batch(struct volume *v, uint64_t need)
{
	bool next = v->fd < 0 || need > v->size - v->end || v->end > v->size;

	v->batch_number = next ? v->number + 1 : v->number;
	v->batch_end = next ? VOLUME_HEADER : v->end;
}

int volume_add(struct volume *v, const struct record *r, struct str bytes, struct place *at, struct err *e)
{
	uint64_t need = record_size(bytes.n);

	if (v->state == READ_ONLY)
		return err_set(e, ERR_IO,
			       "no letter can be stored since a failed sync; restart when the disk is well");
	assert(v->state == GATHERING && r->stored == bytes.n);
	if (need == 0 || need > v->size - VOLUME_HEADER)
		return err_set(e, ERR_TOO_BIG, "a letter of %zu bytes fits into no volume", bytes.n);
	if (v->count == 0)
		begin_batch(v, need);
	if (v->count == VOLUME_BATCH_MAX || need > v->size - v->batch_end)
		return err_set(e, ERR_BUSY, "the batch is full");
	struct iovec *iov = v->iov + 1 + 3 * v->count;
	unsigned char *head = v->heads[v->count++];

	*at = (struct place){v->batch_number, v->batch_end};
	record_make(head, v->key, *at, r);
	iov[0] = (struct iovec){head, RECORD_HEADER};
	iov[1] = (struct iovec){(void *)(uintptr_t)bytes.p, bytes.n};
	iov[2] = (struct iovec){(void *)(uintptr_t)zeros, need - RECORD_HEADER - bytes.n};
	v->batch_end += (uint32_t)need;
	return 0;
}

/* A new file for the next number; its header is written with its first batch. */
static int begin_volume(struct volume *v, uint64_t now_us, struct err *e)
{
	char name[VOLUME_NAME_SIZE];

	leave_volume(v);
	v->number++;
	v->end = VOLUME_HEADER;
	v->fresh = true;
	volume_name(v->number, name);
	v->fd = v->io->openat(v->io, v->dirfd, name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (v->fd < 0)
		return err_errno(e, "cannot make the volume %s", name);
	make_header(v, now_us);
	return 0;
}

int volume_write(struct volume *v, uint64_t now_us, struct err *e)
{
	uint64_t at = v->end;
	int rc = 0;

	assert(v->state == GATHERING && v->count > 0);
	v->state = WRITE_FAILED;
	v->iov[0] = (struct iovec){v->header, 0};
	if (v->batch_number != v->number) {
		rc = begin_volume(v, now_us, e);
		v->iov[0].iov_len = VOLUME_HEADER;
		at = 0;
	}
	if (rc == 0)
		rc = sysio_write(v->io, v->fd, v->iov, (int)(1 + 3 * v->count), at, e);
	if (rc == 0)
		v->state = WRITTEN;
	return rc;
}

static int sync_volume(struct volume *v, struct err *e)
{
	if (v->io->fdatasync(v->io, v->fd) < 0 || (v->fresh && v->io->fsync(v->io, v->dirfd) < 0))
		return err_errno(e, "cannot sync volume %08X", v->number);
	return 0;
}

int volume_sync(struct volume *v, struct err *e)
{
	assert(v->state == WRITTEN);
	int rc = sync_volume(v, e);

	v->state = rc ? SYNC_FAILED : SYNCED;
	return rc;
}

/* The open volume is good up to here. */
static void settle(struct volume *v, uint32_t end)
{
	v->end = end;
	v->fresh = false;
	v->before = v->number;
	v->before_end = end;
	v->count = 0;
	v->state = GATHERING;
}

void volume_accept(struct volume *v)
{
	assert(v->state == SYNCED);
	settle(v, v->batch_end);
}

/* A volume that holds no accepted letter goes; its number stays used. */
static void drop_fresh(struct volume *v)
{
	char name[VOLUME_NAME_SIZE];

	if (v->fd < 0)
		return;
	leave_volume(v);
	volume_name(v->number, name);
	v->io->unlinkat(v->io, v->dirfd, name);
}

static int begin_after_failure(struct volume *v, uint64_t now_us, struct err *e)
{
	struct iovec header = {v->header, VOLUME_HEADER};
	int rc = begin_volume(v, now_us, e);

	if (rc == 0)
		rc = sysio_write(v->io, v->fd, &header, 1, 0, e);
	if (rc == 0)
		rc = sync_volume(v, e);
	if (rc == 0) {
		settle(v, VOLUME_HEADER);
		return 0;
	}
	leave_volume(v);
	v->state = READ_ONLY;
	return err_prefix(e, "no letter can be stored any more");
}

int volume_refuse(struct volume *v, uint64_t now_us, struct err *e)
{
	enum volume_state was = v->state;

	if (was == READ_ONLY)
		return err_set(e, ERR_IO, "no letter can be stored any more");
	v->count = 0;
	v->state = GATHERING;
	if (was == GATHERING)
		return 0; /* the disk has not seen it */
	if (was == SYNC_FAILED)
		return begin_after_failure(v, now_us, e);
	if (v->fresh) {
		drop_fresh(v);
		return 0;
	}
	if (v->fd >= 0 && v->io->ftruncate(v->io, v->fd, (off_t)v->end) < 0)
		return begin_after_failure(v, now_us, e);
	return 0;
}

bool volume_writable(const struct volume *v)
{
	return v->state != READ_ONLY;
}

uint32_t volume_number(const struct volume *v)
{
	return v->number;
}
