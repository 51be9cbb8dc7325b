/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "format/smtp_command.h"

#define ALL (SMTP_OFFER_UTF8 | SMTP_OFFER_DSN | SMTP_OFFER_AUTH)
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void splits_lines(void **state)
{
	static const struct {
		struct str line;
		enum smtp_verb verb;
		const char *name, *arg;
	} lines[] = {
		{STR_INIT("EHLO mail.example.test"), SMTP_EHLO, "EHLO", "mail.example.test"},
		{STR_INIT("helo  a  b "), SMTP_HELO, "helo", "a  b"},
		{STR_INIT("  QUIT\t"), SMTP_QUIT, "QUIT", ""},
		{STR_INIT("MAIL FROM:<a@b>"), SMTP_MAIL, "MAIL", "FROM:<a@b>"},
		{STR_INIT("StartTLS"), SMTP_STARTTLS, "StartTLS", ""},
		{STR_INIT("BDAT 5 LAST"), SMTP_BDAT, "BDAT", "5 LAST"},
		{STR_INIT("GET / HTTP/1.1"), SMTP_HTTP, "GET", "/ HTTP/1.1"},
		{STR_INIT("post /"), SMTP_HTTP, "post", "/"},
		{STR_INIT("CONNECT a:25"), SMTP_HTTP, "CONNECT", "a:25"},
		{STR_INIT("EXPN list"), SMTP_EXPN, "EXPN", "list"},
		{STR_INIT("TURN"), SMTP_TURN, "TURN", ""},
		{STR_INIT("ATRN a.test"), SMTP_ATRN, "ATRN", "a.test"},
		{STR_INIT("ETRN @a.test"), SMTP_ETRN, "ETRN", "@a.test"},
		{STR_INIT("QUITE"), SMTP_UNKNOWN, "QUITE", ""},
		{STR_INIT("QUI"), SMTP_UNKNOWN, "QUI", ""},
		{STR_INIT("QUIT\0"), SMTP_UNKNOWN, NULL, ""},
		{STR_INIT(""), SMTP_UNKNOWN, "", ""},
		{STR_INIT("  "), SMTP_UNKNOWN, "", ""},
		{STR_INIT("\xFF\xFE\0"), SMTP_UNKNOWN, NULL, ""},
		{STR_INIT("HELO\vx"), SMTP_UNKNOWN, NULL, ""},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct smtp_command c;

		smtp_command_split(lines[i].line, &c);
		assert_int_equal(c.verb, lines[i].verb);
		if (lines[i].name)
			assert_str(c.name, lines[i].name);
		assert_str(c.arg, lines[i].arg);
		if (c.verb != SMTP_UNKNOWN && c.verb != SMTP_HTTP)
			assert_true(str_eq_nocase(smtp_verb_name(c.verb), c.name));
	}
	assert_str(smtp_verb_name(SMTP_HTTP), "HTTP");
	assert_str(smtp_verb_name(SMTP_UNKNOWN), "UNKNOWN");
}

