/* SPDX-License-Identifier: Apache-2.0 */
/* Names, spares and numbers of the journal's files. */
#include "store/segment_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPARE_NAME_SIZE 8
#define ZEROS_SIZE (1U << 16)

void segment_name(uint32_t number, char out[SEGMENT_NAME_SIZE])
{
	snprintf(out, SEGMENT_NAME_SIZE, "%08X.seg", number);
}

static void spare_name(unsigned slot, char out[SPARE_NAME_SIZE])
{
	snprintf(out, SPARE_NAME_SIZE, "spare.%u", slot & 7);
}

/* The number a name stands for; 0 when it is no segment's. */
static uint32_t name_number(const char *name)
{
	char again[SEGMENT_NAME_SIZE];
	unsigned long number = strtoul(name, NULL, 16);

	if (number == 0 || number > SEGMENT_NUMBER_MAX)
		return 0;
	segment_name((uint32_t)number, again);
	return strcmp(name, again) == 0 ? (uint32_t)number : 0;
}

static void list_number(struct segment_list *l, uint32_t number)
{
	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		uint32_t *more = reallocarray(l->numbers, cap, sizeof(*more));

		if (!more) {
			l->failed = true;
			return;
		}
		l->numbers = more;
		l->cap = cap;
	}
	l->numbers[l->count++] = number;
}

