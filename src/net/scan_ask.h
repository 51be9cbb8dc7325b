/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan_ask: the part of those who ask scan about a letter (docs/architecture.md, invariant 13).
 *
 *   ask ------------------ answered ---> done
 *    | scan ended
 *    v
 *   ask, alone ----------- answered ---> done
 *    | scan ended   ^
 *    |              | no note `scanning` came for it: another letter's fault
 *    +--------------+
 *    | the note had come
 *    v
 *   SCAN_POISON
 */
#ifndef NET_SCAN_ASK_H
#define NET_SCAN_ASK_H

#include "net/chan.h"

#define SCANS_MAX 64

/* All zero: nobody can be asked. */
struct scans {
	struct chan *list[SCANS_MAX];
	unsigned count;
};

/* A letter that is asked about. */
struct scan_ask {
	uint64_t letter;
	/* Asks that scan once and takes the answer; any code but ERR_ROOM_GONE is the end. */
	int (*co_once)(struct scan_ask *ask, struct chan *scan, bool alone, int64_t deadline, struct err *e);

	/* Private. */
	const struct chan *alone; /* the scan that has the letter and no other */
	bool begun; /* that one said that it begins with it */
};

#define SCAN_POISON 1

/* 0; SCAN_POISON: scan ended twice at this letter; else what co_once said, or ERR_BUSY without any scan. */
int co_scan_ask(const struct scans *scans, struct scan_ask *ask, int64_t deadline, struct err *e);
/* The note `scanning` came from that scan. */
void scan_ask_begins(struct scan_ask *ask, const struct chan *scan, uint64_t letter);

/* Whether scan's answer holds an outline of a letter of that length: `bytes`, or the memory file `wide`
 * (-1: none) of `size` bytes.  Whoever has taken scan over may lie about letters, and do no more.
 * ERR_INVALID, ERR_CORRUPT: it does not. */
int scan_outline_check(struct str bytes, int wide, uint32_t size, uint64_t length, struct err *e);

#endif
