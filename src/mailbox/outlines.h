/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outlines: asking scan what a letter is.
 *
 * Nobody else parses.  A letter with which scan ended is asked about again alone, and when
 * scan ended with it once more it gets an opaque outline (scan/scan.h has the picture,
 * invariant 13).  What scan says is checked before anybody uses it.
 */
#ifndef MAILBOX_OUTLINES_H
#define MAILBOX_OUTLINES_H

#include "base/buf.h"
#include "base/err.h"
#include "mailbox/waiters.h"
#include "net/scan_ask.h"

/* Letters that are copied for scan at once. */
#define OUTLINE_COPIES_MAX 4

struct outline_ask;

/* All zero: nobody can be asked. */
struct outlines {
	struct scans scans;
	struct outline_ask *asks; /* under way */
	unsigned copies;
	struct waiters room; /* for one more copy */
};

/* Gives the letter as a sealed memory file; blocking, in the pool. */
typedef int outline_source_fn(void *arg, int *file, struct err *e);

/* Adds to out (ceiling OUTLINE_MAX) the encoded outline of a letter of `size` bytes in a sealed
 * memory file.  ERR_TIMEOUT, ERR_ROOM_GONE: scan does not answer now. */
int co_outline_ask(struct outlines *o, uint64_t letter, uint64_t size, int file, struct buf *out,
		   struct err *e);
/* The same of a stored letter.  Who asks while another asks for the same letter gets that
 * answer. */
int co_outline_of(struct outlines *o, uint64_t letter, uint64_t size, outline_source_fn *source, void *arg,
		  struct buf *out, struct err *e);
/* scan begins with a letter that was sent alone (`scanning`). */
void outlines_begun(struct outlines *o, const struct chan *scan, uint64_t letter);

#endif
