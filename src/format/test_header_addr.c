/* SPDX-License-Identifier: Apache-2.0 */
#include "format/header_addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/unit.h"

static void show(struct buf *out, struct str s)
{
	if (s.p)
		buf_add_str(out, s);
	else
		buf_add_z(out, "-");
}

/* One address a line: name|route|mailbox|host, groups as ENVELOPE marks them. */
static void assert_list(struct str value, const char *want)
{
	struct header_addrs list = {0};
	struct arena a;
	struct buf out;
	size_t count = 0;

	arena_init(&a, 100000);
	buf_init(&out, 100000);
	assert_int_equal(header_addr_parse(value, &a, &list), 0);
	for (const struct header_addr *addr = list.first; addr; addr = addr->next, count++) {
		show(&out, addr->name);
		buf_add_c(&out, '|');
		show(&out, addr->route);
		buf_add_c(&out, '|');
		show(&out, addr->mailbox);
		buf_add_c(&out, '|');
		show(&out, addr->host);
		buf_add_c(&out, '\n');
		assert_int_equal(addr->kind == ADDR_MAILBOX, addr->host.p != NULL);
	}
	assert_int_equal(count, list.count);
	assert_str(buf_str(&out), want);
	buf_free(&out);
	arena_free(&a);
}

static void parses(void **state)
{
	static const struct {
		struct str value;
		const char *want;
	} table[] = {
		{STR_INIT("a@b"), "-|-|a|b\n"},
		{STR_INIT(" John Doe <jdoe@machine.example>"), "John Doe|-|jdoe|machine.example\n"},
		{STR_INIT("\"Giant; \\\"Big\\\" Box\" <s@x>"), "Giant; \"Big\" Box|-|s|x\n"},
		{STR_INIT("\"a b\"@x, \"<c,d>\"@y"), "-|-|a b|x\n-|-|<c,d>|y\n"},
		{STR_INIT("\"a@b\"@x"), "-|-|a@b|x\n"},
		{STR_INIT("a@[1.2.3.4] (Joe), <b@[IPv6:::1]>"), "Joe|-|a|[1.2.3.4]\n-|-|b|[IPv6:::1]\n"},
		/* RFC 5322 A.5, A.6 */
		{STR_INIT("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"),
		 "Pete|-|pete|silly.test\n"},
		{STR_INIT("jdoe@test   . example"), "-|-|jdoe|test.example\n"},
		{STR_INIT("joe . blow @ x"), "-|-|joe.blow|x\n"},
		{STR_INIT("Joe Q. Public <j@x>"), "Joe Q. Public|-|j|x\n"},
		{STR_INIT("Mary <@node.test:mary@example.net>, , b@c"),
		 "Mary|@node.test|mary|example.net\n-|-|b|c\n"},
		{STR_INIT("<@a,@b:c@d>"), "-|@a,@b|c|d\n"},
		{STR_INIT("\"Joe@\" Public <j@x>"), "Joe@ Public|-|j|x\n"},
		/* groups */
		{STR_INIT("A Group:Ed <c@a>,joe@w;"), "-|-|A Group|-\nEd|-|c|a\n-|-|joe|w\n-|-|-|-\n"},
		{STR_INIT("Undisclosed recipients:;"), "-|-|Undisclosed recipients|-\n-|-|-|-\n"},
		{STR_INIT("g: a@b"), "-|-|g|-\n-|-|a|b\n-|-|-|-\n"},
		{STR_INIT("g: a@b; c@d"), "-|-|g|-\n-|-|a|b\n-|-|-|-\n-|-|c|d\n"},
		{STR_INIT("g: h: a@b;;"), "-|-|g|-\nh:|-|a|b\n-|-|-|-\n"},
		{STR_INIT(";;,,"), ""},
		/* names from comments, and what stands before a bare address */
		{STR_INIT("jdoe@x (John (Joe) Doe)"), "John (Joe) Doe|-|jdoe|x\n"},
		{STR_INIT("<jdoe@x> (John)"), "John|-|jdoe|x\n"},
		{STR_INIT("John Doe jdoe@x"), "John Doe|-|jdoe|x\n"},
		{STR_INIT("a@b <c@d>"), "a@b|-|c|d\n"},
		{STR_INIT("=?utf-8?Q?J=C3=B6rg?= <j@x>"), "=?utf-8?Q?J=C3=B6rg?=|-|j|x\n"},
		{STR_INIT("\xC3\xA9t\xC3\xA9 <\xC3\xA9@x>"), "\xC3\xA9t\xC3\xA9|-|\xC3\xA9|x\n"},
		/* broken */
		{STR_INIT("nobody"), "-|-|nobody|\n"},
		{STR_INIT("<>"), "-|-||\n"},
		{STR_INIT("MAILER-DAEMON <>"), "MAILER-DAEMON|-||\n"},
		{STR_INIT("John <jdoe@x"), "John|-|jdoe|x\n"},
		{STR_INIT("John <jdoe@x, Mary <m@y>"), "John|-|jdoe|x\nMary|-|m|y\n"},
		{STR_INIT("<a@b> <c@d>"), "-|-|a|b\n-|-|c|d\n"},
		{STR_INIT("<a@b> trailing, c@d"), "-|-|a|b\n-|-|c|d\n"},
		{STR_INIT("<<a@b>>"), "-|-|a|b\n"},
		{STR_INIT("\"never closed <a@b>"), "-|-|never closed <a@b>|\n"},
		{STR_INIT("a@b@c"), "-|-|a@b|c\n"},
		{STR_INIT("@"), "-|-||\n"},
		{STR_INIT("a\r\n b\0c <d\r\n @\ne>"), "a b c|-|d|e\n"},
		{STR_INIT(""), ""},
		{STR_INIT("(only a comment)"), ""},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_list(table[i].value, table[i].want);
}

static void appends(void **state)
{
	struct header_addrs list = {0};
	struct arena a;

	arena_init(&a, 10000);
	assert_int_equal(header_addr_parse(STR("a@b, c@d"), &a, &list), 0);
	assert_int_equal(header_addr_parse(STR("e@f"), &a, &list), 0);
	assert_int_equal(list.count, 3);
	assert_str(list.last->mailbox, "e");
	arena_free(&a);
}

static void stops_at_the_ceiling(void **state)
{
	for (size_t max = 0; max < 400; max += 8) {
		struct header_addrs list = {0};
		struct arena a;

		arena_init(&a, max);
		assert_int_equal(header_addr_parse(STR("G: name <@r:a@b>, c@d (e), <f@g>;"), &a, &list),
				 ERR_TOO_BIG);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(appends),
		cmocka_unit_test(stops_at_the_ceiling),
	};

	return cmocka_run_group_tests_name("header_addr", tests, NULL, NULL);
}
