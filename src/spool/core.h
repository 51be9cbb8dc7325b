/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core: the spool room without its process: what it knows, and its life.
 *
 * It is the only writer of volumes and journal.  Everything here is folded from the
 * journal, so a new core on the same folder knows the same.
 *
 *   append -> group -> deliver to the account's shard -> act -> group -> settled
 *
 * The numbered invariants in this folder are those of docs/architecture.md, "The
 * journal and the volumes".
 */
#ifndef SPOOL_CORE_H
#define SPOOL_CORE_H

#include "net/chan.h"
#include "spool/accounts.h"
#include "spool/catalogue.h"
#include "spool/commit.h"
#include "spool/deliver.h"
#include "spool/leases.h"
#include "spool/letter_read.h"
#include "spool/letters.h"
#include "spool/queue.h"
#include "spool/tickets.h"
#include "store/record.h"

/* Recipient's account in an envelope on its way to spool: local, address is the account's,
 * and an id is still to be given.  Never in the journal. */
#define ACCOUNT_TO_COME UINT32_MAX

struct spool_setup {
	const struct sysio *io;
	int data_folder; /* descriptor, the caller's */
	const char *data_path; /* the same for SQLite, "" when it is the root */
	struct fiber_group *fibers; /* for deliveries and checkpoints */
	unsigned shards;
	uint32_t segment_size, volume_size;
	uint64_t bytes_max; /* of letters in flight (invariant 10) */
	size_t cache_max; /* bytes of entries kept for their deliveries */
	int64_t look_ms; /* how often it is seen whether to write the catalogue */
	int64_t write_every_ms; /* at least so often, when there is something to write */
	size_t write_letters; /* or when so many letters have changed */
	int64_t keep_ms; /* what recovery reads at least, for its tickets */
	struct queue_rules queue;
};

/* Work in the pool other than groups, one job at a time, so that a thread is always free
 * for the next group. */
struct lane {
	bool taken;
	struct lane_waiter *first, **end;
};

struct spool {
	struct spool_setup setup;
	struct check_key journal_key, volume_key;
	int lock, data_folder, journal_folder;
	struct record_store store;
	struct journal *journal;
	struct volume *volume;
	struct catalogue *catalogue;
	struct commit commit;
	struct tickets tickets;
	struct accounts accounts;
	struct letters letters;
	struct leases leases;
	struct nummap claimed; /* letter ids whose append is under way */
	struct shard shards[SHARD_SLOTS];
	struct lane lane;
	struct queue queue;
	uint64_t own_next; /* letter ids of its own: so many are left */
	uint32_t own_ids;
	struct checkpointer *checkpointer;
	uint64_t in_flight; /* bytes of letters */
	uint64_t epoch; /* the last that was given to a shard */
	bool started;
};

/* Fills in what a house in service has. */
void spool_setup_defaults(struct spool_setup *setup);
struct spool *spool_new(const struct spool_setup *setup);
/* Takes the folder: secret, lock, catalogue, journal, volumes.  Then questions may come. */
int co_spool_start(struct spool *s, struct err *e);
/* Ends the group under way and closes the journal in order. */
void co_spool_stop(struct spool *s);
/* Frees everything; without co_spool_stop before it as a crash would.  No fiber of its
 * group may run any more. */
void spool_destroy(struct spool **s);

/* The channel to a mailbox shard, before the start. */
void spool_set_shard(struct spool *s, unsigned index, struct chan *chan);
/* The channels to relay and keeper, before the start. */
void spool_set_relay(struct spool *s, struct chan *relay);
void spool_set_keeper(struct spool *s, struct chan *keeper);
/* A new process of relay is there. */
void spool_relay_came(struct spool *s);
/* What may be asked of it; their room is a struct spool. */
extern const struct chan_handler spool_handlers[];

/* The letter, from memory or from the catalogue, pinned (letters_unpin).  ERR_NOT_FOUND:
 * there was never one. */
int co_letter_fetch(struct spool *s, uint64_t id, struct kept_letter **k, struct err *e);

/* The lane; its holder may run one job in the pool. */
void co_lane_enter(struct lane *l);
void lane_leave(struct lane *l);

#endif
