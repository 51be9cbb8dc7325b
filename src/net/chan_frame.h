/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan_frame: how a message lies in a datagram; for chan.c alone.
 *
 *   0 u16 type   2 u8 kind   3 u8 status   4 u32 id   8 i64 deadline   16 payload
 *
 * status is 0, or the negated error code of an answer whose payload is then a
 * sentence.  Integers are little-endian.
 */
#ifndef NET_CHAN_FRAME_H
#define NET_CHAN_FRAME_H

#include "net/chan.h"

#define CHAN_HEADER ((size_t)16)

enum chan_kind { CHAN_QUESTION = 1, CHAN_ANSWER = 2, CHAN_NOTE = 3 };

struct chan_head {
	uint8_t kind;
	uint8_t status;
};

void chan_frame_free(struct chan_frame *f);
/* False when something in it was over its limit. */
bool chan_frame_ok(const struct chan_frame *f);
/* Fills the header in. */
void chan_frame_address(struct chan_frame *f, enum chan_kind kind, uint8_t status, uint32_t id,
			int64_t deadline);
/* Never waits.  0, ERR_BUSY when the socket is full, ERR_CLOSED. */
int chan_frame_send(int fd, const struct chan_frame *f);
/* Takes one message: ERR_BUSY when there is none (unless wait), ERR_CLOSED at the end,
 * ERR_INVALID for one that is too short, too long or has too many descriptors. */
int chan_frame_receive(int fd, bool wait, struct chan_parcel *p, struct chan_head *head);
/* Closes the parcel's descriptors and frees its bytes. */
void chan_parcel_close(struct chan_parcel *p);

#endif
