/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of sequence numbers or UIDs. */
#include "format/imap_set.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

/* seq-number: nz-number or "*". */
static int take_number(struct str *text, uint32_t *out)
{
	size_t n = 0;

	if (text->n && text->p[0] == '*') {
		*text = str_skip(*text, 1);
		*out = IMAP_SET_STAR;
		return 0;
	}
	while (n < text->n && ascii_is_digit(text->p[n]))
		n++;
	if (n == 0 || text->p[0] == '0' || !str_to_u32(str_head(*text, n), out))
		return ERR_INVALID;
	*text = str_skip(*text, n);
	return 0;
}

static bool take_char(struct str *text, char c)
{
	if (text->n == 0 || text->p[0] != c)
		return false;
	*text = str_skip(*text, 1);
	return true;
}

static int take_range(struct str *text, struct imap_range *out)
{
	int rc = take_number(text, &out->first);

	if (rc)
		return rc;
	out->last = out->first;
	return take_char(text, ':') ? take_number(text, &out->last) : 0;
}

/* As many ranges as there are commas and one more, before anything else. */
static size_t count_ranges(struct str text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == ',')
			n++;
		else if (c != ':' && c != '*' && !ascii_is_digit(c))
			break;
	}
	return n;
}

int imap_set_parse(struct arena *a, struct str *text, size_t max, struct imap_set *set)
{
	size_t n = count_ranges(*text);

	*set = (struct imap_set){0};
	if (take_char(text, '$')) {
		set->saved = true;
		return 0;
	}
	if (n > max)
		return ERR_TOO_BIG;
	set->ranges = arena_calloc(a, n, sizeof(*set->ranges));
	if (!set->ranges)
		return ERR_MEMORY;
	do {
		int rc = take_range(text, &set->ranges[set->count]);

		if (rc)
			return rc;
		set->count++;
	} while (take_char(text, ','));
	return 0;
}

static int by_first(const void *a, const void *b)
{
	const struct imap_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Gives "*" its value and the ends their order; an empty range is dropped. */
static void settle(struct imap_set *set, uint32_t largest)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		struct imap_range r = set->ranges[i];
		uint32_t first = r.first == IMAP_SET_STAR ? largest : r.first;
		uint32_t last = r.last == IMAP_SET_STAR ? largest : r.last;

		if (first && last)
			set->ranges[kept++] =
				(struct imap_range){first < last ? first : last, first < last ? last : first};
	}
	set->count = kept;
}

void imap_set_resolve(struct imap_set *set, uint32_t largest)
{
	size_t kept = 0;

	settle(set, largest);
	if (set->count == 0)
		return;
	qsort(set->ranges, set->count, sizeof(*set->ranges), by_first);
	for (size_t i = 1; i < set->count; i++) {
		struct imap_range *top = &set->ranges[kept], r = set->ranges[i];

		if (r.first - 1 > top->last)
			set->ranges[++kept] = r;
		else if (r.last > top->last)
			top->last = r.last;
	}
	set->count = kept + 1;
}

/* The first range that does not lie wholly below n; count when there is none. */
static size_t find_range(const struct imap_set *set, uint32_t n)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (set->ranges[mid].last < n)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool imap_set_has(const struct imap_set *set, uint32_t n)
{
	size_t i = find_range(set, n);

	return i < set->count && set->ranges[i].first <= n;
}

uint64_t imap_set_size(const struct imap_set *set)
{
	uint64_t size = 0;

	for (size_t i = 0; i < set->count; i++)
		size += (uint64_t)set->ranges[i].last - set->ranges[i].first + 1;
	return size;
}

uint32_t imap_set_last(const struct imap_set *set)
{
	return set->count ? set->ranges[set->count - 1].last : 0;
}

uint32_t imap_set_above(const struct imap_set *set, uint32_t after)
{
	if (after == UINT32_MAX)
		return 0;
	size_t i = find_range(set, after + 1);

	if (i == set->count)
		return 0;
	return set->ranges[i].first > after ? set->ranges[i].first : after + 1;
}

void imap_set_put(struct buf *out, const uint32_t *numbers, size_t count)
{
	for (size_t i = 0, end; i < count; i = end) {
		end = i + 1;
		while (end < count && numbers[end - 1] < UINT32_MAX && numbers[end] == numbers[end - 1] + 1)
			end++;
		buf_printf(out, "%s%u", i ? "," : "", numbers[i]);
		if (end - i > 1)
			buf_printf(out, ":%u", numbers[end - 1]);
	}
}