static void parses_senders(void **state)
{
	static const struct {
		struct str arg;
		enum smtp_syntax want;
		const char *key; /* "" for the null sender */
	} args[] = {
		{STR_INIT("FROM:<user@Example.TEST>"), SMTP_OK, "user@example.test"},
		{STR_INIT("from:<>"), SMTP_OK, ""},
		{STR_INIT("FROM: <>"), SMTP_OK, ""},
		{STR_INIT("FROM:< >"), SMTP_OK, ""},
		{STR_INIT("FROM: <user@example.test>"), SMTP_OK, "user@example.test"},
		{STR_INIT("FROM: user@example.test"), SMTP_OK, "user@example.test"},
		{STR_INIT("FROM:user@example.test SIZE=5"), SMTP_OK, "user@example.test"},
		{STR_INIT("FROM:\t< user@example.test >\tSIZE=5"), SMTP_OK, "user@example.test"},
		{STR_INIT("FROM:<\"a>b c\"@example.test>"), SMTP_OK, "a>b c@example.test"},
		{STR_INIT("FROM:\"a b\"@example.test"), SMTP_OK, "a b@example.test"},
		{STR_INIT("FROM:<\"a\\\">\"@example.test>"), SMTP_OK, "a\">@example.test"},
		{STR_INIT("FROM:<@a.test:user@example.test>"), SMTP_OK, "user@example.test"},
		{STR_INIT("FROM:<postmaster>"), SMTP_OK, "postmaster"},
		{STR_INIT(""), SMTP_MAIL_SYNTAX, NULL},
		{STR_INIT("FROM"), SMTP_MAIL_SYNTAX, NULL},
		{STR_INIT("FROM:"), SMTP_MAIL_SYNTAX, NULL},
		{STR_INIT("FROM: "), SMTP_MAIL_SYNTAX, NULL},
		{STR_INIT("FROM :<a@b.test>"), SMTP_MAIL_SYNTAX, NULL},
		{STR_INIT("TO:<a@b.test>"), SMTP_MAIL_SYNTAX, NULL},
		{STR_INIT("<a@b.test>"), SMTP_MAIL_SYNTAX, NULL},
		{STR_INIT("FROM:<a@b.test"), SMTP_BAD_SENDER, NULL},
		{STR_INIT("FROM:a@b.test>"), SMTP_BAD_SENDER, NULL},
		{STR_INIT("FROM:<a@b.test>SIZE=5"), SMTP_BAD_SENDER, NULL},
		{STR_INIT("FROM:<<a@b.test>>"), SMTP_BAD_SENDER, NULL},
		{STR_INIT("FROM:<a b@c.test>"), SMTP_BAD_SENDER, NULL},
		{STR_INIT("FROM:<a@b.test\0>"), SMTP_BAD_SENDER, NULL},
		{STR_INIT("FROM:<a@b.test\r>"), SMTP_BAD_SENDER, NULL},
		{STR_INIT("FROM:<a\nb@c.test>"), SMTP_BAD_SENDER, NULL},
		{STR_INIT("FROM:<root>"), SMTP_BAD_SENDER, NULL},
		{STR_INIT("FROM:<\"a@b.test>"), SMTP_BAD_SENDER, NULL},
		{STR_INIT("FROM:\"\\"), SMTP_BAD_SENDER, NULL},
		{STR_INIT("FROM:<j\xC3\xB6rg@b.test>"), SMTP_NEEDS_UTF8, NULL},
		{STR_INIT("FROM:<a@m\xC3\xBCnchen.example>"), SMTP_NEEDS_UTF8, NULL},
		{STR_INIT("FROM:<j\xC3@b.test> SMTPUTF8"), SMTP_BAD_SENDER, NULL},
		{STR_INIT("FROM:<a@m\xC3\xBCnchen.example> SMTPUTF8"), SMTP_OK, "a@xn--mnchen-3ya.example"},
	};
	struct buf key;

	buf_init(&key, 1000);
	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
		struct smtp_mail mail;
		struct str culprit;
		enum smtp_syntax got = smtp_parse_mail(args[i].arg, ALL, &mail, &culprit);

		if (got != args[i].want)
			fail_msg("%.*s: fault %d", STR_ARG(args[i].arg), got);
		if (got != SMTP_OK)
			continue;
		buf_clear(&key);
		address_key(&mail.from, &key);
		assert_str(buf_str(&key), args[i].key);
		assert_int_equal(mail.null_sender, args[i].key[0] == '\0');
	}
	buf_free(&key);
}

