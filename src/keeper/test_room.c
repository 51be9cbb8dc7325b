/* SPDX-License-Identifier: Apache-2.0 */
/* Master, gates and shards of a keeper under test (see test_room.h). */
#include "keeper/test_room.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct test_room room;

void check(bool good, const char *fmt, ...)
{
	size_t n = strlen(room.wrong);
	va_list ap;

	if (good)
		return;
	va_start(ap, fmt);
	vsnprintf(room.wrong + n, sizeof(room.wrong) - n, fmt, ap);
	va_end(ap);
	n = strlen(room.wrong);
	snprintf(room.wrong + n, sizeof(room.wrong) - n, "; ");
}

/* --- master ------------------------------------------------------------------------------ */

void room_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static void co_on_ready(void *state, struct chan_parcel *p)
{
	struct ready_note m;

	check(ready_take(p, &m) && !room.ready, "ready came twice");
	room.ready = true;
}

static const struct chan_handler from_room[] = {{MSG_READY, co_on_ready}, {0, NULL}};

static void put_settings(const char *const *overrides, size_t n, struct buf *out)
{
	const struct settings_sources from = {.overrides = overrides, .override_count = n};
	struct settings s;
	struct err e;

	assert_int_equal(settings_load(&s, &from, &e), 0);
	settings_put(&s, ROOM_BIT(ROOM_KEEPER), out);
	settings_free(&s);
}

static const char *const first_settings[] = {"hostname=mail.d.test", "connections_per_address=2", "shards=2",
					     "confinement=off"};
static const char *const next_settings[] = {"hostname=other.e.test", "connections_per_address=0",
					    "recipient_delimiter=-", "catch_all_takes_all=yes",
					    "spoof_protection=0",    "confinement=off"};

static void put_files(struct buf *out)
{
	buf_init(out, 1024);
	buf_put_str(out, STR("right_key"));
	buf_put_str(out, STR(ROOM_RIGHT_KEY));
}

static void send_start(int log)
{
	struct buf settings, files;

	put_files(&files);
	buf_init(&settings, SETTINGS_SENT_MAX);
	put_settings(first_settings, sizeof(first_settings) / sizeof(first_settings[0]), &settings);
	struct start_note m = {.build = MESSAGES_BUILD,
			       .epoch = 1,
			       .master = (uint32_t)getpid(),
			       .confinement = SETTING_CONFINEMENT_OFF,
			       .uid = geteuid(),
			       .gid = getegid(),
			       .settings = buf_str(&settings),
			       .files = buf_str(&files),
			       .log = log,
			       .root = open("/", O_PATH | O_CLOEXEC)};

	start_send(room.control, &m);
	close(m.root);
	buf_free(&settings);
	buf_free(&files);
}

/* A gate's process, the first or the next one. */
void room_attach_gate(unsigned index, uint32_t epoch)
{
	int fds[2];

	room_pair(fds);
	chan_attach(room.gates[index], fds[0], epoch);
	struct peer_note m = {.room = ROOM_GATE, .index = (uint16_t)index, .epoch = epoch, .channel = fds[1]};

	peer_send(room.control, &m);
	close(fds[1]);
}

static void co_on_expect(void *state, struct chan_parcel *p)
{
	struct expect_question q;
	struct expect_answer a = {0};

	if (!expect_take(p, &q))
		return;
	room.expected.count++;
	room.expected.number = q.session;
	room.expected.service = q.service;
	snprintf(room.expected.account, sizeof(room.expected.account), "%.*s", STR_ARG(q.account));
	for (unsigned i = 0; i < SHARDS; i++)
		if (room.shards[i] == p->chan)
			room.expected.shard = i;
	if (room.shard_refuses)
		chan_refuse(p, ERR_BUSY, "full");
	else
		expect_answer(p, &a);
}

static const struct chan_handler from_keeper[] = {{MSG_EXPECT, co_on_expect}, {0, NULL}};

static void attach_shard(unsigned index)
{
	int fds[2];

	room_pair(fds);
	chan_attach(room.shards[index], fds[0], 1);
	struct peer_note m = {.room = ROOM_MAILBOX, .index = (uint16_t)index, .epoch = 1, .channel = fds[1]};

	peer_send(room.control, &m);
	close(fds[1]);
}

