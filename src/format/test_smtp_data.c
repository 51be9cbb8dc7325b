/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "format/smtp_data.h"

struct outcome {
	enum smtp_data_status status;
	struct buf out;
	size_t taken;
	struct smtp_data d;
};

/* Feeds s cut at the given places; a step of 0 feeds it whole. */
static void run(struct outcome *o, enum smtp_data_kind kind, enum smtp_data_policy policy, struct str s,
		size_t cut, size_t step)
{
	struct str rest = s;

	buf_init(&o->out, 3 * s.n + 8);
	smtp_data_init(&o->d, kind, policy, 100);
	o->status = SMTP_DATA_MORE;
	while (rest.n && o->status == SMTP_DATA_MORE) {
		size_t done = s.n - rest.n;
		size_t n = step ? step : done < cut ? cut - done : rest.n;
		struct str chunk = str_head(rest, n);

		o->status = smtp_data_feed(&o->d, &chunk, &o->out);
		rest = str_skip(rest, (size_t)(chunk.p - rest.p));
	}
	if (kind != SMTP_DATA_DOTS)
		o->status = smtp_data_finish(&o->d, &o->out);
	o->taken = s.n - rest.n;
	assert_false(buf_failed(&o->out));
}

static void assert_same(struct outcome *a, struct outcome *b)
{
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->taken, b->taken);
	assert_true(str_eq(buf_str(&a->out), buf_str(&b->out)));
	assert_true(a->d.size == b->d.size && a->d.longest_line == b->d.longest_line);
	assert_true(a->d.line_too_long == b->d.line_too_long && a->d.has_8bit == b->d.has_8bit);
	assert_true(a->d.has_nul == b->d.has_nul && a->d.has_bare == b->d.has_bare);
}

/* Runs s whole, cut at every place, and byte by byte; all must agree. */
static void run_all(struct outcome *whole, enum smtp_data_kind kind, enum smtp_data_policy policy,
		    struct str s)
{
	struct outcome other;

	run(whole, kind, policy, s, s.n, 0);
	for (size_t cut = 1; cut < s.n; cut++) {
		run(&other, kind, policy, s, cut, 0);
		assert_same(whole, &other);
		buf_free(&other.out);
	}
	run(&other, kind, policy, s, 0, 1);
	assert_same(whole, &other);
	buf_free(&other.out);
}

#define END SMTP_DATA_END
#define MORE SMTP_DATA_MORE
#define BARE SMTP_DATA_BARE

/*
 * What a sender may try: each input goes in after 354.  A verdict of END means
 * that the letter ended and what follows is a command; anything behind a false
 * end must never get there.
 */
