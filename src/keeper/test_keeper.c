/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper room as a process of its own; this one is its master and its gates.
 *
 * A fiber cannot leave through cmocka's longjmp: what is wrong gathers in `wrong` and is
 * judged when the loop has ended.
 */
#include "keeper/keeper.h"

#include "base/clock.h"
#include "base/unit.h"
#include "keeper/tables.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "net/verdicts.h"
#include "store/shards.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GATES 2
#define SHARDS 2
#define ASK_MS 20000

static char wrong[4096];
static struct fiber_group outer, handlers;
static struct chan *control, *gates[GATES], *shards[SHARDS];
static int log_end;
static bool ready;
static uint32_t set;

__attribute__((format(printf, 2, 3))) static void check(bool good, const char *fmt, ...)
{
	size_t n = strlen(wrong);
	va_list ap;

	if (good)
		return;
	va_start(ap, fmt);
	vsnprintf(wrong + n, sizeof(wrong) - n, fmt, ap);
	va_end(ap);
	n = strlen(wrong);
	snprintf(wrong + n, sizeof(wrong) - n, "; ");
}

/* --- master ------------------------------------------------------------------------------ */

static void pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static void co_on_ready(void *room, struct chan_parcel *p)
{
	struct ready_note m;

	check(ready_take(p, &m) && !ready, "ready came twice");
	ready = true;
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
					    "confinement=off"};

static void send_start(int log)
{
	struct buf settings;

	buf_init(&settings, SETTINGS_SENT_MAX);
	put_settings(first_settings, sizeof(first_settings) / sizeof(first_settings[0]), &settings);
	struct start_note m = {.build = MESSAGES_BUILD,
			       .epoch = 1,
			       .master = (uint32_t)getpid(),
			       .confinement = SETTING_CONFINEMENT_OFF,
			       .uid = geteuid(),
			       .gid = getegid(),
			       .settings = buf_str(&settings),
			       .log = log,
			       .root = open("/", O_PATH | O_CLOEXEC)};

	start_send(control, &m);
	close(m.root);
	buf_free(&settings);
}

/* A gate's process, the first or the next one. */
static void attach_gate(unsigned index, uint32_t epoch)
{
	int fds[2];

	pair(fds);
	chan_attach(gates[index], fds[0], epoch);
	struct peer_note m = {.room = ROOM_GATE, .index = (uint16_t)index, .epoch = epoch, .channel = fds[1]};

	peer_send(control, &m);
	close(fds[1]);
}

/* The session that a shard was told to expect. */
static struct {
	unsigned shard;
	uint64_t number;
	uint8_t service;
	char account[64];
	unsigned count;
} expected;
static bool shard_refuses;

static void co_on_expect(void *room, struct chan_parcel *p)
{
	struct expect_question q;
	struct expect_answer a = {0};

	if (!expect_take(p, &q))
		return;
	expected.count++;
	expected.number = q.session;
	expected.service = q.service;
	snprintf(expected.account, sizeof(expected.account), "%.*s", STR_ARG(q.account));
	for (unsigned i = 0; i < SHARDS; i++)
		if (shards[i] == p->chan)
			expected.shard = i;
	if (shard_refuses)
		chan_refuse(p, ERR_BUSY, "full");
	else
		expect_answer(p, &a);
}

static const struct chan_handler from_keeper[] = {{MSG_EXPECT, co_on_expect}, {0, NULL}};

static void attach_shard(unsigned index)
{
	int fds[2];

	pair(fds);
	chan_attach(shards[index], fds[0], 1);
	struct peer_note m = {.room = ROOM_MAILBOX, .index = (uint16_t)index, .epoch = 1, .channel = fds[1]};

	peer_send(control, &m);
	close(fds[1]);
}

