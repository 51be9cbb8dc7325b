/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/unit.h"
#include "keeper/recipient.h"

#include <stdio.h>

/* The tables that most rows are about. */
#define ACCOUNTS                                                                                         \
	"ann@d.test|{PLAIN}x\nbob@d.test|{PLAIN}x\nme@c.test|{PLAIN}x\nother@c.test|{PLAIN}x\n"          \
	"kim@c.test|{PLAIN}x\nplus+sign@d.test|{PLAIN}x\nroot@mail.d.test|{PLAIN}x\nuser1@mail.d.test|{" \
	"PLAIN}x\n"
#define VIRTUAL                                                                                 \
	"help@d.test ann@d.test\nteam@d.test ann@d.test,bob@d.test,x@far.test\n"                \
	"bob@d.test ann@d.test\nchain@d.test team@d.test\n@c.test me@c.test\n"                  \
	"other@c.test other@c.test\n@moved.test @d.test\nlost@d.test nobody@d.test\n"           \
	"half@d.test nobody@d.test,ann@d.test\nloop1@d.test loop2@d.test\n"                     \
	"loop2@d.test loop1@d.test\nself@d.test self@d.test\nlocal1 ann@d.test\n"               \
	"exact+tag@d.test bob+x@far.test\nexact@d.test ann@d.test\nboth@d.test ann@d.test\n"    \
	"two@d.test ann@d.test,ANN@d.test,team@d.test\nloopx@d.test loopx2@d.test,kim@c.test\n" \
	"loopx2@d.test loopx@d.test\ntagged@d.test ann+fixed@d.test\nbadtarget@d.test x@\n"     \
	"bare@d.test user1\n"
#define REGEXP                                                                                             \
	"/^test[0-9]+@d\\.test$/ bob@far.test\n/^re-(.*)@c\\.test$/ $1@d.test\n"                           \
	"/^both@/ bob@far.test\n/^grow@(.*)$/ gro@$1\n/^(gro.*)@d\\.test$/ $1o@d.test\n/^rt\\+t@d.test$/ " \
	"ann@d.test\n"
#define LOCALS                                                                                       \
	"root: root,user1\nuser1: user1,x@outside.test\nsales: ann@d.test\nfull+tag: bob@far.test\n" \
	"full: ann@d.test\nwebmaster: postmaster\n"

struct tables {
	struct directory d;
	struct accounts *accounts;
	struct aliases *aliases;
	struct arena arena;
};

static void tables_init(struct tables *t, const char *accounts, const char *virtuals, const char *regexps,
			const char *locals)
{
	const struct alias_files files = {str_of(virtuals), str_of(regexps), str_of(locals)};
	struct err e;

	assert_int_equal(accounts_new(str_of(accounts), &t->accounts, &e), 0);
	assert_int_equal(aliases_new(&files, &t->aliases, &e), 0);
	t->d = (struct directory){t->accounts, t->aliases, STR("mail.d.test"), STR("+"), STR(""), false};
	arena_init(&t->arena, 64 << 20);
}

static void tables_free(struct tables *t)
{
	accounts_destroy(&t->accounts);
	aliases_destroy(&t->aliases);
	arena_free(&t->arena);
}

/* The answer as text: the status, then `account=address` or `address` of each. */
static void describe(const struct tables *t, struct str address, struct arena *a, struct buf *out)
{
	static const char *const names[] = {[RECIPIENT_OK] = "ok",         [RECIPIENT_NOT_OURS] = "elsewhere",
					    [RECIPIENT_ROUTED] = "routed", [RECIPIENT_UNKNOWN] = "unknown",
					    [RECIPIENT_LOOP] = "loop",     [RECIPIENT_TOO_MANY] = "too-many"};
	struct recipients list;

	buf_clear(out);
	buf_add_z(out, names[recipient_resolve(&t->d, address, a, &list)]);
	for (const struct recipient *r = list.first; r; r = r->next) {
		buf_add_c(out, ' ');
		if (r->account)
			buf_printf(out, "%.*s=", STR_ARG(r->account->address));
		buf_add_str(out, r->address);
	}
}

