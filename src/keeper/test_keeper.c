/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper room: recipients, tables, settings, connections. */
#include "base/clock.h"
#include "keeper/test_room.h"
#include "net/messages.h"
#include "net/verdicts.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
	if (co_ask_recipient(room.gates[0], &q, deadline_in(ASK_MS), &store, &a, &e) == 0) {
		describe(&a, &got);
		chan_parcel_free(&store);
	} else
		buf_add_z(&got, e.text);
	check(str_eq(buf_str(&got), str_of(want)), "%.*s is \"%.*s\", not \"%s\"", STR_ARG(address),
	      STR_ARG(str_head(buf_str(&got), 300)), want);
	buf_free(&got);
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

	co_room_give(first_set);
	co_room_ready();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		co_expect(str_of(rows[i].address), rows[i].want);
	co_expect(STR("ann\0@d.test"), "syntax");
	memset(long_address, 'a', sizeof(long_address));
	memcpy(long_address + 390, "@far.test", 9);
	co_expect((struct str){long_address, 399}, "syntax");
	room_end();
}

static void a_recipient_gets_its_verdict(void **state)
{
	room_run(verdicts_fiber);
}

/* --- tables ---------------------------------------------------------------------------------------- */

static void early_fiber(void *arg)
{
	struct recipient_question q = {.address = STR("ann@d.test")};
	struct recipient_answer a;
	struct chan_parcel store;
	struct err e;
	int code = co_ask_recipient(room.gates[0], &q, deadline_in(300), &store, &a, &e);

	check(code == ERR_TIMEOUT || code == ERR_BUSY, "answered %d without tables", code);
	check(!room.ready, "ready without tables");
	/* Not a set: one came twice, one is of no known kind, the others are missing. */
	room.set++;
	room_send_table(TABLE_ACCOUNTS, room_memory_file(STR(""), 0, F_SEAL_SHRINK | F_SEAL_WRITE));
	room_send_table(TABLE_ACCOUNTS, room_memory_file(STR(""), 0, F_SEAL_SHRINK | F_SEAL_WRITE));
	room_send_table((enum table_file)TABLE_COUNT,
			room_memory_file(STR(""), 0, F_SEAL_SHRINK | F_SEAL_WRITE));
	check(co_room_take(&e) == ERR_INVALID, "a part of a set was taken");
	check(strstr(e.text, "postfix-virtual.cf has not come") != NULL, "%s", e.text);
	room_send_set(first_set);
	room.set++;
	check(co_room_take(&e) == ERR_INVALID, "an older set was taken");
	check(!room.ready, "ready without tables");
	co_room_give(first_set);
	co_room_ready();
	co_expect(STR("ann@d.test"), "ok ann@d.test=ann@d.test");
	room_end();
}

static void it_is_ready_with_its_first_tables_only(void **state)
{
	room_run(early_fiber);
}

static void change_fiber(void *arg)
{
	static const char *const second[TABLE_COUNT] = {("bob@d.test" HASH), "ann@d.test bob@d.test\n", "",
							""};
	static const char *const none[TABLE_COUNT] = {"", "", "", ""};

	co_room_give(first_set);
	check(co_room_logged("postfix-accounts.cf:5: "), "no warning of a line that is no account");
	check(co_room_logged("postfix-regexp.cf:2: "), "no warning of a broken pattern");
	check(co_room_logged("tables taken: 6 accounts, 6 aliases, 1 patterns, 1 local aliases"),
	      "no line of it");
	co_room_give(second);
	co_expect(STR("ann@d.test"), "ok bob@d.test=bob@d.test");
	co_expect(STR("help@d.test"), "unknown");
	co_expect(STR("me@c.test"), "not-ours >me@c.test=me@c.test");
	co_room_give(none);
	co_expect(STR("bob@d.test"), "not-ours >bob@d.test=bob@d.test");
	co_expect(STR("bob@mail.d.test"), "unknown");
	room_end();
}

static void the_next_question_sees_new_tables(void **state)
{
	room_run(change_fiber);
}

static void co_expect_refusal(enum table_file bad, int fd, int code, const char *why)
{
	struct err e = {0};

	room.set++;
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		if (i != bad)
			room_send_table((enum table_file)i,
					room_memory_file(STR(""), 0, F_SEAL_SHRINK | F_SEAL_WRITE));
	room_send_table(bad, fd);
	check(co_room_take(&e) == code && strstr(e.text, why), "\"%s\", not \"%s\"", e.text, why);
	/* The old ones stay in use. */
	co_expect(STR("help@d.test"), "ok ann@d.test=ann@d.test");
}

static void refusal_fiber(void *arg)
{
	int pipes[2];

	co_room_give(first_set);
	co_expect_refusal(TABLE_ACCOUNTS,
			  room_memory_file(STR("x"), TABLE_CONTENTS_MAX + 1, F_SEAL_SHRINK | F_SEAL_WRITE),
			  ERR_TOO_BIG, "postfix-accounts.cf is larger than 16 MiB");
	co_expect_refusal(TABLE_LOCALS,
			  room_memory_file(STR("x"), TABLE_CONTENTS_MAX + 1, F_SEAL_SHRINK | F_SEAL_WRITE),
			  ERR_TOO_BIG, "postfix-aliases.cf is larger than 16 MiB");
	co_expect_refusal(TABLE_VIRTUALS, room_memory_file(STR("x"), 1, F_SEAL_SHRINK), ERR_INVALID,
			  "postfix-virtual.cf is no sealed memory file");
	check(pipe2(pipes, O_CLOEXEC) == 0, "no pipe");
	close(pipes[1]);
	co_expect_refusal(TABLE_REGEXPS, pipes[0], ERR_INVALID, "postfix-regexp.cf is no sealed memory file");
	room_end();
}

