/* SPDX-License-Identifier: Apache-2.0 */
#include "format/dns.h"
#include "base/unit.h"

static void shown(uint16_t type, struct str data, const char *want)
{
	struct buf out;

	buf_init(&out, 4096);
	dns_data_show(type, data, &out);
	assert_str(buf_str(&out), want);
	buf_free(&out);
}

static void data_has_its_zone_file_form(void **state)
{
	shown(DNS_A, STR("\300\0\2\1"), "192.0.2.1");
	shown(DNS_AAAA, STR("\x20\1\xD\xB8\0\0\0\0\0\0\0\0\0\0\0\1"), "2001:db8::1");
	shown(DNS_MX, STR("\0\012\4mail\7example\4test\0"), "10 mail.example.test.");
	shown(DNS_MX, STR("\0\0\0"), "0 .");
	shown(DNS_SRV, STR("\0\1\0\2\2\x4B\1a\1b\0"), "1 2 587 a.b.");
	shown(DNS_TXT, STR("\5v=spf\2 \""), "\"v=spf\" \" \\\"\"");
	shown(DNS_TXT, STR("\0"), "\"\"");
	shown(DNS_SOA, STR("\1a\0\1b\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"), "a. b. 1 2 3 4 5");
	shown(DNS_TLSA, STR("\3\1\1\xAB\xCD"), "3 1 1 ABCD");
	shown(DNS_DS, STR("\x01\x02\x08\x02\xFF"), "258 8 2 FF");
	shown(DNS_CAA, STR("\0\5issueca.test"), "0 issue \"ca.test\"");
	shown(DNS_CNAME, STR("\3a.b\1\"\0"), "a\\.b.\\\".");
}

static void malformed_data_has_the_generic_form(void **state)
{
	shown(DNS_A, STR("\1\2\3"), "\\# 3 010203");
	shown(DNS_A, STR("\1\2\3\4\5"), "\\# 5 0102030405");
	shown(DNS_MX, STR("\0"), "\\# 1 00");
	shown(DNS_NS, STR("\300\014"), "\\# 2 C00C"); /* compression has no place here */
	shown(DNS_TXT, STR("\5abc"), "\\# 4 05616263");
	shown(DNS_TXT, STR(""), "\\# 0 ");
	shown(99, STR("\1"), "\\# 1 01");
}

static void a_name_has_limits(void **state)
{
	char wire[400];
	struct buf out;
	size_t n = 0;

	buf_init(&out, 4096);
	for (int i = 0; i < 4; i++) {
		wire[n++] = 63;
		for (int k = 0; k < 63; k++)
			wire[n++] = 'x';
	}
	wire[n++] = 0;
	struct reader r = reader_of((struct str){wire, n});

	assert_false(dns_name_read(&r, &out)); /* 257 bytes */
	wire[192] = 61;
	wire[192 + 62] = 0;
	r = reader_of((struct str){wire, 192 + 63});
	assert_true(dns_name_read(&r, &out)); /* 255 bytes */
	buf_free(&out);
}

static void types_have_names(void **state)
{
	char text[16];

	assert_int_equal(dns_type_of(STR("mx")), DNS_MX);
	assert_int_equal(dns_type_of(STR("TYPE65")), 65);
	assert_int_equal(dns_type_of(STR("TYPE65536")), 0);
	assert_int_equal(dns_type_of(STR("")), 0);
	assert_string_equal(dns_type_name(DNS_CAA, text), "CAA");
	assert_string_equal(dns_type_name(65535, text), "TYPE65535");
	assert_string_equal(dns_rcode_name(3, text), "NXDOMAIN");
	assert_string_equal(dns_rcode_name(255, text), "RCODE255");
}

static void addresses_are_reversed(void **state)
{
	struct buf out;

	buf_init(&out, 200);
	assert_true(dns_reverse_name(STR("192.0.2.1"), &out));
	assert_str(buf_str(&out), "1.2.0.192.in-addr.arpa.");
	buf_clear(&out);
	assert_true(dns_reverse_name(STR("2001:db8::1"), &out));
	assert_str(buf_str(&out),
		   "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.");
	assert_false(dns_reverse_name(STR("mail.test"), &out));
	assert_false(dns_reverse_name(STR(""), &out));
	buf_free(&out);
}

static void answers_are_counted(void **state)
{
	/* one question ". DNSKEY", two answers: DNSKEY of 2 bytes and RRSIG of 1 */
	static const char message[] = "\0\1\201\200\0\1\0\2\0\0\0\0"
				      "\0\0\60\0\1"
				      "\0\0\60\0\1\0\0\0\1\0\2ab"
				      "\300\014\0\56\0\1\0\0\0\1\0\1c";
	struct str all = {message, sizeof(message) - 1};

	assert_int_equal(dns_answer_count(all, DNS_DNSKEY), 1);
	assert_int_equal(dns_answer_count(all, DNS_RRSIG), 1);
	assert_int_equal(dns_answer_count(all, DNS_A), 0);
	/* cut anywhere: never more, never out of bounds */
	for (size_t n = 0; n < all.n; n++)
		assert_int_equal(dns_answer_count(str_head(all, n), DNS_RRSIG), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_has_its_zone_file_form),
		cmocka_unit_test(malformed_data_has_the_generic_form),
		cmocka_unit_test(a_name_has_limits),
		cmocka_unit_test(types_have_names),
		cmocka_unit_test(addresses_are_reversed),
		cmocka_unit_test(answers_are_counted),
	};

	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