struct row {
	const char *address, *want;
};

static void check_rows(struct tables *t, const struct row *rows, size_t n)
{
	struct buf out;

	buf_init(&out, 65536);
	for (size_t i = 0; i < n; i++) {
		arena_reset(&t->arena);
		describe(t, str_of(rows[i].address), &t->arena, &out);
		if (!str_eq(buf_str(&out), str_of(rows[i].want)))
			fail_msg("%s gives \"%.*s\", want \"%s\"", rows[i].address, STR_ARG(buf_str(&out)),
				 rows[i].want);
	}
	buf_free(&out);
}

#define CHECK(t, rows) check_rows((t), (rows), sizeof(rows) / sizeof(*(rows)))

static void the_rules_in_order(void **state)
{
	static const struct row rows[] = {
		/* accounts, in any case; the form that was written is kept */
		{"ann@d.test", "ok ann@d.test=ann@d.test"},
		{"Ann@D.Test", "ok ann@d.test=Ann@D.Test"},
		{"ann@d.test.", "ok ann@d.test=ann@d.test"},
		{"nobody@d.test", "unknown"},
		/* tags stay in the envelope */
		{"Ann+Tag@d.test", "ok ann@d.test=Ann+Tag@d.test"},
		{"ann+a+b@d.test", "ok ann@d.test=ann+a+b@d.test"},
		{"ann+@d.test", "ok ann@d.test=ann+@d.test"},
		{"+ann@d.test", "unknown"},
		{"plus+sign@d.test", "ok plus+sign@d.test=plus+sign@d.test"},
		/* aliases; the tag goes to the target */
		{"HELP@d.test", "ok ann@d.test=ann@d.test"},
		{"help+tag@d.test", "ok ann@d.test=ann+tag@d.test"},
		{"exact+tag@d.test", "ok bob+x@far.test"},
		{"tagged@d.test", "ok ann@d.test=ann+fixed@d.test"},
		{"tagged+more@d.test", "ok ann@d.test=ann+fixed+more@d.test"},
		{"team@d.test", "ok ann@d.test=ann@d.test x@far.test"},
		{"chain@d.test", "ok ann@d.test=ann@d.test x@far.test"},
		{"chain+t@d.test", "ok ann@d.test=ann+t@d.test x+t@far.test"},
		/* aliases beat accounts */
		{"bob@d.test", "ok ann@d.test=ann@d.test"},
		/* a bare target is at our host */
		{"bare@d.test", "ok user1@mail.d.test=user1@mail.d.test x@outside.test"},
		/* each final recipient once */
		{"two@d.test", "ok ann@d.test=ann@d.test x@far.test"},
		/* the catch-all takes only what does not exist */
		{"me@c.test", "ok me@c.test=me@c.test"},
		{"kim@c.test", "ok kim@c.test=kim@c.test"},
		{"kim+t@c.test", "ok kim@c.test=kim+t@c.test"},
		{"other@c.test", "ok other@c.test=other@c.test"},
		{"other+t@c.test", "ok other@c.test=other+t@c.test"},
		{"anything@c.test", "ok me@c.test=me@c.test"},
		{"anything+t@c.test", "ok me@c.test=me@c.test"},
		/* a whole domain stands for another */
		{"Ann+t@moved.test", "ok ann@d.test=Ann+t@d.test"},
		{"help@moved.test", "ok ann@d.test=ann@d.test"},
		{"nobody@moved.test", "unknown"},
		/* regular expressions: the full forms only, before a catch-all, after an alias */
		{"test12@d.test", "ok bob@far.test"},
		{"test12+t@d.test", "ok bob+t@far.test"},
		{"re-ann@c.test", "ok ann@d.test=ann@d.test"},
		{"re-ann+t@c.test", "ok ann@d.test=ann+t@d.test"},
		{"both@d.test", "ok ann@d.test=ann@d.test"},
		{"rt+t@d.test", "ok ann@d.test=ann@d.test"},
		{"rt@d.test", "unknown"},
		/* targets that are nobody */
		{"lost@d.test", "unknown"},
		{"half@d.test", "ok ann@d.test=ann@d.test"},
		{"badtarget@d.test", "unknown"},
		/* loops */
		{"self@d.test", "unknown"},
		{"loop1@d.test", "loop"},
		{"loopx@d.test", "ok kim@c.test=kim@c.test"},
		{"grow@d.test", "loop"},
		/* not ours */
		{"x@far.test", "elsewhere x@far.test"},
		{"X@Far.test", "elsewhere X@Far.test"},
		{"x@d.test.far.test", "elsewhere x@d.test.far.test"},
		{"x@sub.d.test", "elsewhere x@sub.d.test"},
		{"x@[127.0.0.1]", "elsewhere x@[127.0.0.1]"},
		{"", "unknown"},
		{"@d.test", "unknown"},
		{"@", "unknown"},
		{"a@", "unknown"},
	};
	struct tables t;

	tables_init(&t, ACCOUNTS, VIRTUAL, REGEXP, LOCALS);
	CHECK(&t, rows);
	tables_free(&t);
}

