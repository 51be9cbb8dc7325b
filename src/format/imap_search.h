/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_search: the search program of SEARCH as a tree (RFC 3501 section 6.4.4).
 *
 * The tree is in the command's arena, at most IMAP_SEARCH_DEPTH deep and
 * IMAP_SEARCH_KEYS_MAX keys large; it is read, walked and evaluated without
 * recursion, by way of the parents.
 *
 * Many keys of the RFC are one kind here: UNSEEN is NOT of a flag, NEW the AND
 * of two, FROM x a HEADER key, and so on; see the table in imap_search.c.
 */
#ifndef FORMAT_IMAP_SEARCH_H
#define FORMAT_IMAP_SEARCH_H

#include "format/imap_cursor.h"

#define IMAP_SEARCH_DEPTH 100
#define IMAP_SEARCH_KEYS_MAX 2000

enum imap_key_kind {
	IMAP_KEY_AND, /* all children; also the root */
	IMAP_KEY_OR, /* one of two children */
	IMAP_KEY_NOT, /* one child */
	IMAP_KEY_ALL,
	IMAP_KEY_SEQUENCE, /* set */
	IMAP_KEY_UID, /* set */
	IMAP_KEY_FLAGS, /* all of flags are set, none of flags_unset */
	IMAP_KEY_KEYWORD, /* text, without regard to case */
	IMAP_KEY_BEFORE, /* day: the internal date is earlier */
	IMAP_KEY_ON,
	IMAP_KEY_SINCE,
	IMAP_KEY_SENT_BEFORE, /* day, of the Date field */
	IMAP_KEY_SENT_ON,
	IMAP_KEY_SENT_SINCE,
	IMAP_KEY_LARGER, /* size */
	IMAP_KEY_SMALLER,
	IMAP_KEY_HEADER, /* field, text; text may be empty: the field is there */
	IMAP_KEY_BODY, /* text */
	IMAP_KEY_TEXT,
};

struct imap_key {
	enum imap_key_kind kind;
	bool negated; /* the key's own answer is turned round: UNSEEN, UNKEYWORD */
	unsigned char depth; /* 0: the root */
	struct imap_key *parent, *child, *next;
	unsigned flags, flags_unset; /* bits of imap_flag.h */
	uint32_t day; /* 19940201 is 1-Feb-1994 */
	uint64_t size;
	struct imap_set set; /* not resolved */
	struct str field; /* a header field's name */
	struct str text; /* in the charset of the search */
};

struct imap_search {
	struct str charset; /* empty: not given, then text is US-ASCII or UTF-8 */
	struct imap_key *root;
	size_t key_count;
};

/* CHARSET and the keys, from the space in front of them. */
int imap_search_read(struct imap_cursor *c, struct imap_search *out);

/* The key behind k when the whole tree is walked, parents first; NULL at the
 * end.  For what is done once to each key: resolve its set, convert its text. */
struct imap_key *imap_key_next(struct imap_key *k);

#endif
