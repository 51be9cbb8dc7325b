/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_list: letters of the queue as people and scripts know them from mailq.
 *
 *   -Queue ID-        --Size-- ----Arrival Time---- -Sender/Recipient-------
 *   0000000000000BB9*      512 Sun Nov 22 09:16:41  sender@x.test
 *                                       (host mx.y.test[192.0.2.1]:25 said: 450 later)
 *                                                    recipient@y.test
 *
 *   -- 0 Kbytes in 1 Request.
 *
 * Behind the id stands * when it is under way or next, ! when it is held.  Control
 * characters are shown as "?".
 */
#ifndef CLI_QUEUE_LIST_H
#define CLI_QUEUE_LIST_H

#include "base/buf.h"

#include <stdio.h>

struct queue_recipient {
	struct str address;
	bool local;
	int64_t next_us; /* 0: under way or next */
	uint32_t tries; /* deferred so often */
	struct str said;
};

struct queue_entry {
	uint64_t id, position, size;
	int64_t received_us;
	bool held;
	struct str why;
	struct str sender;
	uint32_t count;
};

struct queue_totals {
	uint64_t bytes;
	uint64_t letters;
	uint64_t last; /* position */
};

/* The next letter of an answer to `queue`, then each of its recipients.  False: there is
 * none, or r->failed. */
bool queue_entry_next(struct reader *r, struct queue_entry *entry);
bool queue_recipient_next(struct reader *r, struct queue_recipient *to);

/* Writes the letters of one answer; the headings before the first one.  False: the answer
 * cannot be read. */
bool queue_list_page(struct str letters, struct queue_totals *totals, FILE *out);
/* The last line, or "Mail queue is empty". */
void queue_list_end(const struct queue_totals *totals, FILE *out);
/* One letter with all that is known, before its text. */
bool queue_show_entry(struct str letters, FILE *out);

#endif
