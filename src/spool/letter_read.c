/* SPDX-License-Identifier: Apache-2.0 */
/* Reading kept letters (see letter_read.h). */
#include "spool/letter_read.h"

#include "net/log.h"
#include "net/loop.h"
#include "spool/core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The largest entry with a letter in it: envelope and outline of an append, twice over. */
#define ENTRY_READ_MAX ((size_t)4 << 20)
#define ARENA_MAX ((size_t)1 << 20)
#define READ_STEP ((size_t)256 << 10)
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void co_in_lane(struct spool *s, void (*fn)(void *), void *job)
{
	co_lane_enter(&s->lane);
	co_run_blocking(fn, job);
	lane_leave(&s->lane);
}

/* --- entries ------------------------------------------------------------------------------- */

struct entry_job {
	struct spool *spool;
	uint64_t id, position;
	bool queued;
	struct buf entry;
	int code;
	struct err e;
};

static void read_entry(void *arg)
{
	struct entry_job *j = arg;
	const struct spool *s = j->spool;

	j->code = j->queued ? catalogue_entry(s->catalogue, j->id, &j->entry, &j->e)
			    : journal_read_entry(s->setup.io, s->journal_folder, &s->journal_key, j->position,
						 &j->entry, &j->e);
}

/* *entry is filled also when it is in memory. */
static int co_read_entry(struct spool *s, const struct kept_letter *k, struct buf *entry, struct err *e)
{
	buf_init(entry, ENTRY_READ_MAX);
	if (k->entry) {
		buf_add(entry, k->entry, k->entry_n);
		return 0;
	}
	struct entry_job *j = calloc(1, sizeof(*j));

	if (!j)
		abort();
	*j = (struct entry_job){.spool = s, .id = k->id, .position = k->position, .queued = k->queued};
	buf_init(&j->entry, ENTRY_READ_MAX);
	co_in_lane(s, read_entry, j);
	int code = j->code;

	if (code)
		*e = j->e;
	*entry = j->entry;
	free(j);
	return code;
}

int co_letter_load(struct spool *s, struct kept_letter *k)
{
	struct buf entry;
	struct err e;

	if (k->entry)
		return 0;
	int code = co_read_entry(s, k, &entry, &e);

	if (code == 0)
		letters_cache(&s->letters, k, buf_str(&entry), true);
	else
		log_line(LOG_ERROR, "%s", e.text);
	buf_free(&entry);
	return code;
}

bool letter_part(struct str payload, struct arena *a, struct part *part)
{
	struct reader r = reader_of(payload);

	while (entry_next(&r, a, part) > 0)
		if (part->kind == PART_LETTER)
			return true;
	return false;
}

int co_letter_entry(struct spool *s, struct kept_letter *k, struct letter_entry *entry, struct err *e)
{
	arena_init(&entry->arena, ARENA_MAX);
	int code = co_read_entry(s, k, &entry->bytes, e);

	if (code)
		return code;
	if (!letter_part(buf_str(&entry->bytes), &entry->arena, &entry->part) ||
	    entry->part.letter.id != k->id ||
	    entry->part.letter.envelope.recipient_count != k->recipient_count)
		return err_set(e, ERR_CORRUPT, "the entry of letter %016llX cannot be read",
			       (unsigned long long)k->id);
	return 0;
}

void letter_entry_free(struct letter_entry *entry)
{
	buf_free(&entry->bytes);
	arena_free(&entry->arena);
}

/* --- bytes ------------------------------------------------------------------------------------ */

struct bytes_job {
	const struct record_store *store;
	uint64_t id;
	struct place place;
	int file; /* where they go; -1: into out */
	struct buf out;
	size_t max;
	uint64_t size;
	bool all;
	int code;
	struct err e;
};

static int put_bytes(struct bytes_job *j, const char *p, size_t n, uint64_t at)
{
	if (j->file < 0) {
		buf_add(&j->out, p, n);
		return 0;
	}
	while (n > 0) {
		ssize_t put = pwrite(j->file, p, n, (off_t)at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return err_errno(&j->e, "cannot write a letter into memory");
		p += put;
		n -= (size_t)put;
		at += (uint64_t)put;
	}
	return 0;
}

/* The sum is compared when all of it was read. */
static int copy_bytes(struct bytes_job *j, int fd, const struct record *record, char *step)
{
	uint64_t end = j->file < 0 && j->max < record->stored ? j->max : record->stored;
	uint32_t crc = 0;
	int code = 0;

	for (uint64_t at = 0; code == 0 && at < end;) {
		size_t n = end - at < READ_STEP ? (size_t)(end - at) : READ_STEP;

		code = record_read(j->store, fd, j->place, record, at, step, n, 0, &j->e);
		crc = crc32c(crc, step, n);
		if (code == 0)
			code = put_bytes(j, step, n, at);
		at += n;
	}
	j->size = end;
	j->all = end == record->stored;
	if (code == 0 && j->all && crc != record->crc)
		code = err_set(&j->e, ERR_CORRUPT, "the bytes of letter %016llX are damaged",
			       (unsigned long long)j->id);
	return code;
}

static void read_bytes_job(void *arg)
{
	struct bytes_job *j = arg;
	struct record record;
	char *step = malloc(READ_STEP);
	int fd;

	if (!step)
		abort();
	j->code = record_open(j->store, j->id, j->place, &fd, &j->e);
	if (j->code == 0) {
		j->code = record_head(j->store, fd, j->id, j->place, &record, &j->e);
		if (j->code == 0 && record.transform != TRANSFORM_NONE)
			j->code = err_set(&j->e, ERR_INVALID, "letter %016llX is stored in a newer form",
					  (unsigned long long)j->id);
		if (j->code == 0)
			j->code = copy_bytes(j, fd, &record, step);
		j->store->io->close(j->store->io, fd);
	}
	free(step);
}

static struct bytes_job *bytes_job_new(const struct spool *s, const struct kept_letter *k)
{
	struct bytes_job *j = calloc(1, sizeof(*j));

	if (!j)
		abort();
	*j = (struct bytes_job){.store = &s->store, .id = k->id, .place = k->place, .file = -1};
	return j;
}

int co_letter_file(struct spool *s, const struct kept_letter *k, int *file, uint64_t *size, struct err *e)
{
	*file = memfd_create("letter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*file < 0)
		return err_errno(e, "cannot make a memory file");
	struct bytes_job *j = bytes_job_new(s, k);

	j->file = *file;
	co_in_lane(s, read_bytes_job, j);
	int code = j->code;

	if (code == 0 && fcntl(*file, F_ADD_SEALS, SEALS) != 0)
		code = err_errno(&j->e, "cannot seal a memory file");
	if (code) {
		*e = j->e;
		close(*file);
		*file = -1;
	}
	*size = j->size;
	free(j);
	return code;
}

int co_letter_head(struct spool *s, const struct kept_letter *k, size_t max, struct buf *out, bool *all,
		   struct err *e)
{
	struct bytes_job *j = bytes_job_new(s, k);

	buf_init(&j->out, max);
	j->max = max;
	co_in_lane(s, read_bytes_job, j);
	int code = j->code;

	if (code)
		*e = j->e;
	*out = j->out;
	*all = j->all;
	free(j);
	return code;
}
