/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fold: acts become rows.
 *
 * The ledger decides whether an act fits and takes what follows from it alone;
 * the functions here do what it means for rows and counts.  A folder that a
 * later change of the same act deletes is no longer in the ledger then: its
 * counts are nobody's, its rows go with the deletion.
 */
#include "store/index_parts.h"

/* All UIDs of a folder. */
static const struct uid_range everything = {1, UINT32_MAX};

static void count_in(struct index *ix, uint32_t folder, const struct counts *c)
{
	struct folder *f = ledger_folder(&ix->ledger, folder);

	if (f)
		counts_plus(&f->counts, c);
}

static void count_out(struct index *ix, uint32_t folder, const struct counts *c)
{
	struct folder *f = ledger_folder(&ix->ledger, folder);

	if (f)
		counts_minus(&f->counts, c);
}

static int run_text(struct index *ix, sqlite3_stmt *st, int at, struct str text, struct err *err)
{
	if (!st)
		return err->code;
	sql_bind_text(st, at, text);
	return sql_finish(&ix->sql, st, err);
}

static int fold_create(struct index *ix, uint64_t serial, const struct change *c, struct err *err)
{
	const struct change_create *k = &c->create;

	return run_text(
		ix,
		sql_bind(&ix->sql, STMT_FOLDER_INSERT,
			 SQL_INTS(k->folder, k->uidvalidity, k->uidnext, k->special_use, (int64_t)serial),
			 err),
		6, k->name, err);
}

static int fold_rename(struct index *ix, uint64_t serial, const struct change *c, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < c->rename.n && !rc; i++)
		rc = run_text(
			ix, sql_bind(&ix->sql, STMT_FOLDER_RENAME, SQL_INTS(c->rename.items[i].folder), err),
			2, c->rename.items[i].name, err);
	return rc;
}

static int fold_subscribe(struct index *ix, uint64_t serial, const struct change *c, struct err *err)
{
	enum index_statement which = c->kind == CHANGE_SUBSCRIBE ? STMT_SUBSCRIBE : STMT_UNSUBSCRIBE;

	return run_text(ix, sql_bind(&ix->sql, which, NULL, 0, err), 1, c->subscribe.name, err);
}

static int add_head(struct index *ix, const struct change_add *k, struct err *err)
{
	sqlite3_stmt *st = sql_bind(&ix->sql, STMT_HEAD_INSERT, SQL_INTS(k->folder, k->uid, k->skip), err);

	if (!st)
		return err->code;
	sql_bind_bytes(st, 4, k->head);
	return sql_finish(&ix->sql, st, err);
}

static int fold_add(struct index *ix, uint64_t serial, const struct change *c, struct err *err)
{
	const struct change_add *k = &c->add;
	struct keyword_set keywords = ledger_keyword_set(&ix->ledger, k->keywords);
	struct counts one = {0};
	int rc = sql_run(&ix->sql, STMT_MESSAGE_INSERT,
			 SQL_INTS(k->folder, k->uid, (int64_t)serial, k->flags, (int64_t)keywords.w[0],
				  (int64_t)keywords.w[1], k->date_us, k->size, (int64_t)k->letter,
				  (int64_t)k->place, (int64_t)k->immutable),
			 err);

	if (!rc && (k->head.n || k->skip))
		rc = add_head(ix, k, err);
	counts_add(&one, k->flags, k->size);
	count_in(ix, k->folder, &one);
	return rc;
}

/* Counts the rows of a range. */
static int tally(struct index *ix, uint32_t folder, struct uid_range r, struct counts *sum, struct err *err)
{
	sqlite3_stmt *st = sql_bind(&ix->sql, STMT_MESSAGES_TALLY, SQL_INTS(folder, r.lo, r.hi), err);
	int rc = st ? 1 : err->code;

	while (rc > 0) {
		rc = sql_step(&ix->sql, st, err);
		if (rc > 0)
			counts_add(sum, (uint8_t)sqlite3_column_int(st, 1),
				   (uint32_t)sqlite3_column_int64(st, 2));
	}
	return rc;
}

