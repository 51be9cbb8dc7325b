/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters that crash scan stop themselves and no other (invariant 13).
 *
 * The room is built so that a field kills it.  Processes of it wait behind their walls in a
 * row, as master would start them one after another; a fake gate does what scan.h asks of one.
 */
#include "scan/scan.h"

#include "base/clock.h"
#include "base/test_temp.h"
#include "base/unit.h"
#include "format/outline.h"
#include "net/log.h"
#include "net/loop.h"
#include "run/walls.h"
#include "scan/test_gate.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOMS 24
#define LETTERS 20
#define NOBODY 52572
#define POISON "X-Poison: scan\r\n"

enum fate { UNKNOWN, ANSWERED, HELD };

struct letter {
	uint64_t id;
	struct buf bytes;
	bool poison;
	bool begun; /* its note came */
	enum fate fate;
	unsigned asked;
};

static struct letter letters[LETTERS];
static int rooms[ROOMS];
static pid_t pids[ROOMS];
static int folder; /* an empty one */
static unsigned attached;
static struct fiber_group outer, askers, handlers;
static struct chan *scan_chan;

/* --- the rooms ---------------------------------------------------------------------------------- */

static void asker_gone(void *state, struct chan *c)
{
	_exit(0);
}

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

/* The order of run/role.c: what warm_up opened is all that there is behind the walls. */
static void be_room(int fd, pid_t parent)
{
	struct walls_plan plan = {.room = ROOM_SCAN,
				  .level = level(),
				  .uid = geteuid() == 0 ? NOBODY : geteuid(),
				  .gid = geteuid() == 0 ? NOBODY : getegid(),
				  .root_fd = folder,
				  .master = parent};
	struct chan_rules rules = {
		.handlers = scan_room.handlers, .fibers = &handlers, .longest_ms = 60000, .gone = asker_gone};
	unsigned built;
	struct err e;

	rules.room = gate_room();
	if (walls_enter(&plan, &built, &e) != 0)
		_exit(3);
	loop_init();
	if (walls_seal(&plan, &built, &e) != 0)
		_exit(4);
	fiber_group_init(&handlers, 512);
	struct chan *c = chan_new("gate/0", &rules);

	if (chan_attach(c, fd, 1) == 0)
		loop_run();
	_exit(2);
}

static void start_rooms(void)
{
	pid_t parent = getpid();

	for (unsigned i = 0; i < ROOMS; i++) {
		int fds[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
				 0);
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			for (unsigned k = 0; k < i; k++)
				close(rooms[k]);
			close(fds[0]);
			be_room(fds[1], parent);
		}
		close(fds[1]);
		rooms[i] = fds[0];
	}
}

/* How many ended as a poisoned one does. */
static unsigned end_rooms(void)
{
	unsigned aborted = 0;
	int status;

	for (unsigned i = attached; i < ROOMS; i++)
		close(rooms[i]);
	for (unsigned i = 0; i < ROOMS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		aborted += WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
		assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	}
	return aborted;
}

/* --- the gate --------------------------------------------------------------------------------------- */

static void attach_next(void *state, struct chan *c)
{
	if (attached < ROOMS)
		chan_attach(c, rooms[attached], attached + 1);
	attached++;
}

static void co_on_scanning(void *state, struct chan_parcel *p)
{
	struct scanning_note m;

	if (scanning_take(p, &m) && m.letter < LETTERS)
		letters[m.letter].begun = true;
}

static const struct chan_handler gate_handlers[] = {{MSG_SCANNING, co_on_scanning}, {0, NULL}};

/* The letters are written in KOI8-R, whose table no one can open behind the walls. */
static void check_preview(const struct letter *l, const struct scan_answer *a)
{
	struct arena arena;
	struct outline o;
	struct err e;

	arena_init(&arena, OUTLINE_ARENA_MAX);
	assert_int_equal(outline_decode(&o, &arena, a->outline, a->front.n + l->bytes.n, &e), 0);
	assert_true(str_starts(o.preview, STR("\xD0\x9F\xD0\xB8\xD1\x81\xD1\x8C\xD0\xBC\xD0\xBE")));
	arena_free(&arena);
}

