/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One writing of the catalogue:
 *
 *   snapshot, between two groups: what stands there is durable, all of it and no more
 *     -> rows in batches, in the pool -> marks (checkpoint P), synced
 *     -> entry `checkpoint P`, synced -> segments before P are recycled
 *
 * A crash at any arrow leaves a catalogue whose rows are true and whose mark is one for
 * which they are enough.
 */
#include "spool/checkpoint.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/loop.h"
#include "spool/core.h"
#include "spool/fate.h"
#include "store/segment.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS 1000
#define SAMPLES 16
#define ENTRY_READ_MAX ((size_t)2 << 20) /* as append.c writes it */

/* Where the journal ended at some time. */
struct sample {
	int64_t at;
	uint64_t end;
};

struct checkpointer {
	struct sample samples[SAMPLES]; /* newest first */
	int64_t written; /* when */
	uint64_t position; /* the checkpoint */
};

/* A letter as it stands, copied. */
struct letter_copy {
	struct letter_row row;
	uint32_t changes;
};

/* What one writing writes. */
struct writing {
	const struct spool *spool;
	struct catalogue *catalogue;
	struct letter_copy *letters;
	size_t letter_count;
	struct account_row *accounts;
	size_t account_count;
	struct catalogue_marks marks;
	size_t done; /* rows, of both kinds */
	int code;
	struct err e;
};

/* --- snapshot --------------------------------------------------------------------------- */

