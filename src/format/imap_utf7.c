/* SPDX-License-Identifier: Apache-2.0 */
/* Modified UTF-7, both ways. */
#include "format/imap_utf7.h"

#include "base/err.h"

#include <unistr.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool is_direct(char c)
{
	return c >= 0x20 && c <= 0x7e;
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == ',' ? 63 : -1;
}

/* The UTF-16 units of a shift: joins surrogates, writes UTF-8. */
struct units {
	struct buf *out;
	unsigned high; /* a high surrogate that waits for its other half, or 0 */
	bool bad;
};

static void take_unit(struct units *u, unsigned unit)
{
	bool is_low = unit >= 0xdc00 && unit <= 0xdfff;
	ucs4_t c = unit;
	uint8_t bytes[6];

	if ((u->high != 0) != is_low || (unit >= 0x20 && unit <= 0x7e)) {
		u->bad = true;
		return;
	}
	if (unit >= 0xd800 && unit <= 0xdbff) {
		u->high = unit;
		return;
	}
	if (is_low)
		c = 0x10000 + ((u->high - 0xd800) << 10) + (unit - 0xdc00);
	u->high = 0;
	int n = u8_uctomb(bytes, c, sizeof(bytes));

	if (n > 0)
		buf_add(u->out, bytes, (size_t)n);
	else
		u->bad = true;
}

/* The base64 of one shift, without "&" and "-". */
static int decode_shift(struct str in, struct buf *out)
{
	struct units u = {.out = out};
	unsigned bits = 0, have = 0;

	for (size_t i = 0; i < in.n && !u.bad; i++) {
		int v = digit_value(in.p[i]);

		if (v < 0)
			return ERR_INVALID;
		bits = (bits << 6 | (unsigned)v) & 0x3fffff;
		have += 6;
		if (have >= 16) {
			have -= 16;
			take_unit(&u, bits >> have & 0xffff);
		}
	}
	/* What is left of the last digit are zeros, and less than a digit. */
	if (u.bad || u.high || have >= 6 || (bits & ((1u << have) - 1)))
		return ERR_INVALID;
	return 0;
}

/* Decodes from "&" to "-" off the front of *in; *was_shift: it was not "&-". */
static int take_shift(struct str *in, bool *was_shift, struct buf *out)
{
	struct str rest = str_skip(*in, 1);
	size_t end = str_find(rest, '-');
	bool after_shift = *was_shift;

	if (end == STR_NONE)
		return ERR_INVALID;
	*in = str_skip(rest, end + 1);
	*was_shift = end > 0;
	if (end == 0) {
		buf_add_c(out, '&');
		return 0;
	}
	return after_shift ? ERR_INVALID : decode_shift(str_head(rest, end), out);
}

static int decode(struct str in, struct buf *out)
{
	bool was_shift = false;
	int rc = 0;

	while (in.n && rc == 0) {
		if (in.p[0] == '&') {
			rc = take_shift(&in, &was_shift, out);
			continue;
		}
		was_shift = false;
		if (!is_direct(in.p[0]))
			return ERR_INVALID;
		buf_add_c(out, in.p[0]);
		in = str_skip(in, 1);
	}
	return rc;
}

struct base64 {
	struct buf *out;
	unsigned bits, have;
};

static void put_unit(struct base64 *b, unsigned unit)
{
	b->bits = b->bits << 16 | unit;
	b->have += 16;
	while (b->have >= 6) {
		b->have -= 6;
		buf_add_c(b->out, alphabet[b->bits >> b->have & 63]);
	}
	b->bits &= (1u << b->have) - 1;
}

static void put_char(struct base64 *b, ucs4_t c)
{
	if (c < 0x10000) {
		put_unit(b, c);
		return;
	}
	put_unit(b, 0xd800 + ((c - 0x10000) >> 10));
	put_unit(b, 0xdc00 + ((c - 0x10000) & 0x3ff));
}

/* Takes the run of characters off the front of *in that need a shift. */
static int put_shift(struct str *in, struct buf *out)
{
	struct base64 b = {.out = out};

	buf_add_c(out, '&');
	while (in->n && !is_direct(in->p[0])) {
		ucs4_t c;
		int n = u8_mbtoucr(&c, (const uint8_t *)in->p, in->n);

		if (n < 0)
			return ERR_INVALID;
		put_char(&b, c);
		*in = str_skip(*in, (size_t)n);
	}
	if (b.have)
		buf_add_c(out, alphabet[b.bits << (6 - b.have) & 63]);
	buf_add_c(out, '-');
	return 0;
}

static int encode(struct str in, struct buf *out)
{
	int rc = 0;

	while (in.n && rc == 0) {
		if (!is_direct(in.p[0])) {
			rc = put_shift(&in, out);
			continue;
		}
		buf_add_c(out, in.p[0]);
		if (in.p[0] == '&')
			buf_add_c(out, '-');
		in = str_skip(in, 1);
	}
	return rc;
}

/* Nothing of a failed conversion stays in out. */
static int finish(int rc, struct buf *out, size_t before)
{
	if (rc == 0 && buf_failed(out))
		rc = ERR_TOO_BIG;
	if (rc)
		buf_truncate(out, before);
	return rc;
}

int imap_utf7_decode(struct str in, struct buf *out)
{
	size_t before = out->n;

	return finish(decode(in, out), out, before);
}

int imap_utf7_encode(struct str in, struct buf *out)
{
	size_t before = out->n;

	return finish(encode(in, out), out, before);
}
