/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome: what became of recipients, made durable.
 *
 * All that is known at once of one letter is one entry; with it may go a new letter, the
 * report to its sender: both or neither (docs/format.md).
 */
#ifndef SPOOL_OUTCOME_H
#define SPOOL_OUTCOME_H

#include "base/err.h"
#include "store/entry.h"

struct spool;
struct kept_letter;

/* The fate of one recipient. */
struct verdict {
	struct outcome outcome;
	struct str address; /* for the log */
	bool joined; /* private */
};

/* A letter of spool's own: id, envelope and bytes. */
struct report {
	struct letter letter;
	struct str bytes;
};

struct verdicts {
	struct spool *spool;
	struct kept_letter *letter;
	struct verdict *list;
	uint32_t count;
	int64_t received_us;
	struct report *report; /* NULL: none */
};

/* Waits until it is durable; recipients that are settled already stay as they are.  Not 0:
 * nothing happened. */
int co_verdicts(struct verdicts *v, struct err *e);
/* The same without report, again and again until it is done.  ERR_CANCELLED, ERR_CLOSED. */
int co_verdicts_surely(struct verdicts *v);

#endif