static void keeps_the_parameters_of_mail(void **state)
{
	struct smtp_mail mail;
	struct str culprit;

	assert_int_equal(smtp_parse_mail(STR("FROM:<a@b.test> size=12345 Body=8bitmime SMTPUTF8 RET=hdrs "
					     "ENVID=q+2B1 AUTH=<>"),
					 ALL, &mail, &culprit),
			 SMTP_OK);
	assert_int_equal(mail.size, 12345);
	assert_int_equal(mail.body, SMTP_BODY_8BITMIME);
	assert_true(mail.smtputf8);
	assert_int_equal(mail.ret, SMTP_RET_HDRS);
	assert_str(mail.envid, "q+2B1");
	assert_str(mail.auth, "<>");
	assert_int_equal(smtp_parse_mail(STR("FROM:<> RET=FULL BODY=7bit AUTH=e+3Dmc2@example.test"), ALL,
					 &mail, &culprit),
			 SMTP_OK);
	assert_int_equal(mail.size, 0);
	assert_int_equal(mail.body, SMTP_BODY_7BIT);
	assert_false(mail.smtputf8);
	assert_int_equal(mail.ret, SMTP_RET_FULL);
	assert_str(mail.envid, "");
	assert_str(mail.auth, "e+3Dmc2@example.test");
}

static void refuses_bad_parameters_of_mail(void **state)
{
	static const struct {
		const char *params;
		unsigned offers;
		enum smtp_syntax want;
		const char *culprit;
	} params[] = {
		{"SIZE", ALL, SMTP_BAD_SIZE, ""},
		{"SIZE=", ALL, SMTP_BAD_SIZE, ""},
		{"SIZE=-1", ALL, SMTP_BAD_SIZE, ""},
		{"SIZE=1k", ALL, SMTP_BAD_SIZE, ""},
		{"SIZE=99999999999999999999", ALL, SMTP_BAD_SIZE, ""},
		{"SIZE=1 SIZE=2", ALL, SMTP_TWICE, "SIZE=2"},
		{"BODY=BINARYMIME", ALL, SMTP_UNSUPPORTED, "BODY=BINARYMIME"},
		{"BODY", ALL, SMTP_UNSUPPORTED, "BODY"},
		{"SMTPUTF8=1", ALL, SMTP_UNSUPPORTED, "SMTPUTF8=1"},
		{"SMTPUTF8", 0, SMTP_UNSUPPORTED, "SMTPUTF8"},
		{"RET=ALL", ALL, SMTP_BAD_RET, ""},
		{"RET=FULL", 0, SMTP_NO_DSN, ""},
		{"ENVID=", ALL, SMTP_BAD_ENVID, ""},
		{"ENVID=a=b", ALL, SMTP_BAD_ENVID, ""},
		{"ENVID=a+0D+0A", ALL, SMTP_BAD_ENVID, ""},
		{"ENVID=a", SMTP_OFFER_UTF8, SMTP_NO_DSN, ""},
		{"ENVID=" HUNDRED, ALL, SMTP_OK, ""},
		{"ENVID=" HUNDRED "0", ALL, SMTP_BAD_ENVID, ""},
		{"AUTH=", ALL, SMTP_BAD_AUTH_PARAM, ""},
		{"AUTH=a+zz", ALL, SMTP_BAD_AUTH_PARAM, ""},
		{"AUTH=<>", 0, SMTP_UNSUPPORTED, "AUTH=<>"},
		{"NOTIFY=NEVER", ALL, SMTP_UNSUPPORTED, "NOTIFY=NEVER"},
		{"X=y", ALL, SMTP_UNSUPPORTED, "X=y"},
		{"=", ALL, SMTP_UNSUPPORTED, "="},
		{"SIZE=1 b.test", ALL, SMTP_UNSUPPORTED, "b.test"},
	};

	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		struct smtp_mail mail;
		struct str culprit;
		char arg[200];
		int n = snprintf(arg, sizeof(arg), "FROM:<a@b.test> %s", params[i].params);

		enum smtp_syntax got =
			smtp_parse_mail((struct str){arg, (size_t)n}, params[i].offers, &mail, &culprit);

		if (got != params[i].want)
			fail_msg("%s: fault %d", params[i].params, got);
		assert_str(culprit, params[i].culprit);
	}
}

