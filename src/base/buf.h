/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf: bytes that grow up to a ceiling.
 *
 * Every buffer is born with a ceiling.  Adding beyond it (or out of memory)
 * sets `failed` and adds nothing; later additions are ignored as well, so a
 * caller may add many times and look at buf_failed() once at the end.
 * buf_clear() also clears the flag.
 *
 * The put_ functions write little-endian integers and length-prefixed strings;
 * struct reader (below) reads them back.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

#include <stdarg.h>

struct buf {
	char *p;
	size_t n; /* bytes in use */
	size_t cap; /* bytes allocated */
	size_t max; /* ceiling of n */
	bool failed;
};

/* An empty buffer that allocates nothing yet. */
void buf_init(struct buf *b, size_t max);
/* Gives the memory back; the buffer is as after buf_init. */
void buf_free(struct buf *b);
/* The same, overwriting the bytes first: for secrets.  Growing moves the bytes and
 * leaves copies behind, so a secret wants all its room at once: buf_room(). */
void buf_wipe(struct buf *b);
/* Empties it, keeps the memory. */
void buf_clear(struct buf *b);
bool buf_failed(const struct buf *b);
struct str buf_str(const struct buf *b);

/* Room for n more bytes at the end; NULL (and failed) above the ceiling.
 * What is written there counts only after buf_grow(). */
char *buf_room(struct buf *b, size_t n);
void buf_grow(struct buf *b, size_t n);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_z(struct buf *b, const char *z);
void buf_add_c(struct buf *b, char c);
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *b, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) void buf_vprintf(struct buf *b, const char *fmt, va_list ap);
/* Removes the first n bytes (capped at what is there). */
void buf_drop(struct buf *b, size_t n);
/* Cuts to n bytes when longer. */
void buf_truncate(struct buf *b, size_t n);

void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
/* Seven bits a byte, lowest first, in as few bytes as the value needs. */
void buf_put_varint(struct buf *b, uint64_t v);
/* u32 length, then the bytes. */
void buf_put_str(struct buf *b, struct str s);

/*
 * reader: takes values off the front of a view.  A read beyond the end sets
 * `failed` and gives zero or the empty view; reader_done() is true only when
 * nothing failed and nothing is left ("fully consumed or refused").
 */
struct reader {
	struct str rest;
	bool failed;
};

struct reader reader_of(struct str s);
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
/* The counterpart of buf_put_varint; a value above max, or one written with more
 * bytes than it needs (two spellings of one value), fails. */
uint64_t read_varint(struct reader *r, uint64_t max);
/* A view of the next n bytes. */
struct str read_bytes(struct reader *r, size_t n);
/* The counterpart of buf_put_str; a length above max fails. */
struct str read_str(struct reader *r, size_t max);
bool reader_done(const struct reader *r);

/* Integers at a place in memory, for headers of fixed layout. */
uint16_t le16_get(const void *p);
uint32_t le32_get(const void *p);
uint64_t le64_get(const void *p);
void le16_set(void *p, uint16_t v);
void le32_set(void *p, uint32_t v);
void le64_set(void *p, uint64_t v);

#endif
