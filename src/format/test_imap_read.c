/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the reader of IMAP commands. */
#include "format/imap_read.h"

#include "base/unit.h"

#include <stdlib.h>
#include <string.h>

#define LIMITS ((struct imap_read_limits){.line = 64, .literal = 16, .total = 24})

/* What a session would do with a literal of this case. */
enum policy { ACCEPT, OUTSIDE, REFUSE };

struct session {
	struct imap_read read;
	struct buf seen; /* the transcript of the events */
	enum policy policy;
	bool raw;
};

static void decide(struct session *s)
{
	const struct imap_literal *l = imap_read_announced(&s->read);

	buf_printf(&s->seen, "L%s%s%llu;", l->binary ? "~" : "", l->nonsync ? "+" : "",
		   (unsigned long long)l->size);
	if (s->policy == OUTSIDE) {
		imap_read_outside(&s->read);
	} else if (s->policy == REFUSE || imap_read_accept(&s->read)) {
		buf_add_z(&s->seen, "no;");
		imap_read_refuse(&s->read);
	}
}

static void feed(struct session *s, struct str in)
{
	enum imap_read_event e;

	while ((e = imap_read_feed(&s->read, &in)) != IMAP_READ_MORE && e != IMAP_READ_LOST) {
		if (e == IMAP_READ_LITERAL) {
			decide(s);
		} else if (e == IMAP_READ_DATA) {
			buf_add_str(&s->seen, imap_read_chunk(&s->read));
			buf_add_z(&s->seen, imap_read_left(&s->read) ? "" : ";");
		} else if (e == IMAP_READ_BAD) {
			buf_printf(&s->seen, "B%s;", imap_read_fault(&s->read));
			imap_read_next(&s->read);
		} else {
			struct imap_text t = imap_read_text(&s->read);

			buf_printf(&s->seen, "C%zu:", t.literal_count);
			buf_add_str(&s->seen, t.bytes);
			buf_add_z(&s->seen, ";");
			imap_read_next(&s->read);
			if (s->raw)
				imap_read_raw(&s->read);
		}
	}
	if (e == IMAP_READ_LOST)
		buf_add_z(&s->seen, "X");
}

/* Feeds it whole, and in every two pieces, and byte by byte. */
static void check(struct str in, const char *want, enum policy policy, bool raw)
{
	for (size_t cut = 0; cut <= in.n; cut++) {
		struct session s = {.policy = policy, .raw = raw};

		imap_read_init(&s.read, LIMITS);
		buf_init(&s.seen, 4096);
		if (raw)
			imap_read_raw(&s.read);
		if (cut == in.n) {
			for (size_t i = 0; i < in.n && !str_ends(buf_str(&s.seen), STR("X")); i++)
				feed(&s, (struct str){in.p + i, 1});
		} else {
			feed(&s, str_head(in, cut));
			if (!str_ends(buf_str(&s.seen), STR("X")))
				feed(&s, str_skip(in, cut));
		}
		assert_str(buf_str(&s.seen), want);
		buf_free(&s.seen);
		imap_read_free(&s.read);
	}
}

