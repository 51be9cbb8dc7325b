/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/dns_records.h"
#include "base/unit.h"

#include <arpa/inet.h>

static struct dns_address address_of(const char *text)
{
	struct dns_address a = {.family = AF_INET};

	if (inet_pton(AF_INET, text, a.bytes) != 1) {
		a.family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, text, a.bytes), 1);
	}
	return a;
}

static void public_addresses(void **state)
{
	static const struct {
		const char *text;
		bool is_public;
	} table[] = {
		{"8.8.8.8", true},
		{"10.1.2.3", false},
		{"11.0.0.1", true},
		{"100.63.255.255", true},
		{"100.64.0.1", false},
		{"100.127.255.255", false},
		{"100.128.0.1", true},
		{"127.0.0.1", false},
		{"169.254.1.1", false},
		{"172.15.0.1", true},
		{"172.16.0.1", false},
		{"172.31.255.255", false},
		{"172.32.0.1", true},
		{"192.168.0.1", false},
		{"192.0.2.1", false},
		{"198.19.0.1", false},
		{"198.20.0.1", true},
		{"224.0.0.1", false},
		{"255.255.255.255", false},
		{"223.255.255.255", true},
		{"0.0.0.0", false},
		{"2a00:1450::1", true},
		{"::1", false},
		{"fe80::1", false},
		{"fd00::1", false},
		{"2001:db8::1", false},
		{"2001:db9::1", true},
		{"::ffff:8.8.8.8", false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct dns_address a = address_of(table[i].text);

		assert_int_equal(dns_address_is_public(&a), table[i].is_public);
	}
}

static void own_addresses(void **state)
{
	struct dns_address all[DNS_ADDRESSES_MAX];
	size_t n = dns_own_addresses(all);

	assert_in_range(n, 0, DNS_ADDRESSES_MAX);
	for (size_t i = 0; i < n; i++)
		assert_true(dns_address_is_public(&all[i]));
}

static void records(void **state)
{
	const struct dns_address both[] = {address_of("8.8.8.8"), address_of("2a00::1")};
	struct buf out;
	struct err e;

	buf_init(&out, 4096);
	assert_int_equal(dns_records_write(STR("A.test"), STR("mail.a.test"), both, 2, &out, &e), 0);
	assert_str(buf_str(&out), "mail.a.test. IN A 8.8.8.8\n"
				  "mail.a.test. IN AAAA 2a00::1\n"
				  "a.test. IN MX 10 mail.a.test.\n"
				  "a.test. IN TXT \"v=spf1 mx -all\"\n"
				  "_dmarc.a.test. IN TXT \"v=DMARC1; p=none\"\n");
	buf_clear(&out);
	assert_int_equal(dns_records_write(STR("b\xC3\xBC"
					       "cher.test"),
					   STR("mx.test"), NULL, 0, &out, &e),
			 0);
	assert_str(buf_str(&out),
		   "; mx.test. IN A     the IPv4 address under which the world reaches this machine\n"
		   "; mx.test. IN AAAA  its IPv6 address, if it has one\n"
		   "xn--bcher-kva.test. IN MX 10 mx.test.\n"
		   "xn--bcher-kva.test. IN TXT \"v=spf1 mx -all\"\n"
		   "_dmarc.xn--bcher-kva.test. IN TXT \"v=DMARC1; p=none\"\n");
	buf_free(&out);
}

static void no_domain(void **state)
{
	static const char *const bad[] = {"", "[192.0.2.1]", "a b", "a\n.test", "-\".test"};
	struct buf out;
	struct err e;

	buf_init(&out, 4096);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(dns_records_write(str_of(bad[i]), STR("mx.test"), NULL, 0, &out, &e),
				 ERR_INVALID);
		assert_int_equal(dns_records_write(STR("a.test"), str_of(bad[i]), NULL, 0, &out, &e),
				 ERR_INVALID);
	}
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_addresses),
		cmocka_unit_test(own_addresses),
		cmocka_unit_test(records),
		cmocka_unit_test(no_domain),
	};

	return cmocka_run_group_tests_name("dns_records", tests, NULL, NULL);
}
