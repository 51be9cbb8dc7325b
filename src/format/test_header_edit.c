/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "format/header.h"
#include "format/header_edit.h"

#include <string.h>

static struct buf out;

static int set_up(void **state)
{
	buf_init(&out, 4 << 20);
	return 0;
}

static int tear_down(void **state)
{
	buf_free(&out);
	return 0;
}

/* Cuts as the one side finds them and the other makes them. */
static void check_private(struct str letter, const char *want)
{
	static struct header_edit edit;
	static struct header_cuts cuts;
	struct buf encoded;
	struct err e;

	header_edit_read(letter, true, &edit);
	buf_init(&encoded, (size_t)HEADER_CUTS_MAX * HEADER_CUT_SIZE);
	header_cuts_write(&edit.cuts, &encoded);
	assert_false(buf_failed(&encoded));
	struct str head = str_head(letter, HEADER_CUTS_HEAD);

	assert_int_equal(header_cuts_read(buf_str(&encoded), head, &cuts, &e), 0);
	assert_int_equal(cuts.count, edit.cuts.count);
	assert_memory_equal(cuts.cut, edit.cuts.cut, cuts.count * sizeof(cuts.cut[0]));
	buf_clear(&out);
	header_edit_write(&edit, NULL, &out);
	buf_add_str(&out, str_skip(letter, header_cuts_make(&cuts, head, &out)));
	assert_str(buf_str(&out), str_of(want).p);
	buf_free(&encoded);
}

#define BODY "\r\nX-Mailer: in the body\r\n"

static const struct {
	const char *letter, *want;
} private_rows[] = {
	{"", ""},
	{BODY, BODY},
	{"Subject: x\r\n" BODY, "Subject: x\r\n" BODY},
	{"X-Mailer: y\r\n" BODY, BODY},
	{"X-Mailer: y\r\n", ""},
	{"x-MAILER : y\r\n" BODY, BODY},
	{"X-Mailer-Id: y\r\n" BODY, "X-Mailer-Id: y\r\n" BODY},
	{"X-Mailer: one\r\n two\r\n\tthree\r\nTo: a@b\r\n" BODY, "To: a@b\r\n" BODY},
	{"X-Mailer: a\r\nUser-Agent: b\r\nX-Originating-IP: c\r\nX-Enigmail: d\r\nX-MS-Reactions: e\r\n" BODY,
	 BODY},
	{"A: 1\r\nX-Mailer: a\r\nB: 2\r\nUser-Agent: b\r\n\t\r\nC: 3\r\n" BODY,
	 "A: 1\r\nB: 2\r\nC: 3\r\n" BODY},
	/* Lines in LF. */
	{"A: 1\nX-Mailer: a\nB: 2\n\nX-Mailer: c\n", "A: 1\nB: 2\n\nX-Mailer: c\n"},
	/* Received, by what it says. */
	{"Received: from a (b [192.0.2.1])\r\n\tby c with ESMTPSA id 1;\r\n\tdate\r\n" BODY, BODY},
	{"Received: from a by c with\r\n\tesmtpsa id 1; date\r\n" BODY, BODY},
	{"Received: from a by c with ESMTPS id 1; date\r\n" BODY,
	 "Received: from a by c with ESMTPS id 1; date\r\n" BODY},
	{"Received: from a by with.ESMTPSA id 1; date\r\n" BODY,
	 "Received: from a by with.ESMTPSA id 1; date\r\n" BODY},
	{"Received: FROM localhost\r\n (localhost [127.0.0.1]) by c; date\r\n" BODY, BODY},
	{"Received: by 127.0.0.1; date\r\n" BODY, "Received: by 127.0.0.1; date\r\n" BODY},
	{"Received: by c (Amavisd-New, port 10024); date\r\n" BODY, BODY},
	{"X-Received: from 127.0.0.1 with ESMTPSA\r\n" BODY,
	 "X-Received: from 127.0.0.1 with ESMTPSA\r\n" BODY},
	/* MIME-Version loses its comment. */
	{"Mime-Version: 1.0 (Mac OS X Mail 16.0 \\(3696.120.41.1.3\\))\r\nA: 1\r\n" BODY,
	 "MIME-Version: 1.0\r\nA: 1\r\n" BODY},
	{"Mime-Version: 1.0\r\n" BODY, "Mime-Version: 1.0\r\n" BODY},
	{"Mime-Version:1.0 \r\n" BODY, "Mime-Version:1.0 \r\n" BODY},
	{"Mime-Version: 2.0 (x)\r\n" BODY, "Mime-Version: 2.0 (x)\r\n" BODY},
	/* Where the header ends without an empty line, and what is no field in it. */
	{"A: 1\r\nno field\r\nX-Mailer: behind it\r\nB: 2\r\n" BODY,
	 "A: 1\r\nno field\r\nX-Mailer: behind it\r\nB: 2\r\n" BODY},
	{"A: 1\r\nX-Mailer: a\r\nno field\r\nB: 2\r\n" BODY, "A: 1\r\nno field\r\nB: 2\r\n" BODY},
	{"A: 1\r\n--boundary\r\nX-Mailer: of a part\r\n", "A: 1\r\n--boundary\r\nX-Mailer: of a part\r\n"},
	{"no field\r\nnone either\r\nX-Mailer: text\r\n", "no field\r\nnone either\r\nX-Mailer: text\r\n"},
	{"From a@b Tue Jul  1 2003\r\ntext\r\nnone\r\nX-Mailer: text\r\n",
	 "From a@b Tue Jul  1 2003\r\ntext\r\nnone\r\nX-Mailer: text\r\n"},
	/* Torn at its end. */
	{"X-Mailer: no line end", "X-Mailer: no line end"},
	{"A: 1\r\nX-Mailer: y\r\nX-Mailer: no line end", "A: 1\r\nX-Mailer: no line end"},
};

