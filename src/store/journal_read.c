/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the journal: where each segment ends, and what counts before it.
 *
 * Two passes.  The first goes from the newest segment to the oldest and finds
 * the end of each; the second goes forward and tells the entries.
 *
 *  1. What a valid cut says about a segment's end is true: the writer said so.
 *  2. Else: one group is in flight (invariant 2), so the last group that any
 *     valid header names is the only one in doubt.  It counts when it is whole.
 *  3. What is bad before the end is damage: reported, the rest is kept.
 *  4. Nothing behind the end is looked at.
 */
#include "store/journal_tail.h"
#include "store/segment_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Left free for the segments that the writer itself may have to name. */
#define CUTS_SPARE 4

struct segment {
	uint32_t number;
	uint32_t end;
	bool said; /* end comes from a cut */
	bool foreign; /* not a frame of ours in it, but somebody's */
};

struct scan {
	const struct sysio *io;
	int dirfd;
	const struct check_key *key;
	uint64_t from;
	const struct journal_visitor *v;
	struct journal_report *report;
	struct segment *segments;
	size_t count;
	/* All cuts, also those that name a segment whose file is gone. */
	struct segment_end *ends;
	size_t end_count;
	/* The segment in memory. */
	struct segment_view view;
	char *bytes;
	size_t cap;
	struct err *e;
};

static void damage(struct scan *s, uint64_t position, uint64_t length, const char *what)
{
	s->report->damages++;
	s->report->damaged_bytes += length;
	s->v->damage(s->v->arg, position, length, what);
}

static int newer(struct scan *s, uint32_t at)
{
	return err_set(s->e, ERR_INVALID,
		       "segment %08X of the journal was written by a newer program (offset %u)",
		       s->view.number, at);
}

static int reserve(struct scan *s, size_t n)
{
	if (n <= s->cap)
		return 0;
	char *more = realloc(s->bytes, n);

	if (!more)
		return err_set(s->e, ERR_MEMORY, "no memory to read a journal segment of %zu bytes", n);
	s->bytes = more;
	s->cap = n;
	return 0;
}

static int read_opened(struct scan *s, int fd, size_t max)
{
	off_t size = s->io->size(s->io, fd);

	if (size < 0 || size > JOURNAL_SEGMENT_MAX)
		return err_set(s->e, ERR_IO, "segment %08X of the journal has no plausible size",
			       s->view.number);
	size_t n = (size_t)size < max ? (size_t)size : max;
	int rc = reserve(s, n);

	if (rc == 0 && n > 0)
		rc = sysio_read(s->io, fd, s->bytes, n, 0, s->e);
	s->view.bytes = (struct str){s->bytes, n};
	return rc;
}

/* Reads a segment's first bytes, at most max; a file of no more is no error. */
static int load(struct scan *s, uint32_t number, size_t max)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(number, name);
	s->view = (struct segment_view){.number = number, .key = s->key};
	int fd = s->io->openat(s->io, s->dirfd, name, O_RDONLY, 0);

	if (fd < 0)
		return err_errno(s->e, "cannot open the journal segment %s", name);
	int rc = read_opened(s, fd, max);

	s->io->close(s->io, fd);
	return rc;
}

static int keep_ends(struct scan *s, const struct cuts *cuts)
{
	struct segment_end *more = reallocarray(s->ends, s->end_count + cuts->count + 1, sizeof(*more));

	if (!more)
		return err_set(s->e, ERR_MEMORY, "no memory to read the journal");
	s->ends = more;
	for (uint32_t i = 0; i < cuts->count; i++)
		s->ends[s->end_count++] = cuts->ends[i];
	return 0;
}

/* The cut that every segment begins with. */
static int read_cut(struct scan *s, const struct segment *segment)
{
	struct frame f;
	struct cuts cuts;
	int rc = load(s, segment->number, SEGMENT_HEADER + CUTS_FRAME_MAX);

	if (rc)
		return rc;
	if (segment_header_check(&s->view) == ERR_INVALID)
		return newer(s, 0);
	rc = frame_at(&s->view, SEGMENT_HEADER, &f);
	if (rc < 0)
		return newer(s, SEGMENT_HEADER);
	if (rc == 0 || f.kind != FRAME_CUT || !frame_good(&s->view, &f) || !cuts_get(f.payload, &cuts))
		return 0;
	return keep_ends(s, &cuts);
}

