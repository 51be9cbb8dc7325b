/* SPDX-License-Identifier: Apache-2.0 */
/* A master, gates and shards for the keeper room (see test_house.h). */
#include "keeper/test_house.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "base/unit.h"
#include "keeper/keeper.h"
#include "net/log.h"
#include "net/loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct house house;
static struct fiber_group outer;

void check(bool good, const char *fmt, ...)
{
	size_t n = strlen(house.wrong);
	va_list ap;

	if (good)
		return;
	va_start(ap, fmt);
	vsnprintf(house.wrong + n, sizeof(house.wrong) - n, fmt, ap);
	va_end(ap);
	n = strlen(house.wrong);
	snprintf(house.wrong + n, sizeof(house.wrong) - n, "; ");
}

/* --- master ------------------------------------------------------------------------------ */

void house_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static void co_on_ready(void *room, struct chan_parcel *p)
{
	struct ready_note m;

	check(ready_take(p, &m) && !house.ready, "ready came twice");
	house.ready = true;
}

static const struct chan_handler from_room[] = {{MSG_READY, co_on_ready}, {0, NULL}};

void house_put_settings(const char *const *overrides, size_t n, struct buf *out)
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

void house_put_files(struct buf *out)
{
	buf_init(out, 1024);
	buf_put_str(out, STR("right_key"));
	buf_put_str(out, STR(HOUSE_RIGHT_KEY));
}

static void send_start(int log)
{
	struct buf settings, files;

	house_put_files(&files);
	buf_init(&settings, SETTINGS_SENT_MAX);
	house_put_settings(first_settings, sizeof(first_settings) / sizeof(first_settings[0]), &settings);
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

	start_send(house.control, &m);
	close(m.root);
	buf_free(&settings);
	buf_free(&files);
}

/* A gate's process, the first or the next one. */
void house_attach_gate(unsigned index, uint32_t epoch)
{
	int fds[2];

	house_pair(fds);
	chan_attach(house.gates[index], fds[0], epoch);
	struct peer_note m = {.room = ROOM_GATE, .index = (uint16_t)index, .epoch = epoch, .channel = fds[1]};

	peer_send(house.control, &m);
	close(fds[1]);
}

static void co_on_expect(void *room, struct chan_parcel *p)
{
	struct expect_question q;
	struct expect_answer a = {0};

	if (!expect_take(p, &q))
		return;
	house.expected.count++;
	house.expected.number = q.session;
	house.expected.service = q.service;
	snprintf(house.expected.account, sizeof(house.expected.account), "%.*s", STR_ARG(q.account));
	for (unsigned i = 0; i < HOUSE_SHARDS; i++)
		if (house.shards[i] == p->chan)
			house.expected.shard = i;
	if (house.shard_refuses)
		chan_refuse(p, ERR_BUSY, "full");
	else
		expect_answer(p, &a);
}

static const struct chan_handler from_keeper[] = {{MSG_EXPECT, co_on_expect}, {0, NULL}};

static void attach_shard(unsigned index)
{
	int fds[2];

	house_pair(fds);
	chan_attach(house.shards[index], fds[0], 1);
	struct peer_note m = {.room = ROOM_MAILBOX, .index = (uint16_t)index, .epoch = 1, .channel = fds[1]};

	peer_send(house.control, &m);
	close(fds[1]);
}

int house_file(struct str contents)
{
	struct err e;
	int fd;

	if (sealed_make("table", contents, &fd, &e) != 0)
		abort();
	return fd;
}

void house_send_table(enum table_file table, int fd)
{
	struct table_note m = {.number = house.set, .table = (uint8_t)table, .file = fd};

	table_send(house.control, &m);
	close(fd);
}

int co_house_take(struct err *e)
{
	struct tables_question q = {.number = house.set};
	struct tables_answer a;
	struct chan_parcel store;
	int code = co_ask_tables(house.control, &q, deadline_in(ASK_MS), &store, &a, e);

	if (code == ERR_OK)
		chan_parcel_free(&store);
	return code;
}

void house_send_set(const char *const contents[TABLE_COUNT])
{
	house.set++;
	for (unsigned i = 0; i < TABLE_COUNT; i++) {
		struct str text = str_of(contents[i]);

		house_send_table((enum table_file)i, house_file(text));
	}
}

void co_house_give(const char *const contents[TABLE_COUNT])
{
	struct err e = {0};

	house_send_set(contents);
	check(co_house_take(&e) == ERR_OK, "refused: %s", e.text);
}

