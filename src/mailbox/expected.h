/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expected: sessions that keeper has announced and no gate has brought yet.
 *
 * A number lets one session in, once, for the service it was made for, and not after its
 * time: with it a gate can reach the mail of a client who has just logged in through it
 * and no other.  Times are milliseconds of the monotonic clock, given by the caller.
 */
#ifndef MAILBOX_EXPECTED_H
#define MAILBOX_EXPECTED_H

#include "base/nummap.h"
#include "base/str.h"

#define EXPECTED_MAX 4096
#define EXPECTED_MS 10000
/* Of an account's address, as in the messages. */
#define EXPECTED_ACCOUNT_MAX 512

struct expected_session {
	struct expected_session *next; /* in the order in which they came, and so expire */
	uint64_t number;
	int64_t until;
	uint8_t service;
	size_t account_n;
	char account[];
};

struct expected {
	struct nummap by_number;
	struct expected_session *first, *last; /* those taken too, until their time is over */
	size_t count;
};

/* A zeroed struct is empty too. */
void expected_free(struct expected *x);
/* 0; ERR_INVALID: the number is 0 or the address too long; ERR_EXISTS: that number is already
 * expected; ERR_BUSY: too many are; ERR_MEMORY. */
int expected_add(struct expected *x, uint64_t number, uint8_t service, struct str account, int64_t now,
		 int64_t until);
/* Whose session it is; the number is of no use from here on, whatever the answer.  The empty
 * view: it was not expected, or not for this service.  The view lives until the next
 * expected_add. */
struct str expected_take(struct expected *x, uint64_t number, uint8_t service, int64_t now);

#endif
