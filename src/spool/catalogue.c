/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue in SQLite: one connection, EXCLUSIVE (so no shared memory), WAL without
 * automatic checkpoints; with synchronous=NORMAL it is our checkpoint that syncs.
 */
#include "spool/catalogue.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLDERS_MAX 65536

enum statement {
	SQL_PUT_ACCOUNT,
	SQL_PUT_LETTER,
	SQL_DROP_HOLDERS,
	SQL_PUT_HOLDER,
	SQL_PUT_QUEUE,
	SQL_PUT_STATES,
	SQL_DROP_QUEUE,
	SQL_PUT_FATE,
	SQL_DROP_FATE,
	SQL_PUT_MARK,
	SQL_GET_LETTER,
	SQL_GET_HOLDERS,
	SQL_GET_HELD,
	SQL_GET_ENTRY,
	SQL_ALL_MARKS,
	SQL_ALL_ACCOUNTS,
	SQL_ALL_QUEUE,
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_COUNT
};

static const char *const texts[SQL_COUNT] = {
	[SQL_PUT_ACCOUNT] = "INSERT OR REPLACE INTO account(id, ended, serial, folded, address) "
			    "VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQL_PUT_LETTER] = "INSERT OR REPLACE INTO letter(id, volume, offset, stored, dead) "
			   "VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQL_DROP_HOLDERS] = "DELETE FROM holder WHERE letter = ?1",
	[SQL_PUT_HOLDER] = "INSERT INTO holder(letter, account) VALUES (?1, ?2)",
	[SQL_PUT_QUEUE] = "INSERT OR REPLACE INTO queue(letter, position, states, entry) "
			  "VALUES (?1, ?2, ?3, ?4)",
	[SQL_PUT_STATES] = "UPDATE queue SET states = ?2 WHERE letter = ?1",
	[SQL_DROP_QUEUE] = "DELETE FROM queue WHERE letter = ?1",
	[SQL_PUT_FATE] = "INSERT OR REPLACE INTO fate(letter, fate) VALUES (?1, ?2)",
	[SQL_DROP_FATE] = "DELETE FROM fate WHERE letter = ?1",
	[SQL_PUT_MARK] = "INSERT OR REPLACE INTO mark(name, value) VALUES (?1, ?2)",
	[SQL_GET_LETTER] = "SELECT volume, offset, stored, dead FROM letter WHERE id = ?1",
	[SQL_GET_HOLDERS] = "SELECT account FROM holder WHERE letter = ?1",
	[SQL_GET_HELD] = "SELECT letter FROM holder WHERE account = ?1 AND letter > ?2 ORDER BY letter "
			 "LIMIT ?3",
	[SQL_GET_ENTRY] = "SELECT entry FROM queue WHERE letter = ?1",
	[SQL_ALL_MARKS] = "SELECT name, value FROM mark",
	[SQL_ALL_ACCOUNTS] = "SELECT id, ended, serial, folded, address FROM account",
	[SQL_ALL_QUEUE] = "SELECT id, volume, offset, stored, dead, position, states, fate FROM queue "
			  "JOIN letter ON letter.id = queue.letter "
			  "LEFT JOIN fate ON fate.letter = queue.letter ORDER BY position",
	[SQL_BEGIN] = "BEGIN",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
};

static const char schema[] =
	"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
	"PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;"
	"PRAGMA trusted_schema = OFF; PRAGMA cache_size = -2000;"
	"CREATE TABLE IF NOT EXISTS mark(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS account(id INTEGER PRIMARY KEY, ended INTEGER NOT NULL,"
	" serial INTEGER NOT NULL, folded INTEGER NOT NULL, address BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS letter(id INTEGER PRIMARY KEY, volume INTEGER NOT NULL,"
	" offset INTEGER NOT NULL, stored INTEGER NOT NULL, dead INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS holder(letter INTEGER NOT NULL, account INTEGER NOT NULL,"
	" PRIMARY KEY(letter, account)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS queue(letter INTEGER PRIMARY KEY, position INTEGER NOT NULL,"
	" states BLOB NOT NULL, entry BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS fate(letter INTEGER PRIMARY KEY, fate BLOB NOT NULL);";

struct catalogue {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_COUNT];
	struct catalogue_marks marks;
};

/* The marks by name; each is a number. */
static const struct mark_row {
	const char *name;
	size_t at;
	bool narrow;
} mark_rows[] = {
	{"checkpoint", offsetof(struct catalogue_marks, checkpoint), false},
	{"epoch", offsetof(struct catalogue_marks, epoch), false},
	{"next_account", offsetof(struct catalogue_marks, next_account), true},
	{"next_letter", offsetof(struct catalogue_marks, next_letter), false},
};

#define MARKS (sizeof(mark_rows) / sizeof(mark_rows[0]))