static void parses_recipients(void **state)
{
	static const struct {
		struct str arg;
		unsigned offers;
		bool utf8;
		enum smtp_syntax want;
		unsigned notify;
		const char *orcpt;
	} args[] = {
		{STR_INIT("TO:<user@example.test>"), 0, false, SMTP_OK, 0, ""},
		{STR_INIT("to: user@example.test"), 0, false, SMTP_OK, 0, ""},
		{STR_INIT("TO:<Postmaster>"), 0, false, SMTP_OK, 0, ""},
		{STR_INIT("TO:<user@elsewhere@ours.test>"), 0, false, SMTP_OK, 0, ""},
		{STR_INIT("TO:<>"), 0, false, SMTP_BAD_RECIPIENT, 0, ""},
		{STR_INIT("TO:<root>"), 0, false, SMTP_BAD_RECIPIENT, 0, ""},
		{STR_INIT("TO:<root>"), SMTP_OFFER_BARE, false, SMTP_OK, 0, ""},
		{STR_INIT("TO:root"), SMTP_OFFER_BARE, false, SMTP_OK, 0, ""},
		{STR_INIT("TO:<>"), SMTP_OFFER_BARE, false, SMTP_BAD_RECIPIENT, 0, ""},
		{STR_INIT("TO:<root@>"), SMTP_OFFER_BARE, false, SMTP_BAD_RECIPIENT, 0, ""},
		{STR_INIT("TO:"), 0, false, SMTP_RCPT_SYNTAX, 0, ""},
		{STR_INIT("FROM:<a@b.test>"), 0, false, SMTP_RCPT_SYNTAX, 0, ""},
		{STR_INIT("TO:<j\xC3\xB6rg@b.test>"), 0, false, SMTP_NEEDS_UTF8, 0, ""},
		{STR_INIT("TO:<j\xC3\xB6rg@b.test>"), 0, true, SMTP_OK, 0, ""},
		{STR_INIT("TO:<a@b.test> NOTIFY=success,Failure,DELAY ORCPT=rfc822;a+2Bb@c.test"), ALL, false,
		 SMTP_OK, SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY,
		 "rfc822;a+2Bb@c.test"},
		{STR_INIT("TO:<a@b.test> NOTIFY=NEVER"), ALL, false, SMTP_OK, SMTP_NOTIFY_NEVER, ""},
		{STR_INIT("TO:<a@b.test> NOTIFY=NEVER,DELAY"), ALL, false, SMTP_BAD_NOTIFY, 0, ""},
		{STR_INIT("TO:<a@b.test> NOTIFY=DELAY,DELAY"), ALL, false, SMTP_BAD_NOTIFY, 0, ""},
		{STR_INIT("TO:<a@b.test> NOTIFY=DELAY,"), ALL, false, SMTP_BAD_NOTIFY, 0, ""},
		{STR_INIT("TO:<a@b.test> NOTIFY="), ALL, false, SMTP_BAD_NOTIFY, 0, ""},
		{STR_INIT("TO:<a@b.test> NOTIFY"), ALL, false, SMTP_BAD_NOTIFY, 0, ""},
		{STR_INIT("TO:<a@b.test> NOTIFY=SOON"), ALL, false, SMTP_BAD_NOTIFY, 0, ""},
		{STR_INIT("TO:<a@b.test> NOTIFY=NEVER"), 0, false, SMTP_NO_DSN, 0, ""},
		{STR_INIT("TO:<a@b.test> ORCPT=rfc822"), ALL, false, SMTP_BAD_ORCPT, 0, ""},
		{STR_INIT("TO:<a@b.test> ORCPT=rfc822;"), ALL, false, SMTP_BAD_ORCPT, 0, ""},
		{STR_INIT("TO:<a@b.test> ORCPT=;a"), ALL, false, SMTP_BAD_ORCPT, 0, ""},
		{STR_INIT("TO:<a@b.test> ORCPT=rfc822;a+0Ab"), ALL, false, SMTP_BAD_ORCPT, 0, ""},
		{STR_INIT("TO:<a@b.test> ORCPT=rfc 822;a"), ALL, false, SMTP_BAD_ORCPT, 0, ""},
		{STR_INIT("TO:<a@b.test> ORCPT=utf-8;j\xC3\xB6rg@b.test"), ALL, false, SMTP_OK, 0,
		 "utf-8;j\xC3\xB6rg@b.test"},
		{STR_INIT("TO:<a@b.test> ORCPT=utf-8;j\\x{F6}rg@b.test"), ALL, false, SMTP_OK, 0,
		 "utf-8;j\\x{F6}rg@b.test"},
		{STR_INIT("TO:<a@b.test> ORCPT=utf-8;j\xC3"), ALL, false, SMTP_BAD_ORCPT, 0, ""},
		{STR_INIT("TO:<a@b.test> ORCPT=rfc822;" HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED), ALL, false,
		 SMTP_BAD_ORCPT, 0, ""},
		{STR_INIT("TO:<a@b.test> SIZE=1"), ALL, false, SMTP_UNSUPPORTED, 0, ""},
	};

	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
		struct smtp_rcpt rcpt;
		struct str culprit;
		enum smtp_syntax got =
			smtp_parse_rcpt(args[i].arg, args[i].offers, args[i].utf8, &rcpt, &culprit);

		if (got != args[i].want)
			fail_msg("%.*s: fault %d", STR_ARG(args[i].arg), got);
		if (got == SMTP_OK) {
			assert_int_equal(rcpt.notify, args[i].notify);
			assert_str(rcpt.orcpt, args[i].orcpt);
		}
	}
}

