/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_outline: arbitrary bytes that the check accepts render safely, encode to
 * the same bytes, and give only ranges inside the letter.
 */
#include "format/imap_outline.h"
#include "format/imap_wellformed.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void must_be_harmless(const struct outline *o, uint64_t length)
{
	struct outline_range r;
	struct buf out;
	uint32_t part;

	buf_init(&out, (size_t)8 << 20);
	for (uint32_t i = 0; i < o->part_count; i++) {
		if (o->parts[i].envelope) {
			buf_clear(&out);
			imap_render_envelope(&out, o->parts[i].envelope, i & 1);
			must(imap_wellformed(buf_str(&out)));
		}
		for (int s = SECTION_BODY; s <= SECTION_MIME; s++)
			if (outline_section(o, &i, 1, (enum outline_section)s, &r, &part) == 0)
				must(r.start <= r.end && r.end <= length && part < o->part_count);
	}
	buf_clear(&out);
	imap_render_bodystructure(&out, o, true);
	must(imap_wellformed(buf_str(&out)));
	buf_free(&out);
}

/* The first two bytes are the letter's length. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outline o;
	struct arena a;
	struct buf out;
	struct err e;

	if (size < 2)
		return 0;
	uint64_t length = le16_get(data);
	struct str bytes = {(const char *)data + 2, size - 2};

	arena_init(&a, OUTLINE_ARENA_MAX);
	buf_init(&out, OUTLINE_MAX);
	if (outline_decode(&o, &a, bytes, length, &e) == 0) {
		must_be_harmless(&o, length);
		must(outline_encode(&o, &out) == 0);
		must(str_eq(buf_str(&out), bytes));
	}
	buf_free(&out);
	arena_free(&a);
	return 0;
}