static const struct {
	struct str in;
	const char *want;
	enum policy policy;
	bool raw;
} cases[] = {
	{STR_INIT("a NOOP\r\n"), "C0:a NOOP;", ACCEPT, false},
	{STR_INIT("a NOOP\nb NOOP\r\n\r\n"), "C0:a NOOP;C0:b NOOP;C0:;", ACCEPT, false},
	{STR_INIT("a NOOP\r\nb NO"), "C0:a NOOP;", ACCEPT, false},
	{STR_INIT("a LOGIN {3}\r\nfoo {4+}\r\nb\r\nr\r\n"), "L3;L+4;C2:a LOGIN {3}\r\nfoo {4+}\r\nb\r\nr;",
	 ACCEPT, false},
	{STR_INIT("a X {2}\n{9 {0}\r\n\r\n"), "L2;L0;C2:a X {2}\n{9 {0}\r\n;", ACCEPT, false},
	/* Not at the end of the line, or not quite a marker. */
	{STR_INIT("a {3} b\r\nc {}\r\nd {3+ }\r\ne {+3}\r\nf {3}}\r\n"),
	 "C0:a {3} b;C0:c {};C0:d {3+ };C0:e {+3};C0:f {3}};", ACCEPT, false},
	{STR_INIT("a {{3}\r\nxyz\r\n"), "L3;C1:a {{3}\r\nxyz;", ACCEPT, false},
	{STR_INIT("a {3}\r\nxyz b\r\n"), "L3;xyz;C1:a {3}\r\n b;", OUTSIDE, false},
	{STR_INIT("a {0}\r\n b\r\n"), "L0;C1:a {0}\r\n b;", OUTSIDE, false},
	/* A refused synchronising literal is never sent. */
	{STR_INIT("a {3}\r\nb NOOP\r\n"), "L3;no;C0:b NOOP;", REFUSE, false},
	{STR_INIT("a {3+}\r\nx\r\n {5+}\r\nyyyyy {2}\r\nb NOOP\r\n"), "L+3;no;C0:b NOOP;", REFUSE, false},
	{STR_INIT("a {0+}\r\nx\r\nb NOOP\r\n"), "L+0;no;C0:b NOOP;", REFUSE, false},
	/* One literal too large, then all together. */
	{STR_INIT("a {17}\r\nb {16+}\r\n0123456789012345{9+}\r\n012345678\r\nc\r\n"),
	 "L17;no;L+16;L+9;no;C0:c;", ACCEPT, false},
	/* Numbers: 2^63 does not fit; what follows a synchronising one is a command. */
	{STR_INIT("a {9223372036854775808}\r\nb\r\n"), "BThe literal is too large;C0:b;", ACCEPT, false},
	{STR_INIT("a {9223372036854775807}\r\nb\r\n"), "L9223372036854775807;no;C0:b;", ACCEPT, false},
	{STR_INIT("a {99999999999999999999999999+}\r\nb\r\n"), "X", ACCEPT, false},
	{STR_INIT("a\0 {9999999999999999999+}\r\nb\r\n"), "BNUL in the command;X", ACCEPT, false},
	{STR_INIT("a {0000000000000000000000000002}\r\nxy\r\n"),
	 "L2;C1:a {0000000000000000000000000002}\r\nxy;", ACCEPT, false},
	/* Faults: the rest of the command is dropped, with its literals. */
	{STR_INIT("a\0b {3+}\r\nc\r\n\r\nd\r\n"), "BNUL in the command;C0:d;", ACCEPT, false},
	{STR_INIT("a\rb {3+}\r\nc\r\n {1}\r\nd\r\n"), "BCR without LF in the command;C0:d;", ACCEPT, false},
	{STR_INIT("a\r{3+}\r\nc\r\n\r\nd\r\n"), "BCR without LF in the command;C0:d;", ACCEPT, false},
	{STR_INIT("a {3+}\r\r\nd\r\n"), "BCR without LF in the command;C0:d;", ACCEPT, false},
	{STR_INIT("a {3+}\0\r\nd\r\n"), "BNUL in the command;C0:d;", ACCEPT, false},
	{STR_INIT("0123456789012345678901234567890123456789012345678901234567890123 {2+}\r\n\r\n\r\nd\r\n"),
	 "BThe command is too long;C0:d;", ACCEPT, false},
	{STR_INIT("01234567890123456789012345678901234567890123456789012345678901\r\nd\r\n"),
	 "C0:01234567890123456789012345678901234567890123456789012345678901;C0:d;", ACCEPT, false},
	/* The marker's own line counts, the literal does not. */
	{STR_INIT("0123456789012345678901234567890123456789012345678901234 "
		  "{16+}\r\n0123456789abcdefX\r\nd\r\n"),
	 "L+16;BThe command is too long;C0:d;", ACCEPT, false},
	/* An answer to a continuation request is no command. */
	{STR_INIT("AGE= {3+}\r\nDONE\r\n"), "C0:AGE= {3+};C0:DONE;", ACCEPT, true},
	{STR_INIT("AGE\0 {3+}\r\nDONE {3+}\r\nok\r\n"), "BNUL in the command;L+3;C1:DONE {3+}\r\nok\r;",
	 ACCEPT, true},
};

static void reads(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].in, cases[i].want, cases[i].policy, cases[i].raw);
}

static void keeps_binary_bytes(void **state)
{
	struct imap_read r;
	struct str in = STR("a X ~{2+}\r\n\0\1)\r\n");

	imap_read_init(&r, LIMITS);
	assert_int_equal(imap_read_feed(&r, &in), IMAP_READ_LITERAL);
	assert_true(imap_read_announced(&r)->binary);
	assert_str(imap_read_text(&r).bytes, "a X ~{2+}\r\n");
	assert_int_equal(imap_read_accept(&r), 0);
	assert_int_equal(imap_read_feed(&r, &in), IMAP_READ_COMMAND);

	struct imap_text t = imap_read_text(&r);

	assert_int_equal(t.literal_count, 1);
	assert_int_equal(t.literals[0].at, 4);
	assert_int_equal(t.literals[0].data, 11);
	assert_true(str_eq(t.bytes, STR("a X ~{2+}\r\n\0\1)")));
	imap_read_free(&r);
}