static int memory_file(struct str contents, size_t size, int seals)
{
	int fd = memfd_create("table", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (write(fd, contents.p, contents.n) != (ssize_t)contents.n || ftruncate(fd, (off_t)size) != 0 ||
	    fcntl(fd, F_ADD_SEALS, seals) != 0)
		abort();
	return fd;
}

static void send_table(enum table_file table, int fd)
{
	struct table_note m = {.number = set, .table = (uint8_t)table, .file = fd};

	table_send(control, &m);
	close(fd);
}

static int co_take(struct err *e)
{
	struct tables_question q = {.number = set};
	struct tables_answer a;
	struct chan_parcel store;
	int code = co_ask_tables(control, &q, deadline_in(ASK_MS), &store, &a, e);

	if (code == ERR_OK)
		chan_parcel_free(&store);
	return code;
}

static void send_set(const char *const contents[TABLE_COUNT])
{
	set++;
	for (unsigned i = 0; i < TABLE_COUNT; i++) {
		struct str text = str_of(contents[i]);

		send_table((enum table_file)i, memory_file(text, text.n, F_SEAL_SHRINK | F_SEAL_WRITE));
	}
}

static void co_give(const char *const contents[TABLE_COUNT])
{
	struct err e = {0};

	send_set(contents);
	check(co_take(&e) == ERR_OK, "refused: %s", e.text);
}

/* `ready` follows the answer. */
static void co_expect_ready(void)
{
	int64_t deadline = deadline_in(ASK_MS);

	while (!ready && clock_ms() < deadline)
		co_sleep_until(deadline_in(5));
	check(ready, "not ready with its tables");
}

static bool log_has_now(const char *text)
{
	static char lines[65536];
	size_t n = strlen(lines);
	ssize_t got;

	while ((got = recv(log_end, lines + n, sizeof(lines) - 1 - n, MSG_DONTWAIT)) > 0) {
		n += (size_t)got;
		lines[n] = 0;
	}
	return strstr(lines, text) != NULL;
}

/* Lines leave at the end of a turn, and the role is another process. */
static bool co_log_has(const char *text)
{
	for (int i = 0; i < 1000 && !log_has_now(text); i++)
		co_sleep_until(deadline_in(5));
	return log_has_now(text);
}

/* --- gates --------------------------------------------------------------------------------- */

static const char *const words[] = {
	[RECIPIENT_OK] = "ok",
	[RECIPIENT_UNKNOWN] = "unknown",
	[RECIPIENT_NOT_OURS] = "not-ours",
	[RECIPIENT_BAD_SYNTAX] = "syntax",
	[RECIPIENT_LOOP] = "loop",
	[RECIPIENT_TOO_MANY] = "too-many",
	[RECIPIENT_ROUTED] = "routed",
};

/* The verdict, then `account=address` or `>address=address` elsewhere, of each target. */
static void describe(const struct recipient_answer *a, struct buf *out)
{
	struct reader r = reader_of(a->targets);

	buf_add_z(out, a->verdict <= RECIPIENT_ROUTED ? words[a->verdict] : "?");
	while (!r.failed && r.rest.n > 0) {
		uint8_t kind = read_u8(&r);
		struct str who = read_str(&r, 512), as = read_str(&r, 512);

		buf_printf(out, " %s%.*s=%.*s", kind == TARGET_REMOTE ? ">" : "", STR_ARG(who), STR_ARG(as));
	}
	if (!reader_done(&r))
		buf_add_z(out, " malformed");
}

static void co_expect(struct str address, const char *want)
{
	struct recipient_question q = {.address = address};
	struct recipient_answer a;
	struct chan_parcel store;
	struct buf got;
	struct err e;

	buf_init(&got, 65536);
	if (co_ask_recipient(gates[0], &q, deadline_in(ASK_MS), &store, &a, &e) == 0) {
		describe(&a, &got);
		chan_parcel_free(&store);
	} else
		buf_add_z(&got, e.text);
	check(str_eq(buf_str(&got), str_of(want)), "%.*s is \"%.*s\", not \"%s\"", STR_ARG(address),
	      STR_ARG(str_head(buf_str(&got), 300)), want);
	buf_free(&got);
}

/* 0 let in, 1 not; a code below 0 when refused. */
static int co_connect(unsigned gate, const void *address, size_t n)
{
	struct connect_question q = {.address = {address, n}};
	struct connect_answer a;
	struct chan_parcel store;
	struct err e;
	int code = co_ask_connect(gates[gate], &q, deadline_in(ASK_MS), &store, &a, &e);

	if (code)
		return code;
	chan_parcel_free(&store);
	return a.verdict;
}

static void leave(unsigned gate, const void *address, size_t n)
{
	struct left_note m = {.address = {address, n}};

	left_send(gates[gate], &m);
}

/* --- one run --------------------------------------------------------------------------------- */

static void make_channels(void)
{
	const struct chan_rules master = {
		.handlers = from_room, .fibers = &handlers, .window = 8, .longest_ms = 60000};
	const struct chan_rules gate = {.fibers = &handlers, .window = 64, .longest_ms = 60000};

	fiber_group_init(&outer, 1);
	fiber_group_init(&handlers, 100);
	control = chan_new("keeper/0", &master);
	const struct chan_rules shard = {.handlers = from_keeper, .fibers = &handlers, .longest_ms = 60000};

	for (unsigned i = 0; i < GATES; i++)
		gates[i] = chan_new("keeper/0", &gate);
	for (unsigned i = 0; i < SHARDS; i++)
		shards[i] = chan_new("keeper/0", &shard);
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

static void end_run(void)
{
	struct stop_note m = {0};

	stop_send(control, &m);
	loop_stop();
}

static void run(fiber_fn *fn)
{
	int fds[2], log[2], status;

	wrong[0] = 0;
	ready = false;
	set = 0;
	pair(fds);
	pid_t pid = start_room(fds);

	close(fds[1]);
	pair(log);
	log_end = log[0];
	loop_init();
	make_channels();
	chan_attach(control, fds[0], 1);
	send_start(log[1]);
	close(log[1]);
	for (unsigned i = 0; i < GATES; i++)
		attach_gate(i, 1);
	for (unsigned i = 0; i < SHARDS; i++)
		attach_shard(i);
	assert_int_equal(fiber_start(&outer, fn, NULL), 0);
	loop_run();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	chan_destroy(&control);
	for (unsigned i = 0; i < GATES; i++)
		chan_destroy(&gates[i]);
	for (unsigned i = 0; i < SHARDS; i++)
		chan_destroy(&shards[i]);
	loop_end();
	close(log_end);
	assert_string_equal(wrong, "");
	assert_int_equal(status, 0);
}

/* --- recipients ---------------------------------------------------------------------------------- */

#define HASH "|{SHA512-CRYPT}$6$x$y\n"

static const char *const first_set[TABLE_COUNT] = {
	[TABLE_ACCOUNTS] =
		("ann@d.test" HASH "me@c.test" HASH "kim@c.test" HASH "root@mail.d.test" HASH "no account\n"
		 "fritz@b\xC3\xBC"
		 "cher.test" HASH "eve@xn--mller-kva.test" HASH),
	[TABLE_VIRTUALS] = "help@d.test ann@d.test\n@c.test me@c.test\nteam@d.test ann@d.test,x@far.test\n"
			   "loop1@d.test loop2@d.test\nloop2@d.test loop1@d.test\nout@d.test x@far.test\n",
	[TABLE_REGEXPS] = "/^test[0-9]+@d\\.test$/ ann@d.test\n/([/ broken\n",
	[TABLE_LOCALS] = "sales: ann@d.test\n",
};

static const struct {
	const char *address, *want;
} rows[] = {
	{"ann@d.test", "ok ann@d.test=ann@d.test"},
	{"Ann@D.TEST", "ok ann@d.test=Ann@d.test"},
	{"ann@d.test.", "ok ann@d.test=ann@d.test"},
	{"\"ann\"@d.test", "ok ann@d.test=ann@d.test"},
	{"\"an\\n\"@d.test", "ok ann@d.test=ann@d.test"},
	{"ann+Tag@d.test", "ok ann@d.test=ann+Tag@d.test"},
	{"help+t@d.test", "ok ann@d.test=ann+t@d.test"},
	{"team@d.test", "ok ann@d.test=ann@d.test >x@far.test=x@far.test"},
	{"out+t@d.test", "ok >x+t@far.test=x+t@far.test"},
	{"test12@d.test", "ok ann@d.test=ann@d.test"},
	{"any@c.test", "ok me@c.test=me@c.test"},
	{"kim@c.test", "ok kim@c.test=kim@c.test"},
	{"nobody@d.test", "unknown"},
	{"\"no body\"@d.test", "unknown"},
	{"loop1@d.test", "loop"},
	/* our own host names, and none */
	{"sales@mail.d.test", "ok ann@d.test=ann@d.test"},
	{"sales", "ok ann@d.test=ann@d.test"},
	{"root@localhost", "ok root@mail.d.test=root@localhost"},
	{"postmaster", "ok ann@d.test=ann@d.test"},
	{"postmaster@c.test", "ok me@c.test=me@c.test"},
	/* domains in both spellings, whichever the tables have */
	{"fritz@b\xC3\xBC"
	 "cher.test",
	 "ok fritz@b\xC3\xBC"
	 "cher.test=fritz@b\xC3\xBC"
	 "cher.test"},
	{"fritz@xn--bcher-kva.test", "ok fritz@b\xC3\xBC"
				     "cher.test=fritz@b\xC3\xBC"
				     "cher.test"},
	{"fritz@B\xC3\x9C"
	 "CHER.test",
	 "ok fritz@b\xC3\xBC"
	 "cher.test=fritz@b\xC3\xBC"
	 "cher.test"},
	{"eve@m\xC3\xBCller.test", "ok eve@xn--mller-kva.test=eve@xn--mller-kva.test"},
	{"eve@XN--mller-kva.test", "ok eve@xn--mller-kva.test=eve@xn--mller-kva.test"},
	/* not ours: whoever may relay learns where to */
	{"x@far.test", "not-ours >x@far.test=x@far.test"},
	{"\"x y\"@far.test", "not-ours >\"x y\"@far.test=\"x y\"@far.test"},
	{"x@sub.d.test", "not-ours >x@sub.d.test=x@sub.d.test"},
	/* relaying in disguise */
	{"x%far.test@d.test", "routed"},
	{"far.test!x@d.test", "routed"},
	{"x@far.test@d.test", "routed"},
	{"\"x@far.test\"@d.test", "routed"},
	{"\"x%far.test\"@mail.d.test", "routed"},
	{"ann%d.test", "routed"},
	/* no mailbox */
	{"", "syntax"},
	{"@", "syntax"},
	{"@d.test", "syntax"},
	{"ann@", "syntax"},
	{"<ann@d.test>", "syntax"},
	{"@far.test:ann@d.test", "syntax"},
	{"ann@d..test", "syntax"},
	{"ann @d.test", "syntax"},
	{"ann@[300.1.1.1]", "syntax"},
	{"ann@d.test\r\n", "syntax"},
	{"\xC3@d.test", "syntax"},
};

static void verdicts_fiber(void *arg)
{
	char long_address[400];

	co_give(first_set);
	co_expect_ready();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		co_expect(str_of(rows[i].address), rows[i].want);
	co_expect(STR("ann\0@d.test"), "syntax");
	memset(long_address, 'a', sizeof(long_address));
	memcpy(long_address + 390, "@far.test", 9);
	co_expect((struct str){long_address, 399}, "syntax");
	end_run();
}

static void a_recipient_gets_its_verdict(void **state)
{
	run(verdicts_fiber);
}

/* --- tables ---------------------------------------------------------------------------------------- */

static void early_fiber(void *arg)
{
	struct recipient_question q = {.address = STR("ann@d.test")};
	struct recipient_answer a;
	struct chan_parcel store;
	struct err e;
	int code = co_ask_recipient(gates[0], &q, deadline_in(300), &store, &a, &e);

	check(code == ERR_TIMEOUT || code == ERR_BUSY, "answered %d without tables", code);
	check(!ready, "ready without tables");
	/* Not a set: one came twice, one is of no known kind, the others are missing. */
	set++;
	send_table(TABLE_ACCOUNTS, memory_file(STR(""), 0, F_SEAL_SHRINK | F_SEAL_WRITE));
	send_table(TABLE_ACCOUNTS, memory_file(STR(""), 0, F_SEAL_SHRINK | F_SEAL_WRITE));
	send_table((enum table_file)TABLE_COUNT, memory_file(STR(""), 0, F_SEAL_SHRINK | F_SEAL_WRITE));
	check(co_take(&e) == ERR_INVALID, "a part of a set was taken");
	check(strstr(e.text, "postfix-virtual.cf has not come") != NULL, "%s", e.text);
	send_set(first_set);
	set++;
	check(co_take(&e) == ERR_INVALID, "an older set was taken");
	check(!ready, "ready without tables");
	co_give(first_set);
	co_expect_ready();
	co_expect(STR("ann@d.test"), "ok ann@d.test=ann@d.test");
	end_run();
}

static void it_is_ready_with_its_first_tables_only(void **state)
{
	run(early_fiber);
}

static void change_fiber(void *arg)
{
	static const char *const second[TABLE_COUNT] = {("bob@d.test" HASH), "ann@d.test bob@d.test\n", "",
							""};
	static const char *const none[TABLE_COUNT] = {"", "", "", ""};

	co_give(first_set);
	check(co_log_has("postfix-accounts.cf:5: "), "no warning of a line that is no account");
	check(co_log_has("postfix-regexp.cf:2: "), "no warning of a broken pattern");
	check(co_log_has("tables taken: 6 accounts, 6 aliases, 1 patterns, 1 local aliases"),
	      "no line of it");
	co_give(second);
	co_expect(STR("ann@d.test"), "ok bob@d.test=bob@d.test");
	co_expect(STR("help@d.test"), "unknown");
	co_expect(STR("me@c.test"), "not-ours >me@c.test=me@c.test");
	co_give(none);
	co_expect(STR("bob@d.test"), "not-ours >bob@d.test=bob@d.test");
	co_expect(STR("bob@mail.d.test"), "unknown");
	end_run();
}

static void the_next_question_sees_new_tables(void **state)
{
	run(change_fiber);
}

static void co_expect_refusal(enum table_file bad, int fd, int code, const char *why)
{
	struct err e = {0};

	set++;
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		if (i != bad)
			send_table((enum table_file)i, memory_file(STR(""), 0, F_SEAL_SHRINK | F_SEAL_WRITE));
	send_table(bad, fd);
	check(co_take(&e) == code && strstr(e.text, why), "\"%s\", not \"%s\"", e.text, why);
	/* The old ones stay in use. */
	co_expect(STR("help@d.test"), "ok ann@d.test=ann@d.test");
}

static void refusal_fiber(void *arg)
{
	int pipes[2];

	co_give(first_set);
	co_expect_refusal(TABLE_ACCOUNTS,
			  memory_file(STR("x"), TABLE_CONTENTS_MAX + 1, F_SEAL_SHRINK | F_SEAL_WRITE),
			  ERR_TOO_BIG, "postfix-accounts.cf is larger than 16 MiB");
	co_expect_refusal(TABLE_LOCALS,
			  memory_file(STR("x"), TABLE_CONTENTS_MAX + 1, F_SEAL_SHRINK | F_SEAL_WRITE),
			  ERR_TOO_BIG, "postfix-aliases.cf is larger than 16 MiB");
	co_expect_refusal(TABLE_VIRTUALS, memory_file(STR("x"), 1, F_SEAL_SHRINK), ERR_INVALID,
			  "postfix-virtual.cf is no sealed memory file");
	check(pipe2(pipes, O_CLOEXEC) == 0, "no pipe");
	close(pipes[1]);
	co_expect_refusal(TABLE_REGEXPS, pipes[0], ERR_INVALID, "postfix-regexp.cf is no sealed memory file");
	end_run();
}

static void refused_tables_leave_the_old_ones(void **state)
{
	run(refusal_fiber);
}

/* --- settings ---------------------------------------------------------------------------------------- */

static void co_switch_settings(void)
{
	struct buf text;
	struct chan_parcel store;
	struct prepare_answer a;
	struct switch_answer b;
	struct err e = {0};

	buf_init(&text, SETTINGS_SENT_MAX);
	put_settings(next_settings, sizeof(next_settings) / sizeof(next_settings[0]), &text);
	struct prepare_question q = {.number = 1, .settings = buf_str(&text)};
	struct switch_question s = {.number = 1};

	check(co_ask_prepare(control, &q, deadline_in(ASK_MS), &store, &a, &e) == 0, "%s", e.text);
	chan_parcel_free(&store);
	co_expect(STR("kim@c.test"), "ok kim@c.test=kim@c.test");
	check(co_ask_switch(control, &s, deadline_in(ASK_MS), &store, &b, &e) == 0, "%s", e.text);
	chan_parcel_free(&store);
	buf_free(&text);
}

static void settings_fiber(void *arg)
{
	static const uint8_t client[4] = {192, 0, 2, 1};

	co_give(first_set);
	co_expect(STR("sales@mail.d.test"), "ok ann@d.test=ann@d.test");
	co_switch_settings();
	co_expect(STR("sales@other.e.test"), "ok ann@d.test=ann@d.test");
	co_expect(STR("sales@mail.d.test"), "unknown");
	co_expect(STR("help+t@d.test"), "unknown");
	co_expect(STR("help-t@d.test"), "ok ann@d.test=ann-t@d.test");
	co_expect(STR("kim@c.test"), "ok me@c.test=me@c.test");
	for (int i = 0; i < 10; i++)
		check(co_connect(0, client, 4) == 0, "connection %d refused without a limit", i);
	end_run();
}

static void settings_hold_from_the_switch_on(void **state)
{
	run(settings_fiber);
}

/* --- connections ------------------------------------------------------------------------------------------ */

static const uint8_t one[4] = {192, 0, 2, 1};
static const uint8_t one_mapped[16] = {[10] = 0xFF, [11] = 0xFF, 192, 0, 2, 1};
static const uint8_t other[4] = {192, 0, 2, 2};
static const uint8_t six[16] = {0x20, 0x01, 0x0D, 0xB8, [15] = 1};

static void counting_fiber(void *arg)
{
	/* Answered from memory, so also before there are tables. */
	check(co_connect(0, one, 4) == 0 && co_connect(1, one_mapped, 16) == 0, "two are allowed");
	check(co_connect(0, one, 4) == 1 && co_connect(1, one, 4) == 1, "a third came in");
	check(co_connect(0, other, 4) == 0 && co_connect(1, six, 16) == 0, "another client was refused");
	/* Nobody takes back what another reported, or nobody did. */
	leave(0, six, 16);
	leave(0, one, 4);
	leave(0, one, 4);
	check(co_connect(0, one, 4) == 0, "the place of one who left is not free");
	check(co_connect(0, one, 4) == 1, "a gate took another's connection back");
	check(co_connect(0, one, 3) == ERR_INVALID && co_connect(0, one, 0) == ERR_INVALID, "no address");
	leave(0, one, 3);
	check(co_connect(1, one, 4) == 1, "a wrong note counted");
	co_give(first_set);
	end_run();
}

static void connections_of_a_client_are_counted(void **state)
{
	run(counting_fiber);
}

static void co_wait_for_room(unsigned gate)
{
	int64_t deadline = deadline_in(ASK_MS);

	while (co_connect(gate, one, 4) != 0 && clock_ms() < deadline)
		co_sleep_until(deadline_in(5));
	check(clock_ms() < deadline, "the connections of a dead gate stay counted");
}

static void death_fiber(void *arg)
{
	struct connect_question q = {.address = {(const char *)one, 4}};

	co_give(first_set);
	check(co_connect(0, one, 4) == 0 && co_connect(0, one, 4) == 0, "two are allowed");
	check(co_connect(1, other, 4) == 0 && co_connect(1, other, 4) == 0, "two are allowed");
	check(co_connect(1, one, 4) == 1, "a third came in");
	/* The next process of the gate takes the place of the first, whose end was not seen. */
	attach_gate(0, 2);
	co_wait_for_room(1);
	check(co_connect(1, one, 4) == 0 && co_connect(0, one, 4) == 1, "not both were given back");
	check(co_connect(0, other, 4) == 1, "those of the gate that lives went too");
	leave(1, one, 4);
	leave(1, one, 4);
	/* Its questions and its end arrive together: nothing of them may stay counted. */
	for (uint32_t epoch = 3; epoch < 23; epoch++) {
		int fds[2];
		struct peer_note m = {.room = ROOM_GATE, .epoch = epoch};

		pair(fds);
		struct chan *dying =
			chan_new("keeper/0", &(struct chan_rules){.fibers = &handlers, .window = 4});

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
		peer_send(control, &m);
		close(fds[1]);
		co_wait_for_room(1);
		leave(1, one, 4);
	}
	check(co_connect(1, one, 4) == 0 && co_connect(1, one, 4) == 0, "a dead gate's were counted");
	end_run();
}

static void a_gate_that_dies_gives_back_what_it_had(void **state)
{
	run(death_fiber);
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
	int code = co_ask_login(gates[0], &q, deadline_in(ASK_MS), &store, a, &e);

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
	unsigned before = expected.count;

	check(co_login(one, 4, login, password, &a, account) == 0 && a.verdict == LOGIN_YES, "%s: no", login);
	check(strcmp(account, want) == 0, "%s is %s", login, account);
	check(expected.count == before + 1 && expected.number == a.session && a.session != 0,
	      "not announced");
	check(expected.shard == a.shard && a.shard == shard_of(str_of(want), SHARDS), "the wrong shard");
	check(expected.service == 7 && strcmp(expected.account, want) == 0, "announced as another");
}

static void login_fiber(void *arg)
{
	struct login_answer a;
	char account[64];
	int64_t begun;

	co_give(people);
	co_good_login("ann@d.test", "one", "ann@d.test");
	co_good_login("Bob@d.test", "two", "bob@d.test");
	co_good_login("kim@c.test", "three", "kim@c.test");
	co_good_login("ann@d.test", "one", "ann@d.test");
	check(co_login(one, 3, "ann@d.test", "one", &a, account) == ERR_INVALID, "no address");
	shard_refuses = true;
	check(co_login(one, 4, "ann@d.test", "one", &a, account) == 0 && a.verdict == LOGIN_LATER &&
		      a.session == 0,
	      "a shard that is full");
	shard_refuses = false;
	expected.count = 0;
	begun = clock_ms();
	check(co_login(one, 4, "ann@d.test", "two", &a, account) == 0 && a.verdict == LOGIN_NO, "a guess");
	check(clock_ms() - begun >= 2000, "the answer came at once");
	check(co_login(other, 4, "alias@d.test", "one", &a, account) == 0 && a.verdict == LOGIN_NO,
	      "an alias logs in");
	check(expected.count == 0, "a failure was announced");
	end_run();
}

static void a_good_login_is_announced_to_its_shard(void **state)
{
	run(login_fiber);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recipient_gets_its_verdict),
		cmocka_unit_test(it_is_ready_with_its_first_tables_only),
		cmocka_unit_test(the_next_question_sees_new_tables),
		cmocka_unit_test(refused_tables_leave_the_old_ones),
		cmocka_unit_test(settings_hold_from_the_switch_on),
		cmocka_unit_test(connections_of_a_client_are_counted),
		cmocka_unit_test(a_gate_that_dies_gives_back_what_it_had),
		cmocka_unit_test(a_good_login_is_announced_to_its_shard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