static void local_names(void **state)
{
	static const struct row rows[] = {
		{"sales@mail.d.test", "ok ann@d.test=ann@d.test"},
		{"sales", "ok ann@d.test=ann@d.test"},
		{"Sales@localhost", "ok ann@d.test=ann@d.test"},
		{"sales@localhost.d.test", "ok ann@d.test=ann@d.test"},
		{"sales@localhost.mail.d.test", "elsewhere sales@localhost.mail.d.test"},
		/* /etc/aliases does not pass tags on, and knows the full form first */
		{"sales+t@localhost", "ok ann@d.test=ann@d.test"},
		{"full+tag@localhost", "ok bob@far.test"},
		{"full+x@localhost", "ok ann@d.test=ann@d.test"},
		/* names in /etc/aliases are for our host names only */
		{"sales@d.test", "unknown"},
		/* one copy each: root's mailbox, user1's mailbox, outside */
		{"root@mail.d.test",
		 "ok root@mail.d.test=root@mail.d.test user1@mail.d.test=user1@mail.d.test "
		 "x@outside.test"},
		{"root@localhost", "ok root@mail.d.test=root@mail.d.test user1@mail.d.test=user1@mail.d.test "
				   "x@outside.test"},
		{"user1@mail.d.test", "ok user1@mail.d.test=user1@mail.d.test x@outside.test"},
		/* bare keys of postfix-virtual.cf, with their tags */
		{"local1@mail.d.test", "ok ann@d.test=ann@d.test"},
		{"local1+t@localhost", "ok ann@d.test=ann+t@d.test"},
		{"local1@d.test", "unknown"},
		{"nobody@mail.d.test", "unknown"},
		{"nobody", "unknown"},
	};
	struct tables t;

	tables_init(&t, ACCOUNTS, VIRTUAL, REGEXP, LOCALS);
	CHECK(&t, rows);
	tables_free(&t);
}

