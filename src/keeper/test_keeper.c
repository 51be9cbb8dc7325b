/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper room: recipients, tables, settings. */
#include "keeper/keeper.h"

#include "base/clock.h"
#include "base/unit.h"
#include "keeper/test_house.h"
#include "net/verdicts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- house.gates --------------------------------------------------------------------------------- */

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
	if (co_ask_recipient(house.gates[0], &q, deadline_in(ASK_MS), &store, &a, &e) == 0) {
		describe(&a, &got);
		chan_parcel_free(&store);
	} else
		buf_add_z(&got, e.text);
	check(str_eq(buf_str(&got), str_of(want)), "%.*s is \"%.*s\", not \"%s\"", STR_ARG(address),
	      STR_ARG(str_head(buf_str(&got), 300)), want);
	buf_free(&got);
}

/* --- recipients ---------------------------------------------------------------------------------- */

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
	{"x@[192.0.2.1]", "not-ours >x@[192.0.2.1]=x@[192.0.2.1]"},
	{"postmaster@[IPv6:2001:db8::1]",
	 "not-ours >postmaster@[IPv6:2001:db8::1]=postmaster@[IPv6:2001:db8::1]"},
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

	co_house_give(house_tables);
	co_house_expect_ready();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		co_expect(str_of(rows[i].address), rows[i].want);
	co_expect(STR("ann\0@d.test"), "syntax");
	memset(long_address, 'a', sizeof(long_address));
	memcpy(long_address + 390, "@far.test", 9);
	co_expect((struct str){long_address, 399}, "syntax");
	house_end();
}

static void a_recipient_gets_its_verdict(void **state)
{
	house_run(verdicts_fiber);
}

/* --- tables ---------------------------------------------------------------------------------------- */

static void early_fiber(void *arg)
{
	struct recipient_question q = {.address = STR("ann@d.test")};
	struct recipient_answer a;
	struct chan_parcel store;
	struct err e;
	int code = co_ask_recipient(house.gates[0], &q, deadline_in(300), &store, &a, &e);

	check(code == ERR_TIMEOUT || code == ERR_BUSY, "answered %d without tables", code);
	check(!house.ready, "ready without tables");
	/* Not a set: one came twice, one is of no known kind, the others are missing. */
	house.set++;
	house_send_table(TABLE_ACCOUNTS, house_file(STR("")));
	house_send_table(TABLE_ACCOUNTS, house_file(STR("")));
	house_send_table((enum table_file)TABLE_COUNT, house_file(STR("")));
	check(co_house_take(&e) == ERR_INVALID, "a part of a set was taken");
	check(strstr(e.text, "postfix-virtual.cf has not come") != NULL, "%s", e.text);
	house_send_set(house_tables);
	house.set++;
	check(co_house_take(&e) == ERR_INVALID, "an older set was taken");
	check(!house.ready, "ready without tables");
	co_house_give(house_tables);
	co_house_expect_ready();
	co_expect(STR("ann@d.test"), "ok ann@d.test=ann@d.test");
	house_end();
}

static void it_is_ready_with_its_first_tables_only(void **state)
{
	house_run(early_fiber);
}

static void change_fiber(void *arg)
{
	static const char *const second[TABLE_COUNT] = {("bob@d.test" HASH), "ann@d.test bob@d.test\n", "",
							""};
	static const char *const none[TABLE_COUNT] = {"", "", "", ""};

	co_house_give(house_tables);
	check(co_house_logged("postfix-accounts.cf:5: "), "no warning of a line that is no account");
	check(co_house_logged("postfix-regexp.cf:2: "), "no warning of a broken pattern");
	check(co_house_logged("tables taken: 6 accounts, 6 aliases, 1 patterns, 1 local aliases"),
	      "no line of it");
	co_house_give(second);
	co_expect(STR("ann@d.test"), "ok bob@d.test=bob@d.test");
	co_expect(STR("help@d.test"), "unknown");
	co_expect(STR("me@c.test"), "not-ours >me@c.test=me@c.test");
	co_house_give(none);
	co_expect(STR("bob@d.test"), "not-ours >bob@d.test=bob@d.test");
	co_expect(STR("bob@mail.d.test"), "unknown");
	house_end();
}

