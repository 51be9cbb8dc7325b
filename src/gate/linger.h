/* SPDX-License-Identifier: Apache-2.0 */
/* linger: a connection's end that lets the client read our last words. */
#ifndef GATE_LINGER_H
#define GATE_LINGER_H

#include "net/stream.h"

/* Sends what is left, says that no more comes, and reads what the client still sends for at most
 * wait_ms: closing a socket with unread input resets the connection, and the last reply with it.  The
 * stream is still to be closed. */
void co_linger(struct stream *stream, int64_t wait_ms);

#endif