static int co_ask_for(struct letter *l, bool alone)
{
	struct scan_question q = gate_question(l->id, buf_str(&l->bytes));
	struct scan_answer a;
	struct chan_parcel store;
	struct err e;

	q.alone = alone;
	l->begun = false;
	l->asked++;
	int code = co_gate_ask(scan_chan, &q, &a, &store, &e);

	if (code == 0) {
		check_preview(l, &a);
		chan_parcel_free(&store);
	}
	if (q.file >= 0)
		close(q.file);
	return code;
}

static void letter_fiber(void *arg)
{
	struct letter *l = arg;
	int code = co_ask_for(l, false);

	while (code == ERR_ROOM_GONE) {
		code = co_ask_for(l, true);
		if (code == ERR_ROOM_GONE && l->begun) {
			l->fate = HELD;
			return;
		}
	}
	if (code == 0)
		l->fate = ANSWERED;
}

static void gate_fiber(void *arg)
{
	for (unsigned i = 0; i < LETTERS; i++)
		assert_int_equal(fiber_start(&askers, letter_fiber, &letters[i]), 0);
	co_group_join(&askers, deadline_in(50000));
	loop_stop();
}

static unsigned run_gate(void)
{
	struct chan_rules rules = {.handlers = gate_handlers,
				   .window = 32,
				   .longest_ms = 60000,
				   .fibers = &handlers,
				   .gone = attach_next};

	start_rooms();
	attached = 0;
	loop_init();
	fiber_group_init(&outer, 1);
	fiber_group_init(&askers, LETTERS);
	fiber_group_init(&handlers, 64);
	scan_chan = chan_new("scan/0", &rules);
	attach_next(NULL, scan_chan);
	assert_int_equal(fiber_start(&outer, gate_fiber, NULL), 0);
	loop_run();
	chan_destroy(&scan_chan);
	loop_end();
	return end_rooms();
}

/* --- tests -------------------------------------------------------------------------------------------- */

/* Every third letter is long and goes as a file. */
static void write_letters(uint64_t poisoned)
{
	for (unsigned i = 0; i < LETTERS; i++) {
		struct letter *l = &letters[i];

		*l = (struct letter){.id = i, .poison = poisoned >> i & 1};
		buf_init(&l->bytes, 1 << 20);
		buf_printf(&l->bytes, "Content-Type: text/plain; charset=koi8-r\r\n%s\r\n",
			   l->poison ? POISON : "");
		buf_add_z(&l->bytes, "\xF0\xC9\xD3\xD8\xCD\xCF\r\n");
		while (l->bytes.n < (i % 3 ? 500 : 100000))
			buf_add_z(&l->bytes, "line\r\n");
	}
}

static void check_fates(uint64_t poisoned)
{
	unsigned count = (unsigned)__builtin_popcountll(poisoned);

	write_letters(poisoned);
	unsigned aborted = run_gate();

	for (unsigned i = 0; i < LETTERS; i++) {
		assert_int_equal(letters[i].fate, letters[i].poison ? HELD : ANSWERED);
		if (letters[i].poison)
			assert_true(letters[i].asked >= 2);
		buf_free(&letters[i].bytes);
	}
	/* Alone at least; with others once or twice more, when the note came too late to be read. */
	assert_true(aborted >= count && aborted <= 3 * count);
}

static void without_poison_no_room_ends(void **state)
{
	check_fates(0);
}

static void a_poison_letter_is_the_only_one_held(void **state)
{
	for (unsigned i = 0; i < LETTERS; i += 7)
		check_fates(UINT64_C(1) << i);
}

static void several_are_told_apart(void **state)
{
	check_fates(UINT64_C(1) << 1 | UINT64_C(1) << 2 | UINT64_C(1) << 9 | UINT64_C(1) << 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_poison_no_room_ends),
		cmocka_unit_test(a_poison_letter_is_the_only_one_held),
		cmocka_unit_test(several_are_told_apart),
	};

	char path[TEMP_NAME_MAX];

	folder = mkdtemp(temp_name(path, "test_scan_poison")) ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)
							      : -1;
	int failed = cmocka_run_group_tests_name("scan_poison", tests, NULL, NULL);

	rmdir(path);
	return failed;
}