int room_memory_file(struct str contents, size_t size, int seals)
{
	int fd = memfd_create("table", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (write(fd, contents.p, contents.n) != (ssize_t)contents.n || ftruncate(fd, (off_t)size) != 0 ||
	    fcntl(fd, F_ADD_SEALS, seals) != 0)
		abort();
	return fd;
}

void room_send_table(enum table_file table, int fd)
{
	struct table_note m = {.number = room.set, .table = (uint8_t)table, .file = fd};

	table_send(room.control, &m);
	close(fd);
}

int co_room_take(struct err *e)
{
	struct tables_question q = {.number = room.set};
	struct tables_answer a;
	struct chan_parcel store;
	int code = co_ask_tables(room.control, &q, deadline_in(ASK_MS), &store, &a, e);

	if (code == ERR_OK)
		chan_parcel_free(&store);
	return code;
}

void room_send_set(const char *const contents[TABLE_COUNT])
{
	room.set++;
	for (unsigned i = 0; i < TABLE_COUNT; i++) {
		struct str text = str_of(contents[i]);

		room_send_table((enum table_file)i,
				room_memory_file(text, text.n, F_SEAL_SHRINK | F_SEAL_WRITE));
	}
}

void co_room_give(const char *const contents[TABLE_COUNT])
{
	struct err e = {0};

	room_send_set(contents);
	check(co_room_take(&e) == ERR_OK, "refused: %s", e.text);
}

/* `ready` follows the answer. */
void co_room_ready(void)
{
	int64_t deadline = deadline_in(ASK_MS);

	while (!room.ready && clock_ms() < deadline)
		co_sleep_until(deadline_in(5));
	check(room.ready, "not ready with its tables");
}

static bool log_has_now(const char *text)
{
	static char lines[65536];
	size_t n = strlen(lines);
	ssize_t got;

	while ((got = recv(room.log_end, lines + n, sizeof(lines) - 1 - n, MSG_DONTWAIT)) > 0) {
		n += (size_t)got;
		lines[n] = 0;
	}
	return strstr(lines, text) != NULL;
}

/* Lines leave at the end of a turn, and the role is another process. */
bool co_room_logged(const char *text)
{
	for (int i = 0; i < 1000 && !log_has_now(text); i++)
		co_sleep_until(deadline_in(5));
	return log_has_now(text);
}

/* 0 let in, 1 not; a code below 0 when refused. */
int co_room_connect(unsigned gate, const void *address, size_t n)
{
	struct connect_question q = {.address = {address, n}};
	struct connect_answer a;
	struct chan_parcel store;
	struct err e;
	int code = co_ask_connect(room.gates[gate], &q, deadline_in(ASK_MS), &store, &a, &e);

	if (code)
		return code;
	chan_parcel_free(&store);
	return a.verdict;
}

void room_leave(unsigned gate, const void *address, size_t n)
{
	struct left_note m = {.address = {address, n}};

	left_send(room.gates[gate], &m);
}

/* --- settings ------------------------------------------------------------ */

void co_room_prepare(void)
{
	struct buf text, files;
	struct chan_parcel store;
	struct prepare_answer a;
	struct err e = {0};

	buf_init(&text, SETTINGS_SENT_MAX);
	put_settings(next_settings, sizeof(next_settings) / sizeof(next_settings[0]), &text);
	put_files(&files);
	struct prepare_question q = {.number = 1, .settings = buf_str(&text), .files = buf_str(&files)};

	check(co_ask_prepare(room.control, &q, deadline_in(ASK_MS), &store, &a, &e) == 0, "%s", e.text);
	chan_parcel_free(&store);
	buf_free(&text);
	buf_free(&files);
}

void co_room_switch(void)
{
	struct switch_question q = {.number = 1};
	struct chan_parcel store;
	struct switch_answer a;
	struct err e = {0};

	check(co_ask_switch(room.control, &q, deadline_in(ASK_MS), &store, &a, &e) == 0, "%s", e.text);
	chan_parcel_free(&store);
}

/* --- one run --------------------------------------------------------------------------------- */

static void make_channels(void)
{
	const struct chan_rules master = {
		.handlers = from_room, .fibers = &room.handlers, .window = 8, .longest_ms = 60000};
	const struct chan_rules gate = {.fibers = &room.handlers, .window = 64, .longest_ms = 60000};

	fiber_group_init(&room.outer, 1);
	fiber_group_init(&room.handlers, 100);
	room.control = chan_new("keeper/0", &master);
	const struct chan_rules shard = {
		.handlers = from_keeper, .fibers = &room.handlers, .longest_ms = 60000};

	for (unsigned i = 0; i < GATES; i++)
		room.gates[i] = chan_new("keeper/0", &gate);
	for (unsigned i = 0; i < SHARDS; i++)
		room.shards[i] = chan_new("keeper/0", &shard);
}

static pid_t start_room(int fds[2])
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	/* Blocking until the room has its loop. */
	fcntl(fds[1], F_SETFL, 0);
	dup2(fds[1], 3);
	_exit(role_main(&keeper_room, 0));
}

void room_end(void)
{
	struct stop_note m = {0};

	stop_send(room.control, &m);
	loop_stop();
}

void room_run(fiber_fn *fn)
{
	int fds[2], log[2], status;

	room.wrong[0] = 0;
	room.ready = false;
	room.set = 0;
	room_pair(fds);
	pid_t pid = start_room(fds);

	close(fds[1]);
	room_pair(log);
	room.log_end = log[0];
	loop_init();
	make_channels();
	chan_attach(room.control, fds[0], 1);
	send_start(log[1]);
	close(log[1]);
	for (unsigned i = 0; i < GATES; i++)
		room_attach_gate(i, 1);
	for (unsigned i = 0; i < SHARDS; i++)
		attach_shard(i);
	assert_int_equal(fiber_start(&room.outer, fn, NULL), 0);
	loop_run();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	chan_destroy(&room.control);
	for (unsigned i = 0; i < GATES; i++)
		chan_destroy(&room.gates[i]);
	for (unsigned i = 0; i < SHARDS; i++)
		chan_destroy(&room.shards[i]);
	loop_end();
	close(room.log_end);
	assert_string_equal(room.wrong, "");
	assert_int_equal(status, 0);
}
