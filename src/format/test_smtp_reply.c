/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/unit.h"
#include "format/smtp_reply.h"

static struct smtp_reply r;

static int set_up(void **state)
{
	smtp_reply_init(&r);
	return 0;
}

static int tear_down(void **state)
{
	smtp_reply_free(&r);
	return 0;
}

static void reads_lines(void **state)
{
	static const struct {
		struct str line;
		int want;
		unsigned code, class, subject, detail;
		const char *text;
	} lines[] = {
		{STR_INIT("250 2.1.0 Ok"), SMTP_REPLY_DONE, 250, 2, 1, 0, "Ok"},
		{STR_INIT("550 5.7.26 x"), SMTP_REPLY_DONE, 550, 5, 7, 26, "x"},
		{STR_INIT("421 4.123.999"), SMTP_REPLY_DONE, 421, 4, 123, 999, ""},
		{STR_INIT("250"), SMTP_REPLY_DONE, 250, 0, 0, 0, ""},
		{STR_INIT("250 "), SMTP_REPLY_DONE, 250, 0, 0, 0, ""},
		{STR_INIT("250-"), SMTP_REPLY_MORE, 250, 0, 0, 0, ""},
		{STR_INIT("354 go on"), SMTP_REPLY_DONE, 354, 0, 0, 0, "go on"},
		{STR_INIT("220 \xFF\0\x1B"), SMTP_REPLY_DONE, 220, 0, 0, 0, NULL},
		/* What looks like an enhanced code and is none. */
		{STR_INIT("250 5.1.1 no"), SMTP_REPLY_DONE, 250, 0, 0, 0, "5.1.1 no"},
		{STR_INIT("354 3.0.0 no"), SMTP_REPLY_DONE, 354, 0, 0, 0, "3.0.0 no"},
		{STR_INIT("250 2.0.0x"), SMTP_REPLY_DONE, 250, 0, 0, 0, "2.0.0x"},
		{STR_INIT("250 2.0.1234 x"), SMTP_REPLY_DONE, 250, 0, 0, 0, "2.0.1234 x"},
		{STR_INIT("250 2.0 x"), SMTP_REPLY_DONE, 250, 0, 0, 0, "2.0 x"},
		{STR_INIT("250 2..0 x"), SMTP_REPLY_DONE, 250, 0, 0, 0, "2..0 x"},
		{STR_INIT("250 2"), SMTP_REPLY_DONE, 250, 0, 0, 0, "2"},
		/* No replies. */
		{STR_INIT(""), ERR_INVALID, 0, 0, 0, 0, ""},
		{STR_INIT("25"), ERR_INVALID, 0, 0, 0, 0, "25"},
		{STR_INIT("2500 x"), ERR_INVALID, 0, 0, 0, 0, "2500 x"},
		{STR_INIT("250\tx"), ERR_INVALID, 0, 0, 0, 0, "250\tx"},
		{STR_INIT("199 x"), ERR_INVALID, 0, 0, 0, 0, "199 x"},
		{STR_INIT("600 x"), ERR_INVALID, 0, 0, 0, 0, "600 x"},
		{STR_INIT("+50 x"), ERR_INVALID, 0, 0, 0, 0, "+50 x"},
		{STR_INIT(" 250 x"), ERR_INVALID, 0, 0, 0, 0, " 250 x"},
		{STR_INIT("SSH-2.0-OpenSSH"), ERR_INVALID, 0, 0, 0, 0, "SSH-2.0-OpenSSH"},
		{STR_INIT("2\0000 x"), ERR_INVALID, 0, 0, 0, 0, NULL},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		smtp_reply_clear(&r);
		if (smtp_reply_line(&r, lines[i].line) != lines[i].want)
			fail_msg("\"%.*s\"", STR_ARG(lines[i].line));
		assert_int_equal(r.code, lines[i].code);
		assert_int_equal(r.class, lines[i].class);
		assert_int_equal(r.subject, lines[i].subject);
		assert_int_equal(r.detail, lines[i].detail);
		if (lines[i].text)
			assert_str(smtp_reply_text(&r), lines[i].text);
	}
}

