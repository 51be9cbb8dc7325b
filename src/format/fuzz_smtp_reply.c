/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_smtp_reply: a server that says anything: limits hold, codes are codes. */
#include "base/err.h"
#include "format/smtp_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct smtp_reply *r, int rc, struct str line)
{
	must(r->text.n <= SMTP_REPLY_TEXT_MAX && !buf_failed(&r->text) && r->lines <= SMTP_REPLY_LINES_MAX);
	must(r->code == 0 || (r->code >= 200 && r->code <= 599));
	must(r->class == 0 || (r->class == r->code / 100 && r->subject <= 999 && r->detail <= 999));
	must(rc != SMTP_REPLY_MORE || line.p[3] == '-');
	must(rc != SMTP_REPLY_DONE || line.n == 3 || line.p[3] == ' ');
	must(rc == SMTP_REPLY_MORE || rc == SMTP_REPLY_DONE || rc == ERR_INVALID || rc == ERR_TOO_BIG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct smtp_reply r;
	struct smtp_ehlo e;
	int rc = SMTP_REPLY_MORE;

	smtp_reply_init(&r);
	while (in.n && rc == SMTP_REPLY_MORE) {
		struct str line = str_cut(&in, '\n');

		rc = smtp_reply_line(&r, line);
		check(&r, rc, line);
	}
	smtp_ehlo_parse(smtp_reply_text(&r), &e);
	must(e.auth || e.mechanisms == 0);
	must(e.size || e.size_max == 0);
	smtp_reply_free(&r);
	return 0;
}
