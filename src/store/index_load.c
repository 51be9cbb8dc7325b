/* SPDX-License-Identifier: Apache-2.0 */
/* Reading rows of an account's index, a bounded number a call. */
#include "store/index_parts.h"

static struct message row_of(sqlite3_stmt *st)
{
	return (struct message){
		.uid = (uint32_t)sqlite3_column_int64(st, 0),
		.modseq = (uint64_t)sqlite3_column_int64(st, 1),
		.flags = (uint8_t)sqlite3_column_int(st, 2),
		.keywords.w[0] = (uint64_t)sqlite3_column_int64(st, 3),
		.keywords.w[1] = (uint64_t)sqlite3_column_int64(st, 4),
		.date_us = sqlite3_column_int64(st, 5),
		.size = (uint32_t)sqlite3_column_int64(st, 6),
		.letter = (uint64_t)sqlite3_column_int64(st, 7),
		.place = (uint64_t)sqlite3_column_int64(st, 8),
		.immutable = (uint64_t)sqlite3_column_int64(st, 9),
	};
}

static size_t capped(size_t max)
{
	return max < INDEX_ROWS_MAX ? max : INDEX_ROWS_MAX;
}

/* Runs a query to its end (it has a LIMIT). */
static int load(struct index *ix, sqlite3_stmt *st, struct message *rows, size_t *n, struct err *err)
{
	int rc = st ? 1 : err->code;

	*n = 0;
	while (rc > 0) {
		rc = sql_step(&ix->sql, st, err);
		if (rc > 0)
			rows[(*n)++] = row_of(st);
	}
	return rc;
}

int index_load(struct index *ix, uint32_t folder, uint32_t after_uid, struct message *rows, size_t max,
	       size_t *n, struct err *err)
{
	int rc = index_usable(ix, err);

	if (rc)
		return rc;
	return load(ix,
		    sql_bind(&ix->sql, STMT_MESSAGES_LOAD, SQL_INTS(folder, after_uid, (int64_t)capped(max)),
			     err),
		    rows, n, err);
}

int index_since(struct index *ix, uint32_t folder, uint64_t modseq, uint32_t after_uid, struct message *rows,
		size_t max, size_t *n, struct err *err)
{
	int rc = index_usable(ix, err);

	if (rc)
		return rc;
	return load(ix,
		    sql_bind(&ix->sql, STMT_MESSAGES_SINCE,
			     SQL_INTS(folder, after_uid, (int64_t)capped(max), (int64_t)modseq), err),
		    rows, n, err);
}

int index_count_from(struct index *ix, uint32_t folder, uint32_t uid, uint64_t *n, struct err *err)
{
	int rc = index_usable(ix, err);

	if (rc)
		return rc;
	sqlite3_stmt *st = sql_bind(&ix->sql, STMT_MESSAGES_COUNT, SQL_INTS(folder, uid), err);

	rc = st ? sql_step(&ix->sql, st, err) : err->code;
	if (rc <= 0)
		return rc;
	*n = (uint64_t)sqlite3_column_int64(st, 0);
	sql_stop(st);
	return 0;
}

int index_expunged(struct index *ix, uint32_t folder, uint64_t modseq, uint32_t after_uid,
		   struct uid_range *ranges, size_t max, size_t *n, bool *complete, struct err *err)
{
	const struct folder *f = ledger_folder(&ix->ledger, folder);
	int rc = index_usable(ix, err);

	if (rc)
		return rc;
	if (!f)
		return err_set(err, ERR_NOT_FOUND, "there is no folder %u", folder);
	sqlite3_stmt *st = sql_bind(&ix->sql, STMT_EXPUNGED_SINCE,
				    SQL_INTS(folder, after_uid, (int64_t)capped(max), (int64_t)modseq), err);

	rc = st ? 1 : err->code;
	*n = 0;
	*complete = modseq >= f->floor;
	while (rc > 0) {
		rc = sql_step(&ix->sql, st, err);
		if (rc > 0)
			ranges[(*n)++] = (struct uid_range){(uint32_t)sqlite3_column_int64(st, 0),
							    (uint32_t)sqlite3_column_int64(st, 1)};
	}
	return rc;
}

int index_message(struct index *ix, uint32_t folder, uint32_t uid, struct message *row, uint32_t *skip,
		  struct buf *head, struct err *err)
{
	int rc = index_usable(ix, err);

	if (rc)
		return rc;
	sqlite3_stmt *st = sql_bind(&ix->sql, STMT_MESSAGE, SQL_INTS(folder, uid), err);

	rc = st ? sql_step(&ix->sql, st, err) : err->code;
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no message %u in folder %u", uid, folder);
	*row = row_of(st);
	*skip = (uint32_t)sqlite3_column_int64(st, 10);
	buf_add_str(head, sql_bytes(st, 11));
	sql_stop(st);
	return buf_failed(head) ? err_set(err, ERR_TOO_BIG, "the head of message %u is too large", uid) : 0;
}

/* Looks at up to max candidates: letters that are gone from the front of out,
 * those that have a row, left or new, from its end. */
static int sort_candidates(struct index *ix, struct index_release *out, size_t max, size_t *gone,
			   size_t *held, struct err *err)
{
	sqlite3_stmt *st =
		sql_bind(&ix->sql, STMT_RELEASES, SQL_INTS((int64_t)ix->synced, (int64_t)max), err);
	int rc = st ? 1 : err->code;

	*gone = *held = 0;
	while (rc > 0) {
		rc = sql_step(&ix->sql, st, err);
		if (rc <= 0)
			break;
		struct index_release r = {(uint64_t)sqlite3_column_int64(st, 0),
					  (uint64_t)sqlite3_column_int64(st, 1)};

		if (sqlite3_column_int(st, 2))
			out[max - ++*held] = r;
		else
			out[(*gone)++] = r;
	}
	return rc;
}

int index_releases(struct index *ix, struct index_release *out, size_t max, size_t *n, struct err *err)
{
	size_t held;
	int rc = index_usable(ix, err);

	max = capped(max);
	while (!rc) {
		rc = sort_candidates(ix, out, max, n, &held, err);
		/* A letter with a row is a candidate again when that row goes. */
		if (!rc && held)
			rc = index_released(ix, out + max - held, held, err);
		if (*n || !held)
			break;
	}
	return rc;
}

int index_released(struct index *ix, const struct index_release *r, size_t n, struct err *err)
{
	int rc = index_usable(ix, err);

	if (!rc)
		rc = sql_begin(&ix->sql, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < n && !rc; i++)
		rc = sql_run(&ix->sql, STMT_RELEASED, SQL_INTS((int64_t)r[i].letter, (int64_t)r[i].serial),
			     err);
	if (rc) {
		sql_rollback(&ix->sql);
		return rc;
	}
	return sql_commit(&ix->sql, err);
}