static void joins_many_lines(void **state)
{
	assert_int_equal(smtp_reply_line(&r, STR("550-5.7.1 You are")), SMTP_REPLY_MORE);
	assert_int_equal(smtp_reply_line(&r, STR("550-5.7.1")), SMTP_REPLY_MORE);
	assert_int_equal(smtp_reply_line(&r, STR("550 5.7.9 not welcome")), SMTP_REPLY_DONE);
	assert_str(smtp_reply_text(&r), "You are\n\nnot welcome");
	assert_int_equal(r.detail, 1);

	smtp_reply_clear(&r);
	assert_int_equal(smtp_reply_line(&r, STR("250-a")), SMTP_REPLY_MORE);
	assert_int_equal(smtp_reply_line(&r, STR("550 b")), ERR_INVALID);
	assert_str(smtp_reply_text(&r), "a\n550 b");
}

static void stays_within_its_limits(void **state)
{
	static const char text[3000] = "250-";

	for (int i = 0; i < 5; i++)
		assert_int_equal(smtp_reply_line(&r, (struct str){text, sizeof(text)}), SMTP_REPLY_MORE);
	assert_int_equal(smtp_reply_text(&r).n, SMTP_REPLY_TEXT_MAX);
	assert_int_equal(smtp_reply_line(&r, STR("250 end")), SMTP_REPLY_DONE);

	smtp_reply_clear(&r);
	for (int i = 0; i < SMTP_REPLY_LINES_MAX; i++)
		assert_int_equal(smtp_reply_line(&r, STR("250-x")), SMTP_REPLY_MORE);
	assert_int_equal(smtp_reply_line(&r, STR("250 x")), ERR_TOO_BIG);
}

static void reads_the_list_of_ehlo(void **state)
{
	struct smtp_ehlo e;

	smtp_ehlo_parse(
		STR("mail.example.test greets PIPELINING\nPIPELINING\nSIZE 10240000\nETRN\nstarttls\n"
		    "AUTH PLAIN login NTLM SCRAM-SHA-256\nENHANCEDSTATUSCODES\n8BITMIME\nDSN\nSMTPUTF8\n"
		    "CHUNKING\nBINARYMIME\nREQUIRETLS"),
		&e);
	assert_true(e.pipelining && e.starttls && e.eightbitmime && e.smtputf8 && e.chunking &&
		    e.binarymime && e.dsn && e.enhanced_codes && e.requiretls && e.size && e.auth);
	assert_int_equal(e.size_max, 10240000);
	assert_int_equal(e.mechanisms, SMTP_MECH_PLAIN | SMTP_MECH_LOGIN | SMTP_MECH_SCRAM_SHA_256);

	smtp_ehlo_parse(STR("STARTTLS\nSIZE\nAUTH=LOGIN CRAM-MD5\nPIPELININGX\n\n"), &e);
	assert_false(e.starttls || e.pipelining);
	assert_true(e.size && e.auth);
	assert_int_equal(e.size_max, 0);
	assert_int_equal(e.mechanisms, SMTP_MECH_LOGIN | SMTP_MECH_CRAM_MD5);

	smtp_ehlo_parse(STR("x\nSIZE 99999999999999999999999\nAUTH"), &e);
	assert_true(e.size && e.auth);
	assert_int_equal(e.size_max, 0);
	assert_int_equal(e.mechanisms, 0);

	smtp_ehlo_parse(STR(""), &e);
	assert_false(e.size || e.auth || e.pipelining);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(joins_many_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stays_within_its_limits, set_up, tear_down),
		cmocka_unit_test(reads_the_list_of_ehlo),
	};

	return cmocka_run_group_tests_name("smtp_reply", tests, NULL, NULL);
}
