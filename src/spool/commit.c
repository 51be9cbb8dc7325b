/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One group after the other (see commit.h).
 *
 *   waiting --join--> members --write--> journal and volume --two syncs--> accepted
 *                                  |                             |
 *                                  +------------failed-----------+--> refused (invariant 3)
 *
 * The committer is a fiber that lives as long as somebody waits.
 */
#include "spool/commit.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/loop.h"

#include <assert.h>
#include <stdlib.h>

/* Above it the next entry waits for the next group, so that no answer waits for
 * a long write. */
#define GROUP_BYTES ((size_t)8 << 20)
/* How long a full disk is believed to be full. */
#define FULL_MS 1000

/* What the pool works on; the loop looks at it only when the pool is done. */
struct commit_job {
	struct journal *journal;
	struct volume *volume;
	struct journal_group *group;
	bool letters;
	uint64_t now_us, recycle;
	int journal_code, volume_code, tidy_code;
	int sync_code; /* of the volume's */
	struct err journal_err, volume_err, sync_err, tidy_err;
	unsigned journal_syncs, volume_syncs;
	uv_sem_t *volume_written; /* or not, as volume_code says */
};

void commit_init(struct commit *c, struct journal *journal, struct volume *volume)
{
	*c = (struct commit){.journal = journal, .volume = volume};
	c->end = &c->first;
	fiber_group_init(&c->fibers, 1);
	journal_group_init(&c->group, journal);
	c->job = calloc(1, sizeof(*c->job));
	if (!c->job || uv_sem_init(&c->volume_written, 0) != 0)
		abort();
}

void commit_free(struct commit *c)
{
	assert(!c->running);
	journal_group_free(&c->group);
	uv_sem_destroy(&c->volume_written);
	free(c->job);
	c->job = NULL;
}

/* --- in the pool -------------------------------------------------------------------- */

/* The volume first: a full disk shows there, and the journal has then seen nothing. */
static void write_volume(struct commit_job *j)
{
	j->volume_code = volume_write(j->volume, j->now_us, &j->volume_err);
	uv_sem_post(j->volume_written);
}

static void write_journal(struct commit_job *j)
{
	j->journal_code = journal_write(j->journal, j->group, j->now_us, &j->journal_err);
	if (j->journal_code)
		return;
	j->journal_code = journal_sync(j->journal, &j->journal_err);
	j->journal_syncs++;
}

static void write_group(void *arg)
{
	struct commit_job *j = arg;

	if (j->letters)
		write_volume(j);
	if (j->volume_code == 0)
		write_journal(j);
}

/* Beside write_group, which was given to the pool before it: the wait is short, and with one thread none. */
static void sync_volume(void *arg)
{
	struct commit_job *j = arg;

	uv_sem_wait(j->volume_written);
	if (j->volume_code)
		return;
	j->sync_code = volume_sync(j->volume, &j->sync_err);
	j->volume_syncs++;
}

static void refuse_group(void *arg)
{
	struct commit_job *j = arg;

	if (j->letters)
		volume_refuse(j->volume, j->now_us, &j->volume_err);
	j->tidy_code = journal_refuse(j->journal, j->now_us, &j->tidy_err);
}

static void tidy_journal(void *arg)
{
	struct commit_job *j = arg;
	struct err full; /* see journal_spares: no error, what is kept is used later */

	if (j->recycle)
		j->tidy_code = journal_recycle(j->journal, j->recycle, &j->tidy_err);
	if (journal_spares(j->journal) < 2)
		journal_refill(j->journal, &full);
}

/* --- the group ---------------------------------------------------------------------- */

static int check_room(const struct commit *c, bool frees, struct err *e)
{
	if (!frees && clock_ms() < c->full_until)
		return err_set(e, ERR_FULL, "the disk is full");
	return c->group.bytes.n > GROUP_BYTES ? err_set(e, ERR_BUSY, "the group is full") : 0;
}

int commit_letter(struct commit *c, const struct record *record, struct str bytes, struct place *at,
		  struct err *e)
{
	int code = check_room(c, false, e);

	if (code == 0)
		code = volume_add(c->volume, record, bytes, at, e);
	c->letters += code == 0;
	return code;
}

int commit_entry(struct commit *c, struct commit_request *r, struct str payload, bool frees, struct err *e)
{
	int code = check_room(c, frees, e);

	if (code == 0)
		code = journal_group_add(&c->group, payload, frees, &r->entry, e);
	r->has_entry |= code == 0;
	r->frees = frees;
	return code;
}

bool commit_group_empty(const struct commit *c)
{
	return !c->members;
}

static void finish(struct commit_request *r, int code)
{
	r->code = code;
	r->done = true;
	fiber_wake(r->waiter, 0);
}

/* Asks those that wait to join, as long as there is room. */
static void gather(struct commit *c)
{
	while (c->first) {
		struct commit_request *r = c->first;
		int code = r->kind->join(r, c, r->e);

		if (code == ERR_BUSY && c->members)
			return;
		c->first = r->next;
		if (!c->first)
			c->end = &c->first;
		if (code) {
			finish(r, code);
			continue;
		}
		r->next = c->members;
		c->members = r;
	}
}