static void counts_literals(void **state)
{
	struct imap_read r;
	struct str one = STR("{0+}\r\n");
	enum imap_read_event e = IMAP_READ_MORE;
	size_t n = 0;

	imap_read_init(&r, (struct imap_read_limits){.line = IMAP_LINE_MAX, .literal = 8, .total = 8});
	for (; n <= IMAP_LITERALS_MAX; n++) {
		struct str in = one;

		e = imap_read_feed(&r, &in);
		if (e != IMAP_READ_LITERAL)
			break;
		assert_int_equal(imap_read_accept(&r), 0);
	}
	assert_int_equal(n, IMAP_LITERALS_MAX);
	assert_int_equal(e, IMAP_READ_BAD);
	assert_str(str_of(imap_read_fault(&r)), "Too many literals");
	imap_read_next(&r);
	imap_read_free(&r);
}

static void drops_without_end(void **state)
{
	struct imap_read r;
	char block[1024];

	memset(block, 'x', sizeof(block));
	imap_read_init(&r, LIMITS);
	struct str in = {block, sizeof(block)};

	assert_int_equal(imap_read_feed(&r, &in), IMAP_READ_BAD);
	assert_int_equal(imap_read_feed(&r, &in), IMAP_READ_BAD);
	imap_read_next(&r);
	for (int i = 0; i < 1024; i++) {
		in = (struct str){block, sizeof(block)};
		assert_int_equal(imap_read_feed(&r, &in), IMAP_READ_MORE);
	}
	assert_int_equal(imap_read_dropped(&r), 1024 * sizeof(block));
	assert_true(r.text.cap <= 4096);
	imap_read_free(&r);
}

static void gives_memory_back(void **state)
{
	struct imap_read r;
	char block[2048];

	memset(block, 'x', sizeof(block));
	imap_read_init(&r, (struct imap_read_limits){.line = IMAP_LINE_MAX, .literal = 8, .total = 8});
	struct str in = {block, sizeof(block)}, end = STR("\r\n");

	for (int i = 0; i < 4; i++) {
		in = (struct str){block, sizeof(block)};
		assert_int_equal(imap_read_feed(&r, &in), IMAP_READ_MORE);
	}
	assert_int_equal(imap_read_feed(&r, &end), IMAP_READ_COMMAND);
	assert_int_equal(imap_read_text(&r).bytes.n, 4 * sizeof(block));
	imap_read_next(&r);
	assert_int_equal(r.text.cap, 0);
	imap_read_free(&r);
}

static void takes_new_limits(void **state)
{
	struct imap_read r;
	struct str in = STR("0123456789 {16+}\r\n0123456789abcdef {4}\r\n"),
		   rest = STR("abcd x\r\nb NOOP\r\n");

	imap_read_init(&r, LIMITS);
	assert_int_equal(imap_read_feed(&r, &in), IMAP_READ_LITERAL);
	assert_int_equal(imap_read_accept(&r), 0);
	assert_int_equal(imap_read_feed(&r, &in), IMAP_READ_LITERAL);
	imap_read_set_limits(&r, (struct imap_read_limits){.line = 10, .literal = 16, .total = 10});
	assert_int_equal(imap_read_accept(&r), ERR_TOO_BIG);
	imap_read_set_limits(&r, (struct imap_read_limits){.line = 10, .literal = 4, .total = 20});
	assert_int_equal(imap_read_accept(&r), 0);
	assert_int_equal(imap_read_feed(&r, &rest), IMAP_READ_BAD);
	imap_read_next(&r);
	assert_int_equal(imap_read_feed(&r, &rest), IMAP_READ_COMMAND);
	assert_str(imap_read_text(&r).bytes, "b NOOP");
	imap_read_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(keeps_binary_bytes),
		cmocka_unit_test(counts_literals),
		cmocka_unit_test(drops_without_end),
		cmocka_unit_test(gives_memory_back),
		cmocka_unit_test(takes_new_limits),
	};

	return cmocka_run_group_tests_name("imap_read", tests, NULL, NULL);
}
