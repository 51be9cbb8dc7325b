/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/unit.h"
#include "format/domain.h"

#define LABEL63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static const struct {
	struct str in;
	const char *want; /* NULL: ERR_INVALID */
	enum domain_kind kind;
} vectors[] = {
	{STR_INIT("example.test"), "example.test", DOMAIN_NAME},
	{STR_INIT("Mail.EXAMPLE.Test"), "mail.example.test", DOMAIN_NAME},
	{STR_INIT("localhost"), "localhost", DOMAIN_NAME},
	{STR_INIT("a_b.example.test"), "a_b.example.test", DOMAIN_NAME},
	{STR_INIT("1.2.3.4"), "1.2.3.4", DOMAIN_NAME},
	{STR_INIT("m\xC3\xBCnchen.Example"), "xn--mnchen-3ya.example", DOMAIN_NAME},
	{STR_INIT("M\xC3\x9CNCHEN.example"), "xn--mnchen-3ya.example", DOMAIN_NAME},
	{STR_INIT("XN--MNCHEN-3YA.example"), "xn--mnchen-3ya.example", DOMAIN_NAME},
	/* Sharp s and ss are two names (non-transitional). */
	{STR_INIT("stra\xC3\x9F"
		  "e.example"),
	 "xn--strae-oqa.example", DOMAIN_NAME},
	/* The ideographic full stop divides labels, and nothing else may come out of the mapping. */
	{STR_INIT("a\xE3\x80\x82"
		  "example"),
	 "a.example", DOMAIN_NAME},
	{STR_INIT("a\xEF\xBC\xA0"
		  "b.example" /* FULLWIDTH @ */),
	 NULL, 0},
	{STR_INIT("a\xEF\xBC\x8F"
		  "b.example" /* FULLWIDTH / */),
	 NULL, 0},
	{STR_INIT("a.\xC2\xAD.example" /* a label of a soft hyphen alone */), NULL, 0},
	{STR_INIT("a\xC3"), NULL, 0},
	{STR_INIT("\xED\xA0\x80.example" /* a surrogate */), NULL, 0},
	{STR_INIT("a\xC3\xBC\0b.example"), NULL, 0},
	{STR_INIT("a\xC3\xBC b.example"), NULL, 0},
	{STR_INIT("a\0b.example"), NULL, 0},
	{STR_INIT(""), NULL, 0},
	{STR_INIT("."), NULL, 0},
	{STR_INIT("example."), NULL, 0},
	{STR_INIT(".example"), NULL, 0},
	{STR_INIT("a..b"), NULL, 0},
	{STR_INIT("-a.b"), NULL, 0},
	{STR_INIT("a-.b"), NULL, 0},
	{STR_INIT("a b"), NULL, 0},
	{STR_INIT("a/b"), NULL, 0},
	{STR_INIT("a@b"), NULL, 0},
	{STR_INIT(LABEL63 ".test"), LABEL63 ".test", DOMAIN_NAME},
	{STR_INIT("[192.0.2.1]"), "[192.0.2.1]", DOMAIN_IPV4},
	{STR_INIT("[IPv6:2001:DB8:0:0::1]"), "[IPv6:2001:db8::1]", DOMAIN_IPV6},
	{STR_INIT("[ipv6:::]"), "[IPv6:::]", DOMAIN_IPV6},
	{STR_INIT("[IPv6:::ffff:192.0.2.1]"), "[IPv6:::ffff:192.0.2.1]", DOMAIN_IPV6},
	{STR_INIT("[x-tag:Any!content]"), "[x-tag:Any!content]", DOMAIN_GENERAL},
	{STR_INIT("[x-tag:a@b]"), NULL, 0},
	{STR_INIT("[x-tag:a b]"), NULL, 0},
	{STR_INIT("[x-tag:]"), NULL, 0},
	{STR_INIT("[tag-:x]"), NULL, 0},
	{STR_INIT("[x_tag:x]"), NULL, 0},
	{STR_INIT("[192.0.2.1"), NULL, 0},
	{STR_INIT("[192.0.2.256]"), NULL, 0},
	{STR_INIT("[192.0.2]"), NULL, 0},
	{STR_INIT("[192.0.2.1]x"), NULL, 0},
	{STR_INIT("[192.0.2.1\0]"), NULL, 0},
	{STR_INIT("[IPv6:2001:db8::1\0x]"), NULL, 0},
	{STR_INIT("[IPv6:2001:db8::1%eth0]"), NULL, 0},
	{STR_INIT("[IPv6:1:2:3:4:5:6:7:8:9]"), NULL, 0},
	{STR_INIT("[::1]"), NULL, 0},
	{STR_INIT("[]"), NULL, 0},
	{STR_INIT("["), NULL, 0},
};

