/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visitors: the client connections that one gate has reported and not taken back.
 *
 * Limits count per client over all gates; this says whose part is whose, so that the
 * connections of a gate that dies are given back, and a gate can take back only what it
 * reported itself.
 */
#ifndef KEEPER_VISITORS_H
#define KEEPER_VISITORS_H

#include "base/siphash.h"

/* Different addresses at a time; a gate has fewer descriptors than that. */
#define VISITORS_MAX 100000

struct visitors;

/* The key keeps clients from choosing addresses that collide.  NULL: out of memory. */
struct visitors *visitors_new(struct siphash_key key);
void visitors_destroy(struct visitors **v);

/* One more connection of the address.  False: VISITORS_MAX, or out of memory. */
bool visitors_add(struct visitors *v, const uint8_t address[16]);
/* One less.  False when there is none. */
bool visitors_remove(struct visitors *v, const uint8_t address[16]);
/* Takes any one connection out and gives its address; false when none is left. */
bool visitors_take(struct visitors *v, uint8_t address[16]);

#endif
