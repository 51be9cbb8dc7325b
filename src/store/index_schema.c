/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of index.db, every statement on them, and the ledger read back.
 *
 * meta        one row: schema version, account, applied serial, next numbers
 * folders     one row each, with counts and the floor of the expunge log
 * messages    narrow rows, clustered by folder and UID: 100,000 are 6 MB
 * heads       own bytes in front of a letter, apart to keep messages narrow
 * expunged    ranges of UIDs with the modseq of their end
 * releases    letters that lost a row, until their release is in the journal
 *
 * Names of folders have no unique index, since a rename of many may pass
 * through states where two are equal; the ledger sees that they differ.
 * Unsigned 64-bit numbers are stored as the signed ones with the same bits.
 */
#include "store/index_parts.h"

#define SCHEMA_VERSION 1

static const char schema[] =
	"CREATE TABLE meta (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, account INTEGER NOT NULL,"
	" address TEXT NOT NULL, applied INTEGER NOT NULL, next_folder INTEGER NOT NULL,"
	" next_uidvalidity INTEGER NOT NULL) STRICT;"
	"CREATE TABLE folders (id INTEGER PRIMARY KEY, name TEXT NOT NULL, uidvalidity INTEGER NOT NULL,"
	" uidnext INTEGER NOT NULL, special_use INTEGER NOT NULL, modseq INTEGER NOT NULL,"
	" messages INTEGER NOT NULL, unseen INTEGER NOT NULL, deleted INTEGER NOT NULL, size INTEGER NOT "
	"NULL,"
	" floor INTEGER NOT NULL, logged INTEGER NOT NULL) STRICT;"
	"CREATE TABLE keywords (slot INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;"
	"CREATE TABLE subscriptions (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;"
	"CREATE TABLE messages (folder INTEGER NOT NULL, uid INTEGER NOT NULL, modseq INTEGER NOT NULL,"
	" flags INTEGER NOT NULL, kw0 INTEGER NOT NULL, kw1 INTEGER NOT NULL, date INTEGER NOT NULL,"
	" size INTEGER NOT NULL, letter INTEGER NOT NULL, place INTEGER NOT NULL, immutable INTEGER NOT NULL,"
	" PRIMARY KEY (folder, uid)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX messages_letter ON messages (letter);"
	"CREATE TABLE heads (folder INTEGER NOT NULL, uid INTEGER NOT NULL, skip INTEGER NOT NULL,"
	" bytes BLOB NOT NULL, PRIMARY KEY (folder, uid)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE expunged (folder INTEGER NOT NULL, lo INTEGER NOT NULL, hi INTEGER NOT NULL,"
	" modseq INTEGER NOT NULL, PRIMARY KEY (folder, lo)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE releases (letter INTEGER PRIMARY KEY, serial INTEGER NOT NULL) STRICT;";

_Static_assert(KEYWORD_WORDS == 2, "messages has a column for each word of keywords");

/* ?1, ?2, ?3 of the statements on rows are folder, lowest and highest UID. */
#define ROWS "WHERE folder = ?1 AND uid BETWEEN ?2 AND ?3"
#define ROW_COLUMNS "uid, modseq, flags, kw0, kw1, date, size, letter, place, immutable"

