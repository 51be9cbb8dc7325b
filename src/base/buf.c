/* SPDX-License-Identifier: Apache-2.0 */
/* Growing buffers with a ceiling, and the reader that takes values off a view. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_free(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void buf_wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_free(b);
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

bool buf_failed(const struct buf *b)
{
	return b->failed;
}

struct str buf_str(const struct buf *b)
{
	return (struct str){b->p, b->n};
}

/* Doubles from 64 bytes on, never above the ceiling. */
static bool enlarge(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : 64;

	while (cap < need)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	char *p = realloc(b->p, cap);

	if (!p)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

char *buf_room(struct buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (n > b->max - b->n || ((!b->p || b->n + n > b->cap) && !enlarge(b, b->n + n))) {
		b->failed = true;
		return NULL;
	}
	return b->p + b->n;
}

void buf_grow(struct buf *b, size_t n)
{
	b->n += n;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	char *room = buf_room(b, n);

	if (room) {
		memcpy(room, p, n);
		b->n += n;
	}
}

void buf_add_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

void buf_add_z(struct buf *b, const char *z)
{
	buf_add(b, z, strlen(z));
}

void buf_add_c(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);

	if (n < 0)
		b->failed = true;
	else {
		/* vsnprintf wants a place for the NUL that is not counted. */
		char small[256];
		char *tmp = (size_t)n < sizeof(small) ? small : malloc((size_t)n + 1);

		if (!tmp)
			b->failed = true;
		else {
			vsnprintf(tmp, (size_t)n + 1, fmt, again);
			buf_add(b, tmp, (size_t)n);
			if (tmp != small)
				free(tmp);
		}
	}
	va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_drop(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

void buf_truncate(struct buf *b, size_t n)
{
	if (n < b->n)
		b->n = n;
}

uint16_t le16_get(const void *p)
{
	const unsigned char *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

uint32_t le32_get(const void *p)
{
	const unsigned char *b = p;

	return (uint32_t)le16_get(b) | (uint32_t)le16_get(b + 2) << 16;
}

uint64_t le64_get(const void *p)
{
	const unsigned char *b = p;

	return (uint64_t)le32_get(b) | (uint64_t)le32_get(b + 4) << 32;
}

void le16_set(void *p, uint16_t v)
{
	unsigned char *b = p;

	b[0] = (unsigned char)v;
	b[1] = (unsigned char)(v >> 8);
}

void le32_set(void *p, uint32_t v)
{
	unsigned char *b = p;

	le16_set(b, (uint16_t)v);
	le16_set(b + 2, (uint16_t)(v >> 16));
}

void le64_set(void *p, uint64_t v)
{
	unsigned char *b = p;

	le32_set(b, (uint32_t)v);
	le32_set(b + 4, (uint32_t)(v >> 32));
}

void buf_put_u8(struct buf *b, uint8_t v)
{
	buf_add(b, &v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
	char t[2];

	le16_set(t, v);
	buf_add(b, t, sizeof(t));
}

void buf_put_u32(struct buf *b, uint32_t v)
{
	char t[4];

	le32_set(t, v);
	buf_add(b, t, sizeof(t));
}

void buf_put_u64(struct buf *b, uint64_t v)
{
	char t[8];

	le64_set(t, v);
	buf_add(b, t, sizeof(t));
}

void buf_put_varint(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_put_u8(b, (uint8_t)(v | 0x80));
	buf_put_u8(b, (uint8_t)v);
}

void buf_put_str(struct buf *b, struct str s)
{
	if (s.n > UINT32_MAX) {
		b->failed = true;
		return;
	}
	buf_put_u32(b, (uint32_t)s.n);
	buf_add_str(b, s);
}

struct reader reader_of(struct str s)
{
	return (struct reader){.rest = s};
}

struct str read_bytes(struct reader *r, size_t n)
{
	if (r->failed || n > r->rest.n) {
		r->failed = true;
		return (struct str){NULL, 0};
	}
	struct str s = str_head(r->rest, n);

	r->rest = str_skip(r->rest, n);
	return s;
}

uint8_t read_u8(struct reader *r)
{
	struct str s = read_bytes(r, 1);

	return s.p ? (uint8_t)s.p[0] : 0;
}

uint16_t read_u16(struct reader *r)
{
	struct str s = read_bytes(r, 2);

	return s.p ? le16_get(s.p) : 0;
}

uint32_t read_u32(struct reader *r)
{
	struct str s = read_bytes(r, 4);

	return s.p ? le32_get(s.p) : 0;
}

uint64_t read_u64(struct reader *r)
{
	struct str s = read_bytes(r, 8);

	return s.p ? le64_get(s.p) : 0;
}

uint64_t read_varint(struct reader *r, uint64_t max)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = read_u8(r);
		uint64_t bits = byte & 0x7F;

		/* The tenth byte holds one bit; a last byte of zero only pads. */
		if ((shift == 63 && bits > 1) || (shift && byte == 0))
			break;
		v |= bits << shift;
		if (byte < 0x80 && v <= max)
			return v;
		if (byte < 0x80)
			break;
	}
	r->failed = true;
	return 0;
}

struct str read_str(struct reader *r, size_t max)
{
	uint32_t n = read_u32(r);

	if (n > max)
		r->failed = true;
	return read_bytes(r, n);
}

bool reader_done(const struct reader *r)
{
	return !r->failed && r->rest.n == 0;
}
