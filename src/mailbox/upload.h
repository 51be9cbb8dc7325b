/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upload: the message of an APPEND on its way from the client to spool, in a memory file.
 *
 * A lone LF becomes CRLF, as every line of a message ends (RFC 5322, 2.3).  Its announced size
 * counts against the budgets of account and shard until the last who holds the upload lets it
 * go: who announces much and sends little keeps out nobody but himself.
 */
#ifndef MAILBOX_UPLOAD_H
#define MAILBOX_UPLOAD_H

#include "base/err.h"
#include "base/str.h"
#include "mailbox/waiters.h"

#include <stdbool.h>

/* All zero but max: nothing is used. */
struct upload_budget {
	struct upload_budget *of; /* what counts here counts there as well; NULL: nowhere */
	uint64_t used, max;
	struct waiters room;
};

struct upload {
	struct upload_budget *budget;
	unsigned refs;
	uint64_t reserved;
	int file;
	uint64_t size; /* of the file */
	bool after_cr;
	struct err fault; /* code 0: none so far */
};

/* Waits for room.  ERR_TIMEOUT, ERR_CANCELLED; ERR_TOO_BIG: there will never be any. */
int co_upload_new(struct upload_budget *b, uint64_t announced, int64_t deadline, struct upload **out,
		  struct err *e);
/* The next bytes.  Nothing is kept of what comes after a fault. */
void upload_add(struct upload *u, struct str bytes);
/* No more comes: the file is sealed.  ERR_INVALID: a NUL was in it (RFC 3501, 9: CHAR8). */
int upload_finish(struct upload *u, struct err *e);
struct upload *upload_hold(struct upload *u);
/* NULL is accepted; leaves NULL. */
void upload_release(struct upload **u);

#endif
