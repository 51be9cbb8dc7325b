/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan: typed messages to a neighbour over a SOCK_SEQPACKET socket.
 *
 * A question takes a credit and carries an id and an absolute deadline; an
 * answer never waits for anything.  Handlers never run in the reading path: each
 * question gets a fiber from a bounded group.  When the neighbour dies, every open
 * question fails at once with ERR_ROOM_GONE (the idempotent ones are asked once
 * more), and new ones wait for the next neighbour until their deadline.
 *
 * The other side is treated as possibly compromised: sizes, ids, types and the
 * number of descriptors are checked, and a message that is not exactly what it
 * says is refused.
 *
 * The typed calls (co_ask_NAME, NAME_take, NAME_answer, NAME_send) are generated
 * from messages.def; the chan_frame and co_chan_ask functions are for them.
 */
#ifndef NET_CHAN_H
#define NET_CHAN_H

#include "base/buf.h"
#include "base/err.h"
#include "net/rooms.h"

/* A message is at most 80 KiB with its header (larger ones need contiguous kernel
 * memory, and fewer of them fit into a socket). */
#define CHAN_MESSAGE_MAX ((size_t)80 << 10)
#define CHAN_FDS_MAX 4

struct chan;
struct chan_frame;
struct fiber_group;

/* A message that arrived: a question or note in the hands of a handler, or the
 * answer in the hands of the one who asked.  Views into it live until
 * chan_parcel_free. */
struct chan_parcel {
	struct chan *chan;
	uint32_t generation; /* which neighbour asked: an answer never goes to the next one */
	uint16_t type;
	uint32_t id;
	int64_t deadline;
	struct str payload;
	char *bytes;
	int fds[CHAN_FDS_MAX];
	unsigned fd_count;
	uint8_t status; /* of an answer: 0, or the negated code of a refusal */
	bool answered;
};

/* A message under construction. */
struct chan_frame {
	struct chan_frame *next;
	struct buf bytes;
	int fds[CHAN_FDS_MAX]; /* duplicates, closed with the frame */
	unsigned fd_count;
	bool failed;
};

/* What a room does with one type of message; runs in a fiber of its own.  The
 * parcel is freed after it returns. */
typedef void chan_handler_fn(void *room, struct chan_parcel *p);

struct chan_handler {
	uint16_t type; /* 0 ends the table */
	chan_handler_fn *co_fn;
};

struct chan_rules {
	const struct chan_handler *handlers; /* what may be asked of us; NULL: nothing */
	void *room; /* handed to the handlers */
	struct fiber_group *fibers; /* whose ceiling bounds the open handlers */
	unsigned window; /* our questions open at once; 0: none may be asked */
	int64_t longest_ms; /* no question waits longer, whatever it says */
	/* Called when the neighbour's end was seen, or the next one took its place (may be NULL). */
	void (*gone)(void *room, struct chan *c);
};

/* A channel to a neighbour that is not there yet.  name is for log lines and
 * error sentences and is copied. */
struct chan *chan_new(const char *name, const struct chan_rules *rules);
/* Ends it: open questions fail with ERR_CLOSED, answers of handlers that still run
 * are dropped; the memory goes when the last of them is done. */
void chan_destroy(struct chan **c);
/* Puts a neighbour's socket in place, the first or the next one; takes fd over. */
int chan_attach(struct chan *c, int fd, uint32_t epoch);
bool chan_attached(const struct chan *c);
const char *chan_name(const struct chan *c);
uint32_t chan_epoch(const struct chan *c);
/* User id of the process at the other end (SO_PEERCRED); -1 when unknown. */
int64_t chan_peer_uid(const struct chan *c);
/* True once everything queued has been given to the kernel. */
bool chan_sent_all(const struct chan *c);

/* Refuses a question with a code and a sentence. */
__attribute__((format(printf, 3, 4))) void chan_refuse(struct chan_parcel *p, int code, const char *fmt, ...);
/* Whether the process that asked is still there.  A handler may run after `gone` was called:
 * what it keeps for the asker would never be given back. */
bool chan_asker_lives(const struct chan_parcel *p);
/* Closes the descriptors nobody took and frees the bytes. */
void chan_parcel_free(struct chan_parcel *p);

/* --- for the generated code and the first message ---------------------------- */

struct chan_frame *chan_frame_new(uint16_t type);
void chan_frame_add_fd(struct chan_frame *f, int fd);
void chan_frame_add_str(struct chan_frame *f, struct str s, size_t max);
int co_chan_ask(struct chan *c, struct chan_frame *f, bool again, int64_t deadline, struct chan_parcel *store,
		struct err *e);
int chan_send_note(struct chan *c, struct chan_frame *f);
void chan_send_answer(struct chan_parcel *p, struct chan_frame *f);

/* Receives one message from a bare socket, blocking: a new process waits for its
 * `start` this way, before there is a loop.  0, or ERR_CLOSED, ERR_INVALID. */
int chan_receive_first(int fd, struct chan_parcel *p);

#endif
