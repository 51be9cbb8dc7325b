/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger: what is true of a whole account, and whether an act fits it.
 *
 * The folders by id and name, their UIDNEXT, the next UIDVALIDITY, the keyword
 * numbers, the subscriptions and the serial of the last act.  All of it follows
 * from the acts alone, without looking at a single message.  So the same code
 * decides when the index folds a durable act and when a shard asks whether a
 * new act may follow those still under way.
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "store/act.h"

#define LEDGER_FOLDERS_MAX 10000
#define LEDGER_SUBSCRIPTIONS_MAX 10000

struct folder {
	uint32_t id;
	uint32_t uidvalidity;
	uint32_t uidnext;
	uint8_t special_use;
	uint64_t modseq; /* HIGHESTMODSEQ (RFC 7162, 3.1.2.1) */
	struct str name; /* owned by the ledger */
	/* What only the rows can tell.  The index keeps these three while it
	 * folds, an act applied to another ledger leaves them as they were. */
	struct counts counts;
	uint64_t floor; /* the expunge log is complete above this modseq */
	uint32_t logged; /* its ranges */
};

struct ledger {
	uint64_t serial; /* of the last act */
	uint32_t next_folder;
	uint32_t next_uidvalidity;
	struct folder *folders; /* by id */
	size_t n;
	struct str *keywords; /* by number */
	size_t keyword_count;
	struct str *subscriptions; /* in order of str_cmp */
	size_t subscribed;
};

/* The ledger of an account to which nothing has happened. */
void ledger_init(struct ledger *l);
void ledger_free(struct ledger *l);
/* Makes *out (not initialised) an independent copy. */
int ledger_copy(const struct ledger *l, struct ledger *out);

/*
 * Applies the act, one that act_body_put() or act_body_get() accepted, as a whole, or
 * changes nothing.  ERR_CORRUPT: its serial does
 * not follow.  ERR_NOT_FOUND, ERR_EXISTS, ERR_TOO_BIG, ERR_INVALID: it does not
 * fit the account, the sentence says why.
 */
int ledger_apply(struct ledger *l, const struct act_body *act, struct err *err);

/* NULL when there is none.  Good until the next act. */
struct folder *ledger_folder(const struct ledger *l, uint32_t id);
struct folder *ledger_find(const struct ledger *l, struct str name);
bool ledger_subscribed(const struct ledger *l, struct str name);
/* The number of a keyword in any case of letters, or KEYWORDS_MAX. */
unsigned ledger_keyword(const struct ledger *l, struct str name);
/* Of those names that are known; after the act that uses them, all are. */
struct keyword_set ledger_keyword_set(const struct ledger *l, struct keyword_names names);
/* What a CHANGE_FLAGS_* does to each row; after its act was applied. */
struct flag_change ledger_flag_change(const struct ledger *l, const struct change *c);

/* For loading a stored ledger: each checks what it is given like an act. */
int ledger_put_folder(struct ledger *l, const struct folder *f, struct err *err);
int ledger_put_keyword(struct ledger *l, struct str name, struct err *err);
int ledger_put_subscription(struct ledger *l, struct str name, struct err *err);

#endif