static void mark_set(struct catalogue_marks *m, const struct mark_row *row, uint64_t value)
{
	char *at = (char *)m + row->at;

	if (row->narrow)
		*(uint32_t *)(void *)at = (uint32_t)value;
	else
		*(uint64_t *)(void *)at = value;
}

static uint64_t mark_get_value(const struct catalogue_marks *m, const struct mark_row *row)
{
	const char *at = (const char *)m + row->at;

	return row->narrow ? *(const uint32_t *)(const void *)at : *(const uint64_t *)(const void *)at;
}

static int fail(struct catalogue *c, struct err *e)
{
	int code = sqlite3_errcode(c->db);

	return err_set(e, code == SQLITE_FULL ? ERR_FULL : ERR_IO, "the catalogue: %s",
		       sqlite3_errmsg(c->db));
}

static sqlite3_int64 signed_of(uint64_t v)
{
	return (sqlite3_int64)v;
}

static uint64_t number_of(sqlite3_stmt *q, int column)
{
	return (uint64_t)sqlite3_column_int64(q, column);
}

/* Runs a statement that gives no rows. */
static int run(struct catalogue *c, enum statement which, struct err *e)
{
	sqlite3_stmt *q = c->statements[which];
	int code = sqlite3_step(q) == SQLITE_DONE ? 0 : fail(c, e);

	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return code;
}

static void bind_bytes(sqlite3_stmt *q, int at, struct str bytes)
{
	sqlite3_bind_blob(q, at, bytes.n ? bytes.p : "", (int)bytes.n, SQLITE_STATIC);
}

static struct str bytes_of(sqlite3_stmt *q, int column)
{
	const char *p = sqlite3_column_blob(q, column);

	return (struct str){p, p ? (size_t)sqlite3_column_bytes(q, column) : 0};
}

static int prepare_all(struct catalogue *c, struct err *e)
{
	for (int i = 0; i < SQL_COUNT; i++)
		if (sqlite3_prepare_v3(c->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &c->statements[i],
				       NULL) != SQLITE_OK)
			return fail(c, e);
	return 0;
}

static int load_marks(struct catalogue *c, struct err *e)
{
	sqlite3_stmt *q = c->statements[SQL_ALL_MARKS];
	int rc;

	while ((rc = sqlite3_step(q)) == SQLITE_ROW)
		for (size_t i = 0; i < MARKS; i++)
			if (strcmp((const char *)sqlite3_column_text(q, 0), mark_rows[i].name) == 0)
				mark_set(&c->marks, &mark_rows[i], number_of(q, 1));
	rc = rc == SQLITE_DONE ? 0 : fail(c, e);
	sqlite3_reset(q);
	return rc;
}

