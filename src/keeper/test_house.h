/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_house: the keeper room as a process of its own; this one is its master, its gates and its
 * shards.
 *
 * A fiber cannot leave through cmocka's longjmp: what is wrong gathers in house.wrong and is judged when
 * the loop has ended.
 */
#ifndef KEEPER_TEST_HOUSE_H
#define KEEPER_TEST_HOUSE_H

#include "net/chan.h"
#include "net/fiber.h"
#include "net/messages.h"
#include "run/table_files.h"

#define HOUSE_GATES 2
#define HOUSE_SHARDS 2
#define ASK_MS 20000
/* What master keeps for keepers that follow each other. */
#define HOUSE_RIGHT_KEY "0123456789abcdef0123456789abcdef"
/* A hash for accounts that nobody logs in to. */
#define HASH "|{SHA512-CRYPT}$6$x$y\n"

struct house {
	char wrong[4096];
	struct fiber_group handlers;
	struct chan *control, *gates[HOUSE_GATES], *shards[HOUSE_SHARDS];
	int log_end;
	bool ready; /* it said so */
	uint32_t set; /* of tables, the last one that was sent */
	bool shard_refuses;
	/* The session that a shard was told to expect. */
	struct {
		unsigned shard;
		uint64_t number;
		uint8_t service;
		char account[64];
		unsigned count;
	} expected;
};

extern struct house house;

/* Runs fn with the room beside it; fn ends with house_end(). */
void house_run(fiber_fn *fn);
void house_end(void);
__attribute__((format(printf, 2, 3))) void check(bool good, const char *fmt, ...);

/* Two ends of a channel. */
void house_pair(int fds[2]);
/* A gate's process, the first or the next one. */
void house_attach_gate(unsigned index, uint32_t epoch);
/* Hands a table over, whose descriptor is closed, and the settings of a reload. */
void house_send_table(enum table_file table, int fd);
void house_put_settings(const char *const *overrides, size_t n, struct buf *out);
void house_put_files(struct buf *out);
/* A sealed memory file. */
int house_file(struct str contents);
void house_send_set(const char *const contents[TABLE_COUNT]);
/* Asks it to take the set over. */
int co_house_take(struct err *e);
/* Both, and it must be taken. */
void co_house_give(const char *const contents[TABLE_COUNT]);
void co_house_expect_ready(void);
bool co_house_logged(const char *text);

/* A client comes to a gate.  0 let in, 1 not; a code below 0 when refused. */
int co_house_connect(unsigned gate, const void *address, size_t n);

/* A set that most tests use. */
extern const char *const house_tables[TABLE_COUNT];

#endif