/* `ready` follows the answer. */
void co_house_expect_ready(void)
{
	int64_t deadline = deadline_in(ASK_MS);

	while (!house.ready && clock_ms() < deadline)
		co_sleep_until(deadline_in(5));
	check(house.ready, "not ready with its tables");
}

static bool log_has_now(const char *text)
{
	static char lines[65536];
	size_t n = strlen(lines);
	ssize_t got;

	while ((got = recv(house.log_end, lines + n, sizeof(lines) - 1 - n, MSG_DONTWAIT)) > 0) {
		n += (size_t)got;
		lines[n] = 0;
	}
	return strstr(lines, text) != NULL;
}

/* Lines leave at the end of a turn, and the role is another process. */
bool co_house_logged(const char *text)
{
	for (int i = 0; i < 1000 && !log_has_now(text); i++)
		co_sleep_until(deadline_in(5));
	return log_has_now(text);
}

const char *const house_tables[TABLE_COUNT] = {
	[TABLE_ACCOUNTS] =
		("ann@d.test" HASH "me@c.test" HASH "kim@c.test" HASH "root@mail.d.test" HASH "no account\n"
		 "fritz@b\xC3\xBC"
		 "cher.test" HASH "eve@xn--mller-kva.test" HASH),
	[TABLE_VIRTUALS] = "help@d.test ann@d.test\n@c.test me@c.test\nteam@d.test ann@d.test,x@far.test\n"
			   "loop1@d.test loop2@d.test\nloop2@d.test loop1@d.test\nout@d.test x@far.test\n",
	[TABLE_REGEXPS] = "/^test[0-9]+@d\\.test$/ ann@d.test\n/([/ broken\n",
	[TABLE_LOCALS] = "sales: ann@d.test\n",
};

int co_house_connect(unsigned gate, const void *address, size_t n)
{
	struct connect_question q = {.address = {address, n}};
	struct connect_answer a;
	struct chan_parcel store;
	struct err e;
	int code = co_ask_connect(house.gates[gate], &q, deadline_in(ASK_MS), &store, &a, &e);

	if (code)
		return code;
	chan_parcel_free(&store);
	return a.verdict;
}

/* --- one run --------------------------------------------------------------------------------- */

static void make_channels(void)
{
	const struct chan_rules master = {
		.handlers = from_room, .fibers = &house.handlers, .window = 8, .longest_ms = 60000};
	const struct chan_rules gate = {.fibers = &house.handlers, .window = 64, .longest_ms = 60000};

	fiber_group_init(&outer, 1);
	fiber_group_init(&house.handlers, 100);
	house.control = chan_new("keeper/0", &master);
	const struct chan_rules shard = {
		.handlers = from_keeper, .fibers = &house.handlers, .longest_ms = 60000};

	for (unsigned i = 0; i < HOUSE_GATES; i++)
		house.gates[i] = chan_new("keeper/0", &gate);
	for (unsigned i = 0; i < HOUSE_SHARDS; i++)
		house.shards[i] = chan_new("keeper/0", &shard);
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

void house_end(void)
{
	struct stop_note m = {0};

	stop_send(house.control, &m);
	loop_stop();
}

void house_run(fiber_fn *fn)
{
	int fds[2], log[2], status;

	house.wrong[0] = 0;
	house.ready = false;
	house.set = 0;
	house_pair(fds);
	pid_t pid = start_room(fds);

	close(fds[1]);
	house_pair(log);
	house.log_end = log[0];
	loop_init();
	make_channels();
	chan_attach(house.control, fds[0], 1);
	send_start(log[1]);
	close(log[1]);
	for (unsigned i = 0; i < HOUSE_GATES; i++)
		house_attach_gate(i, 1);
	for (unsigned i = 0; i < HOUSE_SHARDS; i++)
		attach_shard(i);
	assert_int_equal(fiber_start(&outer, fn, NULL), 0);
	loop_run();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	chan_destroy(&house.control);
	for (unsigned i = 0; i < HOUSE_GATES; i++)
		chan_destroy(&house.gates[i]);
	for (unsigned i = 0; i < HOUSE_SHARDS; i++)
		chan_destroy(&house.shards[i]);
	loop_end();
	close(house.log_end);
	assert_string_equal(house.wrong, "");
	assert_int_equal(status, 0);
}
