/* SPDX-License-Identifier: Apache-2.0 */
/* Announced sessions, by number and in the order of their end (see expected.h). */
#include "mailbox/expected.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

static void drop_first(struct expected *x)
{
	struct expected_session *s = x->first;

	if (nummap_get(&x->by_number, s->number) == s)
		nummap_remove(&x->by_number, s->number);
	x->first = s->next;
	if (!x->first)
		x->last = NULL;
	x->count--;
	free(s);
}

void expected_free(struct expected *x)
{
	while (x->first)
		drop_first(x);
	nummap_free(&x->by_number);
}

static void append(struct expected *x, struct expected_session *s)
{
	if (x->last)
		x->last->next = s;
	else
		x->first = s;
	x->last = s;
	x->count++;
	nummap_put(&x->by_number, s->number, s);
}

int expected_add(struct expected *x, uint64_t number, uint8_t service, struct str account, int64_t now,
		 int64_t until)
{
	struct expected_session *s;

	while (x->first && x->first->until <= now)
		drop_first(x);
	if (number == 0 || account.n == 0 || account.n > EXPECTED_ACCOUNT_MAX)
		return ERR_INVALID;
	if (nummap_get(&x->by_number, number))
		return ERR_EXISTS;
	if (x->count == EXPECTED_MAX)
		return ERR_BUSY;
	s = calloc(1, sizeof(*s) + account.n);
	if (!s)
		return ERR_MEMORY;
	s->number = number;
	s->until = until;
	s->service = service;
	s->account_n = account.n;
	memcpy(s->account, account.p, account.n);
	append(x, s);
	return ERR_OK;
}

struct str expected_take(struct expected *x, uint64_t number, uint8_t service, int64_t now)
{
	const struct expected_session *s = nummap_remove(&x->by_number, number);

	if (!s || s->until <= now || s->service != service)
		return (struct str){NULL, 0};
	return (struct str){s->account, s->account_n};
}