static void the_next_question_sees_new_tables(void **state)
{
	house_run(change_fiber);
}

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int memory_file(struct str contents, size_t size, int seals)
{
	int fd = memfd_create("table", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (write(fd, contents.p, contents.n) != (ssize_t)contents.n || ftruncate(fd, (off_t)size) != 0 ||
	    fcntl(fd, F_ADD_SEALS, seals) != 0)
		abort();
	return fd;
}

static void co_expect_refusal(enum table_file bad, int fd, int code, const char *why)
{
	struct err e = {0};

	house.set++;
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		if (i != bad)
			house_send_table((enum table_file)i, house_file(STR("")));
	house_send_table(bad, fd);
	check(co_house_take(&e) == code && strstr(e.text, why), "\"%s\", not \"%s\"", e.text, why);
	/* The old ones stay in use. */
	co_expect(STR("help@d.test"), "ok ann@d.test=ann@d.test");
}

static void refusal_fiber(void *arg)
{
	int pipes[2];

	co_house_give(house_tables);
	co_expect_refusal(TABLE_ACCOUNTS, memory_file(STR("x"), TABLE_CONTENTS_MAX + 1, ALL_SEALS),
			  ERR_TOO_BIG, "postfix-accounts.cf is larger than 16 MiB");
	co_expect_refusal(TABLE_LOCALS, memory_file(STR("x"), TABLE_CONTENTS_MAX + 1, ALL_SEALS), ERR_TOO_BIG,
			  "postfix-aliases.cf is larger than 16 MiB");
	co_expect_refusal(TABLE_VIRTUALS, memory_file(STR("x"), 1, ALL_SEALS & ~F_SEAL_WRITE), ERR_INVALID,
			  "postfix-virtual.cf is no sealed memory file");
	check(pipe2(pipes, O_CLOEXEC) == 0, "no pipe");
	close(pipes[1]);
	co_expect_refusal(TABLE_REGEXPS, pipes[0], ERR_INVALID, "postfix-regexp.cf is no sealed memory file");
	house_end();
}

static void refused_tables_leave_the_old_ones(void **state)
{
	house_run(refusal_fiber);
}

/* --- settings ---------------------------------------------------------------------------------------- */

static const char *const next_settings[] = {"hostname=other.e.test",         "connections_per_address=0",
					    "recipient_delimiter=-",         "catch_all_takes_all=yes",
					    "postmaster_address=kim@c.test", "confinement=off"};

static void co_switch_settings(void)
{
	struct buf text;
	struct chan_parcel store;
	struct prepare_answer a;
	struct switch_answer b;
	struct err e = {0};

	buf_init(&text, SETTINGS_SENT_MAX);
	house_put_settings(next_settings, sizeof(next_settings) / sizeof(next_settings[0]), &text);
	struct prepare_question q = {.number = 1, .settings = buf_str(&text)};
	struct switch_question s = {.number = 1};

	check(co_ask_prepare(house.control, &q, deadline_in(ASK_MS), &store, &a, &e) == 0, "%s", e.text);
	chan_parcel_free(&store);
	co_expect(STR("kim@c.test"), "ok kim@c.test=kim@c.test");
	check(co_ask_switch(house.control, &s, deadline_in(ASK_MS), &store, &b, &e) == 0, "%s", e.text);
	chan_parcel_free(&store);
	buf_free(&text);
}

static void settings_fiber(void *arg)
{
	static const uint8_t client[4] = {192, 0, 2, 1};

	co_house_give(house_tables);
	co_expect(STR("sales@mail.d.test"), "ok ann@d.test=ann@d.test");
	co_switch_settings();
	co_expect(STR("sales@other.e.test"), "ok ann@d.test=ann@d.test");
	co_expect(STR("postmaster"), "ok me@c.test=me@c.test");
	co_expect(STR("sales@mail.d.test"), "unknown");
	co_expect(STR("help+t@d.test"), "unknown");
	co_expect(STR("help-t@d.test"), "ok ann@d.test=ann-t@d.test");
	co_expect(STR("kim@c.test"), "ok me@c.test=me@c.test");
	for (int i = 0; i < 10; i++)
		check(co_house_connect(0, client, 4) == 0, "connection %d refused without a limit", i);
	house_end();
}

static void settings_hold_from_the_switch_on(void **state)
{
	house_run(settings_fiber);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recipient_gets_its_verdict),
		cmocka_unit_test(it_is_ready_with_its_first_tables_only),
		cmocka_unit_test(the_next_question_sees_new_tables),
		cmocka_unit_test(refused_tables_leave_the_old_ones),
		cmocka_unit_test(settings_hold_from_the_switch_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
