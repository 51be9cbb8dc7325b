/* SPDX-License-Identifier: Apache-2.0 */
/* usage and remove_account: an account goes with its sessions and files, and its address begins anew. */
#include "mailbox/imap_dialogue.h"

#include "base/clock.h"
#include "base/unit.h"
#include "mailbox/shard_parts.h"
#include "net/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A command on the control socket of the shard that runs now. */
struct command {
	struct chan *ours, *shards;
};

static void command_open(struct command *c, struct house *h)
{
	struct chan_rules rules = {.fibers = &h->askers, .window = 8, .longest_ms = 120000};
	int fds[2];

	c->ours = chan_new("the server", &rules);
	rules = (struct chan_rules){.handlers = shard_handlers,
				    .room = h->shard,
				    .fibers = &h->shard_handlers,
				    .window = 8,
				    .longest_ms = 120000};
	c->shards = chan_new("command", &rules);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(chan_attach(c->ours, fds[0], 1), 0);
	assert_int_equal(chan_attach(c->shards, fds[1], 1), 0);
}

static void command_close(struct command *c)
{
	chan_destroy(&c->ours);
	chan_destroy(&c->shards);
}

static int co_usage(struct chan *chan, const char *address, struct usage_answer *a)
{
	struct usage_question q = {.account = str_of(address)};
	struct chan_parcel store;
	struct err e;
	int code = co_ask_usage(chan, &q, deadline_in(20000), &store, a, &e);

	if (code == 0)
		chan_parcel_free(&store);
	return code;
}

/* 1: there was something; 0: nothing. */
static int co_remove(struct chan *chan, const char *address)
{
	struct remove_account_question q = {.account = str_of(address)};
	struct remove_account_answer a;
	struct chan_parcel store;
	struct err e;
	int code = co_ask_remove_account(chan, &q, deadline_in(60000), &store, &a, &e);

	if (code)
		return code;
	chan_parcel_free(&store);
	return a.had;
}

static bool exists(const struct house *h, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/accounts/%s", h->folder.path, name);
	return access(path, F_OK) == 0;
}

#define SELECT_EMPTY "C: s STATUS inbox (MESSAGES)\nS: * STATUS ~ (MESSAGES 0)\nS: s OK ~\n"

static void co_goes(struct house *h)
{
	struct imap_clients clients;
	struct usage_answer used;
	struct command c;

	command_open(&c, h);
	assert_int_equal(co_usage(c.ours, "user1@example.test", &used), 0);
	assert_int_equal(used.messages, 0);
	co_imap_deliver(h, 1, 3);
	assert_int_equal(co_usage(c.ours, "user1@example.test", &used), 0);
	assert_int_equal(used.messages, 3);
	assert_true(used.bytes > 100);
	/* Not for neighbours. */
	assert_int_equal(co_usage(h->spool_end, "user1@example.test", &used), ERR_DENIED);
	assert_int_equal(co_remove(h->spool_end, "user1@example.test"), ERR_DENIED);
	assert_int_equal(co_remove(c.ours, "nobody"), ERR_INVALID);
	/* While spool refuses the account is whole. */
	h->refuse_end = true;
	assert_int_equal(co_remove(c.ours, "user1@example.test"), ERR_FULL);
	assert_true(exists(h, "example.test/user1/index.db"));
	h->refuse_end = false;
	imap_clients_init(&clients, h);
	co_imap_client(&clients, 1, 1, "");
	co_imap_client(&clients, 2, 1, "");
	co_imap_talk(&clients, HELLO HELLO2 SELECT_INBOX("3", "4") "C: i IDLE\nS: + idling\n");
	uint32_t validity = shard_find(h->shard, 1)->views.ledger.next_uidvalidity;

	assert_int_equal(co_remove(c.ours, "USER1@example.test"), 1);
	co_imap_talk(&clients, "S: * BYE The account was removed.\nS2: * BYE The account was removed.\n");
	co_imap_clients_end(&clients);
	assert_int_equal(h->ends, 2);
	assert_false(exists(h, "example.test"));
	assert_null(shard_find(h->shard, 1));
	assert_int_equal(co_usage(c.ours, "user1@example.test", &used), 0);
	assert_true(used.messages == 0 && used.bytes == 0);
	assert_int_equal(co_remove(c.ours, "user1@example.test"), 0);
	/* The address lives again. */
	co_imap_script(h, "", false, HELLO SELECT_EMPTY);
	const struct account *again = shard_find(h->shard, FAKE_AGAIN);

	assert_true(ledger_find(&again->views.ledger, STR("INBOX"))->uidvalidity >= validity);
	assert_null(h->shard->removals);
	command_close(&c);
}

static void an_account_goes_with_all_it_has(void **state)
{
	house_run(co_goes, 3);
}

/* Between spool's answer and the removal of the folder. */
static void co_leftovers(struct house *h)
{
	int64_t deadline = deadline_in(10000);

	co_imap_deliver(h, 1, 2);
	co_house_crash_shard(h);
	h->ended = 1;
	house_start_shard(h);
	while (exists(h, "example.test") && clock_ms() < deadline)
		co_sleep_until(deadline_in(5));
	assert_false(exists(h, "example.test"));
}

static void leftovers_go_at_the_next_start(void **state)
{
	house_run(co_leftovers, 2);
}

static void co_new_owner(struct house *h)
{
	co_imap_deliver(h, 1, 2);
	co_house_stop_shard(h);
	assert_true(exists(h, "example.test/user1/index.db"));
	h->ended = 1;
	h->lives_again = true;
	house_start_shard(h);
	co_imap_script(h, "", false, HELLO SELECT_EMPTY);
}

static void or_when_the_address_lives_again(void **state)
{
	house_run(co_new_owner, 2);
}

/* The index is damaged: its account can still be removed. */
static void co_damaged(struct house *h)
{
	struct command c;
	char path[300];

	co_imap_deliver(h, 1, 2);
	co_house_stop_shard(h);
	snprintf(path, sizeof(path), "%s/accounts/example.test/user1/index.db", h->folder.path);
	assert_int_equal(truncate(path, 700), 0);
	house_start_shard(h);
	command_open(&c, h);
	assert_int_equal(co_remove(c.ours, "user1@example.test"), 1);
	assert_false(exists(h, "example.test"));
	command_close(&c);
}

static void also_a_damaged_one(void **state)
{
	house_run(co_damaged, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_account_goes_with_all_it_has),
		cmocka_unit_test(leftovers_go_at_the_next_start),
		cmocka_unit_test(or_when_the_address_lives_again),
		cmocka_unit_test(also_a_damaged_one),
	};

	/* A failed assertion must not jump from a fiber's stack to another. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	return cmocka_run_group_tests_name("account_remove", tests, NULL, NULL);
}
