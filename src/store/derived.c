/* SPDX-License-Identifier: Apache-2.0 */
/* Outlines by letter id. */
#include "store/derived.h"
#include "store/account_dir.h"
#include "store/sql.h"

#include <stdlib.h>
#include <unistd.h>

#define DERIVED_VERSION 2

struct derived {
	struct sql sql;
};

enum {
	STMT_VERSION,
	STMT_GET,
	STMT_PUT,
	STMT_DROP,
	STMT_RECENT,
	STMT_RECENT_CLEAR,
	STMT_RECENT_PUT,
	STMT_COUNT
};

static const char *const texts[STMT_COUNT] = {
	[STMT_VERSION] = "SELECT version FROM meta",
	[STMT_GET] = "SELECT outline FROM outlines WHERE letter = ?1",
	[STMT_PUT] = "INSERT OR REPLACE INTO outlines VALUES (?1, ?2)",
	[STMT_DROP] = "DELETE FROM outlines WHERE letter = ?1",
	[STMT_RECENT] = "SELECT folder, uid FROM recent LIMIT ?1",
	[STMT_RECENT_CLEAR] = "DELETE FROM recent",
	[STMT_RECENT_PUT] = "INSERT INTO recent VALUES (?1, ?2)",
};

static const char schema[] =
	"BEGIN;"
	"CREATE TABLE meta (version INTEGER NOT NULL) STRICT;"
	"INSERT INTO meta VALUES (2);"
	"CREATE TABLE outlines (letter INTEGER PRIMARY KEY, outline BLOB NOT NULL) STRICT;"
	"CREATE TABLE recent (folder INTEGER PRIMARY KEY, uid INTEGER NOT NULL) STRICT;"
	"COMMIT;";

/* ERR_NOT_FOUND: there is none; ERR_CORRUPT: not a file that we can use. */
static int open_existing(struct derived *d, const char *path, struct err *err)
{
	int rc = sql_open(&d->sql, path, false, texts, STMT_COUNT, err);

	if (rc)
		return rc;
	sqlite3_stmt *st = sql_bind(&d->sql, STMT_VERSION, NULL, 0, err);

	/* Tables that are missing fail to prepare. */
	rc = st ? sql_step(&d->sql, st, err) : ERR_CORRUPT;
	if (rc == 1) {
		rc = sqlite3_column_int64(st, 0) == DERIVED_VERSION ? 0 : ERR_CORRUPT;
		sql_stop(st);
	} else if (rc == 0) {
		rc = ERR_CORRUPT;
	}
	if (rc)
		sql_close(&d->sql);
	return rc;
}

static int open_new(struct derived *d, const char *path, int dir, struct err *err)
{
	unlinkat(dir, "derived.db", 0);
	unlinkat(dir, "derived.db-wal", 0);

	int rc = sql_open(&d->sql, path, true, texts, STMT_COUNT, err);

	if (rc)
		return rc;
	rc = sql_exec(&d->sql, schema, err);
	if (rc)
		sql_close(&d->sql);
	return rc;
}

int derived_open(const char *data_dir, struct str domain, struct str user, struct derived **out,
		 struct err *err)
{
	struct derived *d = calloc(1, sizeof(*d));
	struct buf path;
	int dir = -1;

	if (!d)
		return err_set(err, ERR_MEMORY, "no memory for derived data");
	buf_init(&path, ACCOUNT_PATH_MAX);

	int rc = account_dir_open(data_dir, domain, user, false, &path, &dir, err);

	buf_add_z(&path, "/derived.db");
	buf_add_c(&path, '\0');
	if (!rc && buf_failed(&path))
		rc = err_set(err, ERR_INVALID, "the path of derived.db is too long");
	if (!rc) {
		rc = open_existing(d, path.p, err);
		if (rc == ERR_NOT_FOUND || rc == ERR_CORRUPT)
			rc = open_new(d, path.p, dir, err);
	}
	if (dir >= 0)
		close(dir);
	buf_free(&path);
	if (rc)
		free(d);
	else
		*out = d;
	return rc;
}

void derived_close(struct derived **d)
{
	if (!*d)
		return;
	sql_close(&(*d)->sql);
	free(*d);
	*d = NULL;
}

int derived_get(struct derived *d, uint64_t letter, struct buf *out, struct err *err)
{
	sqlite3_stmt *st = sql_bind(&d->sql, STMT_GET, SQL_INTS((int64_t)letter), err);
	int rc = st ? sql_step(&d->sql, st, err) : err->code;

	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no outline of letter %016llX",
			       (unsigned long long)letter);
	buf_add_str(out, sql_bytes(st, 0));
	sql_stop(st);
	return buf_failed(out) ? err_set(err, ERR_TOO_BIG, "an outline above the buffer's ceiling") : 0;
}

static int put_row(struct derived *d, const struct outline_row *row, struct err *err)
{
	if (row->outline.n > DERIVED_OUTLINE_MAX)
		return err_set(err, ERR_TOO_BIG, "an outline of %zu bytes", row->outline.n);
	sqlite3_stmt *st = sql_bind(&d->sql, STMT_PUT, SQL_INTS((int64_t)row->letter), err);

	if (!st)
		return err->code;
	sql_bind_bytes(st, 2, row->outline);
	return sql_finish(&d->sql, st, err);
}

/* Commits, or rolls back what failed. */
static int end(struct derived *d, int rc, struct err *err)
{
	if (!rc)
		return sql_commit(&d->sql, err);
	sql_rollback(&d->sql);
	return rc;
}

int derived_put(struct derived *d, const struct outline_row *rows, size_t n, struct err *err)
{
	int rc = sql_begin(&d->sql, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < n && !rc; i++)
		rc = put_row(d, &rows[i], err);
	return end(d, rc, err);
}

int derived_drop(struct derived *d, const uint64_t *letters, size_t n, struct err *err)
{
	int rc = sql_begin(&d->sql, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < n && !rc; i++)
		rc = sql_run(&d->sql, STMT_DROP, SQL_INTS((int64_t)letters[i]), err);
	return end(d, rc, err);
}

int derived_recent(struct derived *d, struct recent_row *rows, size_t max, size_t *n, struct err *err)
{
	sqlite3_stmt *st = sql_bind(&d->sql, STMT_RECENT, SQL_INTS((int64_t)max), err);
	int rc = st ? 1 : err->code;

	*n = 0;
	while (rc > 0) {
		rc = sql_step(&d->sql, st, err);
		if (rc > 0)
			rows[(*n)++] = (struct recent_row){(uint32_t)sqlite3_column_int64(st, 0),
							   (uint32_t)sqlite3_column_int64(st, 1)};
	}
	return rc;
}

int derived_put_recent(struct derived *d, const struct recent_row *rows, size_t n, struct err *err)
{
	int rc = sql_begin(&d->sql, err);

	if (rc)
		return rc;
	rc = sql_run(&d->sql, STMT_RECENT_CLEAR, NULL, 0, err);
	for (size_t i = 0; i < n && !rc; i++)
		rc = sql_run(&d->sql, STMT_RECENT_PUT, SQL_INTS(rows[i].folder, rows[i].uid), err);
	return end(d, rc, err);
}

int derived_checkpoint(struct derived *d, struct err *err)
{
	int rc = sql_checkpoint(&d->sql, err);

	sql_shrink(&d->sql);
	return rc;
}
