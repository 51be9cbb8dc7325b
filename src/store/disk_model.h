/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk_model: for tests, a disk in memory that forgets what was not synced.
 *
 * Two flat folders (JOURNAL_DIR, VOLUMES_DIR) behind a struct sysio.  A write
 * reaches the cache; a sync copies what is dirty to the platter.  A sync that
 * fails marks the dirty bytes clean, as Linux does, so that a later sync
 * succeeds without them.  Names become durable by the sync of their folder
 * only.  When the power is cut, any subset of the dirty sectors and any first
 * part of the unsynced changes of a folder may have reached the platter.
 */
#ifndef STORE_DISK_MODEL_H
#define STORE_DISK_MODEL_H

#include "store/sysio.h"

#include <stdbool.h>

#define JOURNAL_DIR 100
#define VOLUMES_DIR 101

#define DISK_FILES 128
#define DISK_FDS 32
#define DISK_HISTORY 12
#define DISK_SECTOR 64 /* small, so that a small group has several */

struct disk_file {
	unsigned char *cache, *platter, *dirty; /* one byte each a byte */
	size_t n, platter_n, cap;
	unsigned writes; /* calls that changed it */
};

struct disk_names {
	struct {
		char name[24];
		int file;
	} entry[DISK_FILES];
	int count;
};

struct disk_dir {
	struct disk_names now;
	/* Since the last sync, oldest first; [0] is what the platter has. */
	struct disk_names history[DISK_HISTORY];
	int changes;
};

enum disk_call {
	CALL_OPEN = 1,
	CALL_WRITE = 2,
	CALL_SYNC = 4,
	CALL_DIRSYNC = 8,
	CALL_TRUNCATE = 16,
	CALL_ALLOCATE = 32,
	CALL_RENAME = 64,
	CALL_UNLINK = 128,
	CALL_ANY = 255,
};

enum disk_cut {
	CUT_LOSE, /* nothing unsynced survives */
	CUT_KEEP, /* all of it does */
	CUT_MIX, /* any of it */
};

struct disk {
	struct sysio io; /* first: a disk is a struct sysio */
	struct disk_file files[DISK_FILES];
	int file_count;
	struct disk_dir dirs[2];
	int fds[DISK_FDS]; /* file + 1, 0: free */
	uint64_t random;
	/* What is counted. */
	long calls, bytes, syncs;
	/* When things go wrong; -1: never. */
	long off_at_byte, off_at_call;
	bool off;
	unsigned fail_calls; /* of enum disk_call */
	long fail_in; /* the n-th such call from now fails, 0: the next */
	long fail_count; /* and how many in a row do */
	int fail_errno;
	size_t max_write; /* longest single write, 0: any */
	long space; /* bytes left, -1: any */
};

struct disk *disk_new(uint64_t seed);
void disk_destroy(struct disk **d);
/* The power goes away and comes back. */
void disk_power_cut(struct disk *d, enum disk_cut how);
/* The process dies, the machine lives: descriptors are gone, the cache stays. */
void disk_process_dies(struct disk *d);
/* NULL when there is no such file. */
struct disk_file *disk_find(struct disk *d, int dirfd, const char *name);
uint64_t disk_random(struct disk *d);

#endif
