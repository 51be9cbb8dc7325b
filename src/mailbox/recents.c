/* SPDX-License-Identifier: Apache-2.0 */
/* How far \Recent was told (see recents.h). */
#include "mailbox/recents.h"

#include <stdlib.h>

void recents_free(struct recents *r)
{
	free(r->rows);
	*r = (struct recents){0};
}

static struct recent_row *find(const struct recents *r, uint32_t folder)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rows[i].folder == folder)
			return &r->rows[i];
	return NULL;
}

uint32_t recents_first(const struct recents *r, uint32_t folder)
{
	const struct recent_row *row = find(r, folder);

	return row ? row->uid : 1;
}

void recents_claim(struct recents *r, uint32_t folder, uint32_t uid)
{
	struct recent_row *row = find(r, folder);

	if (row ? row->uid >= uid : uid <= 1)
		return;
	if (!row && r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 8;
		struct recent_row *rows =
			cap <= RECENTS_MAX * 2 ? reallocarray(r->rows, cap, sizeof(*rows)) : NULL;

		/* They are recent once more then. */
		if (!rows)
			return;
		r->rows = rows;
		r->cap = cap;
	}
	if (!row)
		row = &r->rows[r->n++];
	*row = (struct recent_row){folder, uid};
	r->changed = true;
}

struct recent_row *recents_copy(const struct recents *r, const struct ledger *l, size_t *n)
{
	struct recent_row *copy = calloc(r->n + 1, sizeof(*copy));

	*n = 0;
	for (size_t i = 0; copy && i < r->n; i++)
		if (ledger_folder(l, r->rows[i].folder))
			copy[(*n)++] = r->rows[i];
	return copy;
}
