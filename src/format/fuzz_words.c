/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_words: decoded words are valid UTF-8 without control characters; the
 * transfer decoders give the same however their input is cut, and undo the
 * encoders.
 */
#include "format/charset.h"
#include "format/transfer.h"
#include "format/words.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void decode_words(struct str text)
{
	struct buf out;

	buf_init(&out, 3 * text.n + 3);
	words_decode(text, NULL, &out);
	must(!buf_failed(&out));
	for (struct str rest = buf_str(&out); rest.n;) {
		size_t n = charset_utf8_length(rest);

		must(n > 0 && (unsigned char)rest.p[0] >= 0x20 && rest.p[0] != 0x7F);
		rest = str_skip(rest, n);
	}
	buf_free(&out);
}

static void decode(enum transfer_encoding encoding, struct str in, size_t step, struct buf *out)
{
	struct transfer_decoder d;

	transfer_decoder_init(&d, encoding);
	for (; in.n; in = str_skip(in, step))
		transfer_decode(&d, str_head(in, step), out);
	transfer_decode_end(&d, out);
	must(!buf_failed(out));
}

static void transfer(enum transfer_encoding encoding, struct str bytes, size_t step)
{
	struct transfer_encoder e;
	struct buf whole, pieces, encoded, back;

	buf_init(&whole, bytes.n + TRANSFER_HOLD);
	buf_init(&pieces, bytes.n + TRANSFER_HOLD);
	buf_init(&encoded, 4 * bytes.n + 100);
	buf_init(&back, bytes.n + TRANSFER_HOLD);
	decode(encoding, bytes, bytes.n, &whole);
	decode(encoding, bytes, step, &pieces);
	must(str_eq(buf_str(&whole), buf_str(&pieces)));
	transfer_encoder_init(&e, encoding);
	transfer_encode(&e, bytes, &encoded);
	transfer_encode_end(&e, &encoded);
	decode(encoding, buf_str(&encoded), step, &back);
	must(str_eq(buf_str(&back), bytes));
	buf_free(&whole);
	buf_free(&pieces);
	buf_free(&encoded);
	buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size};
	size_t step = size ? 1 + data[0] % 7 : 1;

	decode_words(bytes);
	transfer(TRANSFER_BASE64, bytes, step);
	transfer(TRANSFER_QP, bytes, step);
	return 0;
}
