/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_room: the keeper room as a process of its own; the test is its master, its gates and its
 * shards.
 *
 * A fiber cannot leave through cmocka's longjmp: what is wrong gathers in `wrong` and is judged
 * when the loop has ended.
 */
#ifndef KEEPER_TEST_ROOM_H
#define KEEPER_TEST_ROOM_H

#include "base/unit.h"
#include "keeper/keeper.h"
#include "keeper/tables.h"

#define GATES 2
#define SHARDS 2
#define ASK_MS 20000
/* What master keeps for keepers that follow each other. */
#define ROOM_RIGHT_KEY "0123456789abcdef0123456789abcdef"

struct test_room {
	char wrong[4096];
	struct fiber_group outer, handlers;
	struct chan *control, *gates[GATES], *shards[SHARDS];
	int log_end;
	bool ready;
	uint32_t set; /* number of the last set of tables */
	/* The session that a shard was told to expect. */
	struct {
		unsigned shard;
		uint64_t number;
		uint8_t service;
		char account[64];
		unsigned count;
	} expected;
	bool shard_refuses;
};

extern struct test_room room;

/* Notes what is wrong unless `good`. */
__attribute__((format(printf, 2, 3))) void check(bool good, const char *fmt, ...);

/* Plays a test from the room's start to its end: the fiber ends with room_end(). */
void room_run(fiber_fn *co_fn);
void room_end(void);

void room_pair(int fds[2]);
/* A gate's process, the first or the next one. */
void room_attach_gate(unsigned index, uint32_t epoch);

/* Tables: a file, one of the set under way, the whole set; the room takes it, is ready with it. */
int room_memory_file(struct str contents, size_t size, int seals);
void room_send_table(enum table_file table, int fd);
void room_send_set(const char *const contents[TABLE_COUNT]);
int co_room_take(struct err *e);
void co_room_give(const char *const contents[TABLE_COUNT]);
void co_room_ready(void);

/* Other settings than at the start: no ceiling of connections, no spoof protection. */
void co_room_prepare(void);
void co_room_switch(void);

/* 0 let in, 1 not; a code below 0 when refused. */
int co_room_connect(unsigned gate, const void *address, size_t n);
void room_leave(unsigned gate, const void *address, size_t n);

bool co_room_logged(const char *text);

#endif