static void host_names(void **state)
{
	static const struct {
		const char *hostname, *domain;
		bool want;
	} rows[] = {
		{"mail.example.test", "mail.example.test", true},
		{"mail.example.test", "MAIL.Example.test", true},
		{"mail.example.test", "localhost", true},
		{"mail.example.test", "localhost.example.test", true},
		{"mail.example.test", "localhost.mail.example.test", false},
		{"mail.example.test", "example.test", false},
		{"example.test", "localhost.example.test", true},
		{"example.test", "localhost.test", false},
		{"a.b.c.test", "localhost.b.c.test", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct directory d = {.hostname = str_of(rows[i].hostname)};

		if (directory_is_host(&d, str_of(rows[i].domain)) != rows[i].want)
			fail_msg("%s of %s", rows[i].domain, rows[i].hostname);
	}
}

static void catch_all_takes_all_when_told(void **state)
{
	static const struct row rows[] = {
		{"kim@c.test", "ok me@c.test=me@c.test"},
		{"me@c.test", "ok me@c.test=me@c.test"},
		/* unless an identity alias stands before it */
		{"other@c.test", "ok other@c.test=other@c.test"},
		{"re-ann@c.test", "ok ann@d.test=ann@d.test"},
		{"anything@c.test", "ok me@c.test=me@c.test"},
		{"ann@d.test", "ok ann@d.test=ann@d.test"},
	};
	struct tables t;

	tables_init(&t, ACCOUNTS, VIRTUAL, REGEXP, LOCALS);
	t.d.catch_all_takes_all = true;
	CHECK(&t, rows);
	tables_free(&t);
}

static void routing_in_the_local_part(void **state)
{
	static const struct row rows[] = {
		{"user%elsewhere@d.test", "routed"},
		{"user%elsewhere@mail.d.test", "routed"},
		{"user%elsewhere", "routed"},
		{"user@elsewhere@d.test", "routed"},
		{"\"user@elsewhere\"@d.test", "routed"},
		{"elsewhere!user@d.test", "routed"},
		{"elsewhere!user@localhost", "routed"},
		{"anything%far.test@c.test", "routed"},
		{"postmaster%far.test@d.test", "routed"},
		{"user%elsewhere@far.test", "elsewhere user%elsewhere@far.test"},
	};
	struct tables t;

	tables_init(&t, ACCOUNTS, VIRTUAL, REGEXP, LOCALS);
	CHECK(&t, rows);
	tables_free(&t);
}

static void other_delimiters(void **state)
{
	static const struct row two[] = {
		{"ann-t@d.test", "ok ann@d.test=ann-t@d.test"},
		{"ann_t-u@d.test", "ok ann@d.test=ann_t-u@d.test"},
		{"ann+t@d.test", "unknown"},
	};
	static const struct row none[] = {
		{"ann+t@d.test", "unknown"},
		{"help+t@d.test", "unknown"},
		{"plus+sign@d.test", "ok plus+sign@d.test=plus+sign@d.test"},
	};
	struct tables t;

	tables_init(&t, ACCOUNTS, VIRTUAL, REGEXP, LOCALS);
	t.d.delimiters = STR("-_");
	CHECK(&t, two);
	t.d.delimiters = STR("");
	CHECK(&t, none);
	tables_free(&t);
}

static void postmaster_is_always_somebody(void **state)
{
	static const struct row by_first_account[] = {
		{"postmaster", "ok ann@d.test=ann@d.test"},
		{"PostMaster@D.test", "ok ann@d.test=ann@d.test"},
		{"postmaster@mail.d.test", "ok ann@d.test=ann@d.test"},
		{"postmaster@localhost", "ok ann@d.test=ann@d.test"},
		{"postmaster+t@d.test", "ok ann@d.test=ann@d.test"},
		{"webmaster@localhost", "ok ann@d.test=ann@d.test"},
		/* the catch-all comes first */
		{"postmaster@c.test", "ok me@c.test=me@c.test"},
		{"postmaster@far.test", "elsewhere postmaster@far.test"},
	};
	static const struct row by_setting[] = {
		{"postmaster@d.test", "ok kim@c.test=kim@c.test"},
		{"postmaster", "ok kim@c.test=kim@c.test"},
	};
	static const struct row elsewhere[] = {{"postmaster@d.test", "ok boss@far.test"}};
	static const struct row nowhere[] = {
		{"postmaster@d.test", "ok ann@d.test=ann@d.test"},
		{"postmaster@mail.d.test", "ok ann@d.test=ann@d.test"},
	};
	struct tables t;

	tables_init(&t, ACCOUNTS, VIRTUAL, REGEXP, LOCALS);
	CHECK(&t, by_first_account);
	t.d.postmaster = STR("kim@c.test");
	CHECK(&t, by_setting);
	t.d.postmaster = STR("boss@far.test");
	CHECK(&t, elsewhere);
	t.d.postmaster = STR("postmaster@d.test");
	CHECK(&t, nowhere);
	t.d.postmaster = STR("nobody@d.test");
	CHECK(&t, nowhere);
	tables_free(&t);
}

static void root_without_entry_is_the_postmaster(void **state)
{
	static const struct row rows[] = {
		{"root@localhost", "ok kim@d.test=kim@d.test"},
		{"postmaster", "ok kim@d.test=kim@d.test"},
		{"root@d.test", "unknown"},
	};
	static const struct row nobody[] = {{"postmaster", "unknown"}, {"root", "unknown"}};
	struct tables t;

	tables_init(&t, "kim@d.test|{PLAIN}x", "", "", "postmaster: root\n");
	CHECK(&t, rows);
	tables_free(&t);
	tables_init(&t, "", "", "", "postmaster: root\nroot: root\n");
	CHECK(&t, nobody);
	tables_free(&t);
}

/* A chain of n aliases a0 -> a1 -> ... that ends at an account. */
static void check_chain(int n, const char *want)
{
	const struct row rows[] = {{"a0@d.test", want}};
	struct tables t;
	struct buf b;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < n; i++)
		buf_printf(&b, "a%d@d.test a%d@d.test\n", i, i + 1);
	buf_printf(&b, "a%d@d.test ann@d.test\n", n);
	buf_add_c(&b, 0);
	tables_init(&t, "ann@d.test|{PLAIN}x", b.p, "", "");
	CHECK(&t, rows);
	tables_free(&t);
	buf_free(&b);
}

