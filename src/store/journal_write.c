/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the journal.
 *
 *              journal_write           journal_sync           journal_accept
 *   READY ------------------> WRITTEN --------------> SYNCED -----------------> READY
 *     | no space: nothing        |                      |
 *     | happened, READY          | failed               | the volume's sync failed
 *     |                          v                      v
 *     +--- failed ----------> FAILED --journal_refuse: new segment with a cut--> READY
 *                                |  that failed too
 *                                v
 *                            READ_ONLY
 *
 *  1. Durable before heard (invariant 1): a group counts for the caller only
 *     after journal_accept, which only SYNCED allows.
 *  2. One group in flight (invariant 2): journal_write wants READY.
 *  3. Nothing is written at a position twice, and no sync is tried twice
 *     (invariant 3): FAILED leaves the segment for ever.
 *  4. The first frame of a segment is a cut that names every segment whose end
 *     no durable cut has said yet.
 */
#include "store/journal_tail.h"
#include "store/segment_pool.h"

#include "store/entry.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* Memory that a group keeps between two uses. */
#define GROUP_KEEP (1U << 20)

enum journal_state {
	READY,
	WRITTEN,
	SYNCED,
	FAILED,
	READ_ONLY,
};

struct journal {
	struct segment_pool pool;
	const struct check_key *key;
	enum journal_state state;
	int fd; /* of the open segment; -1: the next group begins one */
	uint32_t number;
	uint32_t limit; /* its size */
	uint32_t end; /* behind the last accepted group */
	uint32_t written; /* behind the group in flight */
	bool fresh; /* the open segment has no accepted group yet */
	bool quiet; /* ends with a mark that says so: nothing to close */
	struct cuts cuts; /* ends that no durable cut has said */
};

/* What is written in one call: a fresh segment's header and cut, the entries,
 * the mark. */
struct piece {
	struct buf front;
	struct buf mark;
	struct iovec iov[3];
};

void journal_group_init(struct journal_group *g, const struct journal *j)
{
	*g = (struct journal_group){0};
	buf_init(&g->bytes, j->pool.segment_size - SEGMENT_HEADER - CUTS_FRAME_MAX - MARK_FRAME);
}

void journal_group_free(struct journal_group *g)
{
	buf_free(&g->bytes);
	g->count = 0;
}

void journal_group_clear(struct journal_group *g)
{
	if (g->bytes.cap > GROUP_KEEP)
		buf_free(&g->bytes);
	buf_clear(&g->bytes);
	g->count = 0;
	g->ordinary = false;
	g->base = 0;
}

int journal_group_add(struct journal_group *g, struct str payload, bool frees, uint32_t *entry, struct err *e)
{
	uint32_t at = (uint32_t)g->bytes.n;

	if (payload.n > ENTRY_MAX || frame_size((uint32_t)payload.n) > g->bytes.max)
		return err_set(e, ERR_TOO_BIG, "an entry of %zu bytes fits into no group", payload.n);
	if (frame_size((uint32_t)payload.n) > g->bytes.max - at)
		return err_set(e, ERR_BUSY, "the group is full");
	frame_put(&g->bytes, FRAME_DATA, payload);
	if (buf_failed(&g->bytes)) {
		buf_truncate(&g->bytes, at);
		g->bytes.failed = false;
		return err_set(e, ERR_MEMORY, "no memory for an entry of %zu bytes", payload.n);
	}
	g->count++;
	g->ordinary |= !frees;
	*entry = at;
	return 0;
}

uint64_t journal_group_position(const struct journal_group *g, uint32_t entry)
{
	return g->base + entry;
}

static void add_cut(struct journal *j, uint32_t number, uint32_t end)
{
	assert(j->cuts.count < CUTS_MAX);
	j->cuts.ends[j->cuts.count++] = (struct segment_end){number, end};
}

/* Leaves the open segment; the next one says that it ends there. */
static void leave_segment(struct journal *j)
{
	if (j->fd < 0)
		return;
	j->pool.io->close(j->pool.io, j->fd);
	j->fd = -1;
	add_cut(j, j->number, j->end);
}

/* Opens the next segment and leaves the one before.  Invariant 10: only a group
 * that frees may take the kept segments. */
static int begin_segment(struct journal *j, bool frees, struct err *e)
{
	uint32_t number;
	int fd;
	int rc = segment_pool_begin(&j->pool, frees, &number, &fd, e);

	if (rc) {
		if (number != 0) {
			add_cut(j, number, 0);
			j->state = FAILED;
		}
		return rc;
	}
	leave_segment(j);
	j->fd = fd;
	j->number = number;
	j->limit = j->pool.segment_size;
	j->end = SEGMENT_HEADER;
	j->fresh = true;
	return 0;
}

static void piece_free(struct piece *p)
{
	buf_free(&p->front);
	buf_free(&p->mark);
}