static const struct {
	struct str in;
	enum smtp_data_status refused; /* with SMTP_BARE_REFUSE */
	enum smtp_data_status normalised; /* with SMTP_BARE_NORMALISE */
	const char *want; /* the letter with SMTP_BARE_NORMALISE */
	const char *rest; /* what END leaves */
} letters[] = {
	/* Letters as they should be. */
	{STR_INIT("a\r\n.\r\n"), END, END, "a\r\n", ""},
	{STR_INIT(".\r\n"), END, END, "", ""},
	{STR_INIT("\r\n.\r\nQUIT\r\n"), END, END, "\r\n", "QUIT\r\n"},
	{STR_INIT("a\r\n..\r\n.\r\n"), END, END, "a\r\n.\r\n", ""},
	{STR_INIT("..a\r\n...\r\n.\r\n"), END, END, ".a\r\n..\r\n", ""},
	{STR_INIT(".a\r\n.\r\n"), END, END, "a\r\n", ""},
	{STR_INIT("a.\r\nb.c\r\n.\r\n"), END, END, "a.\r\nb.c\r\n", ""},
	{STR_INIT("a\r\n. \r\n.\r\n"), END, END, "a\r\n \r\n", ""},
	{STR_INIT("a\r\n"), MORE, MORE, "a\r\n", NULL},
	{STR_INIT("a\r\n."), MORE, MORE, "a\r\n", NULL},
	{STR_INIT("a\r\n.\r"), MORE, MORE, "a\r\n", NULL},
	{STR_INIT("a\r\n.\r\n.\r\n"), END, END, "a\r\n", ".\r\n"},
	/* Ends that are none. */
	{STR_INIT("a\n.\nMAIL FROM:<x>\r\n"), BARE, MORE, "a\r\n.\r\nMAIL FROM:<x>\r\n", NULL},
	{STR_INIT("a\n.\r\nMAIL FROM:<x>\r\n"), BARE, MORE, "a\r\n.\r\nMAIL FROM:<x>\r\n", NULL},
	{STR_INIT("a\r\n.\nMAIL FROM:<x>\r\n"), BARE, MORE, "a\r\n.\r\nMAIL FROM:<x>\r\n", NULL},
	{STR_INIT("a\r.\rMAIL FROM:<x>\r\n"), BARE, MORE, "a\r\n.\r\nMAIL FROM:<x>\r\n", NULL},
	{STR_INIT("a\r.\r\nMAIL FROM:<x>\r\n"), BARE, MORE, "a\r\n.\r\nMAIL FROM:<x>\r\n", NULL},
	{STR_INIT("a\r\n.\rMAIL FROM:<x>\r\n"), BARE, MORE, "a\r\n.\r\nMAIL FROM:<x>\r\n", NULL},
	{STR_INIT("a\r.\nMAIL FROM:<x>\r\n"), BARE, MORE, "a\r\n.\r\nMAIL FROM:<x>\r\n", NULL},
	{STR_INIT("a\n.\rMAIL FROM:<x>\r\n"), BARE, MORE, "a\r\n.\r\nMAIL FROM:<x>\r\n", NULL},
	{STR_INIT("a\r\r\n.\r\nMAIL FROM:<x>\r\n"), BARE, MORE, "a\r\n.\r\nMAIL FROM:<x>\r\n", NULL},
	{STR_INIT("a\r\n.\r\r\nMAIL FROM:<x>\r\n"), BARE, MORE, "a\r\n.\r\nMAIL FROM:<x>\r\n", NULL},
	{STR_INIT("a\r\r\n.\r\r\nb\r\n"), BARE, MORE, "a\r\n.\r\nb\r\n", NULL},
	{STR_INIT("a\r\n.\n\rb\r\n"), BARE, MORE, "a\r\n.\r\n\r\nb\r\n", NULL},
	{STR_INIT("a\n\r.\n\rb\r\n"), BARE, MORE, "a\r\n\r\n.\r\n\r\nb\r\n", NULL},
	{STR_INIT("a\n\r\n.\r\n"), BARE, END, "a\r\n\r\n", ""},
	{STR_INIT("a\r\n\0.\r\nb\r\n"), MORE, MORE, NULL, NULL},
	{STR_INIT("a\r\n.\0\r\nb\r\n"), MORE, MORE, NULL, NULL},
	{STR_INIT("a\r\n.\r\0\nb\r\n"), BARE, MORE, NULL, NULL},
	{STR_INIT("a\r\0\n.\r\nb\r\n"), BARE, MORE, NULL, NULL},
	{STR_INIT("a\r\n.\t\r\nb\r\n"), MORE, MORE, "a\r\n\t\r\nb\r\n", NULL},
	{STR_INIT("a\r\n .\r\nb\r\n"), MORE, MORE, "a\r\n .\r\nb\r\n", NULL},
	{STR_INIT("a\r\n..\r\nb\r\n"), MORE, MORE, "a\r\n.\r\nb\r\n", NULL},
	{STR_INIT("a\r\n.\x85.\r\n"), MORE, MORE, "a\r\n\x85.\r\n", NULL},
	{STR_INIT("a\r\n.\x8D\x8A"
		  "b\r\n"),
	 MORE, MORE,
	 "a\r\n\x8D\x8A"
	 "b\r\n",
	 NULL},
	{STR_INIT("a\xE2\x80\xA8.\xE2\x80\xA8"
		  "b\r\n"),
	 MORE, MORE,
	 "a\xE2\x80\xA8.\xE2\x80\xA8"
	 "b\r\n",
	 NULL},
	{STR_INIT("a\v.\vb\f.\f\r\n"), MORE, MORE, "a\v.\vb\f.\f\r\n", NULL},
	{STR_INIT(".\nb\r\n"), BARE, MORE, ".\r\nb\r\n", NULL},
	{STR_INIT(".\rb\r\n"), BARE, MORE, ".\r\nb\r\n", NULL},
	{STR_INIT("\n.\r\nb\r\n"), BARE, MORE, "\r\n.\r\nb\r\n", NULL},
	/* False ends in front of a true one. */
	{STR_INIT("a\n.\nb\r\n.\r\nQUIT"), BARE, END, "a\r\n.\r\nb\r\n", "QUIT"},
	{STR_INIT("a\n.\r\n.\r\nQUIT"), BARE, END, "a\r\n.\r\n", "QUIT"},
	{STR_INIT("a\r\n.\n.\r\n.\r\nQUIT"), BARE, END, "a\r\n.\r\n.\r\n", "QUIT"},
	{STR_INIT("a\r\r\r\n.\r\n.\r\nQUIT"), BARE, END, "a\r\n\r\n.\r\n", "QUIT"},
	/* Other bare ones. */
	{STR_INIT("a\nb\r\n"), BARE, MORE, "a\r\nb\r\n", NULL},
	{STR_INIT("a\rb\r\n"), BARE, MORE, "a\r\nb\r\n", NULL},
	{STR_INIT("a\r\rb\r\n"), BARE, MORE, "a\r\n\r\nb\r\n", NULL},
	{STR_INIT("a\r\r\r\rb\r\n"), BARE, MORE, "a\r\n\r\n\r\n\r\nb\r\n", NULL},
	{STR_INIT("a\n..b\r\n"), BARE, MORE, "a\r\n.b\r\n", NULL},
};

