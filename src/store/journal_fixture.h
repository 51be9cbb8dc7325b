/* SPDX-License-Identifier: Apache-2.0 */
/* journal_fixture: for tests, a journal on a model of a disk, and what it told. */
#ifndef STORE_JOURNAL_FIXTURE_H
#define STORE_JOURNAL_FIXTURE_H

#include "store/disk_model.h"
#include "store/journal.h"
#include "store/segment_pool.h"

#define SEGMENT 4096
#define TOLD_MAX 64

extern const struct check_key fixture_key;

/* What a scan told: the first byte of each payload, and where it was. */
struct told {
	char first[TOLD_MAX + 1];
	uint64_t position[TOLD_MAX];
	size_t n;
	unsigned damages;
	uint64_t damaged_at;
	uint64_t damaged_bytes;
	int stop; /* returned by the visitor */
	int not_whole; /* 1: whole() says no; less: it cannot tell */
	unsigned groups;
	uint64_t last_time, last_end;
};

struct fixture {
	struct disk *d;
	struct journal *j;
	struct told t;
	struct journal_report r;
	struct err e;
	char payload[SEGMENT];
};

/* For cmocka: a fixture with an open journal. */
int set_up(void **state);
int tear_down(void **state);
#define WITH_JOURNAL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* Forgets what was told, keeps what to answer. */
struct journal_visitor visitor(struct fixture *f);
int open_from(struct fixture *f, uint64_t from);
int scan_from(struct fixture *f, uint64_t from);
/* Scans all and compares. */
void assert_told(struct fixture *f, const char *want);
/* The process ends without a word, the power too. */
void crash(struct fixture *f, enum disk_cut how);
/* Adds entries of n bytes, one for each character of letters. */
int add(struct fixture *f, struct journal_group *g, const char *letters, size_t n, bool frees);
/* The same as a group of their own; commit: 40 bytes each, ordinary. */
int commit_sized(struct fixture *f, const char *letters, size_t n, bool frees);
int commit(struct fixture *f, const char *letters);
/* The in-th such call from now, and count in all, fail with EIO. */
void fail_next(struct fixture *f, enum disk_call call, long in, long count);
/* What lies in the disk's cache at that position, to change it. */
unsigned char *bytes_at(struct fixture *f, uint64_t position);

#endif
