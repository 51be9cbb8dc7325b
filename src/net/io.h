/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io: a descriptor that fibers wait on.
 *
 * One libuv poll handle per descriptor stays armed for reading while it lives,
 * so a wait costs no system call; it is disarmed only when bytes arrive that
 * nobody waits for.  At most one fiber reads and one writes at a time.
 */
#ifndef NET_IO_H
#define NET_IO_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct io_handle;

struct io {
	int fd; /* -1 when closed */
	struct io_handle *handle;
	struct fiber *reader, *writer;
	int armed; /* the events libuv watches */
};

/* Takes fd over (non-blocking and close-on-exec from here on).  On failure fd is
 * closed and the negative code returned. */
int io_open(struct io *io, int fd);
/* Stops watching and closes the descriptor; waiting fibers get ERR_CLOSED. */
void io_close(struct io *io);
/* Stops watching and gives the descriptor to the caller. */
int io_release(struct io *io);

/* 0, ERR_TIMEOUT, ERR_CANCELLED or ERR_CLOSED. */
int co_wait_readable(struct io *io, int64_t deadline);
int co_wait_writable(struct io *io, int64_t deadline);

/* Waits until one of two is ready for one of the things wanted of it (a set of IO_READ and
 * IO_WRITE, which may be empty). */
enum { IO_READ = 1, IO_WRITE = 2 };
int co_wait_either(struct io *a, unsigned want_a, struct io *b, unsigned want_b, int64_t deadline);

/* Bytes read (at least 1), ERR_CLOSED at the end of file or a reset, or as above. */
int co_read(struct io *io, char *p, size_t n, int64_t deadline);
/* Sends the ACK that TCP keeps for an answer to take along.  For one who read a part and waits for the
 * rest: the peer may keep that until the ACK (RFC 9293 3.7.4), and both would wait for 40 ms.  Of other
 * sockets: nothing. */
void io_ack_now(const struct io *io);
/* 0 when all is written, or a negative code. */
int co_write(struct io *io, struct str bytes, int64_t deadline);

#endif
