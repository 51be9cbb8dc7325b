/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view: the messages of one folder in memory, shared by all its sessions.
 *
 * Columns in order of UID: 33 bytes a message, 16 more in a folder where a
 * keyword is used.  A view is built from index rows and then follows the
 * durable acts at once, long before the index has folded them.  Its log of
 * expunged UIDs lets a session that was last told serial s learn what changed
 * since, and keep the sequence numbers it has been told until then: a session
 * needs no list of its own.
 *
 * No SQLite, no I/O.  Positions count from 0; the loops over messages that may
 * be long (view_next_changed) can be left and entered again.
 */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include "store/ledger.h"

/* Expunged ranges that a view remembers; above it the older half is given up
 * and sessions that slept longer ask the index. */
#define VIEW_GONE_MAX 65536

struct gone {
	uint64_t modseq;
	uint32_t lo;
	uint32_t hi;
};

struct view {
	uint32_t folder;
	unsigned users; /* counted by who shares it */
	uint64_t serial; /* of the last act that it has seen */
	uint64_t floor; /* `gone` is complete above this modseq */
	bool stale; /* rows are missing: make it again from the index */
	bool deleted; /* the folder is gone; the rows are as they were */
	struct counts counts;
	size_t n;
	size_t cap;
	uint32_t *uid;
	uint64_t *modseq;
	uint8_t *flags;
	int64_t *date_us;
	uint32_t *size;
	uint64_t *letter;
	uint64_t *keywords[KEYWORD_WORDS]; /* NULL: that word is 0 in all rows */
	struct gone *gone; /* in order of modseq */
	size_t gone_n;
	size_t gone_cap;
};

/* An empty view of a folder as it is after act `serial`; NULL without memory. */
struct view *view_new(uint32_t folder, uint64_t serial);
void view_destroy(struct view **v);
/* Appends rows of the index, UIDs ascending (else ERR_CORRUPT). */
int view_push(struct view *v, const struct message *rows, size_t n, struct err *err);

/* The first position whose UID is not below uid; v->n when there is none. */
size_t view_lower(const struct view *v, uint32_t uid);
/* The position of that UID, or v->n. */
size_t view_find(const struct view *v, uint32_t uid);
struct keyword_set view_keywords(const struct view *v, size_t pos);

/* The first position from `pos` on with a modseq above `since`, or v->n. */
size_t view_next_changed(const struct view *v, uint64_t since, size_t pos);
/* Adds what was expunged after `since` to the list, in order.  False when the
 * view does not reach back so far (or the list failed). */
bool view_gone_since(const struct view *v, uint64_t since, struct uid_list *out);

/*
 * Sequence numbers (RFC 9051, 2.3.1.2) of a session that was told everything up
 * to `since`, which must not be below v->floor: messages expunged after that
 * still count for it.  Messages that it was not told of come after its own.
 */
/* How many messages it has whose UID is below uid: with the UIDNEXT that it
 * knows, its EXISTS. */
uint32_t view_count_below(const struct view *v, uint64_t since, uint32_t uid);
/* The sequence number of uid, 0 when it has no such message. */
uint32_t view_seq(const struct view *v, uint64_t since, uint32_t uid);
/* The UID of sequence number seq, 0 when that is above what the view holds.
 * The message may have been expunged: view_find() tells. */
uint32_t view_uid(const struct view *v, uint64_t since, uint32_t seq);

/* The account as its sessions see it: its ledger and the views in use. */
struct views {
	struct ledger ledger;
	struct view **list;
	size_t n;
};

void views_init(struct views *vs);
/* Also destroys the views. */
void views_free(struct views *vs);
/* NULL when that folder is not in view. */
struct view *views_find(const struct views *vs, uint32_t folder);
/*
 * A new durable act: ledger first (its errors), then every view.  A view that
 * cannot follow, since messages came from a folder that is not in view or
 * memory ran out, becomes stale.
 */
int views_apply(struct views *vs, const struct act_body *act, struct err *err);
/*
 * Takes *v over (and leaves NULL) after bringing it from its serial to that of
 * the ledger by those of the n acts, in order, that it has not seen.  ERR_BUSY:
 * messages came from another folder meanwhile, or an act is missing; load it
 * again.  ERR_EXISTS: the folder is in view.  *v is left to the caller then.
 */
int views_join(struct views *vs, struct view **v, const struct act_body *acts, size_t n, struct err *err);
/* Destroys the view of that folder, when there is one. */
void views_drop(struct views *vs, uint32_t folder);

#endif