static int log_range(struct index *ix, uint64_t serial, uint32_t folder, struct uid_range r, struct err *err)
{
	struct folder *f = ledger_folder(&ix->ledger, folder);

	if (!r.lo || !f)
		return 0;
	f->logged++;
	return sql_run(&ix->sql, STMT_EXPUNGED_INSERT, SQL_INTS(folder, r.lo, r.hi, (int64_t)serial), err);
}

/* Counts the rows of a range and logs the UIDs that are really there. */
static int tally_and_log(struct index *ix, uint64_t serial, uint32_t folder, struct uid_range r,
			 struct counts *sum, struct err *err)
{
	sqlite3_stmt *st = sql_bind(&ix->sql, STMT_MESSAGES_TALLY, SQL_INTS(folder, r.lo, r.hi), err);
	struct uid_range open = {0, 0};
	int rc = st ? 1 : err->code;

	while (rc > 0) {
		rc = sql_step(&ix->sql, st, err);
		if (rc <= 0)
			break;
		uint32_t uid = (uint32_t)sqlite3_column_int64(st, 0);

		counts_add(sum, (uint8_t)sqlite3_column_int(st, 1), (uint32_t)sqlite3_column_int64(st, 2));
		if (open.lo && open.hi + 1 == uid) {
			open.hi = uid;
			continue;
		}
		if (log_range(ix, serial, folder, open, err)) {
			sql_stop(st);
			return err->code;
		}
		open = (struct uid_range){uid, uid};
	}
	return rc ? rc : log_range(ix, serial, folder, open, err);
}

static int delete_rows(struct index *ix, uint32_t folder, struct uid_range r, struct err *err)
{
	int rc = sql_run(&ix->sql, STMT_HEADS_DELETE, SQL_INTS(folder, r.lo, r.hi), err);

	return rc ? rc : sql_run(&ix->sql, STMT_MESSAGES_DELETE, SQL_INTS(folder, r.lo, r.hi), err);
}

/* Each letter is a candidate; index_releases() looks whether a row is left. */
static int release_rows(struct index *ix, uint64_t serial, uint32_t folder, struct uid_range r,
			struct err *err)
{
	return sql_run(&ix->sql, STMT_RELEASES_INSERT, SQL_INTS(folder, r.lo, r.hi, (int64_t)serial), err);
}

static int fold_expunge(struct index *ix, uint64_t serial, const struct change *c, struct err *err)
{
	const struct change_expunge *k = &c->expunge;
	struct counts gone = {0};
	int rc = 0;

	for (size_t i = 0; i < k->uids.n && !rc; i++) {
		rc = tally_and_log(ix, serial, k->folder, k->uids.r[i], &gone, err);
		if (!rc)
			rc = release_rows(ix, serial, k->folder, k->uids.r[i], err);
		if (!rc)
			rc = delete_rows(ix, k->folder, k->uids.r[i], err);
	}
	count_out(ix, k->folder, &gone);
	return rc;
}

static int fold_delete(struct index *ix, uint64_t serial, const struct change *c, struct err *err)
{
	uint32_t folder = c->delete.folder;
	int rc = release_rows(ix, serial, folder, everything, err);

	if (!rc)
		rc = delete_rows(ix, folder, everything, err);
	if (!rc)
		rc = sql_run(&ix->sql, STMT_EXPUNGED_DELETE, SQL_INTS(folder), err);
	return rc ? rc : sql_run(&ix->sql, STMT_FOLDER_DELETE, SQL_INTS(folder), err);
}

static int copy_range(struct index *ix, uint64_t serial, const struct change_transfer *k, struct uid_range r,
		      uint32_t first_uid, struct err *err)
{
	int64_t distance = (int64_t)first_uid - r.lo;
	int rc = sql_run(&ix->sql, STMT_MESSAGES_COPY,
			 SQL_INTS(k->from, r.lo, r.hi, k->to, distance, (int64_t)serial), err);

	return rc ? rc
		  : sql_run(&ix->sql, STMT_HEADS_COPY, SQL_INTS(k->from, r.lo, r.hi, k->to, distance), err);
}

