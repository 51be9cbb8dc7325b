/* SPDX-License-Identifier: Apache-2.0 */
/* Modified UTF-7: what is taken comes back byte for byte, both ways. */
#include "format/imap_utf7.h"

#include "format/imap_mailbox.h"

#include <stdlib.h>
#include <unistr.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* A kept name is what it would be made of itself. */
static void check_name(struct str wire, bool utf8)
{
	struct buf name, again;
	struct err e;

	buf_init(&name, 4 * IMAP_MAILBOX_MAX);
	buf_init(&again, 4 * IMAP_MAILBOX_MAX);
	if (imap_mailbox_read(wire, utf8, &name, &e) == 0) {
		must(name.n > 0 && name.n <= IMAP_MAILBOX_MAX);
		must(imap_mailbox_read(buf_str(&name), true, &again, &e) == 0);
		must(str_eq(buf_str(&name), buf_str(&again)));
	}
	buf_free(&name);
	buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct buf there, back;

	buf_init(&there, 8 * size);
	buf_init(&back, 8 * size);
	if (imap_utf7_decode(in, &there) == 0) {
		must(there.n == 0 || !u8_check((const uint8_t *)there.p, there.n));
		must(imap_utf7_encode(buf_str(&there), &back) == 0);
		must(str_eq(buf_str(&back), in));
	}
	buf_clear(&there);
	buf_clear(&back);
	if (imap_utf7_encode(in, &there) == 0) {
		must(size == 0 || !u8_check(data, size));
		must(imap_utf7_decode(buf_str(&there), &back) == 0);
		must(str_eq(buf_str(&back), in));
	}
	buf_free(&there);
	buf_free(&back);
	check_name(in, false);
	check_name(in, true);
	return 0;
}
