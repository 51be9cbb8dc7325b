/* SPDX-License-Identifier: Apache-2.0 */
/* Reports, read back with the parser of letters. */
#include "base/unit.h"
#include "format/dsn.h"
#include "format/mime.h"

#define LETTER "From: a@x.test\r\nSubject: caf\xC3\xA9\r\n\r\nHello.\r\n"

static struct buf out;

static int set_up(void **state)
{
	buf_init(&out, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	buf_free(&out);
	return 0;
}

static const struct dsn_recipient two[] = {
	{STR_INIT("b@y.test"), STR_INIT("rfc822;B@y.test"), STR_INIT("5.1.1"),
	 STR_INIT("mx.y.test[192.0.2.1]:25"), STR_INIT("550 5.1.1 no such user")},
	{STR_INIT("c@z.test"), STR_INIT(""), STR_INIT("4.4.7"), STR_INIT(""),
	 STR_INIT("delivery time expired")},
};

static struct dsn example(void)
{
	return (struct dsn){
		.hostname = STR("mail.example"),
		.id = STR("0000000000000002"),
		.letter = STR("0000000000000001"),
		.sender = STR("a@x.test"),
		.now_us = INT64_C(1057049557000000),
		.arrival_us = INT64_C(1057049000000000),
		.original = STR(LETTER),
		.recipients = two,
		.count = 2,
	};
}

static struct str write(const struct dsn *d)
{
	buf_clear(&out);
	dsn_write(d, &out);
	assert_false(buf_failed(&out));
	return buf_str(&out);
}

/* The three parts as a reader finds them. */
static void read_back(struct str letter, struct str bodies[3], struct str headers[3])
{
	struct mime m;
	unsigned n = 0;

	assert_int_equal(mime_parse(&m, letter), 0);
	for (uint32_t i = 1; i < mime_part_count(&m); i++) {
		const struct mime_part *p = mime_part(&m, i);

		if (p->parent != 0)
			continue;
		assert_in_range(n, 0, 2);
		headers[n] = (struct str){letter.p + p->header_start, p->body_start - p->header_start};
		bodies[n++] = (struct str){letter.p + p->body_start, p->body_end - p->body_start};
	}
	assert_int_equal(n, 3);
	mime_free(&m);
}

static bool has(struct str s, const char *text)
{
	return str_find_str(s, str_of(text)) != STR_NONE;
}

static void a_report_has_three_parts(void **state)
{
	struct dsn d = example();
	struct str bodies[3], headers[3], all = write(&d);

	read_back(all, bodies, headers);
	assert_true(str_starts(all, STR("Date: Tue, 1 Jul 2003 08:52:37 +0000\r\n"
					"From: MAILER-DAEMON@mail.example (Mail Delivery System)\r\n"
					"To: a@x.test\r\n"
					"Subject: Undelivered Mail Returned to Sender\r\n"
					"Message-ID: <0000000000000002@mail.example>\r\n"
					"Auto-Submitted: auto-replied\r\n")));
	assert_true(has(all, "Content-Type: multipart/report; report-type=delivery-status;\r\n"));
	assert_true(has(headers[0], "text/plain; charset=utf-8"));
	assert_true(has(bodies[0], "<b@y.test>: host mx.y.test[192.0.2.1] said: 550 5.1.1 no such user"));
	assert_true(has(bodies[0], "<c@z.test>: delivery time expired"));
	assert_true(has(headers[1], "Content-Type: message/delivery-status\r\n"));
	assert_str(bodies[1], "Reporting-MTA: dns; mail.example\r\n"
			      "X-Mailstead-Queue-ID: 0000000000000001\r\n"
			      "X-Mailstead-Sender: rfc822; a@x.test\r\n"
			      "Arrival-Date: Tue, 1 Jul 2003 08:43:20 +0000\r\n"
			      "\r\n"
			      "Final-Recipient: rfc822; b@y.test\r\n"
			      "Original-Recipient: rfc822;B@y.test\r\n"
			      "Action: failed\r\n"
			      "Status: 5.1.1\r\n"
			      "Remote-MTA: dns; mx.y.test\r\n"
			      "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
			      "\r\n"
			      "Final-Recipient: rfc822; c@z.test\r\n"
			      "Action: failed\r\n"
			      "Status: 4.4.7\r\n"
			      "Diagnostic-Code: X-Mailstead; delivery time expired\r\n");
	assert_true(has(headers[2], "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n"));
	assert_str(bodies[2], LETTER);
}

static void the_header_alone(void **state)
{
	struct dsn d = example();
	struct str bodies[3], headers[3];

	d.original = dsn_header_of(d.original);
	d.header_only = true;
	d.envid = STR("QQ314159");
	read_back(write(&d), bodies, headers);
	assert_true(has(headers[2], "Content-Type: text/rfc822-headers\r\n"));
	assert_str(bodies[2], "From: a@x.test\r\nSubject: caf\xC3\xA9\r\n");
	assert_true(str_starts(bodies[1], STR("Original-Envelope-Id: QQ314159\r\n")));
	assert_str(dsn_header_of(STR("\r\nbody\r\n\r\n")), "");
	assert_str(dsn_header_of(STR("A: b\r\nno end")), "A: b\r\nno end");
}

static void utf8_forms(void **state)
{
	const struct dsn_recipient to = {STR_INIT("j\xC3\xBCrgen@y.test"),
					 STR_INIT("utf-8;j\xC3\xBCrgen@y.test"), STR_INIT(""),
					 STR_INIT("[192.0.2.9]:25"), STR_INIT("550 j\xC3\xBC")};
	struct dsn d = example();
	struct str bodies[3], headers[3];

	d.recipients = &to;
	d.count = 1;
	read_back(write(&d), bodies, headers);
	assert_true(has(bodies[0], "<j\xC3\xBCrgen@y.test>: host [192.0.2.9] said: 550 j\xC3\xBC"));
	assert_true(has(bodies[1], "Final-Recipient: utf-8; j\\x{FC}rgen@y.test\r\n"
				   "Original-Recipient: utf-8;j??rgen@y.test\r\n"));
	assert_true(has(bodies[1], "Status: 5.0.0\r\nRemote-MTA: dns; [192.0.2.9]\r\n"
				   "Diagnostic-Code: smtp; 550 j??\r\n"));
	assert_false(dsn_has_8bit(bodies[1]));
	d.smtputf8 = true;
	read_back(write(&d), bodies, headers);
	assert_true(has(headers[1], "message/global-delivery-status"));
	assert_true(has(bodies[1], "Final-Recipient: utf-8; j\xC3\xBCrgen@y.test\r\n"));
	assert_true(has(headers[2], "Content-Type: message/global\r\n"));
	d.header_only = true;
	read_back(write(&d), bodies, headers);
	assert_true(has(headers[2], "Content-Type: message/global-headers\r\n"));
}

static void every_language_has_sentences(void **state)
{
	struct dsn d = example();
	struct str bodies[3], headers[3];

	for (unsigned i = 0; i < DSN_LANGUAGES; i++) {
		d.language = (enum dsn_language)i;
		read_back(write(&d), bodies, headers);
		assert_true(str_find(bodies[0], '<') > 100);
		assert_true(has(bodies[0], "postmaster"));
	}
}

/* Nothing a peer says begins a field or a part of its own. */
static void peers_cannot_write_fields(void **state)
{
	static const char evil[] =
		"550 no\r\nAction: delivered\r\n\r\n--=_0000000000000002.0--\r\n\x1B[2J\xFF\t.";
	const struct dsn_recipient to = {STR_INIT("b@y.test"), STR_INIT("rfc822;x\r\nA: b"),
					 STR_INIT("5.1.1"), STR_INIT("mx\r\nX: y[1]:25"), STR_INIT(evil)};
	struct dsn d = example();
	struct str bodies[3], headers[3];

	d.recipients = &to;
	d.count = 1;
	read_back(write(&d), bodies, headers);
	assert_false(has(bodies[1], "\r\nAction: delivered"));
	assert_false(has(bodies[1], "\r\nA: b"));
	assert_false(has(bodies[1], "\r\nX: y"));
	assert_true(has(bodies[1], "?[2J? ."));
}

static void the_boundary_stands_nowhere_else(void **state)
{
	struct dsn d = example();
	struct str bodies[3], headers[3];

	d.original = STR("A: b\r\n\r\n--=_0000000000000002.0--\r\n--=_0000000000000002.1\r\n");
	read_back(write(&d), bodies, headers);
	assert_str(bodies[2], "A: b\r\n\r\n--=_0000000000000002.0--\r\n--=_0000000000000002.1\r\n");
}

static void long_reasons_are_folded(void **state)
{
	static char words[3000], solid[3000];
	struct dsn_recipient to = two[0];
	struct dsn d = example();
	size_t column = 0;

	for (size_t i = 0; i < sizeof(words); i++) {
		words[i] = i % 9 == 8 ? ' ' : 'w';
		solid[i] = "\xC3\xA9"[i % 2];
	}
	d.recipients = &to;
	d.count = 1;
	for (unsigned round = 0; round < 2; round++) {
		to.text = (struct str){round ? solid : words, sizeof(words)};
		struct str all = write(&d);

		for (size_t i = 0; i < all.n; i++) {
			column = all.p[i] == '\n' ? 0 : column + 1;
			assert_in_range(column, 0, round ? 998 : 78);
			if (all.p[i] == '\n')
				assert_int_equal(all.p[i - 1], '\r');
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_has_three_parts),
		cmocka_unit_test(the_header_alone),
		cmocka_unit_test(utf8_forms),
		cmocka_unit_test(every_language_has_sentences),
		cmocka_unit_test(peers_cannot_write_fields),
		cmocka_unit_test(the_boundary_stands_nowhere_else),
		cmocka_unit_test(long_reasons_are_folded),
	};

	return cmocka_run_group_tests_name("dsn", tests, set_up, tear_down);
}
