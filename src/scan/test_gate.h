/* SPDX-License-Identifier: Apache-2.0 */
/* test_gate: a fake gate that asks the scan room, for the tests. */
#ifndef SCAN_TEST_GATE_H
#define SCAN_TEST_GATE_H

#include "base/buf.h"
#include "net/chan.h"
#include "net/fiber.h"
#include "net/messages.h"

#define SCAN_SIZE_LIMIT ((uint64_t)24 << 20)
#define INLINE_MAX ((size_t)32 << 10)

/* The room's state, made as in a role whose hostname is mx.ours.test; leave with
 * gate_room_end(). */
void *gate_room(void);
void gate_room_end(void *state);
/* Another "message_size_limit=...", as after a reload. */
void co_gate_reload(void *state, const char *limit);

/* A memory file with these bytes, sealed or not; -1: failed. */
int gate_file(struct str bytes, bool sealed);
/* The question for a letter, with all facts; in a file when it is long, which the caller closes. */
struct scan_question gate_question(uint64_t id, struct str letter);
int co_gate_ask(struct chan *c, const struct scan_question *q, struct scan_answer *a,
		struct chan_parcel *store, struct err *e);
/* Asks and frees the answer. */
int co_gate_try(struct chan *c, const struct scan_question *q, struct err *e);

#endif
