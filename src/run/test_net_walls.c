/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thousand fibers over a channel between two processes behind their walls.
 *
 * The asking process runs fibers that ask, sleep, read, write and use the thread
 * pool, and cancels each of them at each of its waits in turn, and at random; what is
 * left afterwards must be nothing: no fiber, no open question, no handler.  Sanitizer
 * builds have no walls (their leak checker cannot work behind them); the others build
 * all walls when run by root and those that a plain user can build otherwise.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/test_temp.h"
#include "base/unit.h"
#include "net/chan.h"
#include "net/fiber.h"
#include "net/io.h"
#include "net/loop.h"
#include "net/messages.h"
#include "run/walls.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIBERS 1000
#define WAITS 8 /* co_ calls of one walk */
#define NOBODY 62027

static struct fiber_group main_group, walkers, handlers;
static struct chan *chan;
static unsigned walked, cancelled, unsound;

/* --- walls ------------------------------------------------------------------------------ */

static enum confinement level(void)
{
#ifdef MAILSTEAD_SANITIZED
	return CONFINEMENT_OFF;
#else
	/* Valgrind itself opens files and maps memory in the process. */
	if (getenv("MAILSTEAD_TEST_UNWALLED"))
		return CONFINEMENT_OFF;
	return geteuid() == 0 ? CONFINEMENT_FULL : CONFINEMENT_BEST;
#endif
}

static void enter(enum room room, pid_t parent, int folder)
{
	struct walls_plan plan = {.room = room,
				  .level = level(),
				  .uid = geteuid() == 0 ? NOBODY : geteuid(),
				  .gid = geteuid() == 0 ? NOBODY : getegid(),
				  .root_fd = folder,
				  .master = parent};
	struct err e;
	unsigned built;

	if (walls_enter(&plan, &built, &e) != 0) {
		fprintf(stderr, "%s\n", e.text);
		_exit(2);
	}
	loop_init();
	loop_warm_pool(2, 0);
	if (walls_seal(&plan, &built, &e) != 0) {
		fprintf(stderr, "%s\n", e.text);
		_exit(3);
	}
}

/* --- the answering process ------------------------------------------------------------------ */

static void co_on_lookup(void *room, struct chan_parcel *p)
{
	struct lookup_question q;

	(void)room;
	if (!lookup_take(p, &q))
		return;
	if (q.type % 3 == 0)
		co_sleep_until(deadline_in(q.type % 7));
	if (q.type % 50 == 0)
		return;
	struct lookup_answer a = {.rcode = (uint8_t)q.type, .canonical = q.name};

	lookup_answer(p, &a);
}

static const struct chan_handler table[] = {{MSG_LOOKUP, co_on_lookup}, {0, NULL}};

static void asker_gone(void *room, struct chan *c)
{
	(void)room;
	(void)c;
	fiber_group_cancel(&handlers);
	loop_stop();
}

static int answer(int fd, pid_t parent, int folder)
{
	struct chan_rules rules = {
		.handlers = table, .fibers = &handlers, .longest_ms = 60000, .gone = asker_gone};

	enter(ROOM_KEEPER, parent, folder);
	fiber_group_init(&handlers, FIBERS);
	chan = chan_new("asker", &rules);
	if (chan_attach(chan, fd, 1) != 0)
		return 4;
	loop_run();
	/* The handlers were cancelled: one more turn lets them end. */
	while (handlers.count > 0) {
		fibers_run_ready();
		usleep(1000);
	}
	chan_destroy(&chan);
	loop_end();
	return 0;
}

/* --- the asking process ------------------------------------------------------------------------ */

struct walk {
	unsigned number;
	int cancel_at; /* the wait before which it cancels itself; -1: somebody else does */
};

static bool step(const struct walk *w, int wait)
{
	if (w->cancel_at == wait)
		fiber_cancel(fiber_self());
	return true;
}

static int co_ask(const struct walk *w, unsigned k, int64_t ms)
{
	char name[32];
	struct lookup_question q = {.type = (uint16_t)(w->number + k)};
	struct lookup_answer a;
	struct chan_parcel store;
	struct err e;

	q.name = (struct str){name, (size_t)snprintf(name, sizeof(name), "walk%u.%u", w->number, k)};
	int code = co_ask_lookup(chan, &q, deadline_in(ms), &store, &a, &e);

	if (code == ERR_OK) {
		/* an answer belongs to its question, whatever was given up before */
		if (!str_eq(a.canonical, q.name) || a.rcode != (uint8_t)q.type)
			unsound++;
		chan_parcel_free(&store);
	}
	return code;
}

static void in_pool(void *arg)
{
	++*(unsigned *)arg;
}

