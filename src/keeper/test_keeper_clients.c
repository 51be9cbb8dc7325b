/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper room: clients that connect, and their logins. */
#include "keeper/keeper.h"

#include "base/clock.h"
#include "base/unit.h"
#include "keeper/test_house.h"
#include "net/verdicts.h"
#include "store/shards.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void leave(unsigned gate, const void *address, size_t n)
{
	struct left_note m = {.address = {address, n}};

	left_send(house.gates[gate], &m);
}

/* --- connections ------------------------------------------------------------------------------------------ */

static const uint8_t one[4] = {192, 0, 2, 1};
static const uint8_t one_mapped[16] = {[10] = 0xFF, [11] = 0xFF, 192, 0, 2, 1};
static const uint8_t other[4] = {192, 0, 2, 2};
static const uint8_t six[16] = {0x20, 0x01, 0x0D, 0xB8, [15] = 1};

static void counting_fiber(void *arg)
{
	/* Answered from memory, so also before there are tables. */
	check(co_house_connect(0, one, 4) == 0 && co_house_connect(1, one_mapped, 16) == 0,
	      "two are allowed");
	check(co_house_connect(0, one, 4) == 1 && co_house_connect(1, one, 4) == 1, "a third came in");
	check(co_house_connect(0, other, 4) == 0 && co_house_connect(1, six, 16) == 0,
	      "another client was refused");
	/* Nobody takes back what another reported, or nobody did. */
	leave(0, six, 16);
	leave(0, one, 4);
	leave(0, one, 4);
	check(co_house_connect(0, one, 4) == 0, "the place of one who left is not free");
	check(co_house_connect(0, one, 4) == 1, "a gate took another's connection back");
	check(co_house_connect(0, one, 3) == ERR_INVALID && co_house_connect(0, one, 0) == ERR_INVALID,
	      "no address");
	leave(0, one, 3);
	check(co_house_connect(1, one, 4) == 1, "a wrong note counted");
	co_house_give(house_tables);
	house_end();
}

static void connections_of_a_client_are_counted(void **state)
{
	house_run(counting_fiber);
}

static void co_wait_for_room(unsigned gate)
{
	int64_t deadline = deadline_in(ASK_MS);

	while (co_house_connect(gate, one, 4) != 0 && clock_ms() < deadline)
		co_sleep_until(deadline_in(5));
	check(clock_ms() < deadline, "the connections of a dead gate stay counted");
}

static void death_fiber(void *arg)
{
	struct connect_question q = {.address = {(const char *)one, 4}};

	co_house_give(house_tables);
	check(co_house_connect(0, one, 4) == 0 && co_house_connect(0, one, 4) == 0, "two are allowed");
	check(co_house_connect(1, other, 4) == 0 && co_house_connect(1, other, 4) == 0, "two are allowed");
	check(co_house_connect(1, one, 4) == 1, "a third came in");
	/* The next process of the gate takes the place of the first, whose end was not seen. */
	house_attach_gate(0, 2);
	co_wait_for_room(1);
	check(co_house_connect(1, one, 4) == 0 && co_house_connect(0, one, 4) == 1,
	      "not both were given back");
	check(co_house_connect(0, other, 4) == 1, "those of the gate that lives went too");
	leave(1, one, 4);
	leave(1, one, 4);
	/* Its questions and its end arrive together: nothing of them may stay counted. */
	for (uint32_t epoch = 3; epoch < 23; epoch++) {
		int fds[2];
		struct peer_note m = {.room = ROOM_GATE, .epoch = epoch};

		house_pair(fds);
		struct chan *dying =
			chan_new("keeper/0", &(struct chan_rules){.fibers = &house.handlers, .window = 4});

		chan_attach(dying, fds[0], epoch);
		for (int i = 0; i < 3; i++) {
			struct chan_parcel store;
			struct connect_answer a;
			struct err e;

			/* Gives up at once; the question goes out at the end of the turn. */
			co_ask_connect(dying, &q, 0, &store, &a, &e);
		}
		co_yield ();
		chan_destroy(&dying);
		m.channel = fds[1];
		peer_send(house.control, &m);
		close(fds[1]);
		co_wait_for_room(1);
		leave(1, one, 4);
	}
	check(co_house_connect(1, one, 4) == 0 && co_house_connect(1, one, 4) == 0,
	      "a dead gate's were counted");
	house_end();
}