int catalogue_open(struct catalogue **out, const char *data_path, struct err *e)
{
	struct catalogue *c = calloc(1, sizeof(*c));
	char path[2048];

	if (!c)
		return err_set(e, ERR_MEMORY, "no memory for the catalogue");
	if (snprintf(path, sizeof(path), "%s/spool/catalogue.db", data_path) >= (int)sizeof(path)) {
		free(c);
		return err_set(e, ERR_TOO_BIG, "the path of the data folder is too long");
	}
	int code = sqlite3_open_v2(path, &c->db,
				   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
				   NULL) == SQLITE_OK
			   ? 0
			   : fail(c, e);

	if (code == 0 && sqlite3_exec(c->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		code = fail(c, e);
	if (code == 0)
		code = prepare_all(c, e);
	if (code == 0)
		code = load_marks(c, e);
	if (code)
		catalogue_close(&c);
	*out = c;
	return code;
}

void catalogue_close(struct catalogue **c)
{
	if (!*c)
		return;
	for (int i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize((*c)->statements[i]);
	sqlite3_close((*c)->db);
	free(*c);
	*c = NULL;
}

uint64_t catalogue_checkpoint(const struct catalogue *c)
{
	return c->marks.checkpoint;
}

uint64_t catalogue_next_letter(const struct catalogue *c)
{
	return c->marks.next_letter;
}

uint32_t catalogue_next_account(const struct catalogue *c)
{
	return c->marks.next_account;
}

uint64_t catalogue_epoch(const struct catalogue *c)
{
	return c->marks.epoch;
}

static int load_accounts(struct catalogue *c, const struct catalogue_visitor *v, struct err *e)
{
	sqlite3_stmt *q = c->statements[SQL_ALL_ACCOUNTS];
	int rc;

	while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
		struct account_row row = {
			.id = (uint32_t)number_of(q, 0),
			.ended = number_of(q, 1) != 0,
			.serial = number_of(q, 2),
			.folded = number_of(q, 3),
			.address = bytes_of(q, 4),
		};

		v->account(v->arg, &row);
	}
	rc = rc == SQLITE_DONE ? 0 : fail(c, e);
	sqlite3_reset(q);
	return rc;
}

/* The first five columns of a letter. */
static void take_letter(sqlite3_stmt *q, int from, struct letter_row *row)
{
	row->place = (struct place){(uint32_t)number_of(q, from), number_of(q, from + 1)};
	row->stored = number_of(q, from + 2);
	row->dead = number_of(q, from + 3) != 0;
}

static int load_queue(struct catalogue *c, const struct catalogue_visitor *v, struct err *e)
{
	sqlite3_stmt *q = c->statements[SQL_ALL_QUEUE];
	struct arena a;
	int rc, code = 0;

	arena_init(&a, HOLDERS_MAX * 8);
	while (code == 0 && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		struct letter_row row;

		code = catalogue_letter(c, number_of(q, 0), &a, &row, e);
		row.position = number_of(q, 5);
		row.states = bytes_of(q, 6);
		row.fate = bytes_of(q, 7);
		if (code == 0)
			v->letter(v->arg, &row);
		arena_reset(&a);
	}
	if (code == 0 && rc != SQLITE_DONE)
		code = fail(c, e);
	sqlite3_reset(q);
	arena_free(&a);
	return code;
}

int catalogue_load(struct catalogue *c, const struct catalogue_visitor *v, struct err *e)
{
	int code = load_accounts(c, v, e);

	return code ? code : load_queue(c, v, e);
}

static int load_holders(struct catalogue *c, struct arena *a, struct letter_row *row, struct err *e)
{
	sqlite3_stmt *q = c->statements[SQL_GET_HOLDERS];
	uint32_t *holders = NULL, cap = 0;
	int rc, code = 0;

	sqlite3_bind_int64(q, 1, signed_of(row->id));
	while ((rc = sqlite3_step(q)) == SQLITE_ROW && row->holder_count < HOLDERS_MAX) {
		if (row->holder_count == cap) {
			uint32_t *more = arena_calloc(a, cap ? cap * 2 : 4, sizeof(*more));

			if (!more) {
				code = err_set(e, ERR_TOO_BIG, "a letter has too many holders");
				break;
			}
			if (cap)
				memcpy(more, holders, cap * sizeof(*more));
			holders = more;
			cap = cap ? cap * 2 : 4;
		}
		holders[row->holder_count++] = (uint32_t)number_of(q, 0);
	}
	if (code == 0 && rc != SQLITE_DONE)
		code = fail(c, e);
	sqlite3_reset(q);
	row->holders = holders;
	return code;
}

int catalogue_letter(struct catalogue *c, uint64_t id, struct arena *a, struct letter_row *row, struct err *e)
{
	sqlite3_stmt *q = c->statements[SQL_GET_LETTER];
	int code = 0;

	*row = (struct letter_row){.id = id};
	sqlite3_bind_int64(q, 1, signed_of(id));
	switch (sqlite3_step(q)) {
	case SQLITE_ROW:
		take_letter(q, 0, row);
		break;
	case SQLITE_DONE:
		code = err_set(e, ERR_NOT_FOUND, "there is no letter %016llX", (unsigned long long)id);
		break;
	default:
		code = fail(c, e);
	}
	sqlite3_reset(q);
	return code ? code : load_holders(c, a, row, e);
}

int catalogue_held(struct catalogue *c, uint32_t account, uint64_t after, uint64_t *ids, size_t max,
		   size_t *n, struct err *e)
{
	sqlite3_stmt *q = c->statements[SQL_GET_HELD];
	int rc;

	*n = 0;
	sqlite3_bind_int64(q, 1, account);
	sqlite3_bind_int64(q, 2, signed_of(after));
	sqlite3_bind_int64(q, 3, (sqlite3_int64)max);
	while ((rc = sqlite3_step(q)) == SQLITE_ROW)
		ids[(*n)++] = number_of(q, 0);
	rc = rc == SQLITE_DONE ? 0 : fail(c, e);
	sqlite3_reset(q);
	return rc;
}

int catalogue_entry(struct catalogue *c, uint64_t id, struct buf *entry, struct err *e)
{
	sqlite3_stmt *q = c->statements[SQL_GET_ENTRY];
	int code = 0;

	sqlite3_bind_int64(q, 1, signed_of(id));
	switch (sqlite3_step(q)) {
	case SQLITE_ROW:
		buf_add_str(entry, bytes_of(q, 0));
		break;
	case SQLITE_DONE:
		code = err_set(e, ERR_NOT_FOUND, "letter %016llX is not in the queue",
			       (unsigned long long)id);
		break;
	default:
		code = fail(c, e);
	}
	sqlite3_reset(q);
	return code;
}

int catalogue_begin(struct catalogue *c, struct err *e)
{
	return run(c, SQL_BEGIN, e);
}

int catalogue_commit(struct catalogue *c, struct err *e)
{
	return run(c, SQL_COMMIT, e);
}

void catalogue_undo(struct catalogue *c)
{
	struct err ignored; /* what failed before is what counts */

	if (!sqlite3_get_autocommit(c->db))
		run(c, SQL_ROLLBACK, &ignored);
}

int catalogue_put_account(struct catalogue *c, const struct account_row *row, struct err *e)
{
	sqlite3_stmt *q = c->statements[SQL_PUT_ACCOUNT];

	sqlite3_bind_int64(q, 1, row->id);
	sqlite3_bind_int64(q, 2, row->ended);
	sqlite3_bind_int64(q, 3, signed_of(row->serial));
	sqlite3_bind_int64(q, 4, signed_of(row->folded));
	bind_bytes(q, 5, row->address);
	return run(c, SQL_PUT_ACCOUNT, e);
}

static int put_holders(struct catalogue *c, const struct letter_row *row, struct err *e)
{
	sqlite3_stmt *q = c->statements[SQL_PUT_HOLDER];

	sqlite3_bind_int64(c->statements[SQL_DROP_HOLDERS], 1, signed_of(row->id));
	int code = run(c, SQL_DROP_HOLDERS, e);

	for (uint32_t i = 0; code == 0 && i < row->holder_count; i++) {
		sqlite3_bind_int64(q, 1, signed_of(row->id));
		sqlite3_bind_int64(q, 2, row->holders[i]);
		code = run(c, SQL_PUT_HOLDER, e);
	}
	return code;
}

static int put_queue(struct catalogue *c, const struct letter_row *row, struct err *e)
{
	static const enum statement which[] = {
		[QUEUE_PUT] = SQL_PUT_QUEUE, [QUEUE_STATES] = SQL_PUT_STATES, [QUEUE_DROP] = SQL_DROP_QUEUE};
	sqlite3_stmt *q = c->statements[which[row->queue]];

	sqlite3_bind_int64(q, 1, signed_of(row->id));
	if (row->queue == QUEUE_STATES)
		bind_bytes(q, 2, row->states);
	if (row->queue == QUEUE_PUT) {
		sqlite3_bind_int64(q, 2, signed_of(row->position));
		bind_bytes(q, 3, row->states);
		bind_bytes(q, 4, row->entry);
	}
	return run(c, which[row->queue], e);
}

static int put_fate(struct catalogue *c, const struct letter_row *row, struct err *e)
{
	enum statement which = row->drop_fate ? SQL_DROP_FATE : SQL_PUT_FATE;
	sqlite3_stmt *q = c->statements[which];

	sqlite3_bind_int64(q, 1, signed_of(row->id));
	if (!row->drop_fate)
		bind_bytes(q, 2, row->fate);
	return run(c, which, e);
}

int catalogue_put_letter(struct catalogue *c, const struct letter_row *row, struct err *e)
{
	sqlite3_stmt *q = c->statements[SQL_PUT_LETTER];

	sqlite3_bind_int64(q, 1, signed_of(row->id));
	sqlite3_bind_int64(q, 2, row->place.volume);
	sqlite3_bind_int64(q, 3, signed_of(row->place.offset));
	sqlite3_bind_int64(q, 4, signed_of(row->stored));
	sqlite3_bind_int64(q, 5, row->dead);
	int code = run(c, SQL_PUT_LETTER, e);

	if (code == 0)
		code = put_holders(c, row, e);
	if (code == 0 && row->queue != QUEUE_NONE)
		code = put_queue(c, row, e);
	if (code == 0 && (row->drop_fate || row->fate.n > 0))
		code = put_fate(c, row, e);
	return code;
}

static int put_marks(struct catalogue *c, const struct catalogue_marks *marks, struct err *e)
{
	sqlite3_stmt *q = c->statements[SQL_PUT_MARK];
	int code = catalogue_begin(c, e);

	for (size_t i = 0; code == 0 && i < MARKS; i++) {
		sqlite3_bind_text(q, 1, mark_rows[i].name, -1, SQLITE_STATIC);
		sqlite3_bind_int64(q, 2, signed_of(mark_get_value(marks, &mark_rows[i])));
		code = run(c, SQL_PUT_MARK, e);
	}
	if (code == 0)
		code = catalogue_commit(c, e);
	if (code)
		catalogue_undo(c);
	return code;
}

int catalogue_sync(struct catalogue *c, const struct catalogue_marks *marks, struct err *e)
{
	int code = put_marks(c, marks, e);

	if (code == 0 &&
	    sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK)
		code = fail(c, e);
	if (code == 0)
		c->marks = *marks;
	return code;
}
