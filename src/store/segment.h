/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment: the bytes of one journal segment: its header, the frames of its
 * entries, marks and cuts (docs/format.md, "Journal segments").
 *
 * Pure functions over memory.  A frame is an entry with its header; it counts
 * only at the position that its keyed check was made for.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include "base/buf.h"
#include "store/check.h"

#define SEGMENT_HEADER 64
#define FRAME_HEADER 32
#define FRAME_ALIGN 8
#define SEGMENT_NUMBER_MAX INT32_MAX
#define CUTS_MAX 64

enum frame_kind {
	FRAME_DATA = 1,
	FRAME_CUT = 2,
	FRAME_MARK = 3,
};

enum {
	MARK_CLEAN = 1, /* the writer stopped in order */
};

/* The end of a group. */
struct mark {
	uint32_t group; /* offset where it begins */
	uint32_t count; /* frames before the mark */
	uint64_t time_us;
	uint8_t flags;
};

/* Nothing in this segment counts at or behind end. */
struct segment_end {
	uint32_t number;
	uint32_t end;
};

struct cuts {
	uint32_t count;
	struct segment_end ends[CUTS_MAX];
};

/* A segment in memory. */
struct segment_view {
	struct str bytes;
	uint32_t number;
	const struct check_key *key;
};

struct frame {
	enum frame_kind kind;
	uint32_t at; /* offset of its header */
	uint32_t size; /* with header and gap */
	uint32_t group; /* offset where its group begins */
	uint64_t payload_check;
	struct str payload;
};

/* The sizes of the two frames that the journal makes itself. */
#define MARK_FRAME 56
#define CUTS_FRAME_MAX 552

/* Positions: segment number in the upper, offset in the lower half. */
uint64_t position_make(uint32_t number, uint32_t offset);
uint32_t position_segment(uint64_t position);
uint32_t position_offset(uint64_t position);

void segment_header_make(unsigned char out[SEGMENT_HEADER], const struct check_key *key, uint32_t number,
			 uint32_t size, uint64_t time_us);
/* 0, ERR_CORRUPT, or ERR_INVALID for one of a newer version. */
int segment_header_check(const struct segment_view *v);
/* Does it look begun under this number, but by the holder of another key? */
bool segment_foreign(const struct segment_view *v);

/* Bytes that a payload of n takes in a segment. */
uint32_t frame_size(uint32_t n);
/* Appends a frame whose checks are still to come: no position yet. */
void frame_put(struct buf *b, enum frame_kind kind, struct str payload);
/* Gives a frame, made by frame_put, its place; returns its size. */
uint32_t frame_seal(char *frame, const struct check_key *key, uint64_t position, uint32_t group);

/* The frame at that offset by its header alone: 1, or 0 when there is none, or
 * ERR_INVALID for one of a newer version. */
int frame_at(const struct segment_view *v, uint32_t at, struct frame *f);
/* Looks for the first frame at or behind `at` and before end: as frame_at. */
int frame_next(const struct segment_view *v, uint32_t at, uint32_t end, struct frame *f);
/* Is its payload what was written? */
bool frame_good(const struct segment_view *v, const struct frame *f);

void mark_put(struct buf *b, const struct mark *m);
bool mark_get(struct str payload, struct mark *m);
void cuts_put(struct buf *b, const struct cuts *c);
bool cuts_get(struct str payload, struct cuts *c);

#endif