/* Header and cut of a fresh segment; returns where the entries begin. */
static uint32_t make_front(struct journal *j, struct piece *p, uint64_t now_us)
{
	char header[SEGMENT_HEADER];
	struct buf payload;

	segment_header_make((unsigned char *)header, j->key, j->number, j->limit, now_us);
	buf_add(&p->front, header, sizeof(header));
	buf_init(&payload, CUTS_FRAME_MAX);
	cuts_put(&payload, &j->cuts);
	frame_put(&p->front, FRAME_CUT, buf_str(&payload));
	buf_free(&payload);
	if (!buf_failed(&p->front))
		frame_seal(p->front.p + SEGMENT_HEADER, j->key, position_make(j->number, SEGMENT_HEADER),
			   SEGMENT_HEADER);
	return (uint32_t)p->front.n;
}

static void make_mark(struct journal *j, struct piece *p, struct mark mark, uint32_t at)
{
	struct buf payload;

	buf_init(&payload, MARK_FRAME);
	mark_put(&payload, &mark);
	frame_put(&p->mark, FRAME_MARK, buf_str(&payload));
	buf_free(&payload);
	if (!buf_failed(&p->mark))
		frame_seal(p->mark.p, j->key, position_make(j->number, at), mark.group);
}

static void seal_entries(struct journal *j, struct journal_group *g, uint32_t base, uint32_t group)
{
	uint32_t at = 0;

	g->base = position_make(j->number, base);
	while (at < g->bytes.n)
		at += frame_seal(g->bytes.p + at, j->key, g->base + at, group);
}

/* Gives the group its place in the open segment. */
static int make_piece(struct journal *j, struct journal_group *g, uint8_t flags, uint64_t now_us,
		      struct piece *p, struct err *e)
{
	struct mark mark = {.group = j->end, .count = g->count, .time_us = now_us, .flags = flags};
	uint32_t base = j->end;

	buf_init(&p->front, SEGMENT_HEADER + CUTS_FRAME_MAX);
	buf_init(&p->mark, MARK_FRAME);
	if (j->fresh) {
		base = make_front(j, p, now_us);
		mark.count++;
	}
	seal_entries(j, g, base, mark.group);
	make_mark(j, p, mark, base + (uint32_t)g->bytes.n);
	p->iov[0] = (struct iovec){.iov_base = p->front.p, .iov_len = p->front.n};
	p->iov[1] = (struct iovec){.iov_base = g->bytes.p, .iov_len = g->bytes.n};
	p->iov[2] = (struct iovec){.iov_base = p->mark.p, .iov_len = p->mark.n};
	j->written = base + (uint32_t)g->bytes.n + MARK_FRAME;
	if (buf_failed(&p->front) || buf_failed(&p->mark))
		return err_set(e, ERR_MEMORY, "no memory to write to the journal");
	return 0;
}

static int write_group(struct journal *j, struct journal_group *g, uint8_t flags, uint64_t now_us,
		       struct err *e)
{
	struct piece p;
	int rc = make_piece(j, g, flags, now_us, &p, e);

	if (rc == 0)
		rc = sysio_write(j->pool.io, j->fd, p.iov, 3, j->fresh ? 0 : j->end, e);
	piece_free(&p);
	j->state = rc == 0 ? WRITTEN : FAILED;
	return rc;
}

static int place_and_write(struct journal *j, struct journal_group *g, uint8_t flags, uint64_t now_us,
			   struct err *e)
{
	int rc = 0;

	if (j->state == READ_ONLY)
		return err_set(e, ERR_IO,
			       "the journal is read-only since a failed sync; restart when the disk is well");
	assert(j->state == READY);
	if (j->fd < 0 || g->bytes.n + MARK_FRAME > j->limit - j->end)
		rc = begin_segment(j, !g->ordinary, e);
	return rc ? rc : write_group(j, g, flags, now_us, e);
}

int journal_write(struct journal *j, struct journal_group *g, uint64_t now_us, struct err *e)
{
	return place_and_write(j, g, 0, now_us, e);
}

int journal_sync(struct journal *j, struct err *e)
{
	assert(j->state == WRITTEN);
	if (j->pool.io->fdatasync(j->pool.io, j->fd) < 0) {
		j->state = FAILED;
		return err_errno(e, "cannot sync segment %08X of the journal", j->number);
	}
	j->state = SYNCED;
	return 0;
}

void journal_accept(struct journal *j)
{
	assert(j->state == SYNCED);
	if (j->fresh)
		j->cuts.count = 0;
	j->fresh = false;
	j->quiet = false;
	j->end = j->written;
	j->state = READY;
}

/* A group without entries in a new segment: its cut makes the refusal durable. */
static int write_cut(struct journal *j, uint64_t now_us, struct err *e)
{
	struct journal_group empty = {0};
	int rc = begin_segment(j, true, e);

	if (rc == 0)
		rc = write_group(j, &empty, 0, now_us, e);
	if (rc == 0)
		rc = journal_sync(j, e);
	if (rc == 0)
		journal_accept(j);
	return rc;
}

