/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act: the body of an act, a list of changes to one account.
 *
 * Every change to an account is an act in the journal; the index is the fold of
 * the acts and nothing else.  An act is atomic.  The modseq of all it touches is
 * its serial, a number that grows by one from act to act of an account.
 * The head of an act (holds, settles, sends) belongs to spool and is not here.
 *
 * A body is u8 version (1), u32 number of changes, and the changes, each u8 kind
 * and then the members of its struct below in the order given there: integers
 * little-endian, bool as u8 0 or 1, struct str as u32 length and bytes, keywords
 * as u8 number and strings, rename items as u16 number and items, UIDs as uids.h
 * says.  Kinds are only ever added, and an unknown one refuses the whole body: a
 * fold that skips what it does not know would be wrong from there on.
 *
 * act_body_put() and act_body_get() enforce the same rules, so what was written can be
 * read.  Whether a change fits the account it is for, ledger.h decides.
 */
#ifndef STORE_ACT_H
#define STORE_ACT_H

#include "base/err.h"
#include "store/message.h"
#include "store/uids.h"

/* Ceilings of one act.  A command that needs more makes several acts. */
#define ACT_CHANGES_MAX 10000
#define ACT_BYTES_MAX (4u << 20)
/* Memory that act_body_get() may need for the largest body. */
#define ACT_ARENA_MAX (24u << 20)

#define FOLDER_NAME_MAX 1000
#define KEYWORD_NAME_MAX 255
#define MESSAGE_HEAD_MAX 65536

/* What separates the levels of a folder name. */
#define FOLDER_SEPARATOR '.'

/* Special uses of RFC 6154 and RFC 8457, a set. */
enum special_use {
	SPECIAL_ALL = 0x01,
	SPECIAL_ARCHIVE = 0x02,
	SPECIAL_DRAFTS = 0x04,
	SPECIAL_FLAGGED = 0x08,
	SPECIAL_IMPORTANT = 0x10,
	SPECIAL_JUNK = 0x20,
	SPECIAL_SENT = 0x40,
	SPECIAL_TRASH = 0x80,
};

enum change_kind {
	CHANGE_FOLDER_CREATE = 1,
	CHANGE_FOLDER_RENAME = 2,
	CHANGE_FOLDER_DELETE = 3,
	CHANGE_SUBSCRIBE = 4,
	CHANGE_UNSUBSCRIBE = 5,
	CHANGE_ADD = 6,
	CHANGE_MOVE = 7,
	CHANGE_COPY = 8,
	CHANGE_FLAGS_SET = 9,
	CHANGE_FLAGS_ADD = 10,
	CHANGE_FLAGS_REMOVE = 11,
	CHANGE_EXPUNGE = 12,
	CHANGE_KINDS /* one above the last */
};

/* CHANGE_FOLDER_CREATE.  Ids are never used again.  UIDVALIDITY is above every
 * earlier one of the account, so that a name that is deleted and created again
 * never shows an old one (RFC 9051, 2.3.1.1). */
struct change_create {
	uint32_t folder;
	uint32_t uidvalidity;
	uint32_t uidnext; /* 1, or what an imported folder had */
	uint8_t special_use;
	bool imported; /* UIDVALIDITY was given by another server: any is good */
	struct str name; /* UTF-8, levels separated by '.' */
};

/* CHANGE_FOLDER_RENAME: a folder and its children at once; names are compared
 * when all have changed, so their order does not matter. */
struct rename_item {
	uint32_t folder;
	struct str name;
};

struct change_rename {
	const struct rename_item *items;
	size_t n;
};

/* CHANGE_FOLDER_DELETE: with all its messages.  Subscriptions stay (RFC 9051, 6.3.9). */
struct change_delete {
	uint32_t folder;
};

/* CHANGE_SUBSCRIBE, CHANGE_UNSUBSCRIBE: a name, which need not be a folder. */
struct change_subscribe {
	struct str name;
};

struct keyword_names {
	const struct str *names;
	size_t n; /* at most KEYWORDS_MAX */
};

/* CHANGE_ADD: one message. */
struct change_add {
	uint32_t folder;
	uint32_t uid; /* UIDNEXT or above */
	uint64_t letter;
	uint64_t place;
	uint64_t immutable;
	int64_t date_us;
	uint32_t size;
	uint8_t flags;
	struct keyword_names keywords;
	/* The message is `head` followed by the letter without its first `skip` bytes. */
	uint32_t skip;
	struct str head;
};

/* CHANGE_MOVE, CHANGE_COPY: within the account.  The k-th UID of the set
 * (from 0) becomes first_uid + k; a UID whose message was gone before leaves a
 * gap.  So UIDNEXT of the target follows from the act alone. */
struct change_transfer {
	uint32_t from;
	uint32_t to;
	uint32_t first_uid; /* UIDNEXT of the target or above */
	struct uids uids;
};

/* CHANGE_FLAGS_*: UIDs without message are passed over; a message that has the
 * flags already keeps its modseq. */
struct change_flags {
	uint32_t folder;
	struct uids uids;
	uint8_t flags;
	struct keyword_names keywords;
};

/* CHANGE_EXPUNGE: UIDs without message are passed over. */
struct change_expunge {
	uint32_t folder;
	struct uids uids;
};

struct change {
	enum change_kind kind;
	union {
		struct change_create create;
		struct change_rename rename;
		struct change_delete delete;
		struct change_subscribe subscribe;
		struct change_add add;
		struct change_transfer transfer;
		struct change_flags flags;
		struct change_expunge expunge;
	};
};

struct act_body {
	uint64_t serial; /* from 1; travels in the entry, not in the body */
	const struct change *changes;
	size_t n;
};

/* Appends the body to b.  ERR_INVALID: a change breaks a rule of this page;
 * ERR_TOO_BIG: above ACT_BYTES_MAX or the buffer's ceiling.  Nothing is added then. */
int act_body_put(struct buf *b, const struct act_body *act, struct err *err);
/* Reads a body.  The act lives in the arena and its strings in `body`; both
 * must outlive it.  ERR_INVALID when it is not exactly what act_body_put() writes. */
int act_body_get(struct str body, uint64_t serial, struct arena *arena, struct act_body *out,
		 struct err *err);

/* Says in a body that is one CHANGE_ADD where its letter lies: who made the body with place 0
 * did not know it yet (APPEND), the letter's part of the same entry does.  ERR_INVALID: it is
 * another body, or says a place already. */
int act_body_set_place(char *body, size_t n, uint64_t place, struct err *err);

/* True for a name that a folder may have: UTF-8 without control characters, no
 * empty level, and the first level is not INBOX in other letters than capitals. */
bool folder_name_valid(struct str name);
/* True for 1 to KEYWORD_NAME_MAX bytes that IMAP can say (RFC 9051, flag-keyword). */
bool keyword_name_valid(struct str name);

#endif
