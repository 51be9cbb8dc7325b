/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_cursor: goes through one complete IMAP command and takes the tokens of
 * RFC 9051 section 9 off it.
 *
 * The take functions return 0 and move on, or fill the sentence "Expected ...
 * at byte n, found ..." (n counts from 1 in the command as it was sent) and
 * return ERR_INVALID; ERR_TOO_BIG when a limit is passed, ERR_MEMORY when the
 * arena is full.  A caller gives up at the first failure.
 *
 * No token reaches into a literal: up to the next one the text ends.
 */
#ifndef FORMAT_IMAP_CURSOR_H
#define FORMAT_IMAP_CURSOR_H

#include "base/arena.h"
#include "base/err.h"
#include "format/imap_read.h"
#include "format/imap_set.h"

#define IMAP_SET_RANGES_MAX 10000
#define IMAP_WORDS_MAX 1000

struct imap_cursor {
	struct imap_text text;
	size_t pos;
	size_t limit; /* where the next literal stands, or the end */
	size_t next_literal;
	unsigned features; /* enum imap_feature of imap_command.h */
	struct arena *arena;
	struct err *err;
};

/* A list of strings in the arena. */
struct imap_words {
	struct str *v;
	size_t count, room;
};

void imap_cursor_init(struct imap_cursor *c, struct imap_text text, struct arena *a, struct err *e);

/* Fills the sentence; want is what should have stood here. ERR_INVALID. */
int imap_expected(struct imap_cursor *c, const char *want);
/* "More than max things at byte n".  ERR_TOO_BIG. */
int imap_too_many(struct imap_cursor *c, const char *things, size_t max);
/* ERR_MEMORY, with its sentence. */
int imap_no_memory(struct imap_cursor *c);

/* ATOM-CHAR */
bool imap_is_atom_char(char ch);

/* The byte here, NUL at a literal and at the end. */
char imap_peek(const struct imap_cursor *c);
/* Takes ch if it stands here. */
bool imap_take_if(struct imap_cursor *c, char ch);
int imap_take_char(struct imap_cursor *c, char ch, const char *want);
int imap_take_space(struct imap_cursor *c);
/* Takes the word, in any case, if it stands here as a whole word. */
bool imap_take_word_if(struct imap_cursor *c, struct str word);
/* Nothing may follow but blanks. */
int imap_take_end(struct imap_cursor *c);

/* A run of letters, digits, ".", "-", "_"; empty when there is none. */
struct str imap_take_name(struct imap_cursor *c);
int imap_take_tag(struct imap_cursor *c, struct str *out);
int imap_take_atom(struct imap_cursor *c, const char *want, struct str *out);
int imap_take_string(struct imap_cursor *c, const char *want, struct str *out);
int imap_take_astring(struct imap_cursor *c, const char *want, struct str *out);
/* NIL gives {NULL, 0}. */
int imap_take_nstring(struct imap_cursor *c, const char *want, struct str *out);
/* list-mailbox: as astring, the wildcards may stand in the atom. */
int imap_take_pattern(struct imap_cursor *c, struct str *out);
int imap_take_number(struct imap_cursor *c, const char *want, uint32_t *out);
int imap_take_number64(struct imap_cursor *c, const char *want, uint64_t *out);
int imap_take_set(struct imap_cursor *c, struct imap_set *out);
/* A literal whose bytes the caller has elsewhere, or in the text. */
int imap_take_literal(struct imap_cursor *c, const char *want, struct imap_literal *out);

int imap_words_add(struct imap_cursor *c, struct imap_words *w, struct str s);

#endif