static int fold_transfer(struct index *ix, uint64_t serial, const struct change *c, struct err *err)
{
	const struct change_transfer *k = &c->transfer;
	bool move = c->kind == CHANGE_MOVE;
	uint32_t uid = k->first_uid;
	struct counts moved = {0};
	int rc = 0;

	for (size_t i = 0; i < k->uids.n && !rc; i++) {
		struct uid_range r = k->uids.r[i];

		rc = move ? tally_and_log(ix, serial, k->from, r, &moved, err)
			  : tally(ix, k->from, r, &moved, err);
		if (!rc)
			rc = copy_range(ix, serial, k, r, uid, err);
		if (!rc && move)
			rc = delete_rows(ix, k->from, r, err);
		uid += r.hi - r.lo + 1;
	}
	count_in(ix, k->to, &moved);
	if (move)
		count_out(ix, k->from, &moved);
	return rc;
}

/* What the change does to the counts of a folder. */
static int tally_flags(struct index *ix, uint32_t folder, struct uid_range r, const struct flag_change *how,
		       struct err *err)
{
	struct folder *f = ledger_folder(&ix->ledger, folder);

	if (!f || !(flag_change_touches(how, MESSAGE_SEEN) || flag_change_touches(how, MESSAGE_DELETED)))
		return 0;
	sqlite3_stmt *st = sql_bind(&ix->sql, STMT_MESSAGES_FLAGS_TALLY,
				    SQL_INTS(folder, r.lo, r.hi, how->keep, how->add), err);
	int rc = st ? sql_step(&ix->sql, st, err) : err->code;

	if (rc <= 0)
		return rc;
	/* Sums of no rows are NULL, which reads as 0. */
	f->counts.unseen += (uint64_t)(sqlite3_column_int64(st, 1) - sqlite3_column_int64(st, 0));
	f->counts.deleted += (uint64_t)(sqlite3_column_int64(st, 3) - sqlite3_column_int64(st, 2));
	sql_stop(st);
	return 0;
}

static int fold_flags(struct index *ix, uint64_t serial, const struct change *c, struct err *err)
{
	struct flag_change how = ledger_flag_change(&ix->ledger, c);
	uint32_t folder = c->flags.folder;
	int rc = 0;

	for (size_t i = 0; i < c->flags.uids.n && !rc; i++) {
		struct uid_range r = c->flags.uids.r[i];

		rc = tally_flags(ix, folder, r, &how, err);
		if (!rc)
			rc = sql_run(&ix->sql, STMT_MESSAGES_FLAGS,
				     SQL_INTS(folder, r.lo, r.hi, (int64_t)serial, how.keep, how.add,
					      (int64_t)how.keyword_keep.w[0], (int64_t)how.keyword_add.w[0],
					      (int64_t)how.keyword_keep.w[1], (int64_t)how.keyword_add.w[1]),
				     err);
	}
	return rc;
}

typedef int fold_fn(struct index *ix, uint64_t serial, const struct change *c, struct err *err);

static fold_fn *const folders_of[CHANGE_KINDS] = {
	[CHANGE_FOLDER_CREATE] = fold_create,  [CHANGE_FOLDER_RENAME] = fold_rename,
	[CHANGE_FOLDER_DELETE] = fold_delete,  [CHANGE_SUBSCRIBE] = fold_subscribe,
	[CHANGE_UNSUBSCRIBE] = fold_subscribe, [CHANGE_ADD] = fold_add,
	[CHANGE_MOVE] = fold_transfer,         [CHANGE_COPY] = fold_transfer,
	[CHANGE_FLAGS_SET] = fold_flags,       [CHANGE_FLAGS_ADD] = fold_flags,
	[CHANGE_FLAGS_REMOVE] = fold_flags,    [CHANGE_EXPUNGE] = fold_expunge,
};

