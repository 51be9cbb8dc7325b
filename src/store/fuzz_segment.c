/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a journal segment.  A fuzzer does not guess a keyed check, so
 * the input is a script: frames that are sealed, each followed by rubbish.
 * Exactly the sealed frames are found, in order, whatever lies between them.
 */
#include "store/segment.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct check_key key = {{1}};

/* Script: length of payload, length of rubbish, then both. */
static size_t play(struct reader script, struct buf *b, uint32_t at[FRAMES_MAX])
{
	size_t count = 0;

	while (script.rest.n >= 2 && count < FRAMES_MAX) {
		size_t n = read_u8(&script), rubbish = read_u8(&script);

		n = n < script.rest.n ? n : script.rest.n;
		at[count] = (uint32_t)b->n;
		frame_put(b, FRAME_DATA, read_bytes(&script, n));
		frame_seal(b->p + at[count], &key, position_make(1, at[count]), SEGMENT_HEADER);
		count++;
		rubbish = rubbish < script.rest.n ? rubbish : script.rest.n;
		buf_add_str(b, read_bytes(&script, rubbish));
		buf_add(b, "\0\0\0\0\0\0\0", (FRAME_ALIGN - b->n % FRAME_ALIGN) % FRAME_ALIGN);
	}
	return count;
}

static void find_frames(struct str bytes, const uint32_t *at, size_t count)
{
	const struct segment_view v = {bytes, 1, &key};
	struct frame f;
	uint32_t from = 0;
	size_t found = 0;

	while (frame_next(&v, from, (uint32_t)bytes.n, &f) > 0) {
		if (found == count || f.at != at[found] || !frame_good(&v, &f) ||
		    f.payload.p + f.payload.n > bytes.p + bytes.n)
			abort();
		found++;
		from = f.at + f.size;
	}
	if (found != count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = {(const char *)data, size};
	struct buf b;
	struct mark mark;
	struct cuts cuts;
	uint32_t at[FRAMES_MAX] = {0};

	/* Raw: nothing is found in it, and nothing is read beyond it. */
	find_frames(input, at, 0);
	mark_get(input, &mark);
	cuts_get(input, &cuts);
	buf_init(&b, 1 << 20);
	size_t count = play(reader_of(input), &b, at);

	find_frames(buf_str(&b), at, count);
	buf_free(&b);
	return 0;
}
