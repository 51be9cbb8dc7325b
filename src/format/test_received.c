/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "format/received.h"

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define THOUSAND HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

static struct buf out;

/* Tue, 1 Jul 2003 10:52:37 +0200 */
static const struct date when = {INT64_C(1057049557000000), 120};

static int set_up(void **state)
{
	buf_init(&out, 20000);
	return 0;
}

static int tear_down(void **state)
{
	buf_free(&out);
	return 0;
}

static struct str written(const struct received *r)
{
	buf_clear(&out);
	received_write(r, &out);
	assert_false(buf_failed(&out));
	return buf_str(&out);
}

static struct received example(void)
{
	return (struct received){
		.helo = STR("mx.example.test"),
		.client_ip = STR("192.0.2.1"),
		.by = STR("mail.example.org"),
		.protocol = received_protocol(RECEIVED_ESMTP),
		.id = STR("00000000000003E8"),
		.date = when,
	};
}

static void writes_the_field(void **state)
{
	struct received r = example();

	assert_str(written(&r), "Received: from mx.example.test (unknown [192.0.2.1])\r\n"
				"\tby mail.example.org (Mailstead) with ESMTP id 00000000000003E8;\r\n"
				"\tTue, 1 Jul 2003 10:52:37 +0200\r\n");
	r.client_name = STR("a-rather-long-name.of-the-client.example.test");
	r.client_ip = STR("2001:db8::1");
	r.tls = STR("TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)");
	r.login = STR("user@example.org");
	r.rcpt = STR("\"some body\"@example.org");
	r.protocol = received_protocol(RECEIVED_ESMTP | RECEIVED_TLS | RECEIVED_AUTH);
	assert_str(written(&r), "Received: from mx.example.test\r\n"
				"\t(a-rather-long-name.of-the-client.example.test [IPv6:2001:db8::1])\r\n"
				"\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n"
				"\t(Authenticated sender: user@example.org)\r\n"
				"\tby mail.example.org (Mailstead) with ESMTPSA id 00000000000003E8\r\n"
				"\tfor <\"some body\"@example.org>;\r\n"
				"\tTue, 1 Jul 2003 10:52:37 +0200\r\n");
}

static void tells_nothing_of_a_hidden_client(void **state)
{
	struct received r = example();

	r.helo = STR("");
	r.client_name = STR("laptop.example.test");
	assert_str(written(&r),
		   "Received: by mail.example.org (Mailstead) with ESMTP id 00000000000003E8;\r\n"
		   "\tTue, 1 Jul 2003 10:52:37 +0200\r\n");
}

static void names_the_user_of_a_program(void **state)
{
	struct received r = example();

	r.helo = STR("");
	r.user = STR("userid 1000");
	assert_str(written(&r), "Received: by mail.example.org (Mailstead, from userid 1000)\r\n"
				"\tid 00000000000003E8;\r\n\tTue, 1 Jul 2003 10:52:37 +0200\r\n");
	r.user = STR("a) id x;\r\n.");
	assert_str(written(&r), "Received: by mail.example.org (Mailstead, from a? id x;?"
				"?.)\r\n"
				"\tid 00000000000003E8;\r\n\tTue, 1 Jul 2003 10:52:37 +0200\r\n");
}

