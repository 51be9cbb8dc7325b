/* SPDX-License-Identifier: Apache-2.0 */
/* Which logins are good, and how long the answer takes. */
#include "keeper/login.h"

#include "base/clock.h"
#include "base/unit.h"
#include "net/log.h"
#include "net/loop.h"

#include <stdio.h>
#include <string.h>

#define HOLD_MS 60

static struct tables tables;
static struct login_desk desk;
static char lines[65536];

static const uint8_t here[16] = {[10] = 0xFF, [11] = 0xFF, 192, 0, 2, 1};
static const uint8_t six[16] = {0x20, 0x01, 0x0D, 0xB8, [15] = 1};

static void take_log(void *arg, enum log_level level, const char *line, size_t n)
{
	size_t at = strlen(lines);

	if (at + n + 2 < sizeof(lines)) {
		memcpy(lines + at, line, n);
		lines[at + n] = '\n';
	}
}

static void use_accounts(const char *text)
{
	struct err e;

	accounts_destroy(&tables.accounts);
	assert_int_equal(accounts_new(str_of(text), &tables.accounts, &e), 0);
}

static void run(fiber_fn *fn)
{
	static const struct siphash_key key;
	struct fiber_group outer;

	memset(lines, 0, sizeof(lines));
	log_open_function(take_log, NULL, LOG_INFO);
	tables_init(&tables);
	use_accounts("ann@d.test|{PLAIN}se cret\n"
		     "bob@d.test|{SHA512-CRYPT}$6$x$y\n"
		     "eve@d.test|{NONSENSE}x\n");
	desk = (struct login_desk){.tables = &tables,
				   .limits = limits_new(64, key),
				   .verified = logins_new(64),
				   .queue.threads = 2,
				   .hold_ms = HOLD_MS};
	loop_init();
	fiber_group_init(&outer, 1);
	assert_int_equal(fiber_start(&outer, fn, NULL), 0);
	loop_run();
	loop_end();
	limits_destroy(&desk.limits);
	logins_destroy(&desk.verified);
	tables_free(&tables);
	log_close();
}

static enum login_verdict co_try(const uint8_t address[16], struct str login, struct str password,
				 int64_t patience_ms, char account[64])
{
	struct login_attempt a = {.login = login, .password = password, .deadline = deadline_in(patience_ms)};
	struct buf out;

	memcpy(a.address, address, 16);
	buf_init(&out, 63);
	enum login_verdict v = co_login_judge(&desk, &a, &out);

	if (account)
		snprintf(account, 64, "%.*s", STR_ARG(buf_str(&out)));
	buf_free(&out);
	return v;
}

static const struct {
	struct str login, password;
	bool good;
} rows[] = {
	{STR_INIT("ann@d.test"), STR_INIT("se cret"), true},
	{STR_INIT("Ann@D.TEST"), STR_INIT("se cret"), true},
	{STR_INIT("ann@d.test"), STR_INIT("secret"), false},
	{STR_INIT("ann@d.test"), STR_INIT(""), false},
	{STR_INIT("ann@d.test"), STR_INIT("se cret\0"), false},
	{STR_INIT("ann@d.test\0"), STR_INIT("se cret"), false},
	{STR_INIT("ann@d.test "), STR_INIT("se cret"), false},
	{STR_INIT("ann@d.test*ann@d.test"), STR_INIT("se cret"), false},
	{STR_INIT(""), STR_INIT("se cret"), false},
	{STR_INIT("ann"), STR_INIT("se cret"), false},
	{STR_INIT("eve@d.test"), STR_INIT("x"), false},
	{STR_INIT("nobody@d.test"), STR_INIT("se cret"), false},
	{STR_INIT("a\r\nb"), STR_INIT("se cret"), false},
};

static enum login_verdict verdicts[sizeof(rows) / sizeof(rows[0])];
static int64_t took[sizeof(rows) / sizeof(rows[0])];
static char accounts[sizeof(rows) / sizeof(rows[0])][64];

static void rows_fiber(void *arg)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t address[16];
		int64_t begun = clock_ms();

		/* Each a client of its own, that owes nothing. */
		memcpy(address, here, 16);
		address[15] = (uint8_t)(i + 1);
		verdicts[i] = co_try(address, rows[i].login, rows[i].password, 20000, accounts[i]);
		took[i] = clock_ms() - begun;
	}
	loop_stop();
}

static void a_login_gets_its_verdict(void **state)
{
	run(rows_fiber);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(verdicts[i], rows[i].good ? LOGIN_YES : LOGIN_NO);
		assert_string_equal(accounts[i], rows[i].good ? "ann@d.test" : "");
		/* Every no is kept back. */
		assert_true(rows[i].good || took[i] >= HOLD_MS);
	}
	assert_non_null(strstr(lines, "auth: passwd-file(ann@d.test,192.0.2.3): Password mismatch\n"));
	assert_non_null(strstr(lines, "auth: passwd-file(nobody@d.test,192.0.2.12): unknown user\n"));
	assert_null(strstr(lines, "a\r\nb"));
	assert_null(strstr(lines, "cret"));
}

static int64_t second_ms;
static enum login_verdict verdict[8];

static void waits_fiber(void *arg)
{
	verdict[0] = co_try(six, STR("ann@d.test"), STR("wrong"), 20000, NULL);
	int64_t begun = clock_ms();

	/* Whoever cannot wait so long is told to come later, at once. */
	verdict[1] = co_try(six, STR("ann@d.test"), STR("se cret"), 300, NULL);
	verdict[2] = co_try(here, STR("ann@d.test"), STR("se cret"), 20000, NULL);
	second_ms = clock_ms() - begun;
	/* It owes a second for its failure, and one for the attempt in between. */
	verdict[3] = co_try(six, STR("ann@d.test"), STR("se cret"), 20000, NULL);
	took[0] = clock_ms() - begun;
	loop_stop();
}

static void failures_make_the_next_attempt_wait(void **state)
{
	run(waits_fiber);
	assert_int_equal(verdict[0], LOGIN_NO);
	assert_int_equal(verdict[1], LOGIN_LATER);
	assert_int_equal(verdict[2], LOGIN_YES);
	assert_in_range(second_ms, 0, 900);
	assert_int_equal(verdict[3], LOGIN_YES);
	assert_in_range(took[0], LIMITS_FIRST_WAIT_MS - HOLD_MS - 1, 10000);
}

static void change_fiber(void *arg)
{
	verdict[0] = co_try(here, STR("ann@d.test"), STR("se cret"), 20000, NULL);
	use_accounts("ann@d.test|{PLAIN}other\n");
	verdict[1] = co_try(here, STR("ann@d.test"), STR("other"), 20000, NULL);
	verdict[2] = co_try(here, STR("ann@d.test"), STR("se cret"), 20000, NULL);
	loop_stop();
}

static void a_changed_password_is_not_remembered(void **state)
{
	run(change_fiber);
	assert_int_equal(verdict[0], LOGIN_YES);
	assert_int_equal(verdict[1], LOGIN_YES);
	assert_int_equal(verdict[2], LOGIN_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_gets_its_verdict),
		cmocka_unit_test(failures_make_the_next_attempt_wait),
		cmocka_unit_test(a_changed_password_is_not_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