static void parses_bdat(void **state)
{
	static const struct {
		const char *arg;
		enum smtp_syntax want;
		uint64_t size;
		bool last;
	} args[] = {
		{"0 LAST", SMTP_OK, 0, true},
		{"86400", SMTP_OK, 86400, false},
		{"5  last", SMTP_OK, 5, true},
		{"18446744073709551615", SMTP_OK, UINT64_MAX, false},
		{"0", SMTP_BDAT_NULL, 0, false},
		{"", SMTP_BDAT_SYNTAX, 0, false},
		{"LAST", SMTP_BDAT_SYNTAX, 0, false},
		{"-5", SMTP_BDAT_SYNTAX, 0, false},
		{"5x", SMTP_BDAT_SYNTAX, 0, false},
		{"5 LAST LAST", SMTP_BDAT_SYNTAX, 0, false},
		{"5 FIRST", SMTP_BDAT_SYNTAX, 0, false},
		{"18446744073709551616", SMTP_BDAT_SYNTAX, 0, false},
	};

	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
		uint64_t size = 0;
		bool last;

		assert_int_equal(smtp_parse_bdat(str_of(args[i].arg), &size, &last), args[i].want);
		if (args[i].want == SMTP_OK) {
			assert_true(size == args[i].size);
			assert_int_equal(last, args[i].last);
		}
	}
}

static void parses_auth(void **state)
{
	static const struct {
		const char *arg;
		enum smtp_syntax want;
		const char *mechanism, *response;
		bool initial;
	} args[] = {
		{"PLAIN", SMTP_OK, "PLAIN", "", false},
		{"plain AGEAYg==", SMTP_OK, "plain", "AGEAYg==", true},
		{"EXTERNAL =", SMTP_OK, "EXTERNAL", "", true},
		{"", SMTP_AUTH_SYNTAX, "", "", false},
		{"PLAIN a b", SMTP_AUTH_SYNTAX, "PLAIN", "a", true},
	};

	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
		struct str mechanism, response;
		bool initial;

		assert_int_equal(smtp_parse_auth(str_of(args[i].arg), &mechanism, &response, &initial),
				 args[i].want);
		assert_str(mechanism, args[i].mechanism);
		assert_str(response, args[i].response);
		assert_int_equal(initial, args[i].initial);
	}
}