const char *const index_statements_text[STMT_COUNT] = {
	[STMT_META] =
		"SELECT version, account, applied, next_folder, next_uidvalidity FROM meta WHERE id = 1",
	[STMT_META_INSERT] = "INSERT INTO meta VALUES (1, ?1, ?2, ?3, 0, 1, 1)",
	[STMT_META_UPDATE] =
		"UPDATE meta SET applied = ?1, next_folder = ?2, next_uidvalidity = ?3 WHERE id = 1",
	[STMT_FOLDERS] =
		"SELECT id, uidvalidity, uidnext, special_use, modseq, messages, unseen, deleted, size,"
		" floor, logged, name FROM folders ORDER BY id",
	[STMT_FOLDER_INSERT] =
		"INSERT INTO folders (id, uidvalidity, uidnext, special_use, modseq, name, messages, unseen,"
		" deleted, size, floor, logged) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 0, 0, 0, 0)",
	[STMT_FOLDER_UPDATE] = "UPDATE folders SET uidnext = ?2, modseq = ?3, messages = ?4, unseen = ?5,"
			       " deleted = ?6, size = ?7, floor = ?8, logged = ?9 WHERE id = ?1",
	[STMT_FOLDER_RENAME] = "UPDATE folders SET name = ?2 WHERE id = ?1",
	[STMT_FOLDER_DELETE] = "DELETE FROM folders WHERE id = ?1",
	[STMT_KEYWORDS] = "SELECT slot, name FROM keywords ORDER BY slot",
	[STMT_KEYWORD_INSERT] = "INSERT INTO keywords VALUES (?1, ?2)",
	[STMT_SUBSCRIPTIONS] = "SELECT name FROM subscriptions",
	[STMT_SUBSCRIBE] = "INSERT OR IGNORE INTO subscriptions VALUES (?1)",
	[STMT_UNSUBSCRIBE] = "DELETE FROM subscriptions WHERE name = ?1",
	[STMT_MESSAGE_INSERT] = "INSERT INTO messages (folder, " ROW_COLUMNS ")"
				" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[STMT_MESSAGES_TALLY] = "SELECT uid, flags, size FROM messages " ROWS " ORDER BY uid",
	/* ?4 and ?5: target folder, what to add to the UID; ?6 modseq */
	[STMT_MESSAGES_COPY] = "INSERT INTO messages (folder, " ROW_COLUMNS ")"
			       " SELECT ?4, uid + ?5, ?6, flags, kw0, kw1, date, size, letter, place, "
			       "immutable FROM messages " ROWS,
	[STMT_MESSAGES_DELETE] = "DELETE FROM messages " ROWS,
	/* ?4 modseq, then keep and add of flags, kw0, kw1: rows that stay equal are not touched */
	[STMT_MESSAGES_FLAGS] =
		"UPDATE messages SET modseq = ?4, flags = (flags & ?5) | ?6, kw0 = (kw0 & ?7) | ?8,"
		" kw1 = (kw1 & ?9) | ?10 " ROWS
		" AND ((flags & ?5) | ?6 <> flags OR (kw0 & ?7) | ?8 <> kw0 OR (kw1 & ?9) | ?10 <> kw1)",
	/* ?4 and ?5: keep and add of flags; 1 is \Seen, 8 is \Deleted */
	[STMT_MESSAGES_FLAGS_TALLY] =
		"SELECT sum((flags & 1) = 0), sum((((flags & ?4) | ?5) & 1) = 0), sum((flags & 8) <> 0),"
		" sum((((flags & ?4) | ?5) & 8) <> 0) FROM messages " ROWS,
	[STMT_MESSAGES_LOAD] = "SELECT " ROW_COLUMNS " FROM messages WHERE folder = ?1 AND uid > ?2"
			       " ORDER BY uid LIMIT ?3",
	[STMT_MESSAGES_SINCE] = "SELECT " ROW_COLUMNS " FROM messages WHERE folder = ?1 AND uid > ?2"
				" AND modseq > ?4 ORDER BY uid LIMIT ?3",
	[STMT_MESSAGE] =
		"SELECT " ROW_COLUMNS ", skip, bytes FROM messages LEFT JOIN heads USING (folder, uid)"
		" WHERE folder = ?1 AND uid = ?2",
	[STMT_HEAD_INSERT] = "INSERT INTO heads VALUES (?1, ?2, ?3, ?4)",
	[STMT_HEADS_COPY] = "INSERT INTO heads SELECT ?4, uid + ?5, skip, bytes FROM heads " ROWS,
	[STMT_HEADS_DELETE] = "DELETE FROM heads " ROWS,
	[STMT_EXPUNGED_INSERT] = "INSERT INTO expunged VALUES (?1, ?2, ?3, ?4)",
	[STMT_EXPUNGED_SINCE] = "SELECT lo, hi FROM expunged WHERE folder = ?1 AND lo > ?2 AND modseq > ?4"
				" ORDER BY lo LIMIT ?3",
	[STMT_EXPUNGED_MIDDLE] = "SELECT modseq FROM expunged WHERE folder = ?1 ORDER BY modseq DESC LIMIT 1"
				 " OFFSET ?2",
	[STMT_EXPUNGED_PRUNE] = "DELETE FROM expunged WHERE folder = ?1 AND modseq <= ?2",
	[STMT_EXPUNGED_DELETE] = "DELETE FROM expunged WHERE folder = ?1",
	/* ?4 serial */
	[STMT_RELEASES_INSERT] = "INSERT OR REPLACE INTO releases SELECT letter, ?4 FROM messages " ROWS,
	[STMT_RELEASES] = "SELECT letter, serial, EXISTS (SELECT 1 FROM messages WHERE messages.letter ="
			  " releases.letter) FROM releases WHERE serial <= ?1 ORDER BY letter LIMIT ?2",
	[STMT_RELEASED] = "DELETE FROM releases WHERE letter = ?1 AND serial <= ?2",
	[STMT_MESSAGES_COUNT] = "SELECT count(*) FROM messages WHERE folder = ?1 AND uid >= ?2",
};

static int create_tables(struct index *ix, struct str address, struct err *err)
{
	int rc = sql_begin(&ix->sql, err);

	if (rc)
		return rc;
	rc = sql_exec(&ix->sql, schema, err);
	if (!rc) {
		sqlite3_stmt *st =
			sql_bind(&ix->sql, STMT_META_INSERT, SQL_INTS(SCHEMA_VERSION, ix->account), err);

		if (st)
			sql_bind_text(st, 3, address);
		rc = st ? sql_finish(&ix->sql, st, err) : err->code;
	}
	if (rc)
		sql_rollback(&ix->sql);
	return rc ? rc : sql_commit(&ix->sql, err);
}

