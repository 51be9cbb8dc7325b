/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue: letters with recipients elsewhere, from when they are accepted until each
 * recipient has its fate.
 *
 *   letter --due--> sorted by next hop --> destination (destination.h) --> relay
 *     ^                                                                      |
 *     +-- deferred: at its next time --------------------------- outcomes <--+
 *                                            sent: settled          (outcome.h)
 *                                            bounced: the sender is told (notice.h)
 *
 * An idle letter costs a timer and what was said last; its entry is read again at each try.
 * Times are those of the wall clock and stand in the journal, so that a restart goes on
 * with them; a timer is at most LOOK_MS away from noticing that the clock was set.
 */
#ifndef SPOOL_QUEUE_H
#define SPOOL_QUEUE_H

#include "base/nummap.h"
#include "format/dsn.h"
#include "net/chan.h"
#include "store/entry.h"

struct spool;
struct kept_letter;
struct destination;
struct outbound;

#define QUEUE_HOSTNAME_MAX 255

/* What the settings say. */
struct queue_rules {
	bool relay_all; /* everything goes to relay_host */
	int64_t retry_first_ms, retry_last_ms;
	int64_t lifetime_ms;
	int64_t bounce_lifetime_ms; /* of letters from the null sender */
	size_t bounce_size; /* larger letters come back as their header only */
	enum dsn_language language;
	char hostname[QUEUE_HOSTNAME_MAX + 1];
};

struct queue {
	struct spool *spool;
	struct chan *relay, *keeper; /* NULL: there is none */
	struct queue_rules rules;
	struct queue_rules next_rules; /* of a reload that is being prepared */

	/* Private. */
	struct outbound *due, **due_end; /* letters to be sorted */
	bool sorting;
	struct nummap destinations; /* by keyed hash of their domain */
	size_t sweep_at; /* so many of them: idle ones are looked for */
	struct destination *first, **end; /* those with bundles that wait, in turn */
	unsigned open; /* questions */
	uint64_t bytes; /* of the letters in them */
	bool alone; /* the open question may be relay's death */
};

void queue_rules_defaults(struct queue_rules *rules);
void queue_init(struct queue *q, struct spool *s);
/* No fiber of the spool may run any more. */
void queue_free(struct queue *q);

/* A letter that is open goes on its way, or on: to shards and to relay.  When it is known,
 * and after its release. */
void letter_go(struct spool *s, struct kept_letter *k);
/* Looks what is next for its recipients elsewhere: after each change of them. */
void queue_look(struct spool *s, struct kept_letter *k);
/* It has no open recipient any more: says so in the log, once. */
void letter_ended(struct kept_letter *k);
/* Something of ours failed: nothing is done with it for so many milliseconds. */
void queue_put_off(struct kept_letter *k, int64_t ms);
/* The fiber that told its sender has ended. */
void queue_told(struct spool *s, struct kept_letter *k);
/* Its next try is now. */
void queue_hurry(struct spool *s, struct kept_letter *k);

/* When a recipient is tried again that was deferred so often; a moment on the wall clock.
 * The last try is when the letter expires. */
int64_t queue_next_us(const struct spool *s, uint64_t letter, uint32_t tries, int64_t expires_us);
/* When this letter is given up. */
int64_t queue_expires_us(const struct spool *s, const struct envelope *env);

#endif