static void what_tells_of_the_client_is_cut(void **state)
{
	for (size_t i = 0; i < sizeof(private_rows) / sizeof(private_rows[0]); i++)
		check_private(str_of(private_rows[i].letter), private_rows[i].want);
}

static void a_nul_is_an_octet_like_others(void **state)
{
	static const char letter[] = "A: \0\r\nX-Mailer: \0y\r\nX-\0Mailer: z\r\nB: 1\r\n\r\n";
	static struct header_edit edit;

	/* The third line is none, but a field follows it. */
	header_edit_read((struct str){letter, sizeof(letter) - 1}, true, &edit);
	assert_int_equal(edit.cuts.count, 1);
	assert_int_equal(edit.cuts.cut[0].at, 6);
	assert_int_equal(edit.cuts.cut[0].n, 14);
}

static void only_so_many_are_cut(void **state)
{
	static struct header_edit edit;
	struct buf letter, want;

	buf_init(&letter, 4 << 20);
	buf_init(&want, 4 << 20);
	for (unsigned i = 0; i < 10000; i++) {
		buf_add_z(&letter, "X-Mailer: y\r\nA: 1\r\n");
		buf_add_z(&want, i < HEADER_CUTS_MAX ? "A: 1\r\n" : "X-Mailer: y\r\nA: 1\r\n");
	}
	buf_add_z(&letter, BODY);
	buf_add_z(&want, BODY);
	buf_add_c(&want, '\0');
	check_private(buf_str(&letter), want.p);
	/* In a row they are one, as far as the limit of octets goes. */
	buf_clear(&letter);
	for (unsigned i = 0; i < 10000; i++)
		buf_add_z(&letter, "X-Mailer: 34567890\r\n");
	header_edit_read(buf_str(&letter), true, &edit);
	assert_int_equal(edit.cuts.count, 1);
	assert_int_equal(edit.cuts.cut[0].n, (HEADER_CUTS_HEAD - 1) / 20 * 20);
	buf_free(&letter);
	buf_free(&want);
}

/* A field that ends at that octet. */
static unsigned cuts_of_field_until(size_t end)
{
	static struct header_edit edit;
	struct buf letter;

	buf_init(&letter, 2 * HEADER_CUTS_HEAD);
	buf_add_z(&letter, "A: 1\r\nX-Mailer: ");
	while (letter.n < end - 2)
		buf_add_c(&letter, 'y');
	buf_add_z(&letter, "\r\n" BODY);
	header_edit_read(buf_str(&letter), true, &edit);
	struct header_cuts cuts;
	struct buf encoded;
	struct err e;

	buf_init(&encoded, HEADER_CUT_SIZE);
	header_cuts_write(&edit.cuts, &encoded);
	assert_int_equal(
		header_cuts_read(buf_str(&encoded), str_head(buf_str(&letter), HEADER_CUTS_HEAD), &cuts, &e),
		0);
	buf_free(&encoded);
	buf_free(&letter);
	return edit.cuts.count;
}

