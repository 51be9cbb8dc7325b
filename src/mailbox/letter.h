/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letter: one message of a folder, open for reading.
 *
 * A message is its head and the letter without its first `skip` bytes.  Positions here count
 * in the message, as a client sees it.
 */
#ifndef MAILBOX_LETTER_H
#define MAILBOX_LETTER_H

#include "mailbox/account.h"
#include "mailbox/contents.h"

struct letter_reader {
	struct message row;
	uint32_t skip;
	struct buf head;
	struct contents contents;
	struct place at;
	struct record record;
	int fd;
};

/* Opens the message.  ERR_NOT_FOUND: it is gone; ERR_CORRUPT, ERR_IO: its letter cannot be
 * read. */
int co_letter_open(struct account *a, uint32_t folder, uint32_t uid, struct letter_reader **out,
		   struct err *e);
void letter_close(struct letter_reader **l);

uint64_t letter_size(const struct letter_reader *l);
/* Where a byte of the letter, from skip on, is in the message. */
uint64_t letter_position(const struct letter_reader *l, uint64_t offset);
/* Exactly n bytes of the message.  Blocking. */
int letter_read(const struct letter_reader *l, uint64_t from, char *out, size_t n, struct err *e);
/* The letter itself, with what `skip` leaves out, verified, as a sealed memory file that the
 * caller closes.  Blocking. */
int letter_copy(const struct letter_reader *l, int *file, struct err *e);

#endif