/* Negative, 0 without, 1 with tables. */
static int has_tables(struct index *ix, struct err *err)
{
	const char *text = "SELECT 1 FROM sqlite_schema WHERE name = 'meta'";
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(ix->sql.db, text, -1, &st, NULL))
		return err_set(err, ERR_CORRUPT, "%s", sqlite3_errmsg(ix->sql.db));
	int rc = sql_step(&ix->sql, st, err);

	sqlite3_finalize(st);
	return rc;
}

int index_schema(struct index *ix, struct str address, struct err *err)
{
	int rc = has_tables(ix, err);

	if (rc == 0)
		rc = create_tables(ix, address, err);
	if (rc < 0)
		return rc;
	sqlite3_stmt *st = sql_bind(&ix->sql, STMT_META, NULL, 0, err);

	rc = st ? sql_step(&ix->sql, st, err) : err->code;
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(err, ERR_CORRUPT, "the row that says whose it is is missing");
	int64_t version = sqlite3_column_int64(st, 0);
	int64_t account = sqlite3_column_int64(st, 1);

	sql_stop(st);
	if (version != SCHEMA_VERSION)
		return err_set(err, ERR_INVALID, "its version is %lld, this program knows %d",
			       (long long)version, SCHEMA_VERSION);
	if (account != ix->account)
		return err_set(err, account < ix->account ? ERR_EXISTS : ERR_CORRUPT,
			       "it belongs to account %lld, not to %u", (long long)account, ix->account);
	return 0;
}

static int read_meta(struct index *ix, struct err *err)
{
	sqlite3_stmt *st = sql_bind(&ix->sql, STMT_META, NULL, 0, err);
	int rc = st ? sql_step(&ix->sql, st, err) : err->code;

	if (rc != 1)
		return rc ? rc : err_set(err, ERR_CORRUPT, "the row of the applied serial is missing");
	ix->ledger.serial = (uint64_t)sqlite3_column_int64(st, 2);
	ix->ledger.next_folder = (uint32_t)sqlite3_column_int64(st, 3);
	ix->ledger.next_uidvalidity = (uint32_t)sqlite3_column_int64(st, 4);
	sql_stop(st);
	return 0;
}

static int read_folder(struct index *ix, sqlite3_stmt *st, struct err *err)
{
	struct folder f = {
		.id = (uint32_t)sqlite3_column_int64(st, 0),
		.uidvalidity = (uint32_t)sqlite3_column_int64(st, 1),
		.uidnext = (uint32_t)sqlite3_column_int64(st, 2),
		.special_use = (uint8_t)sqlite3_column_int(st, 3),
		.modseq = (uint64_t)sqlite3_column_int64(st, 4),
		.counts.messages = (uint64_t)sqlite3_column_int64(st, 5),
		.counts.unseen = (uint64_t)sqlite3_column_int64(st, 6),
		.counts.deleted = (uint64_t)sqlite3_column_int64(st, 7),
		.counts.size = (uint64_t)sqlite3_column_int64(st, 8),
		.floor = (uint64_t)sqlite3_column_int64(st, 9),
		.logged = (uint32_t)sqlite3_column_int64(st, 10),
		.name = sql_bytes(st, 11),
	};

	return ledger_put_folder(&ix->ledger, &f, err);
}

static int read_keyword(struct index *ix, sqlite3_stmt *st, struct err *err)
{
	if (sqlite3_column_int64(st, 0) != (int64_t)ix->ledger.keyword_count)
		return err_set(err, ERR_CORRUPT, "a keyword is missing");
	return ledger_put_keyword(&ix->ledger, sql_bytes(st, 1), err);
}

static int read_subscription(struct index *ix, sqlite3_stmt *st, struct err *err)
{
	return ledger_put_subscription(&ix->ledger, sql_bytes(st, 0), err);
}

static int read_rows(struct index *ix, enum index_statement which,
		     int (*take)(struct index *ix, sqlite3_stmt *st, struct err *err), struct err *err)
{
	sqlite3_stmt *st = sql_bind(&ix->sql, which, NULL, 0, err);
	int rc = st ? 1 : err->code;

	while (rc > 0) {
		rc = sql_step(&ix->sql, st, err);
		if (rc <= 0)
			break;
		if (take(ix, st, err)) {
			sql_stop(st);
			/* What an act could not have made is damage; lack of memory is not. */
			rc = err->code == ERR_MEMORY ? ERR_MEMORY : (err->code = ERR_CORRUPT);
		}
	}
	return rc;
}

int index_read_ledger(struct index *ix, struct err *err)
{
	int rc = read_meta(ix, err);

	if (!rc)
		rc = read_rows(ix, STMT_FOLDERS, read_folder, err);
	if (!rc)
		rc = read_rows(ix, STMT_KEYWORDS, read_keyword, err);
	if (!rc)
		rc = read_rows(ix, STMT_SUBSCRIPTIONS, read_subscription, err);
	return rc;
}
