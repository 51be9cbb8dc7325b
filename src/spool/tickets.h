/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tickets: which appends are known already (invariant 4).
 *
 * A gate repeats an append only while it has no answer to it: at most 64 are open
 * on its channel, and it gives up after 120 s.  So the tickets of the last
 * TICKETS_MAX letters are enough up to 2,000 letters a second: what is older was
 * answered or given up.
 */
#ifndef SPOOL_TICKETS_H
#define SPOOL_TICKETS_H

#include "base/nummap.h"
#include "store/check.h"
#include "store/entry.h"

#include <stdbool.h>

#define TICKETS_MAX ((size_t)262144)
/* Older tickets are of no use to anybody. */
#define TICKETS_KEEP_MS 150000

struct ticket;

struct tickets {
	struct check_key key;
	struct nummap map; /* by keyed hash: gates choose tickets */
	struct ticket *oldest, *newest;
	size_t max;
};

void tickets_init(struct tickets *t, const struct check_key *key, size_t max);
void tickets_free(struct tickets *t);
/* The letter of that ticket (TICKET_SIZE bytes), 0 when it is not known. */
uint64_t tickets_find(const struct tickets *t, const unsigned char *ticket);
/* Remembers one that is not known; the oldest above max is forgotten. */
void tickets_add(struct tickets *t, const unsigned char *ticket, uint64_t letter);
/* Forgets it: its letter was refused. */
void tickets_remove(struct tickets *t, const unsigned char *ticket);

#endif
