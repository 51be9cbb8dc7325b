/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper room: what a login on a submission service gives, and what it is good for. */
#include "base/clock.h"
#include "base/unit.h"
#include "keeper/keeper.h"
#include "keeper/rights.h"
#include "keeper/test_house.h"
#include "net/services.h"
#include "net/verdicts.h"

#include <stdio.h>
#include <string.h>

static const uint8_t one[4] = {192, 0, 2, 1};

static int co_login_at(uint8_t service, const void *address, size_t n, const char *login,
		       const char *password, struct login_answer *a, char account[64], char right[RIGHT_SIZE])
{
	struct login_question q = {.service = service,
				   .address = {address, n},
				   .login = str_of(login),
				   .password = str_of(password)};
	struct chan_parcel store;
	struct err e;
	int code = co_ask_login(house.gates[0], &q, deadline_in(ASK_MS), &store, a, &e);

	account[0] = 0;
	if (code)
		return code;
	snprintf(account, 64, "%.*s", STR_ARG(a->account));
	if (a->right.n == RIGHT_SIZE)
		memcpy(right, a->right.p, RIGHT_SIZE);
	chan_parcel_free(&store);
	return ERR_OK;
}

static void co_good_submission(uint8_t service, const char *login, const char *password,
			       char right[RIGHT_SIZE])
{
	struct login_answer a;
	char account[64];

	check(co_login_at(service, one, 4, login, password, &a, account, right) == 0 &&
		      a.verdict == LOGIN_YES && a.right.n == RIGHT_SIZE && a.session == 0,
	      "%s gets no right", login);
	check(strcmp(account, login) == 0, "%s is %s", login, account);
}

/* The verdict, or a code below 0. */
static int co_sender(const char *account, struct str right, const char *sender)
{
	struct sender_question q = {.account = str_of(account), .right = right, .sender = str_of(sender)};
	struct sender_answer a;
	struct chan_parcel store;
	struct err e;
	int code = co_ask_sender(house.gates[1], &q, deadline_in(ASK_MS), &store, &a, &e);

	if (code)
		return code;
	chan_parcel_free(&store);
	return a.verdict;
}

static void co_end_protection(void)
{
	const char *const settings[] = {"hostname=mail.d.test", "spoof_protection=0", "confinement=off"};
	struct buf text, files;
	struct chan_parcel store;
	struct prepare_answer a;
	struct switch_answer b;
	struct err e = {0};

	buf_init(&text, SETTINGS_SENT_MAX);
	house_put_settings(settings, sizeof(settings) / sizeof(settings[0]), &text);
	house_put_files(&files);
	struct prepare_question q = {.number = 1, .settings = buf_str(&text), .files = buf_str(&files)};
	struct switch_question s = {.number = 1};

	check(co_ask_prepare(house.control, &q, deadline_in(ASK_MS), &store, &a, &e) == 0, "%s", e.text);
	chan_parcel_free(&store);
	check(co_ask_switch(house.control, &s, deadline_in(ASK_MS), &store, &b, &e) == 0, "%s", e.text);
	chan_parcel_free(&store);
	buf_free(&text);
	buf_free(&files);
}

static const struct {
	const char *sender;
	enum sender_verdict verdict;
} senders[] = {
	{"", SENDER_OK},
	{"ann@d.test", SENDER_OK},
	{"Ann@D.TEST", SENDER_OK},
	{"\"ann\"@d.test", SENDER_OK},
	{"alias@d.test", SENDER_OK},
	{"ann+tag@d.test", SENDER_NOT_OWNED},
	{"bob@d.test", SENDER_NOT_OWNED},
	{"x@far.test", SENDER_NOT_OWNED},
	{"ann@xn--bcher-kva.test", SENDER_OK},
	{"ann", SENDER_NOT_OWNED},
	{"@d.test", SENDER_NOT_OWNED},
	{"ann@d.test@far.test", SENDER_NOT_OWNED},
	{"\"\"@d.test", SENDER_NOT_OWNED},
};

static void sender_fiber(void *arg)
{
	static const char *const owners[TABLE_COUNT] = {
		[TABLE_ACCOUNTS] = "ann@d.test|{PLAIN}one\nbob@d.test|{PLAIN}two\n",
		[TABLE_VIRTUALS] = ("alias@d.test ann@d.test\n@d.test ann@d.test\nann@b\xC3\xBC"
				    "cher.test ann@d.test\n"),
		[TABLE_REGEXPS] = "",
		[TABLE_LOCALS] = "",
	};
	static const char *const without[TABLE_COUNT] = {[TABLE_ACCOUNTS] = "bob@d.test|{PLAIN}two\n",
							 [TABLE_VIRTUALS] = "",
							 [TABLE_REGEXPS] = "",
							 [TABLE_LOCALS] = ""};
	char ann[RIGHT_SIZE] = {0}, bob[RIGHT_SIZE] = {0};
	uint8_t old[RIGHT_SIZE], others[RIGHT_SIZE];
	struct str right = {ann, RIGHT_SIZE};
	int64_t now = clock_wall_us() / 1000000;

	co_house_give(owners);
	house.expected.count = 0;
	co_good_submission(SERVICE_SUBMISSION, "ann@d.test", "one", ann);
	co_good_submission(SERVICE_SUBMISSIONS, "bob@d.test", "two", bob);
	check(house.expected.count == 0, "a submission was announced to a shard");
	for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++)
		check(co_sender("ann@d.test", right, senders[i].sender) == (int)senders[i].verdict,
		      "<%s> is judged otherwise", senders[i].sender);
	/* forged, another's, expired, made with another key */
	check(co_sender("ann@d.test", STR(""), "ann@d.test") == SENDER_NO_RIGHT, "no right is one");
	check(co_sender("ann@d.test", (struct str){bob, RIGHT_SIZE}, "ann@d.test") == SENDER_NO_RIGHT,
	      "bob's right is ann's");
	check(co_sender("bob@d.test", right, "") == SENDER_NO_RIGHT, "ann's right is bob's");
	ann[RIGHT_SIZE - 1] ^= 1;
	check(co_sender("ann@d.test", right, "") == SENDER_NO_RIGHT, "a forged right");
	ann[RIGHT_SIZE - 1] ^= 1;
	right_make(STR(HOUSE_RIGHT_KEY), STR("ann@d.test"), now - RIGHT_VALID_S - 1, old);
	check(co_sender("ann@d.test", (struct str){(char *)old, RIGHT_SIZE}, "") == SENDER_NO_RIGHT,
	      "an old right");
	right_make(STR("another key, 32 octets, as it is"), STR("ann@d.test"), now, others);
	check(co_sender("ann@d.test", (struct str){(char *)others, RIGHT_SIZE}, "") == SENDER_NO_RIGHT,
	      "another house's right");
	/* without the account, and without spoof protection */
	co_house_give(without);
	check(co_sender("ann@d.test", right, "") == SENDER_NO_RIGHT, "the account is gone");
	co_house_give(owners);
	co_end_protection();
	check(co_sender("ann@d.test", right, "x@far.test") == SENDER_OK, "protection is off");
	check(co_sender("bob@d.test", right, "") == SENDER_NO_RIGHT, "without protection ann is bob");
	house_end();
}

static void a_right_and_a_sender_are_judged(void **state)
{
	house_run(sender_fiber);
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_right_and_a_sender_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
