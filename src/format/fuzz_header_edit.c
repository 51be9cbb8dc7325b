/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_header_edit: what is found passes the check of who makes the cuts, nothing is left of it
 * and the body stays; a header that was completed needs no completion.  The first octet says how
 * many of those that follow it are somebody else's cuts of the rest.
 */
#include "format/header.h"
#include "format/header_edit.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static struct header_edit edit, again;
static struct header_cuts cuts;

static void make(struct str letter, const struct header_cuts *c, struct buf *out)
{
	buf_add_str(out, str_skip(letter, header_cuts_make(c, str_head(letter, HEADER_CUTS_HEAD), out)));
	must(!buf_failed(out));
}

static void check_own_cuts(struct str letter)
{
	struct buf encoded, out;
	struct err e;

	header_edit_read(letter, true, &edit);
	buf_init(&encoded, (size_t)HEADER_CUTS_MAX * HEADER_CUT_SIZE);
	buf_init(&out, letter.n + 100);
	header_cuts_write(&edit.cuts, &encoded);
	must(!buf_failed(&encoded));
	must(header_cuts_read(buf_str(&encoded), str_head(letter, HEADER_CUTS_HEAD), &cuts, &e) == 0);
	make(letter, &cuts, &out);
	if (edit.cuts.count < HEADER_CUTS_MAX && letter.n < HEADER_CUTS_HEAD) {
		header_edit_read(buf_str(&out), true, &again);
		must(again.cuts.count == 0);
		must(again.has_date == edit.has_date && again.has_from == edit.has_from);
	}
	buf_free(&encoded);
	buf_free(&out);
}

static void check_completion(struct str letter)
{
	struct header_missing missing = {.id = STR("1"), .host = STR("m.test"), .sender = STR("a@m.test")};
	struct buf out;

	buf_init(&out, letter.n + 500);
	header_edit_read(letter, false, &edit);
	must(edit.cuts.count == 0);
	header_edit_write(&edit, &missing, &out);
	size_t front = out.n;

	buf_add_str(&out, letter);
	header_edit_read(buf_str(&out), false, &again);
	must(again.has_date && again.has_message_id && again.has_from);
	must(front <= 300);
	buf_free(&out);
}

/* Whatever is accepted leaves all but whole lines of the header. */
static void check_foreign_cuts(struct str encoded, struct str letter)
{
	struct buf out;
	struct err e;
	size_t behind = 0, sum = 0;

	if (header_cuts_read(encoded, str_head(letter, HEADER_CUTS_HEAD), &cuts, &e) != 0)
		return;
	must(encoded.n == (size_t)cuts.count * HEADER_CUT_SIZE);
	for (unsigned i = 0; i < cuts.count; i++) {
		struct str cut = str_head(str_skip(letter, cuts.cut[i].at), cuts.cut[i].n);

		must(cut.n == cuts.cut[i].n && cut.n > 0 && (i == 0 || cuts.cut[i].at > behind));
		behind = cuts.cut[i].at + cut.n;
		sum += cut.n;
		while (cut.n)
			must(header_line_text(header_cut_line(&cut)).n > 0);
	}
	buf_init(&out, letter.n);
	make(letter, &cuts, &out);
	must(out.n + sum == letter.n);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};

	check_own_cuts(in);
	check_completion(in);
	if (size > 0) {
		struct str rest = str_skip(in, 1);

		check_foreign_cuts(str_head(rest, data[0]), str_skip(rest, data[0]));
	}
	return 0;
}