static int fold_act(struct index *ix, const struct act_body *act, struct err *err)
{
	int rc = ledger_apply(&ix->ledger, act, err);

	if (rc == ERR_MEMORY)
		return rc;
	if (rc) {
		/* A durable act was checked when it was made: that it does not fit is damage. */
		err->code = ERR_CORRUPT;
		return err_prefix(err, "act %llu of account %u", (unsigned long long)act->serial,
				  ix->account);
	}
	for (size_t i = 0; i < act->n && !rc; i++)
		rc = folders_of[act->changes[i].kind](ix, act->serial, &act->changes[i], err);
	return rc;
}

/* Gives up the older half of a folder's expunge log, whole modseqs at a time. */
static int prune_log(struct index *ix, struct folder *f, struct err *err)
{
	sqlite3_stmt *st =
		sql_bind(&ix->sql, STMT_EXPUNGED_MIDDLE, SQL_INTS(f->id, (int64_t)INDEX_LOG_MAX / 2), err);
	int rc = st ? sql_step(&ix->sql, st, err) : err->code;

	if (rc <= 0)
		return rc;
	f->floor = (uint64_t)sqlite3_column_int64(st, 0);
	sql_stop(st);
	rc = sql_run(&ix->sql, STMT_EXPUNGED_PRUNE, SQL_INTS(f->id, (int64_t)f->floor), err);
	f->logged -= (uint32_t)sqlite3_changes(ix->sql.db);
	return rc;
}

static int write_folder(struct index *ix, struct folder *f, struct err *err)
{
	int rc = f->logged > INDEX_LOG_MAX ? prune_log(ix, f, err) : 0;

	if (rc)
		return rc;
	return sql_run(&ix->sql, STMT_FOLDER_UPDATE,
		       SQL_INTS(f->id, f->uidnext, (int64_t)f->modseq, (int64_t)f->counts.messages,
				(int64_t)f->counts.unseen, (int64_t)f->counts.deleted,
				(int64_t)f->counts.size, (int64_t)f->floor, f->logged),
		       err);
}

/* Writes what changed in the ledger since it was at serial `before` with so many keywords. */
static int write_ledger(struct index *ix, uint64_t before, size_t keywords, struct err *err)
{
	struct ledger *l = &ix->ledger;
	int rc = 0;

	for (size_t i = 0; i < l->n && !rc; i++)
		if (l->folders[i].modseq > before)
			rc = write_folder(ix, &l->folders[i], err);
	for (size_t i = keywords; i < l->keyword_count && !rc; i++)
		rc = run_text(ix, sql_bind(&ix->sql, STMT_KEYWORD_INSERT, SQL_INTS((int64_t)i), err), 2,
			      l->keywords[i], err);
	if (rc)
		return rc;
	return sql_run(&ix->sql, STMT_META_UPDATE,
		       SQL_INTS((int64_t)l->serial, l->next_folder, l->next_uidvalidity), err);
}

static int fold_all(struct index *ix, const struct act_body *acts, size_t n, struct err *err)
{
	uint64_t before = ix->ledger.serial;
	size_t keywords = ix->ledger.keyword_count;
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		if (acts[i].serial > ix->ledger.serial)
			rc = fold_act(ix, &acts[i], err);
	return rc ? rc : write_ledger(ix, before, keywords, err);
}

/* After a roll back the ledger is what the tables say. */
static void read_again(struct index *ix)
{
	struct err err;

	ledger_free(&ix->ledger);
	if (index_read_ledger(ix, &err))
		ix->failed = true;
}

int index_fold(struct index *ix, const struct act_body *acts, size_t n, struct err *err)
{
	int rc = index_usable(ix, err);

	if (rc || n == 0 || acts[n - 1].serial <= ix->ledger.serial)
		return rc;
	rc = sql_begin(&ix->sql, err);
	if (rc)
		return rc;
	rc = fold_all(ix, acts, n, err);
	if (rc)
		sql_rollback(&ix->sql);
	else
		rc = sql_commit(&ix->sql, err);
	if (rc)
		read_again(ix);
	return rc;
}