static struct commit_request *reversed(struct commit_request *r)
{
	struct commit_request *out = NULL;

	while (r) {
		struct commit_request *next = r->next;

		r->next = out;
		out = r;
		r = next;
	}
	return out;
}

static void accept_all(struct commit *c)
{
	struct commit_request *r = reversed(c->members);

	c->members = NULL;
	while (r) {
		struct commit_request *next = r->next;

		if (r->kind->accepted)
			r->kind->accepted(r, r->has_entry ? journal_group_position(&c->group, r->entry) : 0);
		finish(r, 0);
		r = next;
	}
}

/* To the front again: it may go without those that need more room. */
static void put_back(struct commit *c, struct commit_request *r)
{
	r->has_entry = false;
	r->next = c->first;
	if (!c->first)
		c->end = &r->next;
	c->first = r;
}

/* The newest first: each takes back only its own change. */
static void refuse_all(struct commit *c, int code, const char *why)
{
	struct commit_request *r = c->members;
	bool split = code == ERR_FULL && c->group.ordinary;

	c->members = NULL;
	if (split)
		c->full_until = clock_ms() + FULL_MS;
	while (r) {
		struct commit_request *next = r->next;

		if (r->kind->refused)
			r->kind->refused(r);
		if (split && r->has_entry && r->frees)
			put_back(c, r);
		else {
			err_set(r->e, code, "%s", why);
			finish(r, code);
		}
		r = next;
	}
}

static void co_write_group(struct commit *c)
{
	struct commit_job *j = c->job;

	*j = (struct commit_job){.journal = c->journal,
				 .volume = c->volume,
				 .group = &c->group,
				 .letters = c->letters > 0,
				 .volume_written = &c->volume_written,
				 .now_us = (uint64_t)clock_wall_us()};
	if (j->letters)
		co_run_blocking_pair(write_group, sync_volume, j);
	else
		co_run_blocking(write_group, j);
	c->counts.syncs += j->journal_syncs + j->volume_syncs;
}

static void co_decide_group(struct commit *c)
{
	struct commit_job *j = c->job;

	if (j->volume_code == 0 && j->sync_code == 0 && j->journal_code == 0) {
		journal_accept(c->journal);
		if (j->letters)
			volume_accept(c->volume);
		c->counts.groups++;
		c->counts.entries += c->group.count;
		c->counts.letters += c->letters;
		accept_all(c);
		return;
	}
	struct err why = j->volume_code ? j->volume_err : j->sync_code ? j->sync_err : j->journal_err;

	c->counts.refused++;
	co_run_blocking(refuse_group, j);
	log_line(LOG_ERROR, "a group of %u entries was refused: %s", c->group.count, why.text);
	if (j->tidy_code)
		log_line(LOG_ERROR, "%s", j->tidy_err.text);
	refuse_all(c, why.code, why.text);
}

static void co_tidy(struct commit *c)
{
	struct commit_job *j = c->job;

	if (!journal_writable(c->journal) || (!c->recycle && journal_spares(c->journal) >= 2))
		return;
	*j = (struct commit_job){.journal = c->journal, .recycle = c->recycle};
	c->recycle = 0;
	co_run_blocking(tidy_journal, j);
	if (j->tidy_code)
		log_line(LOG_WARNING, "cannot give segments back: %s", j->tidy_err.text);
}

/* fiber */
static void commit_fiber(void *arg)
{
	struct commit *c = arg;

	while (c->first) {
		gather(c);
		if (c->group.count > 0) {
			co_write_group(c);
			co_decide_group(c);
		} else
			accept_all(c); /* nothing to write: all before it is decided */
		journal_group_clear(&c->group);
		c->letters = 0;
		co_tidy(c);
	}
	c->running = false;
}

int co_commit(struct commit *c, struct commit_request *r, struct err *e)
{
	if (c->stopped)
		return err_set(e, ERR_CLOSED, "spool is ending");
	if (!c->running && fiber_start(&c->fibers, commit_fiber, c) != 0)
		return err_set(e, ERR_MEMORY, "no memory to commit");
	c->running = true;
	r->next = NULL;
	r->waiter = fiber_self();
	r->e = e;
	r->done = r->has_entry = false;
	*c->end = r;
	c->end = &r->next;
	/* The group points to the request: it must be decided before anybody may go. */
	fiber_shield(true);
	while (!r->done)
		co_park(NO_DEADLINE);
	fiber_shield(false);
	return r->code;
}

static int join_nothing(struct commit_request *r, struct commit *c, struct err *e)
{
	return 0;
}

static const struct commit_kind settled_kind = {.join = join_nothing};

void co_commit_settled(struct commit *c)
{
	struct commit_request r = {.kind = &settled_kind};
	struct err e;

	if (c->running)
		co_commit(c, &r, &e);
}

void co_commit_stop(struct commit *c)
{
	c->stopped = true;
	co_group_join(&c->fibers, NO_DEADLINE);
}

void commit_recycle(struct commit *c, uint64_t before)
{
	c->recycle = before;
}
