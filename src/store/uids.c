/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of UIDs as sorted ranges. */
#include "store/uids.h"

#include <stdlib.h>

bool uids_valid(struct uids u)
{
	uint64_t least = 1;

	if (u.n > UID_RANGES_MAX)
		return false;
	for (size_t i = 0; i < u.n; i++) {
		if (u.r[i].lo < least || u.r[i].hi < u.r[i].lo)
			return false;
		least = (uint64_t)u.r[i].hi + 2;
	}
	return true;
}

uint64_t uids_count(struct uids u)
{
	uint64_t count = 0;

	for (size_t i = 0; i < u.n; i++)
		count += (uint64_t)u.r[i].hi - u.r[i].lo + 1;
	return count;
}

bool uids_has(struct uids u, uint32_t uid)
{
	size_t from = 0;
	size_t to = u.n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (uid > u.r[mid].hi)
			from = mid + 1;
		else
			to = mid;
	}
	return from < u.n && u.r[from].lo <= uid;
}

uint32_t uids_last(struct uids u)
{
	return u.n ? u.r[u.n - 1].hi : 0;
}

/* Seven bits a byte, lowest first, the top bit says that more follow. */
static void put_varint(struct buf *b, uint32_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_put_u8(b, (uint8_t)(v | 0x80));
	buf_put_u8(b, (uint8_t)v);
}

/* Only the shortest form of a number that fits is accepted, so that one set
 * has one encoding. */
static uint32_t get_varint(struct reader *r)
{
	uint64_t v = 0;

	for (int shift = 0; shift < 35; shift += 7) {
		uint8_t byte = read_u8(r);

		v |= (uint64_t)(byte & 0x7F) << shift;
		if (byte & 0x80)
			continue;
		if ((byte == 0 && shift > 0) || v > UINT32_MAX)
			break;
		return (uint32_t)v;
	}
	r->failed = true;
	return 0;
}

void uids_put(struct buf *b, struct uids u)
{
	uint32_t least = 1;

	put_varint(b, (uint32_t)u.n);
	for (size_t i = 0; i < u.n; i++) {
		put_varint(b, u.r[i].lo - least);
		put_varint(b, u.r[i].hi - u.r[i].lo);
		least = u.r[i].hi + 2;
	}
}

struct uids uids_get(struct reader *r, struct arena *a)
{
	uint32_t n = get_varint(r);
	uint64_t least = 1;
	struct uid_range *ranges = NULL;

	/* A range takes two bytes at least: a short body cannot claim a long list. */
	if (n > UID_RANGES_MAX || n > r->rest.n / 2)
		r->failed = true;
	if (!r->failed && n > 0)
		ranges = arena_calloc(a, n, sizeof(*ranges));
	if (n > 0 && !ranges)
		r->failed = true;
	for (uint32_t i = 0; i < n && !r->failed; i++) {
		uint64_t lo = least + get_varint(r);
		uint64_t hi = lo + get_varint(r);

		if (hi > UINT32_MAX)
			r->failed = true;
		ranges[i] = (struct uid_range){(uint32_t)lo, (uint32_t)hi};
		least = hi + 2;
	}
	return r->failed ? (struct uids){NULL, 0} : (struct uids){ranges, n};
}

void uid_list_init(struct uid_list *l)
{
	*l = (struct uid_list){0};
}

void uid_list_free(struct uid_list *l)
{
	free(l->r);
	uid_list_init(l);
}

void uid_list_clear(struct uid_list *l)
{
	l->n = 0;
	l->failed = false;
}

static bool enlarge(struct uid_list *l)
{
	size_t cap = l->cap ? l->cap * 2 : 8;

	if (cap > UID_RANGES_MAX)
		cap = UID_RANGES_MAX;
	if (l->n == cap)
		return false;
	struct uid_range *r = realloc(l->r, cap * sizeof(*r));

	if (!r)
		return false;
	l->r = r;
	l->cap = cap;
	return true;
}

void uid_list_add(struct uid_list *l, uint32_t lo, uint32_t hi)
{
	uint32_t last = uids_last(uid_list_uids(l));

	if (l->failed)
		return;
	if (lo == 0 || hi < lo || lo <= last) {
		l->failed = true;
		return;
	}
	if (l->n > 0 && lo - 1 == last) {
		l->r[l->n - 1].hi = hi;
		return;
	}
	if (l->n == l->cap && !enlarge(l)) {
		l->failed = true;
		return;
	}
	l->r[l->n++] = (struct uid_range){lo, hi};
}

struct uids uid_list_uids(const struct uid_list *l)
{
	return (struct uids){l->r, l->n};
}
