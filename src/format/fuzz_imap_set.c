/* SPDX-License-Identifier: Apache-2.0 */
/* A resolved set is sorted and disjoint, has what was written, and survives being written again. */
#include "format/imap_set.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool written_has(const struct imap_range *r, size_t count, uint32_t n, uint32_t largest)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t a = r[i].first ? r[i].first : largest, b = r[i].last ? r[i].last : largest;

		if (a && b && ((a <= n && n <= b) || (b <= n && n <= a)))
			return true;
	}
	return false;
}

static void check_order(const struct imap_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		must(set->ranges[i].first && set->ranges[i].first <= set->ranges[i].last);
		must(i == 0 || set->ranges[i].first - 1 > set->ranges[i - 1].last);
	}
}

/* Goes through the set, if it is small, and through what it is written as. */
static void check_round(struct arena *a, const struct imap_set *set)
{
	uint32_t numbers[500];
	struct imap_set again;
	struct buf b;
	size_t n = 0;

	if (imap_set_size(set) > 500 || set->count == 0)
		return;
	for (uint32_t v = 0; (v = imap_set_above(set, v));)
		numbers[n++] = v;
	must(n == imap_set_size(set) && numbers[n - 1] == imap_set_last(set));
	buf_init(&b, 10000);
	imap_set_put(&b, numbers, n);
	struct str s = buf_str(&b);

	must(imap_set_parse(a, &s, 500, &again) == 0 && s.n == 0);
	imap_set_resolve(&again, 1);
	must(again.count == set->count);
	must(memcmp(again.ranges, set->ranges, set->count * sizeof(*set->ranges)) == 0);
	buf_free(&b);
}

static void check_set(struct arena *a, struct imap_set *set, uint32_t largest)
{
	struct imap_range *written = arena_calloc(a, set->count + 1, sizeof(*written));
	size_t count = set->count;

	if (count)
		memcpy(written, set->ranges, count * sizeof(*written));
	imap_set_resolve(set, largest);
	check_order(set);
	for (size_t i = 0; i < count; i++)
		for (uint32_t d = 0; d < 3; d++) {
			uint32_t x = written[i].first - 1 + d, y = written[i].last - 1 + d;

			must(imap_set_has(set, x) == (x && written_has(written, count, x, largest)));
			must(imap_set_has(set, y) == (y && written_has(written, count, y, largest)));
		}
	check_round(a, set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imap_set set;
	struct arena a;

	if (size < 1 || size > 2000)
		return 0;
	struct str s = {(const char *)data + 1, size - 1};

	arena_init(&a, 1 << 20);
	if (imap_set_parse(&a, &s, 300, &set) == 0)
		check_set(&a, &set, data[0]);
	must(s.n <= size - 1 && s.p + s.n == (const char *)data + size);
	arena_free(&a);
	return 0;
}
