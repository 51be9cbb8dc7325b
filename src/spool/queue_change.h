/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_change: flush, hold, release and delete of letters in the queue.
 *
 * All but flush are durable before they are answered.  A held letter is offered to nobody,
 * here or elsewhere; what is under way ends as it ends.  A deleted one ends without a word
 * to its sender; what a shard or another server has in hand may still arrive.
 */
#ifndef SPOOL_QUEUE_CHANGE_H
#define SPOOL_QUEUE_CHANGE_H

#include "base/err.h"
#include "net/queue_actions.h"

#include <stddef.h>
#include <stdint.h>

struct spool;

/* Does it to these letters; those that are not open any more, or are as they should be
 * already, are passed over.  *done: to how many it was done, also after an error. */
int co_queue_change(struct spool *s, enum queue_action action, const uint64_t *ids, size_t count,
		    uint32_t *done, struct err *e);

#endif
