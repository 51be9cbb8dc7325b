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

/* Messages that one system call takes or brings. */
#define CHAN_BATCH 16

struct chan_head {
	uint8_t kind;
	uint8_t status;
};

struct chan_arrival {
	int code; /* 0; ERR_INVALID: too short, too long or too many descriptors, and nothing to close */
	struct chan_parcel parcel;
	struct chan_head head;
};

void chan_frame_free(struct chan_frame *f);
/* False when something in it was over its limit. */
bool chan_frame_ok(const struct chan_frame *f);
/* Fills the header in. */
void chan_frame_address(struct chan_frame *f, enum chan_kind kind, uint8_t status, uint32_t id,
			int64_t deadline);
/* Gives the kernel this frame and those behind it, at most CHAN_BATCH; never waits.  How many it
 * took, at least one; ERR_BUSY when the socket is full, ERR_CLOSED. */
int chan_frames_send(int fd, const struct chan_frame *first);
/* Takes what is there, at most `max` (up to CHAN_BATCH) messages, and waits for one when `wait`
 * says so: their number, below max when no more were there.  ERR_BUSY when there is none,
 * ERR_CLOSED at the end. */
int chan_frames_receive(int fd, bool wait, struct chan_arrival *out, unsigned max);
/* Closes the parcel's descriptors and frees its bytes. */
void chan_parcel_close(struct chan_parcel *p);

#endif
