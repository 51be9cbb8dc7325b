/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal: what happened, in order, durable before anybody hears of it.
 *
 * Reading and writing of data_dir/journal (docs/format.md).  All calls block
 * and belong into a thread pool; a journal is used by one thread at a time,
 * a group may be filled by another thread while an earlier group is written.
 *
 * The writer's way of a group:
 *
 *	journal_group_add ...          entries that wait
 *	journal_write                  (after volume_write)
 *	journal_sync                   (beside volume_sync)
 *	journal_accept                 then the answers
 *	 or journal_refuse             then 4xx and NO
 *
 * journal_commit does all of it for a group without letters.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "base/buf.h"
#include "base/err.h"
#include "store/check.h"
#include "store/sysio.h"

#define JOURNAL_SEGMENT_SIZE (64U << 20)
#define JOURNAL_SEGMENT_MIN 2048
#define JOURNAL_SEGMENT_MAX (1U << 30)

/* What a reader of the journal is told.  Payloads are views that end with the
 * call. */
struct journal_visitor {
	void *arg;
	/* An entry that counts.  Not 0: stop, and return that. */
	int (*entry)(void *arg, uint64_t position, struct str payload);
	/* The entries told since the last call became durable then; NULL: not
	 * asked.  For restoring to a moment. */
	void (*group)(void *arg, uint64_t end, uint64_t time_us);
	/* These bytes were written and are not what they were; length 0: whole
	 * segments are missing. */
	void (*damage)(void *arg, uint64_t position, uint64_t length, const char *what);
	/* May an entry of the last group count: are its letters in their
	 * volumes, read with RECORD_FROM_DISK?  1, or 0 (ERR_NOT_FOUND and
	 * ERR_CORRUPT of record.h), or less than 0 when that cannot be read now:
	 * the scan stops and returns it, for no letter is dropped for a loose
	 * cable.  Asked only after an unclean stop, since the volume was synced
	 * beside the journal and not before it.  NULL: yes. */
	int (*whole)(void *arg, struct str payload);
};

struct journal_report {
	uint64_t entries; /* told */
	uint64_t damages;
	uint64_t damaged_bytes;
	uint64_t end; /* behind the last group that counts */
	uint64_t torn_bytes; /* of the last group, dropped */
	bool clean; /* the writer stopped in order */
};

/* Tells every entry at or behind `from` (0: all there are), in order.  Writes
 * nothing.  0; ERR_INVALID when a newer program wrote something there;
 * ERR_CORRUPT when everything was written with another secret; ERR_IO; what the
 * visitor returned (then *e is as it was). */
int journal_scan(const struct sysio *io, int dirfd, const struct check_key *key, uint64_t from,
		 const struct journal_visitor *v, struct journal_report *report, struct err *e);

/* Adds the payload of the entry at that position to the buffer.  For entries that
 * counted, in any thread beside the writer.  ERR_CORRUPT when there is none (any
 * more), ERR_TOO_BIG above the buffer's ceiling, ERR_IO. */
int journal_read_entry(const struct sysio *io, int dirfd, const struct check_key *key, uint64_t position,
		       struct buf *payload, struct err *e);

/* Entries that wait to be written together. */
struct journal_group {
	struct buf bytes;
	uint32_t count;
	bool ordinary; /* holds an entry that neither frees nor settles */
	uint64_t base; /* position of its first byte, after journal_write */
};

struct journal;

/* Room for what fits into one segment of that journal. */
void journal_group_init(struct journal_group *g, const struct journal *j);
void journal_group_free(struct journal_group *g);
/* For the next entries; gives the memory of a big group back. */
void journal_group_clear(struct journal_group *g);
/* frees: it frees or settles (expunge, delete, release, outcome, checkpoint)
 * and may use the room kept for that (invariant 10).  *entry names it for
 * journal_group_position.  ERR_BUSY: the group is full, write it first;
 * ERR_TOO_BIG: fits into none. */
int journal_group_add(struct journal_group *g, struct str payload, bool frees, uint32_t *entry,
		      struct err *e);
/* The entry's position, valid after journal_write. */
uint64_t journal_group_position(const struct journal_group *g, uint32_t entry);

/* Scans as journal_scan, then makes ready to write.  The caller holds the lock
 * and keeps io, key and dirfd alive.  A disk too full for the kept segments is
 * no error: see journal_spares. */
int journal_open(struct journal **out, const struct sysio *io, int dirfd, const struct check_key *key,
		 uint32_t segment_size, uint64_t from, const struct journal_visitor *v,
		 struct journal_report *report, struct err *e);
/* Marks the journal as ended in order, when it can be written. */
int journal_close(struct journal *j, uint64_t now_us, struct err *e);
/* Frees it and writes nothing, as a crash would. */
void journal_destroy(struct journal **j);

/* Writes the group behind all others.  After an error call journal_refuse.
 * ERR_FULL: no space, later or with frees entries only. */
int journal_write(struct journal *j, struct journal_group *g, uint64_t now_us, struct err *e);
/* Makes it durable.  After an error call journal_refuse. */
int journal_sync(struct journal *j, struct err *e);
/* The group counts, its letters are durable too. */
void journal_accept(struct journal *j);
/* The group never happened (its sync or its volume's sync failed).  When this
 * returns 0 that is durable and the journal goes on in a new segment; else it
 * is read-only until it is opened again. */
int journal_refuse(struct journal *j, uint64_t now_us, struct err *e);
/* Write, sync, and accept or refuse.  e: why the group was refused. */
int journal_commit(struct journal *j, struct journal_group *g, uint64_t now_us, struct err *e);

/* False: no group can be written any more (invariant 3). */
bool journal_writable(const struct journal *j);
/* Behind the last accepted group: where the next entry will be, or before it. */
uint64_t journal_end(const struct journal *j);
/* How many segments are kept (two when all is well), and making them again. */
unsigned journal_spares(const struct journal *j);
int journal_refill(struct journal *j, struct err *e);
/* Gives back the segments that lie whole before this position; everything up to
 * there is folded and synced elsewhere. */
int journal_recycle(struct journal *j, uint64_t before, struct err *e);

#endif
