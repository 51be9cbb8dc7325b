/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_base64: what decodes encodes back to the same spelling, and every input survives both ways. */
#include "base/buf.h"
#include "format/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct buf a, b;

	buf_init(&a, 4 * size + 4);
	buf_init(&b, 4 * size + 4);
	if (base64_decode(in, &a) == 0) {
		base64_encode(buf_str(&a), &b);
		if (!str_eq(buf_str(&b), in))
			abort();
	}
	buf_clear(&a);
	buf_clear(&b);
	base64_encode(in, &a);
	if (base64_decode(buf_str(&a), &b) != 0 || !str_eq(buf_str(&b), in))
		abort();
	buf_free(&a);
	buf_free(&b);
	return 0;
}
