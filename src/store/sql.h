/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql: one SQLite database that one process owns, the way the store uses it.
 *
 * WAL, synchronous=NORMAL (a commit does not sync), EXCLUSIVE (no -shm file, no
 * second process), secure_delete, no auto-checkpoint.  Statements are rows of a
 * table of texts, prepared when first used and kept.  Blocking: only called in
 * the thread pool, by one thread at a time.  No statement is left open when a
 * function of the store returns.
 *
 * Nothing else may open the database file while it is open here: closing any
 * descriptor of it would drop the locks that SQLite holds on it (fcntl(2)).
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include "base/err.h"
#include "base/str.h"

#include <sqlite3.h>

struct sql {
	sqlite3 *db;
	const char *const *texts;
	sqlite3_stmt **prepared;
	size_t count;
	uint64_t runs; /* statements begun so far, for tests that count */
};

/* Opens (or creates) the database.  ERR_BUSY: another process has it;
 * ERR_CORRUPT: it is none; ERR_NOT_FOUND: there is none and create is false.
 * On failure s needs no sql_close(). */
int sql_open(struct sql *s, const char *path, bool create, const char *const *texts, size_t count,
	     struct err *err);
/* Checkpoints what the WAL holds, as SQLite does when it closes. */
void sql_close(struct sql *s);
/* The same without a checkpoint: the WAL stays, to be checked when it is read again. */
void sql_abandon(struct sql *s);

/* The values of ?1, ?2, ... as two arguments. */
#define SQL_INTS(...) \
	((const int64_t[]){__VA_ARGS__}), (sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* Statement `which` ready to step, integers bound; NULL with the sentence. */
sqlite3_stmt *sql_bind(struct sql *s, size_t which, const int64_t *v, size_t n, struct err *err);
/* A view of bytes for parameter `at`, which must live until the statement is done. */
void sql_bind_bytes(sqlite3_stmt *st, int at, struct str bytes);
void sql_bind_text(sqlite3_stmt *st, int at, struct str text);
/* 1: a row; 0: done, and the statement is reset; negative: failed, and reset. */
int sql_step(struct sql *s, sqlite3_stmt *st, struct err *err);
/* Ends a statement before its last row. */
void sql_stop(sqlite3_stmt *st);
/* Binds integers and steps to the end, passing over rows. */
int sql_run(struct sql *s, size_t which, const int64_t *v, size_t n, struct err *err);
/* Steps to the end. */
int sql_finish(struct sql *s, sqlite3_stmt *st, struct err *err);
/* Views of a column of the current row. */
struct str sql_bytes(sqlite3_stmt *st, int column);
/* A text without prepared statement: schema, pragmas. */
int sql_exec(struct sql *s, const char *text, struct err *err);

int sql_begin(struct sql *s, struct err *err);
/* Rolls back when it fails. */
int sql_commit(struct sql *s, struct err *err);
void sql_rollback(struct sql *s);
/* Copies the WAL into the database, syncs both, cuts the WAL to nothing. */
int sql_checkpoint(struct sql *s, struct err *err);
/* Gives the page cache back. */
void sql_shrink(struct sql *s);

#endif