static void a_field_beyond_the_first_octets_stays(void **state)
{
	assert_int_equal(cuts_of_field_until(HEADER_CUTS_HEAD - 1), 1);
	assert_int_equal(cuts_of_field_until(HEADER_CUTS_HEAD), 0);
	assert_int_equal(cuts_of_field_until(HEADER_CUTS_HEAD + 1), 0);
}

/* --- what is added ------------------------------------------------------------------------------- */

#define DATE "Date: Tue, 1 Jul 2003 10:52:37 +0200\r\n"
#define ID "Message-ID: <20030701085237.3E8@mail.example.org>\r\n"
#define FROM "From: <a@b.test>\r\n"

static const struct {
	const char *letter, *sender, *want;
} missing_rows[] = {
	{"Subject: x\r\n\r\nDate: in the body\r\nMessage-ID: <there@too>\r\n", "", DATE ID},
	{"", "", DATE ID},
	{"date: x\r\n", "", ID},
	{"Message-Id: <a@b>\r\nResent-Date: x\r\n", "", DATE},
	{"Message-Id: <a@b>\r\nDate: x\r\n", "", ""},
	{"Message-Id: <a@b>\r\nDate: x\r\n", "a@b.test", FROM},
	{"Subject: x\r\n", "a@b.test", DATE ID FROM},
	{"from: c@d.test\r\n", "a@b.test", DATE ID},
	/* Fields only as far as the header goes. */
	{"A: 1\r\n--b\r\nDate: of a part\r\nMessage-ID: <x>\r\n", "", DATE ID},
	{"From a@b.test Tue Jul  1\r\ntext\r\nnone\r\nDate: x\r\n", "", DATE ID},
	{"A: 1\r\nno field\r\nDate: x\r\n", "", ID},
};

static void what_lacks_is_added(void **state)
{
	static struct header_edit edit;

	for (size_t i = 0; i < sizeof(missing_rows) / sizeof(missing_rows[0]); i++) {
		struct header_missing missing = {.now = {INT64_C(1057049557000000), 120},
						 .id = STR("3E8"),
						 .host = STR("mail.example.org"),
						 .sender = str_of(missing_rows[i].sender)};

		header_edit_read(str_of(missing_rows[i].letter), false, &edit);
		assert_int_equal(edit.cuts.count, 0);
		buf_clear(&out);
		header_edit_write(&edit, &missing, &out);
		assert_str(buf_str(&out), missing_rows[i].want);
		buf_clear(&out);
		header_edit_write(&edit, NULL, &out);
		assert_int_equal(out.n, 0);
	}
}

static void fields_of_a_huge_header_are_found(void **state)
{
	static struct header_edit edit;
	struct buf letter;

	buf_init(&letter, 4 << 20);
	for (unsigned i = 0; i < 10000; i++)
		buf_printf(&letter, "X-Field-%u: a value that makes the header a long one\r\n folded\r\n", i);
	buf_add_z(&letter, "Date: x\r\nMessage-ID: <a@b>\r\nFrom: c@d\r\n\r\n");
	header_edit_read(buf_str(&letter), true, &edit);
	assert_true(edit.has_date && edit.has_message_id && edit.has_from);
	assert_int_equal(edit.cuts.count, 0);
	buf_free(&letter);
}

/* --- cuts of somebody else ----------------------------------------------------------------------- */

#define HEAD "A: 1\r\nB: 2\r\n 3\r\nC: 4\r\n\r\nD: 5\r\nE: 6\r\n"

