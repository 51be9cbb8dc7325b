/* SPDX-License-Identifier: Apache-2.0 */
/* Edit distance with swaps (optimal string alignment), three rows at a time. */
#include "base/spell.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool same(char a, char b)
{
	return ascii_lower(a) == ascii_lower(b);
}

size_t spell_distance(struct str a, struct str b)
{
	/* rows[i % 3][j]: from the first i bytes of a to the first j of b. */
	size_t rows[3][SPELL_MAX + 1];

	a = str_head(a, SPELL_MAX);
	b = str_head(b, SPELL_MAX);
	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *row = rows[i % 3];
		const size_t *up = rows[(i + 2) % 3];
		const size_t *up2 = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			row[j] = least(least(up[j], row[j - 1]) + 1,
				       up[j - 1] + !same(a.p[i - 1], b.p[j - 1]));
			if (i > 1 && j > 1 && same(a.p[i - 1], b.p[j - 2]) && same(a.p[i - 2], b.p[j - 1]))
				row[j] = least(row[j], up2[j - 2] + 1);
		}
	}
	return rows[a.n % 3][b.n];
}

void spell_init(struct spell *s, struct str asked)
{
	*s = (struct spell){.asked = asked, .distance = SIZE_MAX};
}

static bool begins(struct str whole, struct str part)
{
	return part.n >= 3 && str_starts_nocase(whole, part);
}

static bool near(struct str asked, struct str known, size_t distance)
{
	size_t longer = asked.n > known.n ? asked.n : known.n;

	return distance <= longer / 3 || (distance == 1 && longer == 2) || begins(asked, known) ||
	       begins(known, asked);
}

void spell_try(struct spell *s, struct str known)
{
	size_t distance = spell_distance(s->asked, known);

	if (distance < s->distance && near(s->asked, known, distance)) {
		s->distance = distance;
		s->best = known;
	}
}

struct str spell_found(const struct spell *s)
{
	return s->best;
}
