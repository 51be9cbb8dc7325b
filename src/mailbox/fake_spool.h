/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_spool: for tests, a spool whose journal is in memory, the letters of a real
 * volume, a scan, and a shard at the other end of their channels; any of them can die.
 *
 * The journal outlives spool and shard alike.  An act is durable a moment after it
 * came; what a dying spool has not made durable is lost but for a prefix.
 */
#ifndef MAILBOX_FAKE_SPOOL_H
#define MAILBOX_FAKE_SPOOL_H

#include "mailbox/shard.h"
#include "net/fiber.h"
#include "store/record.h"
#include "store/temp_folder.h"

#define FAKE_ACTS_MAX 4000
#define FAKE_LETTERS_MAX 1024
/* Ids that the lease gives: from here on. */
#define FAKE_LEASE 500
#define FAKE_LETTER_MAX 1500
#define FAKE_ACCOUNTS 8
#define FAKE_WINDOW 300

struct fake_act {
	uint32_t account;
	uint64_t serial;
	struct settle settle;
	struct place place; /* of the letter that came with it */
	struct buf body;
	bool durable;
};

struct fake_letter {
	struct place place;
	struct record record;
	char bytes[FAKE_LETTER_MAX];
	size_t n;
	bool appended;
};

struct house {
	struct temp_folder folder;
	struct fake_act acts[FAKE_ACTS_MAX];
	size_t act_count;
	struct fake_letter letters[FAKE_LETTERS_MAX];
	size_t letter_count;
	struct volume *volume;
	struct check_key key;
	int volumes;
	uint64_t next_letter; /* for the lease */
	bool held[FAKE_LETTERS_MAX][FAKE_ACCOUNTS + 1];
	unsigned releases; /* questions */
	uint64_t folded[FAKE_ACCOUNTS + 1];
	unsigned unfolded; /* was asked so often */
	uint64_t epoch;
	unsigned life; /* of spool */
	int64_t sync_ms; /* until an act is durable */
	bool stuck; /* acts (and releases) are taken and not answered */
	uint64_t refuse_letter; /* refused with refuse_code as long as it is set */
	int refuse_code; /* ERR_FULL at first */
	size_t hide_act; /* left out of `acts`; 0: none (1 is the first of the journal) */
	struct shard_options options;
	const char *const *texts; /* of the letters; NULL: made up */

	struct shard *shard;
	struct chan *spool_end, *shard_end;
	struct fiber_group spool_handlers, shard_handlers, askers;

	struct chan *scan_end, *shard_scan;
	unsigned outlines; /* scan was asked for so many */
	unsigned alone; /* of them alone */
	unsigned scan_dies; /* at so many of the next questions; it is there again at once */
	unsigned scan_lies; /* so many of the next answers are no outline */
	int64_t scan_ms; /* how long it takes */
};

/* Runs fn(house) in a fiber of a new loop, with letters 1 to `letters` on the disk,
 * spool and shard at work; afterwards everything is taken down. */
void house_run(void (*co_fn)(struct house *h), size_t letters);
/* The same with these letters. */
void house_run_with(void (*co_fn)(struct house *h), const char *const *texts, size_t letters);

void house_start_shard(struct house *h);
/* As kill -9 would: nothing is folded any more. */
void co_house_crash_shard(struct house *h);
/* In order. */
void co_house_stop_shard(struct house *h);
/* Of the acts that are not durable the first `survive` are. */
void house_kill_spool(struct house *h, size_t survive);
void house_start_spool(struct house *h);

/* Account k (from 1) is user<k>@example.test. */
int co_house_deliver(struct house *h, uint64_t letter, uint32_t account, struct err *e);
/* Many at once, letters first to last, letter n to account 1 + n % accounts; waits for all
 * and gives how many were answered well. */
size_t co_house_deliver_all(struct house *h, uint64_t first, uint64_t last, uint32_t accounts);

struct inbox_row {
	uint32_t uid;
	uint64_t letter;
	unsigned char hash[32];
};

/* All pages of INBOX; the number of rows or a negative code. */
int co_house_inbox(struct house *h, uint32_t account, struct inbox_row *rows, size_t max, struct err *e);
/* What the hash must be. */
void house_hash(const struct house *h, uint64_t letter, uint32_t account, unsigned char out[32]);
/* Fails the test unless INBOX has each letter n of first..last with 1 + n % accounts == account
 * exactly once, with UIDs 1, 2, 3 and so on, and every byte right. */
void co_house_check(struct house *h, uint64_t first, uint64_t last, uint32_t accounts);

#endif