static void parses_into_one_form(void **state)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct domain d, again;
		int rc = domain_parse(vectors[i].in, true, &d);

		if (rc != (vectors[i].want ? 0 : ERR_INVALID))
			fail_msg("\"%.*s\": %d", STR_ARG(vectors[i].in), rc);
		if (rc)
			continue;
		assert_str(domain_str(&d), vectors[i].want);
		assert_int_equal(d.kind, vectors[i].kind);
		/* The normal form is its own normal form, and needs no UTF-8. */
		assert_int_equal(domain_parse(domain_str(&d), false, &again), 0);
		assert_str(domain_str(&again), vectors[i].want);
		assert_false(again.utf8);
	}
}

static void keeps_the_octets_of_literals(void **state)
{
	struct domain d;

	assert_int_equal(domain_parse(STR("[192.0.2.1]"), false, &d), 0);
	assert_memory_equal(d.ip, "\xC0\x00\x02\x01", 4);
	assert_int_equal(domain_parse(STR("[IPv6:2001:db8::1]"), false, &d), 0);
	assert_memory_equal(d.ip, "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
}

static void knows_the_limits(void **state)
{
	static const char name[] = LABEL63 "." LABEL63 "." LABEL63 "." LABEL63;
	struct domain d;
	struct str s = {name, 253};
	char raw[300];

	assert_int_equal(domain_parse(s, false, &d), 0);
	s.n = 254;
	assert_int_equal(domain_parse(s, false, &d), ERR_TOO_BIG);
	assert_int_equal(domain_parse(STR("a" LABEL63 ".test"), false, &d), ERR_TOO_BIG);
	memset(raw, 'a', sizeof(raw));
	assert_int_equal(domain_parse((struct str){raw, sizeof(raw)}, false, &d), ERR_TOO_BIG);
	/* 64 times one kana is 192 octets as written, and more than 63 as an A-label. */
	for (size_t i = 0; i < 64; i++)
		memcpy(raw + 3 * i, "\xE3\x81\x82", 3);
	assert_int_equal(domain_parse((struct str){raw, 3 * 64}, true, &d), ERR_TOO_BIG);
}

static void asks_leave_for_utf8(void **state)
{
	struct domain d;

	assert_int_equal(domain_parse(STR("m\xC3\xBCnchen.example"), false, &d), ERR_DENIED);
	assert_int_equal(domain_parse(STR("m\xC3\xBCnchen.example"), true, &d), 0);
	assert_true(d.utf8);
	assert_int_equal(domain_parse(STR("[x:\xC3\xBC]"), true, &d), ERR_INVALID);
}

static void shows_u_labels_to_people(void **state)
{
	static const struct {
		const char *in, *want;
	} names[] = {
		{"xn--mnchen-3ya.example", "m\xC3\xBCnchen.example"},
		{"example.test", "example.test"},
		{"xn--a.example", "xn--a.example"},
		{"[192.0.2.1]", "[192.0.2.1]"},
		{"", ""},
	};
	struct buf out;

	buf_init(&out, 300);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		buf_clear(&out);
		domain_write_unicode(str_of(names[i].in), &out);
		assert_str(buf_str(&out), names[i].want);
	}
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_into_one_form),     cmocka_unit_test(keeps_the_octets_of_literals),
		cmocka_unit_test(knows_the_limits),         cmocka_unit_test(asks_leave_for_utf8),
		cmocka_unit_test(shows_u_labels_to_people),
	};

	return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