static void a_gate_that_dies_gives_back_what_it_had(void **state)
{
	house_run(death_fiber);
}

/* --- logins ------------------------------------------------------------------------------------------------ */

static const char *const people[TABLE_COUNT] = {
	[TABLE_ACCOUNTS] = "ann@d.test|{PLAIN}one\nbob@d.test|{PLAIN}two\nkim@c.test|{PLAIN}three\n",
	[TABLE_VIRTUALS] = "alias@d.test ann@d.test\n",
	[TABLE_REGEXPS] = "",
	[TABLE_LOCALS] = "",
};

static int co_login(const void *address, size_t n, const char *login, const char *password,
		    struct login_answer *a, char account[64])
{
	struct login_question q = {
		.service = 7, .address = {address, n}, .login = str_of(login), .password = str_of(password)};
	struct chan_parcel store;
	struct err e;
	int code = co_ask_login(house.gates[0], &q, deadline_in(ASK_MS), &store, a, &e);

	account[0] = 0;
	if (code)
		return code;
	snprintf(account, 64, "%.*s", STR_ARG(a->account));
	chan_parcel_free(&store);
	return ERR_OK;
}

static void co_good_login(const char *login, const char *password, const char *want)
{
	struct login_answer a;
	char account[64];
	unsigned before = house.expected.count;

	check(co_login(one, 4, login, password, &a, account) == 0 && a.verdict == LOGIN_YES, "%s: no", login);
	check(strcmp(account, want) == 0, "%s is %s", login, account);
	check(house.expected.count == before + 1 && house.expected.number == a.session && a.session != 0,
	      "not announced");
	check(house.expected.shard == a.shard && a.shard == shard_of(str_of(want), HOUSE_SHARDS),
	      "the wrong shard");
	check(house.expected.service == 7 && strcmp(house.expected.account, want) == 0,
	      "announced as another");
}

static void login_fiber(void *arg)
{
	struct login_answer a;
	char account[64];
	int64_t begun;

	co_house_give(people);
	co_good_login("ann@d.test", "one", "ann@d.test");
	co_good_login("Bob@d.test", "two", "bob@d.test");
	co_good_login("kim@c.test", "three", "kim@c.test");
	co_good_login("ann@d.test", "one", "ann@d.test");
	check(co_login(one, 3, "ann@d.test", "one", &a, account) == ERR_INVALID, "no address");
	house.shard_refuses = true;
	check(co_login(one, 4, "ann@d.test", "one", &a, account) == 0 && a.verdict == LOGIN_LATER &&
		      a.session == 0,
	      "a shard that is full");
	house.shard_refuses = false;
	house.expected.count = 0;
	begun = clock_ms();
	check(co_login(one, 4, "ann@d.test", "two", &a, account) == 0 && a.verdict == LOGIN_NO, "a guess");
	check(clock_ms() - begun >= 2000, "the answer came at once");
	check(co_login(other, 4, "alias@d.test", "one", &a, account) == 0 && a.verdict == LOGIN_NO,
	      "an alias logs in");
	check(house.expected.count == 0, "a failure was announced");
	house_end();
}

static void a_good_login_is_announced_to_its_shard(void **state)
{
	house_run(login_fiber);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_of_a_client_are_counted),
		cmocka_unit_test(a_gate_that_dies_gives_back_what_it_had),
		cmocka_unit_test(a_good_login_is_announced_to_its_shard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
