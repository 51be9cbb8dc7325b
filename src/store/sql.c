/* SPDX-License-Identifier: Apache-2.0 */
/* A thin layer over SQLite: opening, statements, errors as ours. */
#include "store/sql.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* EXCLUSIVE comes before WAL, so that the WAL index is memory and not a file. */
static const char pragmas[] = "PRAGMA locking_mode=EXCLUSIVE;"
			      "PRAGMA journal_mode=WAL;"
			      "PRAGMA synchronous=NORMAL;"
			      "PRAGMA secure_delete=ON;"
			      "PRAGMA temp_store=MEMORY;"
			      "PRAGMA wal_autocheckpoint=0;"
			      "PRAGMA trusted_schema=OFF;"
			      "PRAGMA mmap_size=0;"
			      "PRAGMA cache_size=-256;";

static int fail(struct sql *s, struct err *err, const char *doing)
{
	static const struct {
		int sqlite;
		int code;
	} codes[] = {
		{SQLITE_FULL, ERR_FULL},      {SQLITE_CORRUPT, ERR_CORRUPT},    {SQLITE_NOTADB, ERR_CORRUPT},
		{SQLITE_NOMEM, ERR_MEMORY},   {SQLITE_BUSY, ERR_BUSY},          {SQLITE_LOCKED, ERR_BUSY},
		{SQLITE_TOOBIG, ERR_TOO_BIG}, {SQLITE_CONSTRAINT, ERR_CORRUPT},
	};
	int rc = s->db ? sqlite3_errcode(s->db) : SQLITE_NOMEM;
	int code = ERR_IO;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].sqlite == (rc & 0xFF))
			code = codes[i].code;
	/* SQLite knows only one of the two errors of a disk without room. */
	if (s->db && sqlite3_system_errno(s->db) == EDQUOT)
		code = ERR_FULL;
	return err_set(err, code, "%s: %s", doing, s->db ? sqlite3_errmsg(s->db) : "no memory");
}

/* A pragma that is not obeyed says nothing; without a WAL no sync of one would
 * make a commit durable. */
static int need_wal(struct sql *s, struct err *err)
{
	sqlite3_stmt *st;
	bool wal = false;

	if (sqlite3_prepare_v2(s->db, "PRAGMA journal_mode", -1, &st, NULL))
		return fail(s, err, "cannot ask for its journal mode");
	if (sqlite3_step(st) == SQLITE_ROW)
		wal = str_eq(str_of((const char *)sqlite3_column_text(st, 0)), STR("wal"));
	sqlite3_finalize(st);
	return wal ? 0 : err_set(err, ERR_IO, "it cannot have a write-ahead log here");
}

int sql_open(struct sql *s, const char *path, bool create, const char *const *texts, size_t count,
	     struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
	int rc = 0;

	*s = (struct sql){.texts = texts, .count = count};
	s->prepared = calloc(count, sizeof(sqlite3_stmt *));
	if (!s->prepared)
		return err_set(err, ERR_MEMORY, "no memory to open %s", path);
	if (!create && access(path, F_OK))
		rc = errno == ENOENT ? err_set(err, ERR_NOT_FOUND, "there is no file")
				     : err_errno(err, "cannot open");
	else if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
		rc = fail(s, err, "cannot open");
	if (!rc)
		rc = sql_exec(s, pragmas, err);
	if (!rc)
		rc = need_wal(s, err);
	if (rc) {
		err_prefix(err, "%s", path);
		sql_close(s);
	}
	return rc;
}

void sql_close(struct sql *s)
{
	for (size_t i = 0; i < s->count; i++)
		sqlite3_finalize(s->prepared[i]);
	free(s->prepared);
	sqlite3_close(s->db);
	*s = (struct sql){0};
}

void sql_abandon(struct sql *s)
{
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sql_close(s);
}

sqlite3_stmt *sql_bind(struct sql *s, size_t which, const int64_t *v, size_t n, struct err *err)
{
	sqlite3_stmt **st = &s->prepared[which];

	if (!*st && sqlite3_prepare_v3(s->db, s->texts[which], -1, SQLITE_PREPARE_PERSISTENT, st, NULL)) {
		fail(s, err, s->texts[which]);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		sqlite3_bind_int64(*st, (int)i + 1, v[i]);
	s->runs++;
	return *st;
}

void sql_bind_bytes(sqlite3_stmt *st, int at, struct str bytes)
{
	/* A NULL pointer would bind NULL instead of nothing. */
	sqlite3_bind_blob(st, at, bytes.n ? bytes.p : "", (int)bytes.n, SQLITE_STATIC);
}

void sql_bind_text(sqlite3_stmt *st, int at, struct str text)
{
	sqlite3_bind_text(st, at, text.n ? text.p : "", (int)text.n, SQLITE_STATIC);
}

int sql_step(struct sql *s, sqlite3_stmt *st, struct err *err)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	int code = rc == SQLITE_DONE ? 0 : fail(s, err, "statement failed");

	sql_stop(st);
	return code;
}

void sql_stop(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	/* So that no pointer to a caller's bytes is kept. */
	sqlite3_clear_bindings(st);
}

int sql_finish(struct sql *s, sqlite3_stmt *st, struct err *err)
{
	int rc;

	do
		rc = sql_step(s, st, err);
	while (rc > 0);
	return rc;
}

int sql_run(struct sql *s, size_t which, const int64_t *v, size_t n, struct err *err)
{
	sqlite3_stmt *st = sql_bind(s, which, v, n, err);

	return st ? sql_finish(s, st, err) : err->code;
}

struct str sql_bytes(sqlite3_stmt *st, int column)
{
	const char *p = sqlite3_column_blob(st, column);

	return (struct str){p, p ? (size_t)sqlite3_column_bytes(st, column) : 0};
}

int sql_exec(struct sql *s, const char *text, struct err *err)
{
	s->runs++;
	return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0
									: fail(s, err, "statement failed");
}

int sql_begin(struct sql *s, struct err *err)
{
	return sql_exec(s, "BEGIN IMMEDIATE", err);
}

int sql_commit(struct sql *s, struct err *err)
{
	int rc = sql_exec(s, "COMMIT", err);

	if (rc)
		sql_rollback(s);
	return rc;
}

void sql_rollback(struct sql *s)
{
	/* Some errors have rolled back already. */
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int sql_checkpoint(struct sql *s, struct err *err)
{
	if (sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK)
		return fail(s, err, "checkpoint failed");
	return 0;
}

void sql_shrink(struct sql *s)
{
	sqlite3_db_release_memory(s->db);
}
