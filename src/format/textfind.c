/* SPDX-License-Identifier: Apache-2.0 */
/* Folded search in pieces. */
#include "format/textfind.h"

#include "base/err.h"

#include <string.h>
#include <unicase.h>
#include <unistr.h>

/* So much is folded before it is looked through. */
#define PIECE 8192
#define NEEDLE_MAX (64 * 1024)
/* Full case folding makes at most three times as many bytes. */
#define FOLDED_MAX (3 * (PIECE + 4))

/* Eight bytes at a time as long as it goes: most text is ASCII. */
static size_t run_of_ascii(struct str s)
{
	size_t n = 0;

	for (uint64_t eight; s.n - n >= sizeof(eight); n += sizeof(eight)) {
		memcpy(&eight, s.p + n, sizeof(eight));
		if (eight & 0x8080808080808080u)
			break;
	}
	while (n < s.n && (unsigned char)s.p[n] < 0x80)
		n++;
	return n;
}

static size_t run_of_others(struct str s)
{
	size_t n = 0;

	while (n < s.n && (unsigned char)s.p[n] >= 0x80)
		n++;
	return n;
}

/* As ascii_lower(), in a form of which the compiler makes vectors. */
static char lower(char c)
{
	return (char)(c | ((unsigned char)(c - 'A') < 26) << 5);
}

static void fold_ascii(struct str s, struct buf *out)
{
	char *room = buf_room(out, s.n);

	if (!room)
		return;
	for (size_t i = 0; i < s.n; i++)
		room[i] = lower(s.p[i]);
	buf_grow(out, s.n);
}

static void fold_valid(struct str s, struct buf *out)
{
	uint8_t room[512];
	size_t n = sizeof(room);
	uint8_t *p = u8_casefold((const uint8_t *)s.p, s.n, NULL, NULL, room, &n);

	if (!p) {
		out->failed = true;
		return;
	}
	buf_add(out, p, n);
	if (p != room)
		free(p);
}

/* Non-ASCII bytes: folds what is valid, keeps what is not. */
static void fold_others(struct str s, struct buf *out)
{
	while (s.n) {
		const uint8_t *bad = u8_check((const uint8_t *)s.p, s.n);
		size_t valid = bad ? (size_t)((const char *)bad - s.p) : s.n;

		if (valid)
			fold_valid(str_head(s, valid), out);
		s = str_skip(s, valid);
		buf_add_str(out, str_head(s, 1));
		s = str_skip(s, 1);
	}
}

static void fold(struct str s, struct buf *out)
{
	while (s.n) {
		size_t n = run_of_ascii(s);

		fold_ascii(str_head(s, n), out);
		s = str_skip(s, n);
		n = run_of_others(s);
		fold_others(str_head(s, n), out);
		s = str_skip(s, n);
	}
}

int needle_init(struct needle *n, struct str text)
{
	buf_init(&n->folded, NEEDLE_MAX);
	fold(text, &n->folded);
	return buf_failed(&n->folded) ? ERR_MEMORY : 0;
}

void needle_free(struct needle *n)
{
	buf_free(&n->folded);
}

void textfind_init(struct textfind *f, const struct needle *n)
{
	*f = (struct textfind){.needle = n};
	buf_init(&f->window, n->folded.n + FOLDED_MAX);
	textfind_reset(f);
}

void textfind_free(struct textfind *f)
{
	buf_free(&f->window);
}

void textfind_reset(struct textfind *f)
{
	buf_clear(&f->window);
	f->torn_count = 0;
	f->failed = false;
	f->found = f->needle->folded.n == 0;
}

/* Keeps of the window what may be the beginning of a match. */
static void look(struct textfind *f, struct str piece)
{
	size_t keep = f->needle->folded.n - 1;

	if (piece.n == 0)
		return;
	fold(piece, &f->window);
	f->failed = f->failed || buf_failed(&f->window);
	/* memmem takes linear time, whatever a needle is made of. */
	f->found = memmem(f->window.p, f->window.n, f->needle->folded.p, f->needle->folded.n) != NULL;
	if (f->window.n > keep)
		buf_drop(&f->window, f->window.n - keep);
}

/* How many bytes at the end of s are a character that is not yet whole. */
static size_t torn_at_end(struct str s)
{
	for (size_t n = 1; n <= 3 && n <= s.n; n++) {
		unsigned char c = (unsigned char)s.p[s.n - n];

		if (c < 0x80)
			return 0;
		if (c >= 0xc0) {
			ucs4_t uc;

			/* -2: what is there is right, but not all of it. */
			return u8_mbtoucr(&uc, (const uint8_t *)s.p + s.n - n, n) == -2 ? n : 0;
		}
	}
	return 0;
}

/* Completes the torn character byte by byte; looks at it once it is whole or
 * cannot become so any more. */
static struct str mend(struct textfind *f, struct str piece)
{
	while (f->torn_count && piece.n) {
		f->torn[f->torn_count++] = piece.p[0];
		piece = str_skip(piece, 1);
		struct str torn = {f->torn, f->torn_count};

		if (torn_at_end(torn) == torn.n)
			continue;
		size_t left = torn_at_end(torn);

		look(f, str_head(torn, torn.n - left));
		memmove(f->torn, f->torn + torn.n - left, left);
		f->torn_count = (unsigned char)left;
		if (f->found)
			break;
	}
	return piece;
}

bool textfind_add(struct textfind *f, struct str piece)
{
	if (f->found)
		return true;
	piece = mend(f, piece);
	while (piece.n && !f->found) {
		struct str part = str_head(piece, PIECE);
		size_t torn = torn_at_end(part);

		look(f, str_head(part, part.n - torn));
		piece = str_skip(piece, part.n);
		memcpy(f->torn, part.p + part.n - torn, torn);
		f->torn_count = (unsigned char)torn;
		piece = mend(f, piece);
	}
	return f->found;
}

bool textfind_end(struct textfind *f)
{
	if (!f->found && f->torn_count)
		look(f, (struct str){f->torn, f->torn_count});
	f->torn_count = 0;
	return f->found;
}

bool needle_in(const struct needle *n, struct str text)
{
	struct textfind f;
	bool found;

	textfind_init(&f, n);
	textfind_add(&f, text);
	found = textfind_end(&f);
	textfind_free(&f);
	return found;
}
