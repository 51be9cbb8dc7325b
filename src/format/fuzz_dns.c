/* SPDX-License-Identifier: Apache-2.0 */
/* Record data and messages of any bytes: shown within the ceiling, in printable ASCII. */
#include "format/dns.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out;

	if (size < 2)
		return 0;
	struct str rest = {(const char *)data + 2, size - 2};

	buf_init(&out, 1 << 20);
	dns_data_show((uint16_t)(data[0] | data[1] << 8), rest, &out);
	for (size_t i = 0; i < out.n; i++)
		if (out.p[i] < 0x20 || out.p[i] > 0x7E)
			abort();
	/* A record takes at least 11 bytes. */
	if (dns_answer_count(rest, DNS_RRSIG) > rest.n / 11)
		abort();
	buf_free(&out);
	return 0;
}
