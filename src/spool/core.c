/* SPDX-License-Identifier: Apache-2.0 */
/* Start, stop and the small parts of the spool (see core.h). */
#include "spool/core.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "spool/acts.h"
#include "spool/append.h"
#include "spool/append_act.h"
#include "spool/checkpoint.h"
#include "spool/destination.h"
#include "spool/grants.h"
#include "spool/queue_control.h"
#include "spool/recover.h"
#include "spool/release.h"

#include <stdlib.h>
#include <unistd.h>

/* How long the end waits for letters that relay is sending; role.c allows 30 s for all of it. */
#define QUEUE_STOP_MS 15000

const struct chan_handler spool_handlers[] = {
	{MSG_LEASE, co_on_lease},
	{MSG_APPEND, co_on_append},
	{MSG_APPEND_FILE, co_on_append_file},
	{MSG_ACT, co_on_act},
	{MSG_ACTS, co_on_acts},
	{MSG_ACCOUNT, co_on_account},
	{MSG_SHARD, co_on_shard},
	{MSG_FOLDED, co_on_folded},
	{MSG_UNFOLDED, co_on_unfolded},
	{MSG_APPEND_ACT, co_on_append_act},
	{MSG_RELEASE, co_on_release},
	{MSG_QUEUE, co_on_queue},
	{MSG_QUEUE_LETTER, co_on_queue_letter},
	{MSG_QUEUE_CHANGE, co_on_queue_change},
	{0, NULL},
};

void spool_setup_defaults(struct spool_setup *setup)
{
	*setup = (struct spool_setup){
		.io = &sysio_real,
		.data_folder = -1,
		.shards = 1,
		.segment_size = JOURNAL_SEGMENT_SIZE,
		.volume_size = VOLUME_SIZE,
		.bytes_max = (uint64_t)256 << 20,
		.cache_max = (size_t)8 << 20,
		.look_ms = 5000,
		.write_every_ms = 60000,
		.write_letters = 20000,
		.keep_ms = TICKETS_KEEP_MS,
	};
	queue_rules_defaults(&setup->queue);
}

struct spool *spool_new(const struct spool_setup *setup)
{
	struct spool *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->setup = *setup;
	s->lock = s->data_folder = s->journal_folder = s->store.volumes_fd = s->store.letters_fd = -1;
	s->lane.end = &s->lane.first;
	for (unsigned i = 0; i < SHARD_SLOTS; i++)
		shard_init(&s->shards[i], s, NULL);
	queue_init(&s->queue, s);
	return s;
}

void spool_set_relay(struct spool *s, struct chan *relay)
{
	s->queue.relay = relay;
}

void spool_set_keeper(struct spool *s, struct chan *keeper)
{
	s->keeper = keeper;
}

void spool_relay_came(struct spool *s)
{
	if (s->started)
		destinations_turn(&s->queue);
}

void spool_set_shard(struct spool *s, unsigned index, struct chan *chan)
{
	s->shards[index].chan = chan;
}

/* --- start ------------------------------------------------------------------------------- */

static void log_recovery(const struct recovery *r, int64_t ms)
{
	log_line(LOG_INFO,
		 "the journal was read in %lld ms: %llu letters, %llu acts, %zu letters not settled",
		 (long long)ms, (unsigned long long)r->letters, (unsigned long long)r->acts,
		 r->spool->letters.map.n);
	if (r->report.torn_bytes > 0)
		log_line(LOG_INFO, "a group of %llu bytes that nobody was told of was dropped",
			 (unsigned long long)r->report.torn_bytes);
	if (r->damages > 0)
		log_line(LOG_ERROR, "the journal is damaged in %llu places, the first %s",
			 (unsigned long long)r->damages, r->damage);
}

static int order_of(const void *a, const void *b)
{
	const struct kept_letter *const *x = a, *const *y = b;

	return (*x)->position < (*y)->position ? -1 : (*x)->position > (*y)->position;
}

/* Open recipients go on their way, in the order in which their letters came. */
static int deliver_open(struct spool *s, struct err *e)
{
	struct kept_letter **list = calloc(s->letters.map.n + 1, sizeof(struct kept_letter *)), *k;
	size_t n = 0, at = 0;

	if (!list)
		return err_set(e, ERR_MEMORY, "no memory for the queue");
	while ((k = nummap_next(&s->letters.map, &at)))
		if (k->open > 0)
			list[n++] = k;
	qsort(list, n, sizeof(struct kept_letter *), order_of);
	for (size_t i = 0; i < n; i++)
		letter_go(s, list[i]);
	free(list);
	return 0;
}