static void list_name(void *arg, const char *name)
{
	struct segment_list *l = arg;
	uint32_t number = name_number(name);
	char spare[SPARE_NAME_SIZE];

	if (number)
		list_number(l, number);
	for (unsigned slot = 0; slot < SPARES_MAX; slot++) {
		spare_name(slot, spare);
		if (strcmp(name, spare) == 0)
			l->spares |= 1U << slot;
	}
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int segment_list(const struct sysio *io, int dirfd, struct segment_list *out, struct err *e)
{
	*out = (struct segment_list){0};
	if (io->list(io, dirfd, list_name, out) < 0)
		return err_errno(e, "cannot list the journal's folder");
	if (out->failed)
		return err_set(e, ERR_MEMORY, "no memory for the list of the journal's segments");
	if (out->count > 0)
		qsort(out->numbers, out->count, sizeof(*out->numbers), by_number);
	return 0;
}

void segment_list_free(struct segment_list *l)
{
	free(l->numbers);
	*l = (struct segment_list){0};
}

/* A spare of another size (a new setting, or a start that died) is of no use. */
static int look_at_spare(struct segment_pool *p, unsigned slot, struct err *e)
{
	char name[SPARE_NAME_SIZE];

	spare_name(slot, name);
	int fd = p->io->openat(p->io, p->dirfd, name, O_RDONLY, 0);

	if (fd < 0)
		return err_errno(e, "cannot open the journal's %s", name);
	off_t size = p->io->size(p->io, fd);

	p->io->close(p->io, fd);
	if (size == (off_t)p->segment_size) {
		p->spares |= 1U << slot;
		return 0;
	}
	if (p->io->unlinkat(p->io, p->dirfd, name) < 0)
		return err_errno(e, "cannot remove the journal's %s", name);
	return 0;
}

int segment_pool_init(struct segment_pool *p, const struct sysio *io, int dirfd, uint32_t segment_size,
		      struct err *e)
{
	struct segment_list list;
	int rc = segment_list(io, dirfd, &list, e);

	*p = (struct segment_pool){.io = io, .dirfd = dirfd, .segment_size = segment_size, .next = 1};
	if (list.count > 0)
		p->next = list.numbers[list.count - 1] + 1;
	for (unsigned slot = 0; rc == 0 && slot < SPARES_MAX; slot++)
		if (list.spares & 1U << slot)
			rc = look_at_spare(p, slot, e);
	segment_list_free(&list);
	return rc;
}

unsigned segment_pool_spares(const struct segment_pool *p)
{
	return (unsigned)__builtin_popcount(p->spares);
}

/* The first slot whose bit is `taken`, SPARES_MAX when there is none. */
static unsigned find_slot(const struct segment_pool *p, bool taken)
{
	unsigned slot = 0;

	while (slot < SPARES_MAX && (p->spares >> slot & 1) != taken)
		slot++;
	return slot;
}

/* For file systems without fallocate: space is had by writing zeros. */
static int fill_with_zeros(const struct segment_pool *p, int fd, struct err *e)
{
	static const char zeros[ZEROS_SIZE];
	int rc = 0;

	for (uint32_t at = 0; rc == 0 && at < p->segment_size; at += ZEROS_SIZE) {
		uint32_t rest = p->segment_size - at;
		struct iovec iov = {
			.iov_base = (void *)(uintptr_t)zeros,
			.iov_len = rest < ZEROS_SIZE ? rest : ZEROS_SIZE,
		};

		rc = sysio_write(p->io, fd, &iov, 1, at, e);
	}
	return rc;
}

static int make_spare(struct segment_pool *p, struct err *e)
{
	unsigned slot = find_slot(p, false);
	char name[SPARE_NAME_SIZE];
	int rc = 0;

	spare_name(slot, name);
	int fd = p->io->openat(p->io, p->dirfd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		return err_errno(e, "cannot make the journal's %s", name);
	if (p->io->fallocate(p->io, fd, 0, 0, (off_t)p->segment_size) < 0)
		rc = errno == EOPNOTSUPP ? fill_with_zeros(p, fd, e)
					 : err_errno(e, "no space for a journal segment");
	/* Its size and blocks must not depend on the sync of a group. */
	if (rc == 0 && p->io->fsync(p->io, fd) < 0)
		rc = err_errno(e, "cannot sync a new journal segment");
	p->io->close(p->io, fd);
	if (rc == 0)
		p->spares |= 1U << slot;
	else
		p->io->unlinkat(p->io, p->dirfd, name);
	return rc;
}

int segment_pool_refill(struct segment_pool *p, struct err *e)
{
	int rc = 0;

	while (rc == 0 && segment_pool_spares(p) < SPARES_KEPT)
		rc = make_spare(p, e);
	return rc;
}

/* A spare that this group may take. */
static int find_spare(struct segment_pool *p, bool frees, unsigned *slot, struct err *e)
{
	int rc = 0;

	if (segment_pool_spares(p) <= SPARES_KEPT)
		rc = make_spare(p, e);
	if (rc == 0 || (frees && p->spares != 0)) {
		*slot = find_slot(p, true);
		return 0;
	}
	return rc;
}

int segment_pool_begin(struct segment_pool *p, bool frees, uint32_t *number, int *fd, struct err *e)
{
	char from[SPARE_NAME_SIZE], to[SEGMENT_NAME_SIZE];
	unsigned slot = 0;

	*number = 0;
	if (p->next > SEGMENT_NUMBER_MAX)
		return err_set(e, ERR_FULL, "the journal has used up its segment numbers");
	int rc = find_spare(p, frees, &slot, e);

	if (rc)
		return rc;
	*number = p->next++;
	p->spares &= ~(1U << slot);
	spare_name(slot, from);
	segment_name(*number, to);
	if (p->io->renameat(p->io, p->dirfd, from, to) < 0)
		return err_errno(e, "cannot name the journal segment %s", to);
	if (p->io->fsync(p->io, p->dirfd) < 0)
		return err_errno(e, "cannot sync the journal's folder");
	*fd = p->io->openat(p->io, p->dirfd, to, O_WRONLY, 0);
	if (*fd < 0)
		return err_errno(e, "cannot open the journal segment %s", to);
	return 0;
}

/* Renaming keeps the blocks, so the next use of a spare cannot fail for space. */
static int recycle_one(struct segment_pool *p, const char *name, struct err *e)
{
	char spare[SPARE_NAME_SIZE];
	unsigned slot = find_slot(p, false);
	int fd = p->io->openat(p->io, p->dirfd, name, O_RDONLY, 0);
	off_t size = fd >= 0 ? p->io->size(p->io, fd) : -1;
	int rc;

	if (fd >= 0)
		p->io->close(p->io, fd);
	if (slot < SPARES_MAX && size == (off_t)p->segment_size) {
		spare_name(slot, spare);
		rc = p->io->renameat(p->io, p->dirfd, name, spare);
		if (rc == 0)
			p->spares |= 1U << slot;
	} else {
		rc = p->io->unlinkat(p->io, p->dirfd, name);
	}
	return rc < 0 ? err_errno(e, "cannot recycle the journal segment %s", name) : 0;
}

int segment_pool_recycle(struct segment_pool *p, uint32_t below, struct err *e)
{
	struct segment_list list;
	char name[SEGMENT_NAME_SIZE];
	int rc = segment_list(p->io, p->dirfd, &list, e);

	for (size_t i = 0; rc == 0 && i < list.count && list.numbers[i] < below; i++) {
		segment_name(list.numbers[i], name);
		rc = recycle_one(p, name, e);
	}
	segment_list_free(&list);
	if (rc == 0 && p->io->fsync(p->io, p->dirfd) < 0)
		rc = err_errno(e, "cannot sync the journal's folder");
	return rc;
}