int journal_refuse(struct journal *j, uint64_t now_us, struct err *e)
{
	if (j->state == READY)
		return 0; /* nothing of the group was written */
	if (j->state != READ_ONLY) {
		leave_segment(j);
		if (write_cut(j, now_us, e) == 0)
			return 0;
		leave_segment(j);
		j->state = READ_ONLY;
	}
	return err_set(e, ERR_IO, "the journal is read-only: a sync failed and no new segment can be begun");
}

int journal_commit(struct journal *j, struct journal_group *g, uint64_t now_us, struct err *e)
{
	struct err ignored; /* that of the refusal: journal_writable tells */
	int rc = journal_write(j, g, now_us, e);

	if (rc == 0)
		rc = journal_sync(j, e);
	if (rc == 0)
		journal_accept(j);
	else
		journal_refuse(j, now_us, &ignored);
	return rc;
}

/* After a stop in order the writer goes on behind the last mark. */
static int go_on(struct journal *j, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];
	const struct sysio *io = j->pool.io;

	segment_name(j->number, name);
	j->fd = io->openat(io, j->pool.dirfd, name, O_WRONLY, 0);
	off_t size = j->fd >= 0 ? io->size(io, j->fd) : -1;

	if (size < 0)
		return err_errno(e, "cannot open the journal segment %s", name);
	j->limit = size > JOURNAL_SEGMENT_MAX ? JOURNAL_SEGMENT_MAX : (uint32_t)size;
	j->cuts.count = 0;
	j->quiet = true;
	return 0;
}

/* A run that died (without the power going away) may have left the last group in
 * memory only; now that it will be heard of it must be durable (invariant 1). */
static int sync_last(struct journal *j, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];
	const struct sysio *io = j->pool.io;

	if (j->number == 0)
		return 0;
	segment_name(j->number, name);
	int fd = io->openat(io, j->pool.dirfd, name, O_RDONLY, 0);
	int rc = 0;

	if (fd < 0 || io->fsync(io, fd) < 0 || io->fsync(io, j->pool.dirfd) < 0)
		rc = err_errno(e, "cannot sync the journal segment %s", name);
	if (fd >= 0)
		io->close(io, fd);
	return rc;
}

static int set_up(struct journal *j, const struct sysio *io, int dirfd, uint32_t segment_size,
		  const struct journal_tail *tail, bool clean, struct err *e)
{
	struct err full;
	int rc = segment_pool_init(&j->pool, io, dirfd, segment_size, e);

	j->number = tail->number;
	j->end = tail->end;
	j->cuts = tail->cuts;
	if (rc == 0)
		rc = clean ? go_on(j, e) : sync_last(j, e);
	if (rc == 0)
		segment_pool_refill(&j->pool, &full); /* see journal_spares */
	return rc;
}

int journal_open(struct journal **out, const struct sysio *io, int dirfd, const struct check_key *key,
		 uint32_t segment_size, uint64_t from, const struct journal_visitor *v,
		 struct journal_report *report, struct err *e)
{
	struct journal_tail tail;

	if (segment_size < JOURNAL_SEGMENT_MIN || segment_size > JOURNAL_SEGMENT_MAX ||
	    segment_size % FRAME_ALIGN != 0)
		return err_set(e, ERR_INVALID, "a journal segment cannot have %u bytes", segment_size);
	int rc = journal_scan_tail(io, dirfd, key, from, v, report, &tail, e);

	if (rc)
		return rc;
	struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return err_set(e, ERR_MEMORY, "no memory for the journal");
	j->key = key;
	j->fd = -1;
	j->state = READY;
	rc = set_up(j, io, dirfd, segment_size, &tail, report->clean, e);
	if (rc)
		journal_destroy(&j);
	*out = j;
	return rc;
}

int journal_close(struct journal *j, uint64_t now_us, struct err *e)
{
	struct journal_group empty = {0};
	int rc;

	if (j->quiet)
		return 0;
	rc = place_and_write(j, &empty, MARK_CLEAN, now_us, e);
	if (rc == 0)
		rc = journal_sync(j, e);
	if (rc == 0) {
		journal_accept(j);
		j->quiet = true;
	} else if (j->state != READY) {
		leave_segment(j);
		j->state = READ_ONLY;
	}
	return rc;
}

void journal_destroy(struct journal **j)
{
	if (!*j)
		return;
	if ((*j)->fd >= 0)
		(*j)->pool.io->close((*j)->pool.io, (*j)->fd);
	free(*j);
	*j = NULL;
}

bool journal_writable(const struct journal *j)
{
	return j->state != READ_ONLY;
}

uint64_t journal_end(const struct journal *j)
{
	return position_make(j->number, j->end);
}

unsigned journal_spares(const struct journal *j)
{
	return segment_pool_spares(&j->pool);
}

int journal_refill(struct journal *j, struct err *e)
{
	return segment_pool_refill(&j->pool, e);
}

int journal_recycle(struct journal *j, uint64_t before, struct err *e)
{
	uint32_t below = position_segment(before);

	/* The segment of the last group stays: its number keeps the next ones above. */
	return segment_pool_recycle(&j->pool, below < j->number ? below : j->number, e);
}
