/* SPDX-License-Identifier: Apache-2.0 */
#include "format/mime.h"
#include "base/unit.h"

#include <inttypes.h>

static struct str body_of(struct str letter, const struct mime_part *part)
{
	return str_head(str_skip(letter, (size_t)part->body_start),
			(size_t)(part->body_end - part->body_start));
}

static size_t children_of(const struct mime *m, uint32_t index)
{
	size_t n = 0;

	for (uint32_t i = 0; i < mime_part_count(m); i++)
		n += mime_part(m, i)->parent == index;
	return n;
}

/* The tree in one line: m(...) multipart, r(...) message, o opaque, leaves as
 * their bodies in brackets; the number of lines behind a leaf. */
static void show(const struct mime *m, struct str letter, struct buf *out)
{
	uint32_t open = MIME_NO_PARENT;

	for (uint32_t i = 0; i < mime_part_count(m); i++) {
		const struct mime_part *part = mime_part(m, i);

		for (; open != part->parent; open = mime_part(m, open)->parent)
			if (children_of(m, open))
				buf_add_c(out, ')');
		if (part->kind == MIME_MULTIPART)
			buf_add_z(out, "m(");
		else if (part->kind == MIME_MESSAGE)
			buf_add_z(out, "r(");
		else
			buf_printf(out, "%s[%.*s]%" PRIu64, part->kind == MIME_OPAQUE ? "o" : "",
				   STR_ARG(body_of(letter, part)), part->lines);
		open = i;
	}
	for (; open != MIME_NO_PARENT; open = mime_part(m, open)->parent)
		if (children_of(m, open))
			buf_add_c(out, ')');
}

static void assert_tree(struct str letter, const char *want)
{
	struct mime m;
	struct buf out;

	buf_init(&out, 1000000);
	assert_int_equal(mime_parse(&m, letter), 0);
	show(&m, letter, &out);
	assert_str(buf_str(&out), want);
	assert_int_equal(mime_part(&m, 0)->body_end, letter.n);
	buf_free(&out);
	mime_free(&m);
}

#define MP "Content-Type: multipart/mixed; boundary="
#define MSG "Content-Type: message/rfc822\n"