static void ends_at_the_true_end_only(void **state)
{
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		struct outcome o;

		run_all(&o, SMTP_DATA_DOTS, SMTP_BARE_REFUSE, letters[i].in);
		if (o.status != letters[i].refused || o.d.has_bare != (o.status == BARE))
			fail_msg("letter %zu, refusing: %d", i, o.status);
		buf_free(&o.out);

		run_all(&o, SMTP_DATA_DOTS, SMTP_BARE_NORMALISE, letters[i].in);
		if (o.status != letters[i].normalised)
			fail_msg("letter %zu, normalising: %d", i, o.status);
		assert_int_equal(o.d.has_bare, letters[i].refused == BARE);
		assert_int_equal(o.d.size, o.out.n);
		if (letters[i].want)
			assert_str(buf_str(&o.out), letters[i].want);
		if (letters[i].rest)
			assert_str(str_skip(letters[i].in, o.taken), letters[i].rest);
		buf_free(&o.out);
	}
}

static void refusing_stays_refusing(void **state)
{
	struct outcome o;
	struct str more = STR("\r\n.\r\n");

	run(&o, SMTP_DATA_DOTS, SMTP_BARE_REFUSE, STR("a\nb"), 3, 0);
	assert_int_equal(smtp_data_feed(&o.d, &more, &o.out), SMTP_DATA_BARE);
	assert_str(more, "\r\n.\r\n");
	assert_int_equal(smtp_data_finish(&o.d, &o.out), SMTP_DATA_BARE);
	buf_free(&o.out);
}

static void takes_chunks_as_they_are(void **state)
{
	static const struct {
		struct str in;
		enum smtp_data_status refused;
		const char *want; /* normalised */
	} chunks[] = {
		{STR_INIT("a\r\n.\r\n..b\r\n"), END, "a\r\n.\r\n..b\r\n"},
		{STR_INIT(".\r\n"), END, ".\r\n"},
		{STR_INIT("no line end"), END, "no line end"},
		{STR_INIT("a\r\n.\nb\r\n"), BARE, "a\r\n.\r\nb\r\n"},
		{STR_INIT("a\r"), BARE, "a\r\n"},
		{STR_INIT("a\r\r"), BARE, "a\r\n\r\n"},
		{STR_INIT(""), END, ""},
	};

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		struct outcome o;

		run_all(&o, SMTP_DATA_CHUNKS, SMTP_BARE_REFUSE, chunks[i].in);
		assert_int_equal(o.status, chunks[i].refused);
		buf_free(&o.out);
		run_all(&o, SMTP_DATA_CHUNKS, SMTP_BARE_NORMALISE, chunks[i].in);
		assert_int_equal(o.status, END);
		assert_str(buf_str(&o.out), chunks[i].want);
		buf_free(&o.out);
	}
}

