/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an envelope: refused, or one that encodes to the very same bytes. */
#include "store/envelope.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of((struct str){(const char *)data, size});
	struct arena a;
	struct buf again;
	struct envelope env;

	arena_init(&a, 1 << 20);
	buf_init(&again, 1 << 20);
	envelope_get(&r, &a, &env);
	if (r.failed) {
		if (env.recipient_count != 0 || env.recipients)
			abort();
	} else {
		envelope_put(&again, &env);
		if (buf_failed(&again) || again.n != size - r.rest.n || memcmp(again.p, data, again.n) != 0)
			abort();
	}
	buf_free(&again);
	arena_free(&a);
	return 0;
}
