/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_sendmail_letter: whatever the header says, no address can break out of its command, no
 * Bcc goes out, and nothing of the rest is lost.
 */
#include "cli/sendmail_letter.h"
#include "format/header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void check_addresses(const struct sendmail_recipients *r)
{
	for (size_t i = 0; i < r->count; i++) {
		must(r->address[i].n > 0 && r->address[i].n <= SENDMAIL_ADDRESS_MAX);
		for (size_t k = 0; k < r->address[i].n; k++)
			must((unsigned char)r->address[i].p[k] >= ' ' && r->address[i].p[k] != 0x7F);
		for (size_t k = 0; k < i; k++)
			must(!str_eq(r->address[i], r->address[k]));
	}
}

static void check_front(const struct sendmail_header *h)
{
	struct header_scan scan = header_scan_of(buf_str(&h->front));
	struct header_field f;

	while (header_next(&scan, &f))
		must(f.id != HEADER_BCC && f.id != HEADER_RESENT_BCC);
}

static void check_end(struct str all)
{
	struct sendmail_end at_once = {0, 0}, in_steps = {0, 0};
	struct buf a, b;
	bool found = false;

	buf_init(&a, all.n + 1);
	buf_init(&b, all.n + 1);
	buf_add_str(&a, all);
	for (struct str rest = all; rest.n && !found; rest = str_skip(rest, 3)) {
		buf_add_str(&b, str_head(rest, 3));
		found = sendmail_end_found(&in_steps, &b, rest.n <= 3);
	}
	must(sendmail_end_found(&at_once, &a, true) == found);
	must(str_eq(buf_str(&a), buf_str(&b)));
	buf_free(&a);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str letter = {(const char *)data, size};
	struct sendmail_recipients r;
	struct sendmail_header h;
	struct err e;

	check_end(letter);
	must(sendmail_recipients_init(&r) == 0);
	if (sendmail_header_make(letter, &r, &h, &e) == 0) {
		must(h.rest.p >= letter.p && h.rest.p + h.rest.n == letter.p + letter.n);
		must(h.front.n <= letter.n - h.rest.n + 2);
		check_front(&h);
	}
	check_addresses(&r);
	sendmail_header_free(&h);
	sendmail_recipients_free(&r);
	return 0;
}
