/* SPDX-License-Identifier: Apache-2.0 */
/* arrival: what every new letter has in common, whoever brings it. */
#ifndef SPOOL_ARRIVAL_H
#define SPOOL_ARRIVAL_H

#include "store/entry.h"

struct spool;
struct kept_letter;

/* Why a letter is held that came held (the envelope's flag). */
#define HELD_BY_SCAN "scan ended twice while it was parsed"

/* The letter is durable: it is known from now on, and goes its way. */
void letter_arrived(struct spool *s, const struct letter *l, uint64_t position, struct str entry);
/* What letter_arrived and recovery note of it. */
struct kept_letter *letter_known(struct spool *s, const struct letter *l, uint64_t position);

#endif
