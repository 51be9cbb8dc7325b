/* SPDX-License-Identifier: Apache-2.0 */
/* A text is found however it is cut, and what is part of it is found in it. */
#include "format/textfind.h"

#include <stdlib.h>
#include <unistr.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Valid UTF-8 that stands in the text is found, whatever its case. */
static void check_part(struct str text, size_t from, size_t n)
{
	struct str part = str_head(str_skip(text, from), n);
	struct needle needle;

	if (part.n && u8_check((const uint8_t *)part.p, part.n))
		return;
	must(needle_init(&needle, part) == 0);
	must(needle_in(&needle, text) || (text.n && u8_check((const uint8_t *)text.p, text.n)));
	needle_free(&needle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct textfind f;
	struct needle n;

	if (size < 2)
		return 0;
	struct str text = {(const char *)data + 2, size - 2}, what = str_cut(&text, '\n');
	size_t step = data[0] % 9 + 1u;

	must(needle_init(&n, what) == 0);
	bool whole = needle_in(&n, text);

	textfind_init(&f, &n);
	for (struct str rest = text; rest.n; rest = str_skip(rest, step))
		textfind_add(&f, str_head(rest, step));
	must(textfind_end(&f) == whole);
	textfind_free(&f);
	needle_free(&n);
	check_part(text, data[1], data[0]);
	return 0;
}
