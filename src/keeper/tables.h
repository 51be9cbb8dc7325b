/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tables: the directory in use, and the next one while its files come in.
 *
 *   table, table, ... (one number)  ->  tables  -> parsed in the pool -> in use at once
 *                                         |-> refused: the old ones stay
 *
 * What a parser skipped is logged with file and line.
 */
#ifndef KEEPER_TABLES_H
#define KEEPER_TABLES_H

#include "keeper/accounts.h"
#include "keeper/aliases.h"

struct tables {
	/* In use; NULL before the first set.  A fiber that waits must get them anew. */
	struct accounts *accounts;
	struct aliases *aliases;
	uint32_t number; /* of the set that comes in */
	int files[TABLE_COUNT]; /* -1: has not come */
	bool taking;
};

void tables_init(struct tables *t);
void tables_free(struct tables *t);

/* Keeps a file of set `number`, a sealed memory file, which is ours from here on. */
void tables_keep(struct tables *t, uint32_t number, unsigned table, int fd);
/* Uses the files of that set from here on.  ERR_INVALID: they have not all come, or one is
 * no sealed memory file; ERR_TOO_BIG, ERR_MEMORY; ERR_BUSY: another set is being parsed. */
int co_tables_take(struct tables *t, uint32_t number, struct err *e);

#endif