static void stuffs_what_is_sent(void **state)
{
	static const struct {
		struct str in;
		const char *want;
	} sent[] = {
		{STR_INIT("a\r\n"), "a\r\n.\r\n"},
		{STR_INIT(""), ".\r\n"},
		{STR_INIT("."), "..\r\n.\r\n"},
		{STR_INIT(".\r\n..\r\n.a\r\n"), "..\r\n...\r\n..a\r\n.\r\n"},
		{STR_INIT("no end"), "no end\r\n.\r\n"},
		/* What IMAP or an import brought in must not become a false end elsewhere. */
		{STR_INIT("a\n.\nMAIL\r\n"), "a\r\n..\r\nMAIL\r\n.\r\n"},
		{STR_INIT("a\r.\rMAIL\r\n"), "a\r\n..\r\nMAIL\r\n.\r\n"},
		{STR_INIT("a\r\n.\n"), "a\r\n..\r\n.\r\n"},
		{STR_INIT("a\r"), "a\r\n.\r\n"},
		{STR_INIT("a\r\r\nb"), "a\r\nb\r\n.\r\n"},
		{STR_INIT("\r\r."), "\r\n\r\n..\r\n.\r\n"},
	};

	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		struct outcome o, back;

		run_all(&o, SMTP_DATA_SENDING, SMTP_BARE_REFUSE, sent[i].in);
		assert_int_equal(o.status, END);
		assert_str(buf_str(&o.out), sent[i].want);
		/* The strictest receiver reads one letter out of it. */
		run_all(&back, SMTP_DATA_DOTS, SMTP_BARE_REFUSE, buf_str(&o.out));
		assert_int_equal(back.status, END);
		assert_int_equal(back.taken, o.out.n);
		buf_free(&back.out);
		buf_free(&o.out);
	}
}

static void counts_lines_and_bytes(void **state)
{
	struct outcome o;
	char text[300];

	memset(text, 'x', sizeof(text));
	text[0] = '.';
	/* The stuffed dot does not count: 100 octets are the limit of these tests. */
	memcpy(text + 101, "\r\n.\r\n", 5);
	run_all(&o, SMTP_DATA_DOTS, SMTP_BARE_REFUSE, (struct str){text, 106});
	assert_int_equal(o.status, END);
	assert_int_equal(o.d.longest_line, 100);
	assert_false(o.d.line_too_long);
	buf_free(&o.out);

	text[0] = 'x';
	run_all(&o, SMTP_DATA_DOTS, SMTP_BARE_REFUSE, (struct str){text, 106});
	assert_int_equal(o.status, END);
	assert_int_equal(o.d.longest_line, 101);
	assert_true(o.d.line_too_long);
	assert_int_equal(o.out.n, 102);
	buf_free(&o.out);

	run_all(&o, SMTP_DATA_DOTS, SMTP_BARE_REFUSE, STR("a\0b\x80\r\n.\r\n"));
	assert_true(o.d.has_nul && o.d.has_8bit);
	buf_free(&o.out);
	run_all(&o, SMTP_DATA_DOTS, SMTP_BARE_REFUSE, STR("a\x7F\r\n.\r\n"));
	assert_false(o.d.has_nul || o.d.has_8bit);
	buf_free(&o.out);
}

static void goes_on_without_room(void **state)
{
	struct smtp_data d;
	struct buf small;
	struct str in = STR("abcdef\r\nxyz\r\n.\r\nQUIT");

	smtp_data_init(&d, SMTP_DATA_DOTS, SMTP_BARE_REFUSE, 1000);
	assert_int_equal(smtp_data_feed(&d, &in, NULL), END);
	assert_str(in, "QUIT");
	assert_int_equal(d.size, 13);

	in = STR("abcdef\r\nxyz\r\n.\r\nQUIT");
	buf_init(&small, 7);
	smtp_data_init(&d, SMTP_DATA_DOTS, SMTP_BARE_REFUSE, 1000);
	assert_int_equal(smtp_data_feed(&d, &in, &small), END);
	assert_true(buf_failed(&small));
	assert_str(buf_str(&small), "abcdef");
	assert_int_equal(d.size, 13);
	buf_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_at_the_true_end_only), cmocka_unit_test(refusing_stays_refusing),
		cmocka_unit_test(takes_chunks_as_they_are),  cmocka_unit_test(stuffs_what_is_sent),
		cmocka_unit_test(counts_lines_and_bytes),    cmocka_unit_test(goes_on_without_room),
	};

	return cmocka_run_group_tests_name("smtp_data", tests, NULL, NULL);
}
