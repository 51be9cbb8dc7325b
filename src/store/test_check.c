/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers of both sums, and the two ways to CRC-32C against each other. */
#include "store/check.h"

#include "base/unit.h"

#include <string.h>

/* RFC 3720 appendix B.4, and the usual check string. */
static void crc_known_answers(void **state)
{
	unsigned char bytes[32];

	assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x8A9136AA);
	memset(bytes, 0xFF, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x62A8AB43);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x46DD794E);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(31 - i);
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x113FDB5C);
}

static void crc_two_ways(void **state)
{
	unsigned char bytes[512];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 167 + (i >> 3));
	if (!crc32c_has_instruction())
		skip();
	/* Every length and every alignment. */
	for (size_t from = 0; from < 8; from++)
		for (size_t n = 0; n + from <= sizeof(bytes); n++)
			assert_int_equal(crc32c_table(7, bytes + from, n),
					 crc32c_instruction(7, bytes + from, n));
}

static void crc_in_pieces(void **state)
{
	static const char text[] = "the sum so far, then the rest of the letter";
	uint32_t whole = crc32c(0, text, sizeof(text));

	for (size_t cut = 0; cut <= sizeof(text); cut++) {
		assert_int_equal(crc32c(crc32c(0, text, cut), text + cut, sizeof(text) - cut), whole);
		assert_int_equal(crc32c_table(crc32c_table(0, text, cut), text + cut, sizeof(text) - cut),
				 whole);
	}
}

/* The designers' vectors: key 00 to 0F, input 00, 01, 02 ... of each length. */
static void sip_known_answers(void **state)
{
	static const uint64_t want[] = {
		0x726FDB47DD0E0E31, 0x74F839C593DC67FD, 0x0D6C8009D9A94F5A, 0x85676696D7FB7E2D,
		0xCF2794E0277187B7, 0x18765564CD99A68D, 0xCBC9466E58FEE3CE, 0xAB0200F58B01D137,
		0x93F5F5799A932462, 0x9E0082DF0BA9E4B0, 0x7A5DBBC594DDB9F3, 0xF4B32F46226BADA7,
		0x751E8FBC860EE5FB, 0x14EA5627C0843D90, 0xF723CA908E7AF2EE, 0xA129CA6149BE45E5,
	};
	struct check_key key;
	unsigned char bytes[16];

	for (size_t i = 0; i < sizeof(bytes); i++)
		key.bytes[i] = bytes[i] = (unsigned char)i;
	for (size_t n = 0; n < sizeof(want) / sizeof(want[0]); n++)
		assert_true(siphash24(&key, bytes, n) == want[n]);
}

/* check_of is the hash of its 16 bytes of where and what, then the content. */
static void check_is_bound_to_its_place(void **state)
{
	struct check_key key = {{1, 2, 3}};
	unsigned char all[16 + 21] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, CHECK_PAYLOAD};
	unsigned char *text = all + 16;

	memcpy(text, "twenty-one bytes here", 21);
	for (size_t n = 0; n <= 21; n++)
		assert_true(check_of(&key, CHECK_PAYLOAD, 0x1122334455667788, text, n) ==
			    siphash24(&key, all, 16 + n));
	uint64_t check = check_of(&key, CHECK_PAYLOAD, 5, text, 21);

	assert_true(check != check_of(&key, CHECK_PAYLOAD, 6, text, 21));
	assert_true(check != check_of(&key, CHECK_HEADER, 5, text, 21));
	key.bytes[15] ^= 1;
	assert_true(check != check_of(&key, CHECK_PAYLOAD, 5, text, 21));
}

/* A change of labels would make every store unreadable. */
static void keys_stay_the_same(void **state)
{
	static const unsigned char secret[SECRET_SIZE] = {9, 8, 7};
	struct check_key journal, volume;

	check_keys(secret, &journal, &volume);
	assert_memory_equal(journal.bytes, "\x2E\x48\x97\xAF\x45\x19\xD8\x27\x4F\x22\x3B\x17\xCC\x95\x5B\xA9",
			    16);
	assert_memory_equal(volume.bytes, "\xA4\xBC\x86\x50\x69\x8B\xCC\xA0\x4F\xE8\x18\x28\xBC\x10\x48\x82",
			    16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_known_answers),
		cmocka_unit_test(crc_two_ways),
		cmocka_unit_test(crc_in_pieces),
		cmocka_unit_test(sip_known_answers),
		cmocka_unit_test(check_is_bound_to_its_place),
		cmocka_unit_test(keys_stay_the_same),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
