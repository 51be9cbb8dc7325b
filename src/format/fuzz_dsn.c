/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dsn: whatever peers and senders wrote, a report has three parts, no line of ours
 * without CRLF, and the letter comes back byte by byte.
 */
#include "format/dsn.h"
#include "format/mime.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_lines(struct str ours)
{
	for (size_t i = 0; i < ours.n; i++) {
		must(ours.p[i] != '\n' || (i > 0 && ours.p[i - 1] == '\r'));
		must(ours.p[i] != '\r' || (i + 1 < ours.n && ours.p[i + 1] == '\n'));
		must(ours.p[i] != 0);
	}
}

static void check_parts(struct str all, struct str original)
{
	struct str last = STR("");
	struct mime m;
	unsigned n = 0;

	must(mime_parse(&m, all) == 0);
	for (uint32_t i = 1; i < mime_part_count(&m); i++) {
		const struct mime_part *p = mime_part(&m, i);

		if (p->parent != 0)
			continue;
		n++;
		last = (struct str){all.p + p->body_start, p->body_end - p->body_start};
		if (n < 3)
			check_lines(str_head(all, p->body_end));
	}
	/* Beyond a limit of the parser the rest is one part. */
	must(n == 3 && str_starts(last, original));
	mime_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size}, evil = str_head(in, 512);
	struct dsn_recipient to = {evil, evil, str_head(in, 15), str_head(in, 300), evil};
	struct dsn d = {
		.hostname = STR("m.test"),
		.id = STR("2"),
		.letter = STR("1"),
		.sender = evil,
		.envid = str_head(in, 100),
		.smtputf8 = size & 1,
		.header_only = size & 2,
		.original = in,
		.recipients = &to,
		.count = 1,
	};
	struct buf out;

	buf_init(&out, size * 2 + 65536);
	dsn_write(&d, &out);
	must(!buf_failed(&out));
	check_parts(buf_str(&out), in);
	buf_free(&out);
	return 0;
}
