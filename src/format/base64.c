/* SPDX-License-Identifier: Apache-2.0 */
/* Strict base64 (RFC 4648 section 4). */
#include "format/base64.h"

#include "base/err.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The six bits that c stands for, or -1. */
static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t padding_of(struct str s)
{
	if (s.n == 0 || s.p[s.n - 1] != '=')
		return 0;
	return s.p[s.n - 2] == '=' ? 2 : 1;
}

/* One group of four characters, the last pad of which are padding; writes
 * 3 - pad bytes. */
static bool decode_group(const char *in, size_t pad, char *out)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int v = i < 4 - pad ? value_of(in[i]) : 0;

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
	}
	for (size_t i = 0; i < 3 - pad; i++)
		out[i] = (char)(bits >> (16 - 8 * i));
	return (bits & ((1u << 8 * pad) - 1)) == 0;
}

int base64_decode(struct str s, struct buf *out)
{
	if (s.n % 4)
		return ERR_INVALID;
	if (s.n == 0)
		return 0;

	size_t pad = padding_of(s);
	size_t n = s.n / 4 * 3 - pad;
	char *room = buf_room(out, n);

	if (!room)
		return ERR_TOO_BIG;
	for (size_t i = 0; i < s.n; i += 4)
		if (!decode_group(s.p + i, i + 4 == s.n ? pad : 0, room + i / 4 * 3))
			return ERR_INVALID;
	buf_grow(out, n);
	return 0;
}

void base64_encode(struct str s, struct buf *out)
{
	char *room = s.n ? buf_room(out, (s.n + 2) / 3 * 4) : NULL;

	if (!room)
		return;
	for (size_t i = 0; i < s.n; i += 3, room += 4) {
		size_t have = s.n - i < 3 ? s.n - i : 3;
		uint32_t bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (k < have ? (unsigned char)s.p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			room[k] = k <= have ? alphabet[bits >> (18 - 6 * k) & 63] : '=';
	}
	buf_grow(out, (s.n + 2) / 3 * 4);
}
