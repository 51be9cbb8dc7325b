/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint: writing the catalogue, and how far back recovery has to read.
 *
 * The checkpoint is a position before which nothing in the journal is needed any more:
 * the shards have folded all acts (they say so with `folded`), the catalogue has the
 * rest, and no gate can repeat an append (TICKETS_KEEP_MS).  It waits for folds, not for
 * fates: a letter that stays in the queue does not hold it back (invariant 8).
 */
#ifndef SPOOL_CHECKPOINT_H
#define SPOOL_CHECKPOINT_H

#include "base/err.h"

struct spool;
struct checkpointer;

/* Starts the fiber that does it from time to time. */
int checkpoint_begin(struct spool *s, struct err *e);
void checkpointer_destroy(struct checkpointer **c);

#endif
