/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_read: collects one IMAP command from a connection's bytes, literals
 * included (RFC 9051 section 4.3, RFC 7888).
 *
 * The reader is fed whatever arrived and stops at each event; however the
 * bytes are cut into pieces, the events are the same.  The command is kept as
 * it was sent, without the line end behind it, beside a table that says where
 * its literals are; imap_cursor.h reads it.
 *
 *   LINE --{n} at the end of a line--> ANNOUNCED --accept--> COLLECT --n bytes--> LINE
 *     |                                  |    \--outside---> OUTSIDE --n bytes--> LINE
 *     | line end                         | refuse, {n}            refuse, {n+}
 *     v                                  v                           v
 *   DONE (next: LINE)                  LINE (a new command)      DROP_LITERAL <--> DROP_LINE --line end--> LINE
 *
 * A refused or faulty command is followed to its end without being kept, with
 * its non-synchronising literals, so that no byte of a literal is ever taken
 * for a command.  Where that is impossible (a non-synchronising literal of
 * 2^63 bytes or more) the connection is LOST: say BYE and close.
 *
 * A line ends with CRLF or a lone LF, which people at a terminal send.  A CR
 * elsewhere and a NUL are faults.
 */
#ifndef FORMAT_IMAP_READ_H
#define FORMAT_IMAP_READ_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* The longest command without the contents of its literals. */
#define IMAP_LINE_MAX (64 * 1024)
/* The most literals of one command. */
#define IMAP_LITERALS_MAX 1000

enum imap_read_event {
	IMAP_READ_MORE, /* everything was taken, nothing to do yet */
	IMAP_READ_LITERAL, /* decide: accept, outside or refuse; see imap_read_announced() */
	IMAP_READ_DATA, /* the next bytes of an outside literal: imap_read_chunk() */
	IMAP_READ_COMMAND, /* complete: imap_read_text(), then imap_read_next() */
	IMAP_READ_BAD, /* faulty: imap_read_fault(); its rest is dropped unasked */
	IMAP_READ_LOST, /* faulty, and the next command cannot be found: close */
};

struct imap_literal {
	size_t at; /* offset of its "{" or "~{" in the text */
	size_t data; /* offset of its first byte in the text */
	uint64_t size; /* as announced */
	bool binary; /* literal8, RFC 3516 */
	bool nonsync; /* "{n+}": the bytes come without being asked for */
	bool outside; /* not in the text: the caller took the bytes */
};

/* One complete command; the views live until imap_read_next(). */
struct imap_text {
	struct str bytes;
	const struct imap_literal *literals;
	size_t literal_count;
};

struct imap_read_limits {
	size_t line; /* bytes outside literals, line ends included */
	size_t literal; /* one collected literal */
	size_t total; /* all collected literals of a command */
};

struct imap_read {
	struct imap_read_limits limits;
	struct buf text;
	struct buf literals; /* of struct imap_literal */
	struct imap_literal announced;
	struct str chunk;
	uint64_t left; /* bytes of the literal that are still to come */
	uint64_t dropped; /* bytes dropped since the last fault or refusal */
	size_t line_bytes; /* text bytes that are not in literals */
	uint64_t number; /* of the marker at the end of the line so far */
	const char *fault;
	unsigned char state;
	unsigned char mark; /* how far "~{n+}" has been seen */
	bool binary, nonsync; /* what the marker says */
	bool too_large; /* its number does not fit in 63 bits */
	bool cr; /* the last byte was CR */
	unsigned char line_end; /* length of the line end that was just read */
	bool raw;
};

void imap_read_init(struct imap_read *r, struct imap_read_limits limits);
void imap_read_free(struct imap_read *r);
/* New limits for what comes after: after a login, or after LITERAL for this
 * command. */
void imap_read_set_limits(struct imap_read *r, struct imap_read_limits limits);
/* The next line is no command but an answer to a continuation request
 * (AUTHENTICATE, or DONE of IDLE): braces at its end announce nothing.  Call it
 * between commands; it holds until imap_read_next(). */
void imap_read_raw(struct imap_read *r);

/* Takes bytes off the front of *in up to the next event. */
enum imap_read_event imap_read_feed(struct imap_read *r, struct str *in);

/* After LITERAL: what is announced.  imap_read_text() then gives the command up
 * to it, with this literal as an outside one: if that parses as an APPEND, the
 * message comes now and everything about it is known. */
const struct imap_literal *imap_read_announced(const struct imap_read *r);
/* Collect it (send "+" unless it is nonsync): ERR_TOO_BIG when a limit forbids
 * that; then refuse it, or close. */
int imap_read_accept(struct imap_read *r);
/* Its bytes will come as DATA events and are not kept; none come when the size
 * is 0.  Limits are the caller's business. */
void imap_read_outside(struct imap_read *r);
/* The command is over (the caller answers NO or BAD); what must still come of
 * it is dropped. */
void imap_read_refuse(struct imap_read *r);

/* After DATA: the bytes, and how many of this literal are still to come. */
struct str imap_read_chunk(const struct imap_read *r);
uint64_t imap_read_left(const struct imap_read *r);

/* After COMMAND the command, after LITERAL or BAD what is there so far. */
struct imap_text imap_read_text(const struct imap_read *r);
/* After BAD or LOST: what is wrong, for the reply. */
const char *imap_read_fault(const struct imap_read *r);
/* How much of a faulty or refused command was dropped: the caller ends the
 * connection of a client that never stops. */
uint64_t imap_read_dropped(const struct imap_read *r);
/* Forgets the command.  Keeps at most 4 KiB of memory for the next one. */
void imap_read_next(struct imap_read *r);

#endif
