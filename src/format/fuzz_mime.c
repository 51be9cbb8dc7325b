/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_mime: any bytes give an outline that the check accepts, that comes back
 * from its encoding, and that renders to well-formed IMAP values.
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

static void must_render(const struct outline *o, bool utf8)
{
	struct buf out;

	buf_init(&out, (size_t)8 << 20);
	for (uint32_t i = 0; i < o->part_count; i++) {
		if (!o->parts[i].envelope)
			continue;
		buf_clear(&out);
		imap_render_envelope(&out, o->parts[i].envelope, utf8);
		must(!buf_failed(&out) && imap_wellformed(buf_str(&out)));
	}
	buf_clear(&out);
	imap_render_bodystructure(&out, o, utf8);
	must(!buf_failed(&out) && imap_wellformed(buf_str(&out)));
	buf_clear(&out);
	imap_render_body(&out, o, utf8);
	must(!buf_failed(&out) && imap_wellformed(buf_str(&out)));
	buf_free(&out);
}

/* Parsing costs a bounded number of looks at each byte. */
static void must_be_linear(struct str letter)
{
	struct mime m;

	must(mime_parse(&m, letter) == 0);
	must(m.steps <= (MIME_DEPTH_MAX + 2) * (letter.n + 1));
	mime_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str letter = {(const char *)data, size};
	struct outline o, again;
	struct arena a, b;
	struct buf one, two;
	struct err e;

	arena_init(&a, OUTLINE_ARENA_MAX);
	arena_init(&b, OUTLINE_ARENA_MAX);
	buf_init(&one, OUTLINE_MAX);
	buf_init(&two, OUTLINE_MAX);
	must_be_linear(letter);
	must(outline_build(&o, &a, letter, NULL) == 0);
	must(outline_check(&o, size, &e) == 0);
	must(outline_encode(&o, &one) == 0);
	must(outline_decode(&again, &b, buf_str(&one), size, &e) == 0);
	must(outline_encode(&again, &two) == 0);
	must(str_eq(buf_str(&one), buf_str(&two)));
	must_render(&again, false);
	must_render(&o, true);
	arena_reset(&b);
	must(outline_opaque(&again, &b, letter) == 0 && outline_check(&again, size, &e) == 0);
	buf_free(&one);
	buf_free(&two);
	arena_free(&a);
	arena_free(&b);
	return 0;
}
