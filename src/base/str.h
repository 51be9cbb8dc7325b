/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str: a view of bytes that somebody else owns.
 *
 * A struct str never owns memory and is never assumed to end in NUL, so bytes
 * from a peer can be looked at without copying them.  Functions that search or
 * cut return views into the same bytes.  Comparisons that ignore case do so for
 * ASCII only, as the grammars of RFC 5321 and RFC 9051 ask.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;
	size_t n;
};

/* A view of a string literal: STR("abc"). */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
/* The same for static initialisers. */
#define STR_INIT(literal)                      \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}
/* The two arguments that "%.*s" wants. */
#define STR_ARG(s) (int)(s).n, (s).p

/* Returned by the searching functions when nothing was found. */
#define STR_NONE ((size_t)-1)

/* A view of a NUL-terminated string of ours; NULL gives the empty view. */
struct str str_of(const char *z);

bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b);
/* Order as memcmp, a prefix before the longer one. */
int str_cmp(struct str a, struct str b);
int str_cmp_nocase(struct str a, struct str b);

bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_ends_nocase(struct str s, struct str suffix);

/* Offset of the first (last) c, or STR_NONE. */
size_t str_find(struct str s, char c);
size_t str_rfind(struct str s, char c);
/* Offset of the first occurrence of needle (empty: 0), or STR_NONE. */
size_t str_find_str(struct str s, struct str needle);

/* The view without its first n bytes (n is capped at the length). */
struct str str_skip(struct str s, size_t n);
/* The view of the first n bytes (n is capped at the length). */
struct str str_head(struct str s, size_t n);
/* Without blanks and tabs (str_trim_line: and CR, LF) at both ends. */
struct str str_trim(struct str s);
struct str str_trim_line(struct str s);

/* Takes what stands before the next sep off the front of *rest and returns it;
 * *rest keeps what follows sep, or becomes empty when there was none. */
struct str str_cut(struct str *rest, char sep);
/* Takes the next run of bytes that are neither blank nor tab. Empty at the end. */
struct str str_cut_word(struct str *rest);

/* Decimal digits only, the whole view, no sign; false when it does not fit. */
bool str_to_u64(struct str s, uint64_t *out);
bool str_to_u32(struct str s, uint32_t *out);

char ascii_lower(char c);
bool ascii_is_alpha(char c);
bool ascii_is_digit(char c);
bool ascii_is_alnum(char c);
/* The value of a hexadecimal digit, -1 for any other byte. */
int ascii_hex(char c);

#endif
