/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a payload: refused, or parts that encode to the very same bytes. */
#include "store/entry.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of((struct str){(const char *)data, size});
	struct arena a;
	struct buf again;
	struct part part;

	arena_init(&a, 1 << 20);
	buf_init(&again, 1 << 20);
	while (entry_next(&r, &a, &part) > 0)
		entry_put(&again, &part);
	/* Every byte that was taken comes back, so no value has two spellings. */
	if (buf_failed(&again) || again.n > size || (again.n > 0 && memcmp(again.p, data, again.n) != 0))
		abort();
	buf_free(&again);
	arena_free(&a);
	return 0;
}