static bool end_is_said(const struct scan *s, uint32_t number, uint32_t *end)
{
	for (size_t i = 0; i < s->end_count; i++)
		if (s->ends[i].number == number) {
			*end = s->ends[i].end;
			return true;
		}
	return false;
}

/* The beginning of the last group that a valid header names (0: none), and the
 * end of the last valid frame. */
static int last_group(struct scan *s, uint32_t *group, uint32_t *extent)
{
	struct frame f;
	uint32_t size = (uint32_t)s->view.bytes.n;
	int rc;

	*group = 0;
	*extent = SEGMENT_HEADER;
	while ((rc = frame_next(&s->view, *extent, size, &f)) > 0) {
		*group = f.group;
		*extent = f.at + f.size;
	}
	return rc < 0 ? newer(s, *extent) : 0;
}

/* Is the group that begins there complete?  1: *m and *end are its mark and what
 * lies behind it; 0; less when the caller cannot tell. */
static int group_whole(const struct scan *s, uint32_t group, bool ask, struct mark *m, uint32_t *end)
{
	struct frame f;
	uint32_t count = 0;
	uint32_t at = group;

	for (; frame_at(&s->view, at, &f) > 0 && frame_good(&s->view, &f); at += f.size) {
		if (f.kind == FRAME_MARK) {
			*end = at + f.size;
			return mark_get(f.payload, m) && m->group == group && m->count == count;
		}
		int rc = ask && f.kind == FRAME_DATA && s->v->whole ? s->v->whole(s->v->arg, f.payload) : 1;

		if (rc <= 0)
			return rc;
		count++;
	}
	return 0;
}

/* Rule 2.  newest: no later segment has a group that counts. */
static int find_end(struct scan *s, struct segment *segment, bool newest)
{
	struct mark m = {0};
	uint32_t group, extent, end = 0;
	int rc = load(s, segment->number, SIZE_MAX);

	if (rc == 0)
		rc = last_group(s, &group, &extent);
	if (rc)
		return rc;
	if (group == 0) {
		segment->end = SEGMENT_HEADER;
		segment->foreign = segment_foreign(&s->view);
		return 0;
	}
	int whole = group_whole(s, group, newest, &m, &end);

	if (whole < 0)
		return whole;
	segment->end = whole ? end : group;
	if (newest) {
		s->report->torn_bytes += extent - segment->end;
		s->report->clean = whole && (m.flags & MARK_CLEAN) && segment == &s->segments[s->count - 1];
	}
	return 0;
}

static int find_ends(struct scan *s)
{
	bool newest = true;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->count; i++)
		rc = read_cut(s, &s->segments[i]);
	for (size_t i = s->count; rc == 0 && i-- > 0;) {
		struct segment *segment = &s->segments[i];

		segment->said = end_is_said(s, segment->number, &segment->end);
		if (!segment->said)
			rc = find_end(s, segment, newest);
		if (segment->end > SEGMENT_HEADER)
			newest = false;
	}
	return rc;
}

/* Going on with the wrong secret would take the whole journal for empty. */
static int refuse_foreign(struct scan *s)
{
	size_t foreign = 0;

	for (size_t i = 0; i < s->count; i++)
		foreign += s->segments[i].foreign;
	if (foreign == 0 || foreign < s->count)
		return 0;
	return err_set(s->e, ERR_CORRUPT, "the journal was written with another secret");
}

/* A number between two files that no cut names had a file once. */
static void find_missing(struct scan *s)
{
	uint32_t ignored;

	for (size_t i = 0; i < s->count; i++) {
		uint32_t next = i > 0 ? s->segments[i - 1].number + 1 : position_segment(s->from);

		for (; next != 0 && next < s->segments[i].number; next++)
			if (!end_is_said(s, next, &ignored) || ignored > SEGMENT_HEADER) {
				damage(s, position_make(next, 0), 0, "journal segments are missing");
				break;
			}
	}
}

static void tell_group(struct scan *s, const struct frame *f, uint64_t position)
{
	struct mark mark;

	if (s->v->group && mark_get(f->payload, &mark))
		s->v->group(s->v->arg, position + f->size, mark.time_us);
}

static int tell(struct scan *s, const struct frame *f)
{
	uint64_t position = position_make(s->view.number, f->at);

	if (!frame_good(&s->view, f)) {
		damage(s, position, f->size, "the content of an entry fails its check");
		return 0;
	}
	if (f->kind == FRAME_MARK)
		tell_group(s, f, position);
	if (f->kind != FRAME_DATA)
		return 0;
	s->report->entries++;
	return s->v->entry(s->v->arg, position, f->payload);
}