static void refused_tables_leave_the_old_ones(void **state)
{
	room_run(refusal_fiber);
}

/* --- settings ---------------------------------------------------------------------------------------- */
static void settings_fiber(void *arg)
{
	static const uint8_t client[4] = {192, 0, 2, 1};

	co_room_give(first_set);
	co_expect(STR("sales@mail.d.test"), "ok ann@d.test=ann@d.test");
	co_room_prepare();
	/* Not before the switch. */
	co_expect(STR("kim@c.test"), "ok kim@c.test=kim@c.test");
	co_room_switch();
	co_expect(STR("sales@other.e.test"), "ok ann@d.test=ann@d.test");
	co_expect(STR("sales@mail.d.test"), "unknown");
	co_expect(STR("help+t@d.test"), "unknown");
	co_expect(STR("help-t@d.test"), "ok ann@d.test=ann-t@d.test");
	co_expect(STR("kim@c.test"), "ok me@c.test=me@c.test");
	for (int i = 0; i < 10; i++)
		check(co_room_connect(0, client, 4) == 0, "connection %d refused without a limit", i);
	room_end();
}

static void settings_hold_from_the_switch_on(void **state)
{
	room_run(settings_fiber);
}

/* --- connections ------------------------------------------------------------------------------------------ */

static const uint8_t one[4] = {192, 0, 2, 1};
static const uint8_t one_mapped[16] = {[10] = 0xFF, [11] = 0xFF, 192, 0, 2, 1};
static const uint8_t other[4] = {192, 0, 2, 2};
static const uint8_t six[16] = {0x20, 0x01, 0x0D, 0xB8, [15] = 1};

static void counting_fiber(void *arg)
{
	/* Answered from memory, so also before there are tables. */
	check(co_room_connect(0, one, 4) == 0 && co_room_connect(1, one_mapped, 16) == 0, "two are allowed");
	check(co_room_connect(0, one, 4) == 1 && co_room_connect(1, one, 4) == 1, "a third came in");
	check(co_room_connect(0, other, 4) == 0 && co_room_connect(1, six, 16) == 0,
	      "another client was refused");
	/* Nobody takes back what another reported, or nobody did. */
	room_leave(0, six, 16);
	room_leave(0, one, 4);
	room_leave(0, one, 4);
	check(co_room_connect(0, one, 4) == 0, "the place of one who left is not free");
	check(co_room_connect(0, one, 4) == 1, "a gate took another's connection back");
	check(co_room_connect(0, one, 3) == ERR_INVALID && co_room_connect(0, one, 0) == ERR_INVALID,
	      "no address");
	room_leave(0, one, 3);
	check(co_room_connect(1, one, 4) == 1, "a wrong note counted");
	co_room_give(first_set);
	room_end();
}

static void connections_of_a_client_are_counted(void **state)
{
	room_run(counting_fiber);
}

static void co_wait_for_room(unsigned gate)
{
	int64_t deadline = deadline_in(ASK_MS);

	while (co_room_connect(gate, one, 4) != 0 && clock_ms() < deadline)
		co_sleep_until(deadline_in(5));
	check(clock_ms() < deadline, "the connections of a dead gate stay counted");
}

static void death_fiber(void *arg)
{
	struct connect_question q = {.address = {(const char *)one, 4}};

	co_room_give(first_set);
	check(co_room_connect(0, one, 4) == 0 && co_room_connect(0, one, 4) == 0, "two are allowed");
	check(co_room_connect(1, other, 4) == 0 && co_room_connect(1, other, 4) == 0, "two are allowed");
	check(co_room_connect(1, one, 4) == 1, "a third came in");
	/* The next process of the gate takes the place of the first, whose end was not seen. */
	room_attach_gate(0, 2);
	co_wait_for_room(1);
	check(co_room_connect(1, one, 4) == 0 && co_room_connect(0, one, 4) == 1, "not both were given back");
	check(co_room_connect(0, other, 4) == 1, "those of the gate that lives went too");
	room_leave(1, one, 4);
	room_leave(1, one, 4);
	/* Its questions and its end arrive together: nothing of them may stay counted. */
	for (uint32_t epoch = 3; epoch < 23; epoch++) {
		int fds[2];
		struct peer_note m = {.room = ROOM_GATE, .epoch = epoch};

		room_pair(fds);
		struct chan *dying =
			chan_new("keeper/0", &(struct chan_rules){.fibers = &room.handlers, .window = 4});

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
		peer_send(room.control, &m);
		close(fds[1]);
		co_wait_for_room(1);
		room_leave(1, one, 4);
	}
	check(co_room_connect(1, one, 4) == 0 && co_room_connect(1, one, 4) == 0,
	      "a dead gate's were counted");
	room_end();
}

static void a_gate_that_dies_gives_back_what_it_had(void **state)
{
	room_run(death_fiber);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