static void names_the_protocol(void **state)
{
	static const struct {
		unsigned with;
		const char *want;
	} names[] = {
		{0, "SMTP"},
		{RECEIVED_ESMTP, "ESMTP"},
		{RECEIVED_ESMTP | RECEIVED_TLS, "ESMTPS"},
		{RECEIVED_ESMTP | RECEIVED_AUTH, "ESMTPA"},
		{RECEIVED_ESMTP | RECEIVED_TLS | RECEIVED_AUTH, "ESMTPSA"},
		{RECEIVED_TLS, "ESMTPS"},
		{RECEIVED_ESMTP | RECEIVED_UTF8, "UTF8SMTP"},
		{RECEIVED_ESMTP | RECEIVED_UTF8 | RECEIVED_TLS, "UTF8SMTPS"},
		{RECEIVED_ESMTP | RECEIVED_UTF8 | RECEIVED_AUTH, "UTF8SMTPA"},
		{RECEIVED_ESMTP | RECEIVED_UTF8 | RECEIVED_TLS | RECEIVED_AUTH, "UTF8SMTPSA"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_str(received_protocol(names[i].with), names[i].want);
}

/* Whatever stands in a peer's strings, the field stays one field of short
 * lines, with its own parentheses balanced and its own semicolon the last. */
static void assert_one_clean_field(struct str field)
{
	size_t line = 0;
	int depth = 0;

	assert_true(str_ends(field, STR("+0200\r\n")));
	for (size_t i = 0; i < field.n; i++) {
		unsigned char c = (unsigned char)field.p[i];

		line = c == '\n' ? 0 : line + 1;
		assert_true(line <= 998);
		assert_true(c != '\r' || field.p[i + 1] == '\n');
		assert_true(c != '\n' || (i > 0 && field.p[i - 1] == '\r'));
		assert_true(c != '\n' || i + 1 == field.n || field.p[i + 1] == '\t');
		assert_true(c >= 0x20 || c == '\r' || c == '\n' || c == '\t');
		assert_true(c != 0x7F);
		depth += c == '(' ? 1 : c == ')' ? -1 : 0;
		assert_true(depth >= 0 && depth <= 2);
	}
	assert_int_equal(depth, 0);
	assert_int_equal(str_find(field, ';'), str_rfind(field, ';'));
}

static void lets_no_peer_write_fields(void **state)
{
	static const struct str evil[] = {
		STR_INIT("x\r\nBcc: victim@example.test"),
		STR_INIT("x\r\n\r\nbody"),
		STR_INIT("x\n\tfolded"),
		STR_INIT("x\rx"),
		STR_INIT("\0\x01\x1B[2J\x7F"),
		STR_INIT("x) by evil.test (y"),
		STR_INIT("((((\\"),
		STR_INIT("))))"),
		STR_INIT("x; Tue, 1 Jan 1980 00:00:00 +0000"),
		STR_INIT("\xC2\x85\xC2\x9B"),
		STR_INIT("\xFF\xFE\xC0"),
		STR_INIT(THOUSAND THOUSAND),
		STR_INIT("\t"),
	};

	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		struct received r = example();

		r.helo = r.client_name = r.client_ip = evil[i];
		assert_one_clean_field(written(&r));
		r.by = r.id = r.protocol = evil[i];
		assert_one_clean_field(written(&r));
		/* A semicolon or a parenthesis may be part of a login or an address. */
		if (str_find_str(evil[i], STR(";")) == STR_NONE &&
		    str_find_str(evil[i], STR(")")) == STR_NONE &&
		    str_find_str(evil[i], STR("(")) == STR_NONE) {
			r.login = r.rcpt = evil[i];
			assert_one_clean_field(written(&r));
		}
	}
	struct received r = example();

	r.helo = STR("x\r\ny (z)");
	r.login = STR("a)\r\n(b");
	r.rcpt = STR("a>\r\n<b");
	assert_str(written(&r), "Received: from x??y??z? (unknown [192.0.2.1])\r\n"
				"\t(Authenticated sender: a????b)\r\n"
				"\tby mail.example.org (Mailstead) with ESMTP id 00000000000003E8\r\n"
				"\tfor <a????b>;\r\n"
				"\tTue, 1 Jul 2003 10:52:37 +0200\r\n");
}

static void keeps_good_utf8(void **state)
{
	struct received r = example();

	r.helo = STR("m\xC3\xBCnchen.example");
	assert_true(str_find_str(written(&r), STR("from m\xC3\xBCnchen.example (")) != STR_NONE);
	r.helo = STR("m\xC3nchen.example");
	assert_true(str_find_str(written(&r), STR("from m?nchen.example (")) != STR_NONE);
}

static void counts_received_fields(void **state)
{
	static const struct {
		const char *header;
		unsigned count;
	} headers[] = {
		{"", 0},
		{"Received: a\r\nReceived: b\r\n\r\nReceived: c\r\n", 2},
		{"received: a\n\tReceived: folded\nRECEIVED : b\n\nReceived: c\n", 2},
		{"X-Received: a\r\nReceived-SPF: b\r\nReceived\r\n", 0},
		{"Subject: Received: a\r\n Received: b\r\n \r\nReceived: c", 1},
		{"\r\nReceived: a\r\n", 0},
		{"garbage\r\nReceived: a\r\n", 1},
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_int_equal(received_count(str_of(headers[i].header)), headers[i].count);
	for (int i = 0; i < 60; i++)
		buf_add_z(&out, "Received: x\r\n");
	assert_int_equal(received_count(buf_str(&out)), 60);
}

static void finds_delivered_to(void **state)
{
	struct str header =
		STR("Received: a\r\nDelivered-To: a@example.test\r\ndelivered-to:   B@example.test  \r\n"
		    "X: y\r\n\r\nDelivered-To: c@example.test\r\n");

	assert_true(received_delivered_to(header, STR("A@Example.TEST")));
	assert_true(received_delivered_to(header, STR("b@example.test")));
	assert_false(received_delivered_to(header, STR("c@example.test")));
	assert_false(received_delivered_to(header, STR("example.test")));
	assert_false(received_delivered_to(STR("Delivered-To-X: a@b.test\r\n"), STR("a@b.test")));
}

static void writes_message_ids(void **state)
{
	buf_clear(&out);
	message_id_write(when, STR("3E8"), STR("mail.example.org"), &out);
	assert_str(buf_str(&out), "<20030701085237.3E8@mail.example.org>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_the_field, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tells_nothing_of_a_hidden_client, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_the_user_of_a_program, set_up, tear_down),
		cmocka_unit_test(names_the_protocol),
		cmocka_unit_test_setup_teardown(lets_no_peer_write_fields, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keeps_good_utf8, set_up, tear_down),
		cmocka_unit_test_setup_teardown(counts_received_fields, set_up, tear_down),
		cmocka_unit_test(finds_delivered_to),
		cmocka_unit_test_setup_teardown(writes_message_ids, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("received", tests, NULL, NULL);
}
