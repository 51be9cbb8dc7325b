/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pump: carries bytes between a client's TLS and the shard that has its session.
 *
 * One fiber for both directions.  Each has a buffer only while bytes are in it, so a session
 * that says nothing costs its fiber, its descriptors and OpenSSL's state, and no timer.
 */
#ifndef GATE_PUMP_H
#define GATE_PUMP_H

#include "net/stream.h"

#define PUMP_BUFFER ((size_t)16 << 10)
/* Buffers that are kept for the next ones. */
#define PUMP_SPARES 32

struct pump_pool {
	char *spare[PUMP_SPARES];
	unsigned spares;
	size_t used; /* buffers that hold bytes now */
};

/* A zeroed pool is ready. */
void pump_pool_free(struct pump_pool *p);

/* Carries until the shard has ended its side and all it said was sent.  The client's end is
 * passed on to the shard, which may still have something to say.  Nothing may be in the
 * stream's buffers.
 *
 * 0: the shard ended it.  ERR_CLOSED: the client is gone; ERR_TIMEOUT: it has read nothing for
 * stall_ms of what was there for it; ERR_CANCELLED; ERR_MEMORY.  at_line_end: the client has heard whole lines
 * only, so another may follow. */
int co_pump(struct stream *client, struct io *shard, struct pump_pool *pool, int64_t stall_ms,
	    bool *at_line_end);

#endif
