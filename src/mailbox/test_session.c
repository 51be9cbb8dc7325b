/* SPDX-License-Identifier: Apache-2.0 */
/* How sessions come into a shard: only announced ones, with all that gate gave along. */
#include "mailbox/fake_spool.h"
#include "mailbox/imap.h"

#include "base/clock.h"
#include "base/unit.h"
#include "net/io.h"
#include "net/log.h"
#include "net/messages.h"

#include <string.h>
#include <sys/socket.h>

#define WAIT_MS 5000

/* Stands in for a session: says what it was given, then waits for its end. */
static void co_say_and_wait(struct shard *s, const struct imap_handover *h)
{
	char text[400];
	struct io io;

	int n = snprintf(text, sizeof(text), "%.*s %.*s %.*s %.*s %d\n", STR_ARG(h->account), STR_ARG(h->tag),
			 STR_ARG(h->pending), STR_ARG(h->client), h->tls);

	if (io_open(&io, h->fd) != 0)
		return;
	co_write(&io, (struct str){text, (size_t)n}, deadline_in(WAIT_MS));
	if (co_wait_readable(&io, NO_DEADLINE) == ERR_CANCELLED)
		co_write(&io, STR("* BYE\n"), deadline_in(WAIT_MS));
	io_close(&io);
}

static int co_expect(struct house *h, uint64_t number, const char *account, struct err *e)
{
	struct expect_question q = {.session = number, .service = 1, .account = str_of(account)};
	struct expect_answer a;
	struct chan_parcel store;
	int code = co_ask_expect(h->spool_end, &q, deadline_in(WAIT_MS), &store, &a, e);

	if (!code)
		chan_parcel_free(&store);
	return code;
}

/* Brings one end of a pair; the other is the client. */
static int co_bring(struct house *h, uint64_t number, uint8_t service, struct io *client)
{
	struct session_question q = {.session = number,
				     .service = service,
				     .tls = 1,
				     .tag = STR("a1"),
				     .client = STR("192.0.2.7"),
				     .pending = STR("b2 NOOP")};
	struct session_answer a;
	struct chan_parcel store;
	struct err e;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(io_open(client, fds[0]), 0);
	q.socket = fds[1];
	int code = co_ask_session(h->spool_end, &q, deadline_in(WAIT_MS), &store, &a, &e);

	close(fds[1]);
	if (!code)
		chan_parcel_free(&store);
	return code;
}

static void co_expect_text(struct io *client, const char *want)
{
	char text[400] = "";
	size_t n = 0;

	while (n < strlen(want)) {
		int got = co_read(client, text + n, sizeof(text) - 1 - n, deadline_in(WAIT_MS));

		assert_true(got > 0);
		n += (size_t)got;
	}
	assert_string_equal(text, want);
}

/* Nobody else has the descriptor. */
static void co_expect_end(struct io *client)
{
	char c;

	assert_int_equal(co_read(client, &c, 1, deadline_in(WAIT_MS)), ERR_CLOSED);
	io_close(client);
}

static void co_restart(struct house *h, int64_t expect_ms, unsigned shards)
{
	co_house_crash_shard(h);
	h->options.co_imap = co_say_and_wait;
	h->options.expect_ms = expect_ms;
	h->options.shards = shards;
	house_start_shard(h);
}

static void co_once(struct house *h)
{
	struct io first, second;
	struct err e;

	co_restart(h, 0, 0);
	assert_int_equal(co_expect(h, 77, "ann@d.test", &e), 0);
	assert_int_equal(co_expect(h, 77, "bob@d.test", &e), ERR_EXISTS);
	assert_int_equal(co_bring(h, 78, 1, &second), ERR_DENIED);
	co_expect_end(&second);
	assert_int_equal(co_bring(h, 77, 1, &first), 0);
	co_expect_text(&first, "ann@d.test a1 b2 NOOP 192.0.2.7 1\n");
	/* A replay finds nothing. */
	assert_int_equal(co_bring(h, 77, 1, &second), ERR_DENIED);
	co_expect_end(&second);
	assert_int_equal(co_expect(h, 79, "ann@d.test", &e), 0);
	assert_int_equal(co_bring(h, 79, 2, &second), ERR_DENIED);
	co_expect_end(&second);
	/* In order: the session says good-bye. */
	co_house_stop_shard(h);
	co_expect_text(&first, "* BYE\n");
	co_expect_end(&first);
}

static void a_session_comes_in_once(void **state)
{
	house_run(co_once, 1);
}

static void co_late(struct house *h)
{
	struct io client;
	struct err e;

	co_restart(h, 5, 0);
	assert_int_equal(co_expect(h, 5, "ann@d.test", &e), 0);
	co_sleep_until(deadline_in(20));
	assert_int_equal(co_bring(h, 5, 1, &client), ERR_DENIED);
	co_expect_end(&client);
}

static void a_late_session_is_refused(void **state)
{
	house_run(co_late, 1);
}

static void co_elsewhere(struct house *h)
{
	struct err e;
	unsigned refused = 0;

	/* Only accounts of this shard, the first of two. */
	co_restart(h, 0, 2);
	for (uint64_t n = 1; n <= 20; n++) {
		char name[40];

		snprintf(name, sizeof(name), "user%llu@d.test", (unsigned long long)n);
		refused += co_expect(h, n, name, &e) == ERR_INVALID;
	}
	assert_in_range(refused, 1, 19);
	h->options.co_imap = NULL;
	co_house_crash_shard(h);
	h->options.shards = 0;
	house_start_shard(h);
	assert_int_equal(co_expect(h, 1, "ann@d.test", &e), ERR_BUSY);
}

static void others_accounts_are_refused(void **state)
{
	house_run(co_elsewhere, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_comes_in_once),
		cmocka_unit_test(a_late_session_is_refused),
		cmocka_unit_test(others_accounts_are_refused),
	};

	log_open(-1, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