/* The entries from `at` up to the segment's end. */
static int tell_between(struct scan *s, uint32_t at, uint32_t end)
{
	struct frame f;
	int rc = 0;

	while (rc == 0 && at < end) {
		rc = frame_next(&s->view, at, end, &f);
		if (rc < 0)
			return newer(s, at);
		uint32_t next = rc > 0 ? f.at : end;

		if (next > at)
			damage(s, position_make(s->view.number, at), next - at, "no entry can be read here");
		at = next;
		if (rc > 0) {
			rc = tell(s, &f);
			at += f.size;
		}
	}
	return rc;
}

static int tell_segment(struct scan *s, const struct segment *segment)
{
	uint32_t at = SEGMENT_HEADER;

	if (segment->end <= SEGMENT_HEADER)
		return 0;
	if (segment->number == position_segment(s->from) && position_offset(s->from) > at)
		at = position_offset(s->from);
	int rc = load(s, segment->number, segment->end);

	if (rc)
		return rc;
	if (segment_header_check(&s->view) != 0)
		damage(s, position_make(segment->number, 0), SEGMENT_HEADER, "the segment's header is bad");
	return tell_between(s, at, segment->end);
}

/* Takes the segments from s->from on. */
static int choose_segments(struct scan *s)
{
	struct segment_list list;
	int rc = segment_list(s->io, s->dirfd, &list, s->e);

	if (rc == 0) {
		s->segments = calloc(list.count + 1, sizeof(*s->segments));
		if (!s->segments)
			rc = err_set(s->e, ERR_MEMORY, "no memory to read the journal");
	}
	for (size_t i = 0; rc == 0 && i < list.count; i++)
		if (list.numbers[i] >= position_segment(s->from))
			s->segments[s->count++].number = list.numbers[i];
	segment_list_free(&list);
	return rc;
}

/* The next cut says the end of the last segment that counts, of all behind it,
 * and of each whose end nobody has said.  More than fit in a cut come only from
 * starts that died again and again before their first group: the newest do. */
static void say_cut(struct journal_tail *tail, const struct segment *segment)
{
	struct cuts *c = &tail->cuts;

	if (c->count == CUTS_MAX - CUTS_SPARE)
		memmove(c->ends, c->ends + 1, --c->count * sizeof(c->ends[0]));
	c->ends[c->count++] = (struct segment_end){segment->number, segment->end};
}

static void fill_tail(struct scan *s, struct journal_tail *tail)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->segments[i].end > SEGMENT_HEADER || tail->number == 0) {
			tail->number = s->segments[i].number;
			tail->end = s->segments[i].end;
		}
	for (size_t i = 0; i < s->count; i++)
		if (!s->segments[i].said || s->segments[i].number >= tail->number)
			say_cut(tail, &s->segments[i]);
	s->report->end = position_make(tail->number, tail->end);
}

int journal_scan_tail(const struct sysio *io, int dirfd, const struct check_key *key, uint64_t from,
		      const struct journal_visitor *v, struct journal_report *report,
		      struct journal_tail *tail, struct err *e)
{
	struct scan s = {
		.io = io,
		.dirfd = dirfd,
		.key = key,
		.from = from,
		.v = v,
		.report = report,
		.e = e,
	};
	int rc;

	*report = (struct journal_report){0};
	*tail = (struct journal_tail){0};
	rc = choose_segments(&s);
	if (rc == 0)
		rc = find_ends(&s);
	if (rc == 0)
		rc = refuse_foreign(&s);
	if (rc == 0)
		find_missing(&s);
	for (size_t i = 0; rc == 0 && i < s.count; i++)
		rc = tell_segment(&s, &s.segments[i]);
	if (rc == 0) {
		fill_tail(&s, tail);
		if (report->end < from)
			damage(&s, report->end, 0, "the journal ends before the position asked for");
	}
	free(s.segments);
	free(s.ends);
	free(s.bytes);
	return rc;
}

int journal_scan(const struct sysio *io, int dirfd, const struct check_key *key, uint64_t from,
		 const struct journal_visitor *v, struct journal_report *report, struct err *e)
{
	struct journal_tail tail;

	return journal_scan_tail(io, dirfd, key, from, v, report, &tail, e);
}