static void finds_parts(void **state)
{
	static const struct {
		struct str letter;
		const char *want;
	} table[] = {
		{STR_INIT(""), "[]0"},
		{STR_INIT("A: b\n\nbody\n"), "[body\n]1"},
		{STR_INIT("A: b\n\nbody"), "[body]0"},
		{STR_INIT("A: b"), "[]0"},
		{STR_INIT(MP "b\n\npre\n--b\n\none\n--b\nX: y\n\ntwo\n\n--b--\nepi\n"), "m([one]0[two\n]1)"},
		{STR_INIT(MP "b\r\n\r\n--b\r\n\r\none\r\n\r\n--b--\r\n"), "m([one\r\n]1)"},
		/* closing delimiter missing, with the last line or without */
		{STR_INIT(MP "b\n\n--b\n\none\n"), "m([one\n]1)"},
		{STR_INIT(MP "b\n\n--b\n\none\n--b"), "m([one]0[]0)"},
		{STR_INIT(MP "b\n\n--b\n\none\n--b--"), "m([one]0)"},
		/* nothing is looked for behind the closing delimiter */
		{STR_INIT(MP "b\n\n--b\n\none\n--b--\n--b\n\ntwo\n"), "m([one]0)"},
		/* padding, anything behind the boundary */
		{STR_INIT(MP "b\n\n--b \t\n\none\n--b-- \n"), "m([one]0)"},
		{STR_INIT(MP "b\n\n--bxyz\n\none\n--b"), "m([one]0[]0)"},
		/* not at the beginning of a line, a bare CR is no line end */
		{STR_INIT(MP "b\n\n--b\n\none --b\r--b\n"), "m([one --b\r--b\n]1)"},
		/* empty parts */
		{STR_INIT(MP "b\n\n--b\n--b\n\n--b\n\n\n--b--"), "m([]0[]0[]0)"},
		{STR_INIT(MP "b\n--b\nX: y\n--b\nX: y\n\nz\n--b--"), "m([]0[z]0)"},
		/* a delimiter that looks like a field */
		{STR_INIT(MP "\"b:c\"\n\n--b:c\nX: y\n--b:c\n\nz\n--b:c--"), "m([]0[z]0)"},
		/* nested; the inner one not closed; the inner one closed twice */
		{STR_INIT(MP "a\n\n--a\n" MP "b\n\n--b\n\none\n--b--\nepi\n--a\n\ntwo\n--a--"),
		 "m(m([one]0)[two]0)"},
		{STR_INIT(MP "a\n\n--a\n" MP "b\n\n--b\n\none\n--a\n\ntwo\n--a--"), "m(m([one]0)[two]0)"},
		{STR_INIT(MP "a\n\n--a\n" MP "b\n\n--b\n\none\n--b--\n--b--\n--a--"), "m(m([one]0))"},
		/* one boundary the beginning of the other, both ways */
		{STR_INIT(MP "b\n\n--b\n" MP "bb\n\n--bb\n\none\n--bb--\n--b\n\ntwo\n--b--"),
		 "m(m([one]0)[two]0)"},
		{STR_INIT(MP "bb\n\n--bb\n" MP "b\n\n--b\n\none\n--b--\n--bb\n\ntwo\n--bb--"),
		 "m(m([one]0)[two]0)"},
		/* the same boundary twice: the innermost is meant */
		{STR_INIT(MP "b\n\n--b\n" MP "b\n\n--b\n\none\n--b\n\ntwo\n--b--\n--b\n\nthree\n--b--\n"),
		 "m(m([one]0[two]0)[three]0)"},
		/* no usable boundary, no delimiter: the text is shown */
		{STR_INIT("Content-Type: multipart/mixed\n\ntext\n"), "m([text\n]1)"},
		{STR_INIT(MP "\"\"\n\n--\ntext\n"), "m([--\ntext\n]2)"},
		{STR_INIT(MP "b\n\ntext\n"), "m([text\n]1)"},
		{STR_INIT(MP "b\n\ntext\n--b--\n"), "m([text\n--b--\n]2)"},
		{STR_INIT(MP "a\n\n--a\n" MP "b\n\ntext\n--a--\n"), "m(m([text]0))"},
		{STR_INIT(MP "b"), "m([]0)"},
		/* blanks at the end of a boundary, quotes, folds */
		{STR_INIT(MP "\"b \"\n\n--b\n\none\n--b--"), "m([one]0)"},
		{STR_INIT(MP "\"b \"\n\n--b \n\none\n--b --\nx"), "m([one]0)"},
		{STR_INIT(MP "\n \"b\\c\"\n\n--bc\n\none\n--bc--"), "m([one]0)"},
		{STR_INIT("Content-Type: multipart/mixed; boundary*0=b; "
			  "boundary*1=\"c\"\n\n--bc\n\none\n--bc--"),
		 "m([one]0)"},
		/* messages */
		{STR_INIT(MSG "\nA: b\n\nin\n"), "r([in\n]1)"},
		{STR_INIT("Content-Type: Message/GLOBAL\n\nA: b\n\nin\n"), "r([in\n]1)"},
		{STR_INIT(MSG), "r([]0)"},
		{STR_INIT(MP "b\n\n--b\n" MSG "\nA: b\n--b\n" MSG "--b--"), "m(r([]0)r([]0))"},
		{STR_INIT(MP "b\n\n--b\n" MSG "\n" MP "b\n\n--b\n\nin\n--b--\n--b\n\ntwo\n--b--"),
		 "m(r(m([in]0))[two]0)"},
		{STR_INIT(MSG "\n" MSG "\n" MSG "\n\nx"), "r(r(r([x]0)))"},
		{STR_INIT("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQTogYg==\n"),
		 "r([QTogYg==\n]1)"},
		/* digests: the default type */
		{STR_INIT("Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: "
			  "b\n\none\n--b\nContent-Type: "
			  "text/plain\n\ntwo\n--b--"),
		 "m(r([one]0)[two]0)"},
		/* the first Content-Type counts; one that cannot be read is text */
		{STR_INIT("Content-Type: text/plain\n" MP "b\n\n--b\n\nx\n"), "[--b\n\nx\n]3"},
		{STR_INIT("Content-Type: garbage\n" MP "b\n\n--b\n"), "[--b\n]1"},
		{STR_INIT("Content-Type: multipart\n\n--b\n"), "[--b\n]1"},
		/* a header that is only text */
		{STR_INIT(MP "b\n\n--b\ntext\nmore\n--b--"), "m([text\nmore]1)"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_tree(table[i].letter, table[i].want);
}

static void offsets_are_exact(void **state)
{
	static const struct str letter =
		STR_INIT("Subject: s\r\n" MP "b\r\n\r\n--b\r\nX: y\r\n  z\r\n\r\none\r\n--b--\r\n");
	struct mime m;

	assert_int_equal(mime_parse(&m, letter), 0);
	assert_int_equal(mime_part_count(&m), 2);
	const struct mime_part *top = mime_part(&m, 0), *part = mime_part(&m, 1);

	assert_str(str_head(letter, (size_t)top->body_start), "Subject: s\r\n" MP "b\r\n\r\n");
	assert_int_equal(top->fields, 2);
	assert_str(str_head(str_skip(letter, (size_t)part->header_start),
			    (size_t)(part->body_start - part->header_start)),
		   "X: y\r\n  z\r\n\r\n");
	assert_int_equal(part->first_field, 2);
	assert_int_equal(part->fields, 1);
	assert_int_equal(mime_field(&m, 2)->length, 11);
	assert_int_equal(mime_field(&m, 2)->value, 2);
	assert_str(body_of(letter, part), "one");
	assert_int_equal(top->lines, 6);
	mime_free(&m);
}

static void repeat(struct buf *b, const char *what, size_t times)
{
	while (times--)
		buf_add_z(b, what);
}

static void stops_at_a_thousand_parts(void **state)
{
	struct buf letter;
	struct mime m;

	buf_init(&letter, 1 << 20);
	buf_add_z(&letter, MP "b\n\n");
	repeat(&letter, "--b\n\nx\n", 998);
	assert_int_equal(mime_parse(&m, buf_str(&letter)), 0);
	assert_int_equal(mime_part_count(&m), 999);
	assert_int_equal(mime_part(&m, 998)->kind, MIME_LEAF);
	mime_free(&m);
	repeat(&letter, "--b\n\nx\n", 500);
	assert_int_equal(mime_parse(&m, buf_str(&letter)), 0);
	assert_int_equal(mime_part_count(&m), MIME_PARTS_MAX);
	const struct mime_part *last = mime_part(&m, MIME_PARTS_MAX - 1);

	assert_int_equal(last->kind, MIME_OPAQUE);
	assert_int_equal(last->body_end, letter.n);
	assert_true(str_starts(body_of(buf_str(&letter), last), STR("\nx\n--b\n\nx\n--b\n")));
	mime_free(&m);
	/* the last free place for the child that a multipart must have */
	buf_clear(&letter);
	buf_add_z(&letter, MP "b\n\n");
	repeat(&letter, "--b\n\nx\n", 997);
	buf_add_z(&letter, "--b\n" MP "c\n\ntext\n--b--\n");
	assert_int_equal(mime_parse(&m, buf_str(&letter)), 0);
	assert_int_equal(mime_part_count(&m), MIME_PARTS_MAX);
	assert_int_equal(mime_part(&m, 999)->parent, 998);
	assert_str(body_of(buf_str(&letter), mime_part(&m, 999)), "text");
	mime_free(&m);
	buf_free(&letter);
}

static uint32_t depth_of(const struct mime *m, uint32_t index)
{
	uint32_t depth = 1;

	for (; mime_part(m, index)->parent != MIME_NO_PARENT; index = mime_part(m, index)->parent)
		depth++;
	return depth;
}

static void assert_depth(const char *unit, size_t times, size_t parts, enum mime_kind last_kind)
{
	struct buf letter;
	struct mime m;

	buf_init(&letter, 1 << 20);
	repeat(&letter, unit, times);
	assert_int_equal(mime_parse(&m, buf_str(&letter)), 0);
	assert_int_equal(mime_part_count(&m), parts);
	assert_int_equal(depth_of(&m, (uint32_t)parts - 1), parts);
	assert_int_equal(mime_part(&m, (uint32_t)parts - 1)->kind, last_kind);
	mime_free(&m);
	buf_free(&letter);
}

static void stops_at_a_hundred_levels(void **state)
{
	assert_depth(MSG "\n", 99, 100, MIME_LEAF);
	assert_depth(MSG "\n", 100, 100, MIME_OPAQUE);
	assert_depth(MSG "\n", 5000, 100, MIME_OPAQUE);
	assert_depth(MP "b\n\n--b\n", 99, 100, MIME_LEAF);
}

static void an_opaque_part_ends_at_its_delimiter(void **state)
{
	struct buf letter;
	struct mime m;

	buf_init(&letter, 1 << 20);
	buf_add_z(&letter, MP "outer\n\n--outer\n");
	repeat(&letter, MSG "\n", 200);
	buf_add_z(&letter, "\n--outer\n\nafter\n--outer--\n");
	assert_int_equal(mime_parse(&m, buf_str(&letter)), 0);
	assert_int_equal(mime_part_count(&m), 101);
	assert_int_equal(mime_part(&m, 99)->kind, MIME_OPAQUE);
	assert_str(body_of(buf_str(&letter), mime_part(&m, 100)), "after");
	mime_free(&m);
	buf_free(&letter);
}

static void stops_at_ten_thousand_fields(void **state)
{
	struct buf letter;
	struct mime m;

	buf_init(&letter, 1 << 20);
	repeat(&letter, "A: b\n", MIME_FIELDS_MAX);
	buf_add_z(&letter, "\nbody");
	assert_int_equal(mime_parse(&m, buf_str(&letter)), 0);
	assert_int_equal(mime_part(&m, 0)->kind, MIME_LEAF);
	assert_int_equal(mime_part(&m, 0)->fields, MIME_FIELDS_MAX);
	mime_free(&m);
	buf_clear(&letter);
	buf_add_z(&letter, MP "b\n\n--b\n");
	repeat(&letter, "A: b\n", MIME_FIELDS_MAX);
	buf_add_z(&letter, "\nbody\n--b\n\ntwo\n--b--\n");
	assert_int_equal(mime_parse(&m, buf_str(&letter)), 0);
	assert_int_equal(mime_part_count(&m), 2);
	assert_int_equal(mime_part(&m, 1)->kind, MIME_OPAQUE);
	assert_int_equal(mime_part(&m, 1)->fields, MIME_FIELDS_MAX - 1);
	assert_str(body_of(buf_str(&letter), mime_part(&m, 1)), "body\n--b\n\ntwo\n--b--\n");
	mime_free(&m);
	buf_free(&letter);
}

static void long_boundaries(void **state)
{
	static const size_t lengths[] = {70, 71, MIME_BOUNDARY_MAX, MIME_BOUNDARY_MAX + 1};

	for (size_t i = 0; i < 4; i++) {
		struct buf letter;
		struct mime m;

		buf_init(&letter, 1 << 20);
		buf_add_z(&letter, MP);
		repeat(&letter, "b", lengths[i]);
		buf_add_z(&letter, "\n\n--");
		repeat(&letter, "b", lengths[i]);
		buf_add_z(&letter, "\n\none\n");
		assert_int_equal(mime_parse(&m, buf_str(&letter)), 0);
		assert_int_equal(str_eq(body_of(buf_str(&letter), mime_part(&m, 1)), STR("one\n")), i < 3);
		mime_free(&m);
		buf_free(&letter);
	}
}

/* Parses and returns how many bytes were looked at for each byte of the letter. */
static uint64_t steps_per_byte(const struct buf *letter)
{
	struct mime m;

	assert_false(buf_failed(letter));
	assert_int_equal(mime_parse(&m, buf_str(letter)), 0);
	uint64_t steps = m.steps / letter->n;

	mime_free(&m);
	return steps;
}

#define TEN_MB ((size_t)10 * 1000 * 1000)

static void the_time_is_linear(void **state)
{
	struct buf letter;

	buf_init(&letter, 2 * TEN_MB);
	/* 10,000 delimiters among 10 MB, of one multipart and of nested ones */
	buf_add_z(&letter, MP "b\n\n");
	while (letter.n < TEN_MB) {
		buf_add_z(&letter, "--b\n\n");
		repeat(&letter, "0123456789012345678901234567890123456789012345678\n", 20);
	}
	assert_true(steps_per_byte(&letter) <= 2);
	buf_clear(&letter);
	while (letter.n < TEN_MB)
		buf_printf(&letter, MP "b%zu\n\n--b%zu\n%*s\n\n", letter.n, letter.n, 940, "");
	assert_true(steps_per_byte(&letter) <= 2);
	/* lines that are almost a delimiter of each of a hundred levels */
	buf_clear(&letter);
	for (int i = 0; i < 99; i++)
		buf_printf(&letter, MP "%070d%02d\n\n--%070d%02d\n", 0, i, 0, i);
	while (letter.n < TEN_MB)
		buf_printf(&letter, "--%070dxx\n", 0);
	assert_true(steps_per_byte(&letter) <= MIME_DEPTH_MAX + 2);
	/* delimiters that open and close, messages, header lines, folds, "--" alone */
	buf_clear(&letter);
	buf_add_z(&letter, MP "b\n\n");
	while (letter.n < TEN_MB)
		buf_add_z(&letter, "--b\n" MSG "\n--b\n" MP "c\n\n--c\n--c--\n--\n");
	assert_true(steps_per_byte(&letter) <= 2);
	buf_clear(&letter);
	while (letter.n < TEN_MB)
		buf_add_z(&letter, "A: b\n c\njunk\n");
	assert_true(steps_per_byte(&letter) <= 2);
	buf_free(&letter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_parts),
		cmocka_unit_test(offsets_are_exact),
		cmocka_unit_test(stops_at_a_thousand_parts),
		cmocka_unit_test(stops_at_a_hundred_levels),
		cmocka_unit_test(an_opaque_part_ends_at_its_delimiter),
		cmocka_unit_test(stops_at_ten_thousand_fields),
		cmocka_unit_test(long_boundaries),
		cmocka_unit_test(the_time_is_linear),
	};

	return cmocka_run_group_tests_name("mime", tests, NULL, NULL);
}