static void chains_end_after_a_hundred_levels(void **state)
{
	check_chain(RECIPIENT_DEPTH_MAX - 1, "ok ann@d.test=ann@d.test");
	check_chain(RECIPIENT_DEPTH_MAX, "loop");
}

/* Aliases in levels, each naming all of the next level: width ^ levels paths. */
static void paths_that_meet_are_walked_once(void **state)
{
	static const struct row rows[] = {{"a0-0@d.test", "ok ann@d.test=ann@d.test"}};
	struct tables t;
	struct buf b;

	buf_init(&b, 1 << 20);
	for (int level = 0; level < 50; level++)
		for (int i = 0; i < 20; i++) {
			buf_printf(&b, "a%d-%d@d.test", level, i);
			for (int k = 0; k < 20; k++)
				buf_printf(&b, " a%d-%d@d.test", level + 1, k);
			buf_add_c(&b, '\n');
		}
	for (int k = 0; k < 20; k++)
		buf_printf(&b, "a50-%d@d.test ann@d.test\n", k);
	buf_add_c(&b, 0);
	tables_init(&t, "ann@d.test|{PLAIN}x", b.p, "", "");
	CHECK(&t, rows);
	tables_free(&t);
	buf_free(&b);
}

/* An alias of lists x people, all different. */
static void check_fan_out(int lists, int people, enum recipient_verdict want, size_t n)
{
	struct recipients list;
	struct tables t;
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_add_z(&b, "all@d.test");
	for (int i = 0; i < lists; i++)
		buf_printf(&b, " list%d@d.test", i);
	for (int i = 0; i < lists; i++) {
		buf_printf(&b, "\nlist%d@d.test", i);
		for (int k = 0; k < people; k++)
			buf_printf(&b, " p%d-%d@far.test", i, k);
	}
	buf_add_c(&b, 0);
	tables_init(&t, "ann@d.test|{PLAIN}x", b.p, "", "");
	assert_int_equal(recipient_resolve(&t.d, STR("all@d.test"), &t.arena, &list), want);
	if (want == RECIPIENT_OK)
		assert_int_equal(list.n, n);
	tables_free(&t);
	buf_free(&b);
}

