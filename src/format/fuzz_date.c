/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_date: a date that was understood, written in any form, reads back as the same moment. */
#include "format/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct date d)
{
	struct date again;
	struct buf out;

	/* A moment of the year 0000 or 9999 may lie outside them in UTC, not in its own zone. */
	buf_init(&out, 64);
	date_write_imap(d, &out);
	if (out.n != 26 || date_parse_imap(buf_str(&out), &again) != 0 ||
	    again.us / 1000000 != d.us / 1000000 || again.zone != d.zone)
		abort();
	buf_clear(&out);
	date_write_mail(d, &out);
	if (date_parse_mail(buf_str(&out), &again) != 0 || again.us / 1000000 != d.us / 1000000)
		abort();
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct date d;

	if (date_parse_mail(in, &d) == 0)
		check(d);
	if (date_parse_imap(in, &d) == 0)
		check(d);
	return 0;
}
