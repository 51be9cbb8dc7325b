/* SPDX-License-Identifier: Apache-2.0 */
/* index_parts: what the files of the index share; nobody else includes it. */
#ifndef STORE_INDEX_PARTS_H
#define STORE_INDEX_PARTS_H

#include "store/index.h"
#include "store/sql.h"

struct index {
	struct sql sql;
	struct ledger ledger; /* equal to the tables between calls */
	uint64_t synced;
	uint32_t account;
	int dir; /* the account's folder */
	int wal; /* -1 until the first sync */
	bool inherited; /* the WAL was there when it was opened, its pages may not be on the disk */
	bool failed; /* a sync failed, or the ledger could not be read again */
};

enum index_statement {
	STMT_META,
	STMT_META_INSERT,
	STMT_META_UPDATE,
	STMT_FOLDERS,
	STMT_FOLDER_INSERT,
	STMT_FOLDER_UPDATE,
	STMT_FOLDER_RENAME,
	STMT_FOLDER_DELETE,
	STMT_KEYWORDS,
	STMT_KEYWORD_INSERT,
	STMT_SUBSCRIPTIONS,
	STMT_SUBSCRIBE,
	STMT_UNSUBSCRIBE,
	STMT_MESSAGE_INSERT,
	STMT_MESSAGES_TALLY,
	STMT_MESSAGES_COPY,
	STMT_MESSAGES_DELETE,
	STMT_MESSAGES_FLAGS,
	STMT_MESSAGES_FLAGS_TALLY,
	STMT_MESSAGES_LOAD,
	STMT_MESSAGES_SINCE,
	STMT_MESSAGE,
	STMT_HEAD_INSERT,
	STMT_HEADS_COPY,
	STMT_HEADS_DELETE,
	STMT_EXPUNGED_INSERT,
	STMT_EXPUNGED_SINCE,
	STMT_EXPUNGED_MIDDLE,
	STMT_EXPUNGED_PRUNE,
	STMT_EXPUNGED_DELETE,
	STMT_RELEASES_INSERT,
	STMT_RELEASES,
	STMT_RELEASED,
	STMT_MESSAGES_COUNT,
	STMT_COUNT
};

extern const char *const index_statements_text[STMT_COUNT];

/* Makes the tables when they are missing; checks version and account id. */
int index_schema(struct index *ix, struct str address, struct err *err);
/* Fills the ledger, which must be empty, from the tables. */
int index_read_ledger(struct index *ix, struct err *err);
/* ERR_IO after a failed sync. */
int index_usable(const struct index *ix, struct err *err);

#endif
