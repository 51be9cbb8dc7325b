/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes between a client and its shard: both ways, both ends, and no more than a buffer of them. */
#include "gate/pump.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/unit.h"
#include "net/fiber.h"
#include "net/loop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 5000

static struct pump_pool pool;
static struct fiber_group pumps;

/* One session: the pump's two ends, and what is beyond each. */
static struct {
	struct stream client;
	struct io shard;
	struct io far_client, far_shard;
	int64_t stall_ms;
	int code;
	bool at_line_end, done;
} x;

static char failure[200];

static void check(bool good, const char *what)
{
	if (!good && !failure[0])
		snprintf(failure, sizeof(failure), "%s", what);
}

static void pump_fiber(void *arg)
{
	x.code = co_pump(&x.client, &x.shard, &pool, x.stall_ms, &x.at_line_end);
	x.done = true;
	stream_close(&x.client);
	io_close(&x.shard);
}

static void open_ends(void)
{
	int a[2], b[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, a) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, b) != 0)
		abort();
	stream_open(&x.client, a[0]);
	io_open(&x.far_client, a[1]);
	io_open(&x.shard, b[0]);
	io_open(&x.far_shard, b[1]);
	x.done = false;
	x.stall_ms = WAIT_MS;
	if (fiber_start(&pumps, pump_fiber, NULL) != 0)
		abort();
}

static void co_finish(int want)
{
	co_group_join(&pumps, deadline_in(WAIT_MS));
	check(x.done && x.code == want, "the pump's end");
	check(pool.used == 0, "a buffer is still in use");
	io_close(&x.far_client);
	io_close(&x.far_shard);
}

static void co_expect(struct io *io, const char *want)
{
	char text[200] = "";
	size_t n = 0;

	while (n < strlen(want)) {
		int got = co_read(io, text + n, sizeof(text) - 1 - n, deadline_in(WAIT_MS));

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	check(strcmp(text, want) == 0, want);
}

static void co_say(struct io *io, const char *text)
{
	check(co_write(io, str_of(text), deadline_in(WAIT_MS)) == 0, "cannot write");
}

static void run(fiber_fn *fn)
{
	struct fiber_group outer;

	failure[0] = 0;
	loop_init();
	fiber_group_init(&pumps, 1);
	fiber_group_init(&outer, 1);
	assert_int_equal(fiber_start(&outer, fn, NULL), 0);
	loop_run();
	loop_end();
	pump_pool_free(&pool);
	assert_string_equal(failure, "");
}

static void talk_fiber(void *arg)
{
	char c;

	open_ends();
	co_say(&x.far_shard, "a OK\r\n");
	co_expect(&x.far_client, "a OK\r\n");
	co_say(&x.far_client, "b NOOP\r\n");
	co_expect(&x.far_shard, "b NOOP\r\n");
	/* Nothing is under way: nothing is held. */
	co_sleep_until(deadline_in(5));
	check(pool.used == 0, "an idle session has a buffer");
	/* The client has said all; the shard has not. */
	co_say(&x.far_client, "c LOGOUT\r\n");
	shutdown(x.far_client.fd, SHUT_WR);
	co_expect(&x.far_shard, "c LOGOUT\r\n");
	check(co_read(&x.far_shard, &c, 1, deadline_in(WAIT_MS)) == ERR_CLOSED, "no end of file");
	check(!x.done, "it ended with the client's half");
	co_say(&x.far_shard, "* BYE\r\nc OK\r\n");
	io_close(&x.far_shard);
	co_expect(&x.far_client, "* BYE\r\nc OK\r\n");
	co_finish(ERR_OK);
	check(x.at_line_end, "whole lines");
	loop_stop();
}

static void both_directions_and_ends_pass(void **state)
{
	run(talk_fiber);
}

static void end_fiber(void *arg)
{
	/* The shard dies in the middle of a line. */
	open_ends();
	co_say(&x.far_shard, "* 1 FET");
	io_close(&x.far_shard);
	co_expect(&x.far_client, "* 1 FET");
	co_finish(ERR_OK);
	check(!x.at_line_end, "half a line");
	/* It listens no more, and has said something before. */
	open_ends();
	co_say(&x.far_shard, "* BYE\r\n");
	io_close(&x.far_shard);
	co_say(&x.far_client, "a NOOP\r\n");
	co_expect(&x.far_client, "* BYE\r\n");
	co_finish(ERR_OK);
	/* The client is gone. */
	open_ends();
	io_close(&x.far_client);
	co_say(&x.far_shard, "* 1 EXISTS\r\n");
	co_finish(ERR_CLOSED);
	open_ends();
	co_yield ();
	fiber_group_cancel(&pumps);
	co_finish(ERR_CANCELLED);
	loop_stop();
}

static void every_end_is_told_apart(void **state)
{
	run(end_fiber);
}

static size_t co_write_all_it_takes(struct io *io)
{
	char block[2048];
	size_t sum = 0;
	int idle = 0;

	memset(block, 'x', sizeof(block));
	while (idle < 20) {
		ssize_t put = write(io->fd, block, sizeof(block));

		idle = put > 0 ? 0 : idle + 1;
		sum += put > 0 ? (size_t)put : 0;
		co_sleep_until(deadline_in(put > 0 ? 0 : 1));
	}
	return sum;
}

static size_t co_read_all(struct io *io, size_t want)
{
	char block[2048];
	size_t sum = 0;

	while (sum < want) {
		int got = co_read(io, block, sizeof(block), deadline_in(WAIT_MS));

		if (got <= 0)
			break;
		sum += (size_t)got;
	}
	return sum;
}

static void stopped_fiber(void *arg)
{
	int small = 16384;

	for (int up = 0; up < 2; up++) {
		open_ends();
		setsockopt(x.client.io.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
		setsockopt(x.shard.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
		struct io *from = up ? &x.far_client : &x.far_shard;
		struct io *to = up ? &x.far_shard : &x.far_client;
		struct io *other = up ? &x.far_shard : &x.far_client;
		size_t sum = co_write_all_it_takes(from);

		check(pool.used == 1, "a stopped reader holds one buffer");
		/* The other direction goes on. */
		co_say(other, "still here\r\n");
		co_expect(from, "still here\r\n");
		check(co_read_all(to, sum) == sum, "bytes were lost");
		io_close(&x.far_shard);
		co_finish(ERR_OK);
	}
	/* One that never reads is given up. */
	open_ends();
	x.stall_ms = 30;
	co_write_all_it_takes(&x.far_shard);
	co_finish(ERR_TIMEOUT);
	loop_stop();
}

static void a_stopped_reader_holds_one_buffer(void **state)
{
	run(stopped_fiber);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_and_ends_pass),
		cmocka_unit_test(every_end_is_told_apart),
		cmocka_unit_test(a_stopped_reader_holds_one_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
