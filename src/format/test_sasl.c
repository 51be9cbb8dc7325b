/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/unit.h"
#include "format/base64.h"
#include "format/sasl.h"

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define NAME255 FIFTY FIFTY FIFTY FIFTY FIFTY "01234"
#define PASSWORD1000                                                                                    \
	FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY \
		FIFTY FIFTY FIFTY FIFTY

static const struct {
	struct str message;
	int want;
	const char *user, *master, *password;
} messages[] = {
	{STR_INIT("\0user\0pass"), 0, "user", "", "pass"},
	{STR_INIT("\0User@Example.TEST\0 pass "), 0, "user@example.test", "", " pass "},
	{STR_INIT("user\0user\0pass"), 0, "user", "", "pass"},
	{STR_INIT("USER\0user\0pass"), 0, "user", "", "pass"},
	{STR_INIT("\0a.b-c_d@e.test\0~^\",a.%\\,'}b&@|/c!1(#}"), 0, "a.b-c_d@e.test", "",
	 "~^\",a.%\\,'}b&@|/c!1(#}"},
	{STR_INIT("\0user\0p\xC3\xA4ss\r\n"), 0, "user", "", "p\xC3\xA4ss\r\n"},
	/* Master users. */
	{STR_INIT("user\0master\0pass"), 0, "user", "master", "pass"},
	{STR_INIT("\0user@a.test*master@b.test\0pass"), 0, "user@a.test", "master@b.test", "pass"},
	{STR_INIT("u*m\0U*M\0pass"), 0, "u", "m", "pass"},
	{STR_INIT("user\0u*m\0pass"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("u*m\0user\0pass"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("\0*m\0pass"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("\0u*\0pass"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("\0a*b*c\0pass"), ERR_INVALID, NULL, NULL, NULL},
	/* Not the shape. */
	{STR_INIT(""), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("user"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("user\0pass"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("\0user\0"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("\0\0pass"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("\0\0"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("user\0\0pass"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("\0user\0pa\0ss"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("\0user\0pass\0"), ERR_INVALID, NULL, NULL, NULL},
	/* Not a name. */
	{STR_INIT("\0us er\0pass"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("\0user\n\0pass"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("\0us/../er\0pass"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("\0us'er\0pass"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("\0us%er\0pass"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("\0us\xC3\xA4r\0pass"), ERR_INVALID, NULL, NULL, NULL},
	{STR_INIT("us er\0user\0pass"), ERR_INVALID, NULL, NULL, NULL},
	/* Limits. */
	{STR_INIT("\0" NAME255 "\0pass"), 0, NAME255, "", "pass"},
	{STR_INIT("\0" NAME255 "5\0pass"), ERR_TOO_BIG, NULL, NULL, NULL},
	{STR_INIT("\0user\0" PASSWORD1000 TEN TEN "0123"), 0, "user", "", PASSWORD1000 TEN TEN "0123"},
	{STR_INIT("\0user\0" PASSWORD1000 TEN TEN "01234"), ERR_TOO_BIG, NULL, NULL, NULL},
};

static void reads_plain(void **state)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct sasl_login l;
		int rc = sasl_parse_plain(messages[i].message, &l);

		if (rc != messages[i].want)
			fail_msg("message %zu: %d", i, rc);
		if (rc)
			continue;
		assert_str(sasl_user(&l), messages[i].user);
		assert_str(sasl_master(&l), messages[i].master);
		assert_str(l.password, messages[i].password);
	}
}

static void reads_names(void **state)
{
	struct sasl_login l;

	assert_int_equal(sasl_parse_login(STR("John@Example.test"), &l), 0);
	assert_str(sasl_user(&l), "john@example.test");
	assert_str(sasl_master(&l), "");
	assert_int_equal(l.password.n, 0);
	assert_int_equal(sasl_parse_login(STR("john*Root"), &l), 0);
	assert_str(sasl_master(&l), "root");
	assert_int_equal(sasl_parse_login(STR(""), &l), ERR_INVALID);
	assert_int_equal(sasl_parse_login(STR("a\0b"), &l), ERR_INVALID);
	assert_int_equal(sasl_parse_login(STR(NAME255 "x"), &l), ERR_TOO_BIG);
}

static void builds_what_it_reads(void **state)
{
	struct buf out, message;
	struct sasl_login l;

	buf_init(&out, 200);
	buf_init(&message, 200);
	assert_int_equal(sasl_build_plain(STR("user"), STR("pass1"), &out), 0);
	assert_str(buf_str(&out), "AHVzZXIAcGFzczE=");
	assert_int_equal(base64_decode(buf_str(&out), &message), 0);
	assert_int_equal(sasl_parse_plain(buf_str(&message), &l), 0);
	assert_str(sasl_user(&l), "user");
	assert_str(l.password, "pass1");

	assert_int_equal(sasl_build_plain(STR(""), STR("x"), &out), ERR_INVALID);
	assert_int_equal(sasl_build_plain(STR("u"), STR(""), &out), ERR_INVALID);
	assert_int_equal(sasl_build_plain(STR("u\0v"), STR("x"), &out), ERR_INVALID);

	buf_clear(&out);
	assert_int_equal(sasl_build_login(0, STR("user"), STR("pass"), &out), 0);
	assert_str(buf_str(&out), "dXNlcg==");
	buf_clear(&out);
	assert_int_equal(sasl_build_login(1, STR("user"), STR("pass"), &out), 0);
	assert_str(buf_str(&out), "cGFzcw==");
	assert_int_equal(sasl_build_login(2, STR("user"), STR("pass"), &out), ERR_INVALID);
	buf_free(&out);
	buf_init(&out, 4);
	assert_int_equal(sasl_build_plain(STR("user"), STR("pass"), &out), ERR_TOO_BIG);
	assert_int_equal(sasl_build_login(0, STR("user"), STR("pass"), &out), ERR_TOO_BIG);
	buf_free(&out);
	buf_free(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_plain),
		cmocka_unit_test(reads_names),
		cmocka_unit_test(builds_what_it_reads),
	};

	return cmocka_run_group_tests_name("sasl", tests, NULL, NULL);
}
