/* SPDX-License-Identifier: Apache-2.0 */
/* From an address to a slot to a process. */
#include "store/shards.h"

#include "store/check.h"

static unsigned slot_of(struct str address)
{
	uint32_t crc = 0;

	for (size_t i = 0; i < address.n; i++) {
		char c = ascii_lower(address.p[i]);

		crc = crc32c(crc, &c, 1);
	}
	return crc % SHARD_SLOTS;
}

unsigned shard_of(struct str address, unsigned shards)
{
	return slot_of(address) * shards / SHARD_SLOTS;
}
