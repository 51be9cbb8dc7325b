/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_smtp_data: where the input is cut changes nothing; a result never holds a
 * bare CR or LF; what is sent, the strictest receiver reads back as one letter,
 * the same that chunks would have brought.
 */
#include "format/smtp_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	struct smtp_data d;
	enum smtp_data_status status;
	struct buf out;
	size_t left;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void decode(struct outcome *o, enum smtp_data_kind kind, enum smtp_data_policy policy, struct str s,
		   size_t step)
{
	buf_init(&o->out, 3 * s.n + 8);
	smtp_data_init(&o->d, kind, policy, 1000);
	o->status = SMTP_DATA_MORE;
	while (s.n && o->status == SMTP_DATA_MORE) {
		struct str chunk = str_head(s, step);

		o->status = smtp_data_feed(&o->d, &chunk, &o->out);
		s = str_skip(s, (size_t)(chunk.p - s.p));
	}
	o->status = smtp_data_finish(&o->d, &o->out);
	o->left = s.n;
	must(!buf_failed(&o->out) && o->d.size == o->out.n);
}

static void must_have_whole_lines(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		must(s.p[i] != '\n' || (i > 0 && s.p[i - 1] == '\r'));
		must(s.p[i] != '\r' || (i + 1 < s.n && s.p[i + 1] == '\n'));
	}
}

static void check(enum smtp_data_kind kind, enum smtp_data_policy policy, struct str s, size_t step)
{
	struct outcome whole, cut;

	decode(&whole, kind, policy, s, s.n + 1);
	decode(&cut, kind, policy, s, step);
	must(whole.status == cut.status && whole.left == cut.left);
	must(str_eq(buf_str(&whole.out), buf_str(&cut.out)));
	must(whole.d.longest_line == cut.d.longest_line && whole.d.line_too_long == cut.d.line_too_long);
	must(whole.d.has_8bit == cut.d.has_8bit && whole.d.has_nul == cut.d.has_nul);
	must(whole.d.has_bare == cut.d.has_bare);
	must((whole.status == SMTP_DATA_BARE) == (policy == SMTP_BARE_REFUSE && whole.d.has_bare));
	must_have_whole_lines(buf_str(&whole.out));
	buf_free(&whole.out);
	buf_free(&cut.out);
}

static void check_round_trip(struct str s)
{
	struct outcome plain, sent, back;

	decode(&plain, SMTP_DATA_CHUNKS, SMTP_BARE_NORMALISE, s, s.n + 1);
	decode(&sent, SMTP_DATA_SENDING, SMTP_BARE_NORMALISE, s, s.n + 1);
	decode(&back, SMTP_DATA_DOTS, SMTP_BARE_REFUSE, buf_str(&sent.out), sent.out.n);
	must(back.status == SMTP_DATA_END && back.left == 0);
	/* Sending ends the last line. */
	if (plain.out.n && !str_ends(buf_str(&plain.out), STR("\r\n")))
		buf_add_z(&plain.out, "\r\n");
	must(str_eq(buf_str(&plain.out), buf_str(&back.out)));
	buf_free(&plain.out);
	buf_free(&sent.out);
	buf_free(&back.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The first byte is the size of the chunks. */
	if (size < 2)
		return 0;

	struct str s = {(const char *)data + 1, size - 1};
	size_t step = data[0] % 16 + 1;

	check(SMTP_DATA_DOTS, SMTP_BARE_REFUSE, s, step);
	check(SMTP_DATA_DOTS, SMTP_BARE_NORMALISE, s, step);
	check(SMTP_DATA_CHUNKS, SMTP_BARE_REFUSE, s, step);
	check(SMTP_DATA_SENDING, SMTP_BARE_NORMALISE, s, step);
	check_round_trip(s);
	return 0;
}
