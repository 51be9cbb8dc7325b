/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check: the sums that tell whether stored bytes are the ones we wrote.
 *
 * crc32c finds accidents.  check_of is keyed and bound to a place: nobody who
 * writes a letter can make bytes that pass for an entry of ours, nor can a copy
 * of a real entry pass at another place (docs/format.md, "Checks").
 */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of data_dir/secret. */
#define SECRET_SIZE 32

struct check_key {
	unsigned char bytes[16];
};

/* What a check protects; part of the format. */
enum check_what {
	CHECK_SEGMENT = 1,
	CHECK_HEADER = 2,
	CHECK_PAYLOAD = 3,
	CHECK_VOLUME = 4,
	CHECK_RECORD = 5,
};

/* CRC-32C of n bytes; crc is 0 at first, then the result so far. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
/* Its two implementations.  The second may be called only when the first of
 * these says so; without the instruction crc32c() uses the table. */
bool crc32c_has_instruction(void);
uint32_t crc32c_instruction(uint32_t crc, const void *p, size_t n);
uint32_t crc32c_table(uint32_t crc, const void *p, size_t n);

/* SipHash-2-4, 64 bits. */
uint64_t siphash24(const struct check_key *key, const void *p, size_t n);
/* The same over what and where, then n bytes. */
uint64_t check_of(const struct check_key *key, enum check_what what, uint64_t position, const void *p,
		  size_t n);

/* The keys that the secret gives. */
void check_keys(const unsigned char secret[SECRET_SIZE], struct check_key *journal, struct check_key *volume);

#endif