int co_spool_start(struct spool *s, struct err *e)
{
	struct recovery *r = calloc(1, sizeof(*r));
	int64_t began = clock_ms();

	if (!r)
		return err_set(e, ERR_MEMORY, "no memory to recover");
	r->spool = s;
	co_run_blocking(recovery_run, r);
	int code = r->code;

	if (code)
		*e = r->e;
	else
		log_recovery(r, clock_ms() - began);
	free(r);
	if (code)
		return code;
	commit_init(&s->commit, s->journal, s->volume);
	s->started = true;
	code = deliver_open(s, e);
	return code ? code : checkpoint_begin(s, e);
}

/* --- stop ---------------------------------------------------------------------------------- */

struct close_job {
	struct journal *journal;
	int code;
	struct err e;
};

static void close_journal(void *arg)
{
	struct close_job *j = arg;

	j->code = journal_close(j->journal, (uint64_t)clock_wall_us(), &j->e);
}

void co_spool_stop(struct spool *s)
{
	struct close_job *j = calloc(1, sizeof(*j));

	if (!j)
		abort();
	if (s->started) {
		co_queue_stop(&s->queue, deadline_in(QUEUE_STOP_MS));
		co_commit_stop(&s->commit);
		j->journal = s->journal;
		co_run_blocking(close_journal, j);
		if (j->code)
			log_line(LOG_ERROR, "the journal was not closed in order: %s", j->e.text);
	}
	free(j);
}

static void close_folder(int fd)
{
	if (fd >= 0)
		close(fd);
}

void spool_destroy(struct spool **sp)
{
	struct spool *s = *sp;

	if (!s)
		return;
	*sp = NULL;
	for (unsigned i = 0; i < SHARD_SLOTS; i++)
		shard_free(&s->shards[i]);
	queue_free(&s->queue);
	if (s->started)
		commit_free(&s->commit);
	checkpointer_destroy(&s->checkpointer);
	volume_destroy(&s->volume);
	journal_destroy(&s->journal);
	catalogue_close(&s->catalogue);
	letters_free(&s->letters);
	accounts_free(&s->accounts);
	tickets_free(&s->tickets);
	leases_free(&s->leases);
	nummap_free(&s->claimed);
	close_folder(s->store.volumes_fd);
	close_folder(s->store.letters_fd);
	close_folder(s->journal_folder);
	close_folder(s->data_folder);
	/* Last: from here on the folder may be another's. */
	close_folder(s->lock);
	free(s);
}

/* --- the lane -------------------------------------------------------------------------------- */

struct lane_waiter {
	struct lane_waiter *next;
	struct fiber *fiber;
	bool called;
};

void co_lane_enter(struct lane *l)
{
	struct lane_waiter self = {.fiber = fiber_self()};

	if (!l->taken) {
		l->taken = true;
		return;
	}
	*l->end = &self;
	/* It leaves the list before this returns: */
	/* cppcheck-suppress autoVariables */
	l->end = &self.next;
	/* A job is short, and the list points to this stack. */
	fiber_shield(true);
	while (!self.called)
		co_park(NO_DEADLINE);
	fiber_shield(false);
}

/* The next one has it at once. */
void lane_leave(struct lane *l)
{
	struct lane_waiter *w = l->first;

	if (!w) {
		l->taken = false;
		return;
	}
	l->first = w->next;
	if (!l->first)
		l->end = &l->first;
	w->called = true;
	fiber_wake(w->fiber, 0);
}

/* --- letters that are not in memory --------------------------------------------------------------- */

struct fetch_job {
	struct catalogue *catalogue;
	uint64_t id;
	struct arena arena;
	struct letter_row row;
	int code;
	struct err e;
};

static void fetch_row(void *arg)
{
	struct fetch_job *j = arg;

	j->code = catalogue_letter(j->catalogue, j->id, &j->arena, &j->row, &j->e);
}

static int co_fetch(struct spool *s, uint64_t id, struct kept_letter **k, struct err *e)
{
	struct fetch_job *j = calloc(1, sizeof(*j));

	if (!j)
		return err_set(e, ERR_MEMORY, "no memory for a letter");
	*j = (struct fetch_job){.catalogue = s->catalogue, .id = id};
	arena_init(&j->arena, (size_t)1 << 20);
	co_lane_enter(&s->lane);
	co_run_blocking(fetch_row, j);
	lane_leave(&s->lane);
	int code = j->code;

	/* Another may have fetched it meanwhile, and changed it. */
	*k = letters_get(&s->letters, id);
	if (code)
		*e = j->e;
	else if (!*k)
		*k = letter_of_row(s, &j->row);
	arena_free(&j->arena);
	free(j);
	return *k ? 0 : code;
}

int co_letter_fetch(struct spool *s, uint64_t id, struct kept_letter **k, struct err *e)
{
	*k = letters_get(&s->letters, id);
	int code = *k ? 0 : co_fetch(s, id, k, e);

	if (code == 0)
		letters_pin(*k);
	return code;
}
