/* SPDX-License-Identifier: Apache-2.0 */
/* Headers, frames, marks and cuts of a journal segment. */
#include "store/segment.h"

#include "base/err.h"
#include "store/entry.h"

#include <string.h>

#define VERSION 1
#define FRAME_MAGIC 0x6E65534D /* "MSen" */

static const char segment_magic[8] = {'M', 'S', 'j', 'r', 'n', 'a', 'l', '\n'};

uint64_t position_make(uint32_t number, uint32_t offset)
{
	return (uint64_t)number << 32 | offset;
}

uint32_t position_segment(uint64_t position)
{
	return (uint32_t)(position >> 32);
}

uint32_t position_offset(uint64_t position)
{
	return (uint32_t)position;
}

void segment_header_make(unsigned char out[SEGMENT_HEADER], const struct check_key *key, uint32_t number,
			 uint32_t size, uint64_t time_us)
{
	memset(out, 0, SEGMENT_HEADER);
	memcpy(out, segment_magic, sizeof(segment_magic));
	le16_set(out + 8, VERSION);
	le16_set(out + 10, SEGMENT_HEADER);
	le32_set(out + 12, number);
	le32_set(out + 16, size);
	le64_set(out + 24, time_us);
	le64_set(out + 56, check_of(key, CHECK_SEGMENT, position_make(number, 0), out, 56));
}

int segment_header_check(const struct segment_view *v)
{
	const char *p = v->bytes.p;

	if (v->bytes.n < SEGMENT_HEADER || memcmp(p, segment_magic, sizeof(segment_magic)) != 0 ||
	    le64_get(p + 56) != check_of(v->key, CHECK_SEGMENT, position_make(v->number, 0), p, 56))
		return ERR_CORRUPT;
	if (le16_get(p + 8) != VERSION || le16_get(p + 10) != SEGMENT_HEADER)
		return ERR_INVALID;
	return le32_get(p + 12) == v->number ? 0 : ERR_CORRUPT;
}

bool segment_foreign(const struct segment_view *v)
{
	const char *p = v->bytes.p;

	return v->bytes.n >= SEGMENT_HEADER + FRAME_HEADER &&
	       memcmp(p, segment_magic, sizeof(segment_magic)) == 0 && le32_get(p + 12) == v->number &&
	       le32_get(p + SEGMENT_HEADER) == FRAME_MAGIC && segment_header_check(v) == ERR_CORRUPT;
}

uint32_t frame_size(uint32_t n)
{
	return FRAME_HEADER + (n + FRAME_ALIGN - 1) / FRAME_ALIGN * FRAME_ALIGN;
}

void frame_put(struct buf *b, enum frame_kind kind, struct str payload)
{
	static const char zeros[FRAME_HEADER];

	buf_put_u32(b, FRAME_MAGIC);
	buf_put_u32(b, (uint32_t)payload.n);
	buf_put_u8(b, (uint8_t)kind);
	buf_put_u8(b, VERSION);
	buf_put_u16(b, 0);
	buf_add(b, zeros, 20); /* group and both checks */
	buf_add_str(b, payload);
	buf_add(b, zeros, frame_size((uint32_t)payload.n) - FRAME_HEADER - payload.n);
}

uint32_t frame_seal(char *frame, const struct check_key *key, uint64_t position, uint32_t group)
{
	uint32_t n = le32_get(frame + 4);

	le32_set(frame + 12, group);
	le64_set(frame + 16, check_of(key, CHECK_PAYLOAD, position, frame + FRAME_HEADER, n));
	le64_set(frame + 24, check_of(key, CHECK_HEADER, position, frame, 24));
	return frame_size(n);
}

int frame_at(const struct segment_view *v, uint32_t at, struct frame *f)
{
	struct str rest = str_skip(v->bytes, at);
	const char *p = rest.p;

	if (rest.n < FRAME_HEADER || le32_get(p) != FRAME_MAGIC ||
	    le64_get(p + 24) != check_of(v->key, CHECK_HEADER, position_make(v->number, at), p, 24))
		return 0;
	uint32_t n = le32_get(p + 4);
	uint8_t kind = (uint8_t)p[8];

	if (kind < FRAME_DATA || kind > FRAME_MARK || p[9] != VERSION || le16_get(p + 10) != 0)
		return ERR_INVALID;
	/* Ours by its check, so cut short only when the file is. */
	if (n > ENTRY_MAX || frame_size(n) > rest.n)
		return 0;
	*f = (struct frame){
		.kind = kind,
		.at = at,
		.size = frame_size(n),
		.group = le32_get(p + 12),
		.payload_check = le64_get(p + 16),
		.payload = {p + FRAME_HEADER, n},
	};
	return 1;
}

int frame_next(const struct segment_view *v, uint32_t at, uint32_t end, struct frame *f)
{
	int rc = 0;

	for (; rc == 0 && at < end; at += FRAME_ALIGN)
		rc = frame_at(v, at, f);
	return rc;
}

bool frame_good(const struct segment_view *v, const struct frame *f)
{
	return f->payload_check ==
	       check_of(v->key, CHECK_PAYLOAD, position_make(v->number, f->at), f->payload.p, f->payload.n);
}

void mark_put(struct buf *b, const struct mark *m)
{
	buf_put_u32(b, m->group);
	buf_put_u32(b, m->count);
	buf_put_u64(b, m->time_us);
	buf_put_u8(b, m->flags);
}

bool mark_get(struct str payload, struct mark *m)
{
	struct reader r = reader_of(payload);

	m->group = read_u32(&r);
	m->count = read_u32(&r);
	m->time_us = read_u64(&r);
	m->flags = read_u8(&r);
	return reader_done(&r);
}

void cuts_put(struct buf *b, const struct cuts *c)
{
	buf_put_u32(b, c->count);
	for (uint32_t i = 0; i < c->count; i++) {
		buf_put_u32(b, c->ends[i].number);
		buf_put_u32(b, c->ends[i].end);
	}
}

bool cuts_get(struct str payload, struct cuts *c)
{
	struct reader r = reader_of(payload);

	c->count = read_u32(&r);
	if (c->count > CUTS_MAX)
		return false;
	for (uint32_t i = 0; i < c->count; i++) {
		c->ends[i].number = read_u32(&r);
		c->ends[i].end = read_u32(&r);
	}
	return reader_done(&r);
}
