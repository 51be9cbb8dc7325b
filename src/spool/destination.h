/* SPDX-License-Identifier: Apache-2.0 */
/*
 * destination: letters that wait for their turn with relay, by next hop.
 *
 * A bundle is recipients of one letter with one next hop: one question to relay.  Each
 * destination has its bundles in order and a window of open questions, which begins small,
 * grows with each answer up to DESTINATION_OPEN and falls to one when its hosts cannot be
 * reached.  Then it is also suspended for a while: what comes for it meanwhile is deferred
 * with the same reason and without a question.
 *
 * Destinations with something to send take turns, and none takes the last questions: one
 * that has n open leaves more than n to the others, so a slow one delays nobody.
 *
 *   WAITING --asked--> OPEN --answered--> outcomes --> gone
 *      ^                |
 *      +--relay died----+   (counted; twice: asked alone; five times: not any more)
 */
#ifndef SPOOL_DESTINATION_H
#define SPOOL_DESTINATION_H

#include "base/str.h"

#include <stdint.h>

struct queue;
struct kept_letter;

#define DESTINATION_OPEN 20
#define QUESTIONS_OPEN 60 /* of the 64 that relay takes */
#define BUNDLE_MAX 100 /* recipients */

/* Recipients (places in the envelope) of a letter that share a next hop; "" is relay_host. */
void destination_add(struct queue *q, struct str domain, struct kept_letter *k, const uint32_t *recipients,
		     uint32_t count);
/* Asks as long as there is something to ask and room for it; after relay came, too. */
void destinations_turn(struct queue *q);
/* None is suspended any more. */
void destinations_hurry(struct queue *q);
void destinations_free(struct queue *q);

#endif