static void classifies_helo_names(void **state)
{
	static const struct {
		struct str name;
		enum smtp_helo_class want;
	} names[] = {
		{STR_INIT("mail.example.test"), SMTP_HELO_FQDN},
		{STR_INIT("mail.example.test."), SMTP_HELO_FQDN},
		{STR_INIT("m\xC3\xBCnchen.example"), SMTP_HELO_FQDN},
		{STR_INIT("my_host.example.test"), SMTP_HELO_FQDN},
		{STR_INIT("localhost"), SMTP_HELO_BARE},
		{STR_INIT("3f2a9c"), SMTP_HELO_BARE},
		{STR_INIT("[192.0.2.1]"), SMTP_HELO_LITERAL},
		{STR_INIT("[IPv6:2001:db8::1]"), SMTP_HELO_LITERAL},
		{STR_INIT("192.0.2.1"), SMTP_HELO_INVALID},
		{STR_INIT("12345"), SMTP_HELO_INVALID},
		{STR_INIT("[192.0.2]"), SMTP_HELO_INVALID},
		{STR_INIT("[x:y]"), SMTP_HELO_INVALID},
		{STR_INIT("2001:db8::1"), SMTP_HELO_INVALID},
		{STR_INIT("a b"), SMTP_HELO_INVALID},
		{STR_INIT("a..b"), SMTP_HELO_INVALID},
		{STR_INIT("a.test.."), SMTP_HELO_INVALID},
		{STR_INIT("-a.test"), SMTP_HELO_INVALID},
		{STR_INIT("a@b.test"), SMTP_HELO_INVALID},
		{STR_INIT("a.test\0"), SMTP_HELO_INVALID},
		{STR_INIT("."), SMTP_HELO_INVALID},
		{STR_INIT(""), SMTP_HELO_INVALID},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (smtp_helo_classify(names[i].name) != names[i].want)
			fail_msg("%.*s", STR_ARG(names[i].name));
}

static void words_replies(void **state)
{
	struct buf out;

	buf_init(&out, 1000);
	for (int fault = SMTP_HELO_SYNTAX; fault <= SMTP_AUTH_SYNTAX; fault++) {
		buf_clear(&out);
		smtp_syntax_reply((enum smtp_syntax)fault, STR("x"), &out);
		assert_true(out.n > 10 && out.p[0] == '5' && out.p[3] == ' ');
	}
	buf_clear(&out);
	smtp_syntax_reply(SMTP_BAD_SENDER, STR(""), &out);
	assert_str(buf_str(&out), "501 5.1.7 Bad sender address syntax");
	buf_clear(&out);
	smtp_syntax_reply(SMTP_UNSUPPORTED, STR("X=\r\n250 ok"), &out);
	assert_str(buf_str(&out), "555 5.5.4 Unsupported option: X=\\x0D\\x0A250 ok");
	buf_clear(&out);
	smtp_syntax_reply(SMTP_UNSUPPORTED, STR(HUNDRED HUNDRED), &out);
	assert_true(out.n < 140);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_lines),
		cmocka_unit_test(parses_senders),
		cmocka_unit_test(keeps_the_parameters_of_mail),
		cmocka_unit_test(refuses_bad_parameters_of_mail),
		cmocka_unit_test(parses_recipients),
		cmocka_unit_test(parses_bdat),
		cmocka_unit_test(parses_auth),
		cmocka_unit_test(classifies_helo_names),
		cmocka_unit_test(words_replies),
	};

	return cmocka_run_group_tests_name("smtp_command", tests, NULL, NULL);
}