static void *copy_of(const void *p, size_t n)
{
	void *copy = malloc(n + 1);

	if (!copy)
		abort();
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

static struct str copy_states(const struct kept_letter *k)
{
	struct buf b;

	buf_init(&b, (size_t)k->recipient_count * STATE_SIZE);
	for (uint32_t i = 0; i < k->recipient_count; i++) {
		buf_put_u8(&b, k->recipients[i] & (uint8_t)~RECIPIENT_UNDER_WAY);
		buf_put_u32(&b, k->accounts[i]);
	}
	if (buf_failed(&b))
		abort();
	return buf_str(&b);
}

/* Bounded by the limits of an outcome and a hold. */
static struct str copy_fate(const struct kept_letter *k)
{
	struct buf b;

	buf_init(&b, ((size_t)k->recipient_count + 1) * 4096);
	fate_put(k, &b);
	if (buf_failed(&b))
		abort();
	return buf_str(&b);
}

static enum queue_change change_of(const struct kept_letter *k)
{
	if (k->open > 0)
		return k->queued ? QUEUE_STATES : QUEUE_PUT;
	return k->queued ? QUEUE_DROP : QUEUE_NONE;
}

static void copy_letter(struct letter_copy *copy, const struct kept_letter *k)
{
	copy->changes = k->changes;
	copy->row = (struct letter_row){
		.id = k->id,
		.place = k->place,
		.stored = k->stored,
		.dead = letter_dead(k),
		.holders = copy_of(k->holders, k->holder_count * sizeof(k->holders[0])),
		.holder_count = k->holder_count,
		.queue = change_of(k),
		.position = k->position,
		.drop_fate = k->fated && (k->open == 0 || !k->fate),
	};
	if (k->open > 0)
		copy->row.states = copy_states(k);
	if (k->open > 0 && k->fate)
		copy->row.fate = copy_fate(k);
}

static void copy_letters(struct writing *w, const struct letters *letters)
{
	const struct kept_letter *k;
	size_t at = 0;

	w->letters = calloc(letters->dirty + 1, sizeof(w->letters[0]));
	if (!w->letters)
		abort();
	while ((k = nummap_next(&letters->map, &at)))
		if (k->changes > 0)
			copy_letter(&w->letters[w->letter_count++], k);
}

static size_t dirty_accounts(const struct accounts *accounts)
{
	const struct account *a;
	size_t at = 0, n = 0;

	while ((a = nummap_next(&accounts->by_id, &at)))
		n += a->dirty;
	return n;
}

static void copy_accounts(struct writing *w, struct accounts *accounts)
{
	struct account *a;
	size_t at = 0;

	w->accounts = calloc(dirty_accounts(accounts) + 1, sizeof(w->accounts[0]));
	if (!w->accounts)
		abort();
	while ((a = nummap_next(&accounts->by_id, &at))) {
		if (!a->dirty)
			continue;
		a->dirty = false;
		w->accounts[w->account_count++] =
			(struct account_row){a->id, a->ended, a->serial, a->folded, account_address(a)};
	}
}

/* The journal's end as it was keep_ms ago; 0 when that is not known. */
static uint64_t end_then(const struct spool *s, uint64_t end)
{
	int64_t then = clock_ms() - s->setup.keep_ms;

	if (s->setup.keep_ms == 0)
		return end;
	for (size_t i = 0; i < SAMPLES; i++)
		if (s->checkpointer->samples[i].end > 0 && s->checkpointer->samples[i].at <= then)
			return s->checkpointer->samples[i].end;
	return 0;
}

static uint64_t choose_checkpoint(const struct spool *s, uint64_t end)
{
	uint64_t position = end_then(s, end);
	const struct account *a;
	size_t at = 0;

	while ((a = nummap_next(&s->accounts.by_id, &at))) {
		uint64_t first = account_first_needed(a);

		if (first < position)
			position = first;
	}
	return position > s->checkpointer->position ? position : s->checkpointer->position;
}

struct snapshot_request {
	struct spool *spool;
	struct writing *writing;
};

/* Only as the first of its group: nothing then stands in memory that is not durable. */
static int join_snapshot(struct commit_request *r, struct commit *c, struct err *e)
{
	struct snapshot_request *q = r->arg;
	struct spool *s = q->spool;
	struct writing *w = q->writing;

	if (!commit_group_empty(c))
		return err_set(e, ERR_BUSY, "others have joined");
	copy_letters(w, &s->letters);
	copy_accounts(w, &s->accounts);
	w->marks = (struct catalogue_marks){
		.checkpoint = choose_checkpoint(s, journal_end(s->journal)),
		.next_letter = s->leases.next,
		.epoch = s->epoch,
		.next_account = s->accounts.next_id,
	};
	return 0;
}

static const struct commit_kind snapshot_kind = {.join = join_snapshot};

/* --- in the pool ---------------------------------------------------------------------------- */

static int write_letter(struct writing *w, struct letter_row *row)
{
	const struct spool *s = w->spool;
	struct buf entry;
	int code = 0;

	buf_init(&entry, ENTRY_READ_MAX);
	if (row->queue == QUEUE_PUT)
		code = journal_read_entry(s->setup.io, s->journal_folder, &s->journal_key, row->position,
					  &entry, &w->e);
	row->entry = buf_str(&entry);
	if (code == 0)
		code = catalogue_put_letter(w->catalogue, row, &w->e);
	row->entry = (struct str){NULL, 0};
	buf_free(&entry);
	return code;
}

static int write_row(struct writing *w, size_t i)
{
	return i < w->account_count ? catalogue_put_account(w->catalogue, &w->accounts[i], &w->e)
				    : write_letter(w, &w->letters[i - w->account_count].row);
}

static void write_batch(void *arg)
{
	struct writing *w = arg;
	size_t all = w->account_count + w->letter_count;
	size_t end = all - w->done < BATCH_ROWS ? all : w->done + BATCH_ROWS;

	w->code = catalogue_begin(w->catalogue, &w->e);
	while (w->code == 0 && w->done < end)
		w->code = write_row(w, w->done++);
	if (w->code == 0)
		w->code = catalogue_commit(w->catalogue, &w->e);
	if (w->code)
		catalogue_undo(w->catalogue);
}

static void sync_catalogue(void *arg)
{
	struct writing *w = arg;

	w->code = catalogue_sync(w->catalogue, &w->marks, &w->e);
}

static void co_in_lane(struct spool *s, void (*fn)(void *), struct writing *w)
{
	co_lane_enter(&s->lane);
	co_run_blocking(fn, w);
	lane_leave(&s->lane);
}

static void co_write_rows(struct spool *s, struct writing *w)
{
	while (w->code == 0 && w->done < w->account_count + w->letter_count)
		co_in_lane(s, write_batch, w);
	if (w->code == 0)
		co_in_lane(s, sync_catalogue, w);
}

/* --- after it --------------------------------------------------------------------------------- */

static void note_letters(struct spool *s, const struct writing *w)
{
	for (size_t i = 0; i < w->letter_count; i++) {
		const struct letter_copy *copy = &w->letters[i];
		struct kept_letter *k = letters_get(&s->letters, copy->row.id);

		if (copy->row.queue == QUEUE_PUT)
			k->queued = true;
		if (copy->row.queue == QUEUE_DROP)
			k->queued = false;
		if (copy->row.fate.n > 0 || copy->row.drop_fate)
			k->fated = copy->row.fate.n > 0;
		letters_written(&s->letters, k, copy->changes);
	}
}

/* What was not written is still to be written. */
static void note_failure(struct spool *s, const struct writing *w)
{
	for (size_t i = 0; i < w->account_count; i++)
		accounts_get(&s->accounts, w->accounts[i].id)->dirty = true;
	log_line(LOG_ERROR, "the catalogue was not written: %s", w->e.text);
}

static int join_checkpoint(struct commit_request *r, struct commit *c, struct err *e)
{
	struct part part = {.kind = PART_CHECKPOINT, .checkpoint = {*(const uint64_t *)r->arg}};
	struct buf entry;

	buf_init(&entry, 64);
	entry_put(&entry, &part);
	int code = commit_entry(c, r, buf_str(&entry), true, e);

	buf_free(&entry);
	return code;
}

static const struct commit_kind checkpoint_kind = {.join = join_checkpoint};

static void co_give_back(struct spool *s, uint64_t position)
{
	uint64_t before = s->checkpointer->position;
	struct commit_request r = {.kind = &checkpoint_kind, .arg = &position};
	struct account *a;
	size_t at = 0;
	struct err e;

	s->checkpointer->position = position;
	while ((a = nummap_next(&s->accounts.by_id, &at)))
		account_forget_acts(a, position);
	/* Only whole segments can be given back. */
	if (position_segment(position) == position_segment(before))
		return;
	if (co_commit(&s->commit, &r, &e) == 0)
		commit_recycle(&s->commit, position);
}

static void writing_destroy(struct writing **at)
{
	struct writing *w = *at;

	for (size_t i = 0; i < w->letter_count; i++) {
		free((void *)(uintptr_t)w->letters[i].row.holders);
		free((void *)(uintptr_t)w->letters[i].row.states.p);
		free((void *)(uintptr_t)w->letters[i].row.fate.p);
	}
	free(w->letters);
	free(w->accounts);
	free(w);
	*at = NULL;
}

static void co_write(struct spool *s)
{
	struct writing *w = calloc(1, sizeof(*w));
	struct snapshot_request q = {s, w};
	struct commit_request r = {.kind = &snapshot_kind, .arg = &q};
	struct err e;

	if (!w)
		abort();
	w->spool = s;
	w->catalogue = s->catalogue;
	s->checkpointer->written = clock_ms();
	if (co_commit(&s->commit, &r, &e) == 0) {
		co_write_rows(s, w);
		if (w->code == 0) {
			note_letters(s, w);
			co_give_back(s, w->marks.checkpoint);
		} else
			note_failure(s, w);
	}
	writing_destroy(&w);
}

/* --- from time to time ---------------------------------------------------------------------------- */

static void take_sample(struct spool *s)
{
	struct sample *samples = s->checkpointer->samples;
	int64_t now = clock_ms();

	if (samples[0].end > 0 && now - samples[0].at < s->setup.keep_ms / (SAMPLES / 2))
		return;
	memmove(samples + 1, samples, (SAMPLES - 1) * sizeof(samples[0]));
	samples[0] = (struct sample){now, journal_end(s->journal)};
}

static bool due(const struct spool *s)
{
	if (s->letters.dirty >= s->setup.write_letters)
		return true;
	return clock_ms() - s->checkpointer->written >= s->setup.write_every_ms &&
	       (s->letters.dirty > 0 || dirty_accounts(&s->accounts) > 0);
}

/* fiber */
static void checkpoint_fiber(void *arg)
{
	struct spool *s = arg;

	while (co_sleep_until(deadline_in(s->setup.look_ms)) == 0) {
		take_sample(s);
		if (due(s))
			co_write(s);
	}
}

int checkpoint_begin(struct spool *s, struct err *e)
{
	s->checkpointer = calloc(1, sizeof(*s->checkpointer));
	if (!s->checkpointer)
		return err_set(e, ERR_MEMORY, "no memory for checkpoints");
	s->checkpointer->position = catalogue_checkpoint(s->catalogue);
	s->checkpointer->written = clock_ms();
	return fiber_start(s->setup.fibers, checkpoint_fiber, s) == 0
		       ? 0
		       : err_set(e, ERR_MEMORY, "no fiber for checkpoints");
}

void checkpointer_destroy(struct checkpointer **c)
{
	free(*c);
	*c = NULL;
}