static void recipients_are_limited(void **state)
{
	check_fan_out(10, RECIPIENTS_MAX / 10, RECIPIENT_OK, RECIPIENTS_MAX);
	check_fan_out(7, 143, RECIPIENT_TOO_MANY, 0);
	check_fan_out(100, 100, RECIPIENT_TOO_MANY, 0);
}

static void work_is_limited(void **state)
{
	static const struct row runaway[] = {
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@d.test", "too-many"},
		{"ann@d.test", "ok ann@d.test=ann@d.test"},
	};
	static const struct row doubling[] = {{"x@d.test", "loop"}};
	struct tables t;

	tables_init(&t, "ann@d.test|{PLAIN}x", "", "/^(a+)+b@/ x\n", "");
	CHECK(&t, runaway);
	tables_free(&t);
	tables_init(&t, "ann@d.test|{PLAIN}x", "", "/^(x+)@d.test$/ $1$1@d.test\n", "");
	CHECK(&t, doubling);
	tables_free(&t);
}

static void no_memory_is_no_crash(void **state)
{
	struct recipients list;
	struct tables t;

	tables_init(&t, ACCOUNTS, VIRTUAL, REGEXP, LOCALS);
	/* fails at each allocation in turn, until there is enough */
	for (size_t max = 0;; max += 16) {
		struct arena a;

		arena_init(&a, max);
		enum recipient_verdict s = recipient_resolve(&t.d, STR("chain+t@d.test"), &a, &list);

		arena_free(&a);
		if (s == RECIPIENT_OK)
			break;
		assert_int_equal(s, RECIPIENT_TOO_MANY);
		assert_true(max < 100000);
	}
	tables_free(&t);
}

static void long_addresses_are_nobody(void **state)
{
	char text[RECIPIENT_ADDRESS_MAX + 2];
	struct recipients list;
	struct tables t;

	tables_init(&t, ACCOUNTS, VIRTUAL, REGEXP, LOCALS);
	snprintf(text, sizeof(text), "%0*d@c.test", RECIPIENT_ADDRESS_MAX - 7, 0);
	assert_int_equal(recipient_resolve(&t.d, str_of(text), &t.arena, &list), RECIPIENT_OK);
	snprintf(text, sizeof(text), "%0*d@c.test", RECIPIENT_ADDRESS_MAX - 6, 0);
	assert_int_equal(recipient_resolve(&t.d, str_of(text), &t.arena, &list), RECIPIENT_UNKNOWN);
	/* bytes that cannot go into an envelope */
	assert_int_equal(recipient_resolve(&t.d, STR("a\0b@far.test"), &t.arena, &list), RECIPIENT_UNKNOWN);
	assert_int_equal(recipient_resolve(&t.d, STR("a\r\nb@far.test"), &t.arena, &list), RECIPIENT_UNKNOWN);
	assert_int_equal(recipient_resolve(&t.d, STR("a@far.test>"), &t.arena, &list), RECIPIENT_UNKNOWN);
	tables_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rules_in_order),
		cmocka_unit_test(local_names),
		cmocka_unit_test(host_names),
		cmocka_unit_test(catch_all_takes_all_when_told),
		cmocka_unit_test(routing_in_the_local_part),
		cmocka_unit_test(other_delimiters),
		cmocka_unit_test(postmaster_is_always_somebody),
		cmocka_unit_test(root_without_entry_is_the_postmaster),
		cmocka_unit_test(chains_end_after_a_hundred_levels),
		cmocka_unit_test(paths_that_meet_are_walked_once),
		cmocka_unit_test(recipients_are_limited),
		cmocka_unit_test(work_is_limited),
		cmocka_unit_test(no_memory_is_no_crash),
		cmocka_unit_test(long_addresses_are_nobody),
	};

	return cmocka_run_group_tests_name("recipient", tests, NULL, NULL);
}