static const struct {
	struct {
		uint64_t at;
		uint32_t n;
	} cut[2];
	bool good;
} cut_rows[] = {
	{{{0, 6}}, true},
	{{{6, 10}}, true},
	{{{16, 6}}, true},
	{{{0, 16}}, true},
	{{{0, 22}}, true},
	{{{0, 6}, {16, 6}}, true},
	/* Empty, touching, overlapping, descending, twice. */
	{{{0, 0}, {6, 10}}, false},
	{{{0, 6}, {6, 10}}, false},
	{{{0, 16}, {6, 10}}, false},
	{{{16, 6}, {0, 6}}, false},
	{{{0, 6}, {0, 6}}, false},
	/* Not whole fields. */
	{{{1, 5}}, false},
	{{{0, 5}}, false},
	{{{0, 7}}, false},
	{{{6, 6}}, false},
	{{{12, 4}}, false},
	/* The empty line, the body, nowhere. */
	{{{16, 8}}, false},
	{{{22, 2}}, false},
	{{{24, 6}}, false},
	{{{0, 30}}, false},
	{{{36, 1}}, false},
	{{{0, UINT32_MAX}}, false},
	{{{UINT64_MAX, 1}}, false},
	{{{UINT64_MAX - 5, 6}}, false},
	{{{UINT64_C(1) << 32, 6}}, false},
};

static void cuts_are_checked(void **state)
{
	for (size_t i = 0; i < sizeof(cut_rows) / sizeof(cut_rows[0]); i++) {
		struct header_cuts got;
		struct buf encoded;
		struct err e;

		buf_init(&encoded, 100);
		for (unsigned k = 0; k < 2 && (k == 0 || cut_rows[i].cut[k].n > 0); k++) {
			buf_put_u64(&encoded, cut_rows[i].cut[k].at);
			buf_put_u32(&encoded, cut_rows[i].cut[k].n);
		}
		if (header_cuts_read(buf_str(&encoded), STR(HEAD), &got, &e) !=
		    (cut_rows[i].good ? 0 : ERR_INVALID))
			fail_msg("row %zu", i);
		buf_free(&encoded);
	}
}

static void only_so_many_cuts_are_read(void **state)
{
	static struct header_cuts cuts, got;
	struct buf head, encoded;
	struct err e;

	buf_init(&head, HEADER_CUTS_HEAD);
	buf_init(&encoded, 2 * (size_t)HEADER_CUTS_MAX * HEADER_CUT_SIZE);
	while (buf_add_z(&head, "A:\r\nB:\r\n"), cuts.count < HEADER_CUTS_MAX) {
		cuts.cut[cuts.count] = (struct header_cut){cuts.count * 8, 4};
		cuts.count++;
	}
	header_cuts_write(&cuts, &encoded);
	assert_int_equal(header_cuts_read(buf_str(&encoded), buf_str(&head), &got, &e), 0);
	assert_int_equal(got.count, HEADER_CUTS_MAX);
	buf_put_u64(&encoded, (uint64_t)HEADER_CUTS_MAX * 8);
	buf_put_u32(&encoded, 4);
	assert_int_equal(header_cuts_read(buf_str(&encoded), buf_str(&head), &got, &e), ERR_INVALID);
	assert_string_equal(e.text, "no cuts have that length");
	buf_truncate(&encoded, HEADER_CUT_SIZE + 1);
	assert_int_equal(header_cuts_read(buf_str(&encoded), buf_str(&head), &got, &e), ERR_INVALID);
	buf_truncate(&encoded, 0);
	assert_int_equal(header_cuts_read(buf_str(&encoded), STR(""), &got, &e), 0);
	assert_int_equal(got.count, 0);
	buf_free(&encoded);
	buf_free(&head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_tells_of_the_client_is_cut, set_up, tear_down),
		cmocka_unit_test(a_nul_is_an_octet_like_others),
		cmocka_unit_test_setup_teardown(only_so_many_are_cut, set_up, tear_down),
		cmocka_unit_test(a_field_beyond_the_first_octets_stays),
		cmocka_unit_test_setup_teardown(what_lacks_is_added, set_up, tear_down),
		cmocka_unit_test(fields_of_a_huge_header_are_found),
		cmocka_unit_test(cuts_are_checked),
		cmocka_unit_test(only_so_many_cuts_are_read),
	};

	return cmocka_run_group_tests_name("header_edit", tests, NULL, NULL);
}
