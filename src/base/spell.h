/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spell: "did you mean": the known word nearest to a mistyped one.
 *
 *	struct spell s;
 *
 *	spell_init(&s, asked);
 *	for each known word: spell_try(&s, word);
 *	if (spell_found(&s).n) ... did you mean ...
 */
#ifndef BASE_SPELL_H
#define BASE_SPELL_H

#include "base/str.h"

/* Words longer than this are compared by their first bytes only. */
#define SPELL_MAX 64

struct spell {
	struct str asked;
	struct str best;
	size_t distance;
};

/* How many single-byte insertions, deletions, replacements and swaps of two
 * neighbours lead from a to b, ASCII case ignored. */
size_t spell_distance(struct str a, struct str b);

/* The views given to these must live as long as s is used. */
void spell_init(struct spell *s, struct str asked);
void spell_try(struct spell *s, struct str known);
/* The nearest word tried (of equals the first), or the empty view when none is
 * near: more than a third of the longer word is wrong (one byte of a word of
 * two is still near), and neither begins with three or more bytes that are all
 * of the other. */
struct str spell_found(const struct spell *s);

#endif