static int co_pool(void)
{
	unsigned *value = calloc(1, sizeof(*value));

	co_run_blocking(in_pool, value);
	if (*value != 1)
		unsound++;
	free(value);
	return ERR_OK;
}

static int co_pipe(int64_t ms)
{
	struct io left, right;
	int fds[2], code;
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
		return ERR_IO;
	io_open(&left, fds[0]);
	io_open(&right, fds[1]);
	code = co_read(&right, &byte, 1, deadline_in(ms));
	io_close(&left);
	io_close(&right);
	return code;
}

static void walk_fiber(void *arg)
{
	struct walk *w = arg;
	int codes[WAITS] = {0}, k = 0;

	step(w, k), codes[k] = co_ask(w, 0, 1000), k++;
	step(w, k), codes[k] = co_sleep_until(deadline_in(w->number % 5)), k++;
	step(w, k), codes[k] = co_ask(w, 1, 3), k++;
	step(w, k), codes[k] = co_yield (), k++;
	step(w, k), codes[k] = co_pool(), k++;
	step(w, k), codes[k] = co_pipe(2), k++;
	step(w, k), codes[k] = co_breathe(), k++;
	step(w, k), codes[k] = co_ask(w, 2, 1000), k++;
	unsigned told = 0;

	for (int i = 0; i < WAITS; i++)
		told += codes[i] == ERR_CANCELLED;
	/* cancelling is delivered at most once */
	if (told > 1)
		unsound++;
	cancelled += told;
	walked++;
	free(w);
}

static void begin_walk(unsigned number, int cancel_at)
{
	struct walk *w = malloc(sizeof(*w));

	*w = (struct walk){number, cancel_at};
	if (fiber_start(&walkers, walk_fiber, w) != 0) {
		unsound++;
		free(w);
	}
}

static void ask_fiber(void *arg)
{
	unsigned seed = 11;

	(void)arg;
	/* each at each of its waits */
	for (int at = 0; at <= WAITS; at++) {
		for (unsigned i = 0; i < FIBERS; i++)
			begin_walk(i, at);
		co_group_join(&walkers, NO_DEADLINE);
	}
	/* all at some moment of somebody else's choice */
	for (int round = 0; round < 10; round++) {
		for (unsigned i = 0; i < FIBERS; i++)
			begin_walk(i, -1);
		co_sleep_until(deadline_in(rand_r(&seed) % 12));
		fiber_group_cancel(&walkers);
		co_group_join(&walkers, NO_DEADLINE);
	}
	/* late answers arrive and are dropped; then everything works as before */
	co_sleep_until(deadline_in(30));
	struct walk last = {.number = 1, .cancel_at = -1};

	if (co_ask(&last, 0, 5000) != ERR_OK)
		unsound++;
	loop_stop();
}

static int ask(int fd, pid_t parent, int folder)
{
	struct chan_rules rules = {.fibers = &handlers, .window = 256, .longest_ms = 60000};

	enter(ROOM_KEEPER, parent, folder);
	fiber_group_init(&main_group, 1);
	fiber_group_init(&walkers, FIBERS);
	chan = chan_new("answerer", &rules);
	if (chan_attach(chan, fd, 1) != 0 || fiber_start(&main_group, ask_fiber, NULL) != 0)
		return 4;
	loop_run();
	chan_destroy(&chan);
	loop_end();
	if (unsound || walked != FIBERS * (WAITS + 1 + 10) || cancelled < FIBERS * (WAITS - 1)) {
		fprintf(stderr, "walked %u cancelled %u unsound %u\n", walked, cancelled, unsound);
		return 5;
	}
	return 0;
}

/* --- the test --------------------------------------------------------------------------------------- */

static pid_t start(int (*fn)(int fd, pid_t parent, int folder), int fd, int other, int folder)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		close(other);
		int status = fn(fd, parent, folder);

		exit(status);
	}
	return pid;
}

static void a_thousand_fibers_over_two_processes(void **state)
{
	char folder[TEMP_NAME_MAX];
	int fds[2], status;

	(void)state;
	assert_non_null(mkdtemp(temp_name(folder, "test_net_walls")));
	int empty = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	pid_t asker = start(ask, fds[0], fds[1], empty), answerer = start(answer, fds[1], fds[0], empty);

	close(fds[0]);
	close(fds[1]);
	close(empty);
	assert_int_equal(waitpid(asker, &status, 0), asker);
	assert_int_equal(status, 0);
	assert_int_equal(waitpid(answerer, &status, 0), answerer);
	assert_int_equal(status, 0);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_thousand_fibers_over_two_processes)};

	return cmocka_run_group_tests_name("net_walls", tests, NULL, NULL);
}
