/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, syncing and closing an account's index. */
#include "store/index_parts.h"
#include "store/account_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int index_usable(const struct index *ix, struct err *err)
{
	return ix->failed ? err_set(err, ERR_IO, "the index failed before and must be opened again") : 0;
}

static int open_files(struct index *ix, const char *data_dir, struct str domain, struct str user, bool create,
		      struct err *err)
{
	struct buf path;
	struct stat wal;

	buf_init(&path, ACCOUNT_PATH_MAX);

	int rc = account_dir_open(data_dir, domain, user, create, &path, &ix->dir, err);

	if (!rc)
		ix->inherited = fstatat(ix->dir, "index.db-wal", &wal, 0) == 0 && wal.st_size > 0;
	buf_add_z(&path, "/index.db");
	buf_add_c(&path, '\0');
	if (!rc && buf_failed(&path))
		rc = err_set(err, ERR_INVALID, "the path of the index is too long");
	if (!rc)
		rc = sql_open(&ix->sql, path.p, create, index_statements_text, STMT_COUNT, err);
	if (rc && ix->dir >= 0) {
		close(ix->dir);
		ix->dir = -1;
	}
	buf_free(&path);
	return rc;
}

static int open_index(struct index *ix, const char *data_dir, struct str domain, struct str user, bool create,
		      struct err *err)
{
	struct buf address;
	/* Folders are made and synced only for an index that is not there. */
	int rc = open_files(ix, data_dir, domain, user, false, err);

	if (rc == ERR_NOT_FOUND && create)
		rc = open_files(ix, data_dir, domain, user, true, err);
	if (rc)
		return rc;
	buf_init(&address, ACCOUNT_PATH_MAX);
	buf_printf(&address, "%.*s@%.*s", STR_ARG(user), STR_ARG(domain));
	rc = index_schema(ix, buf_str(&address), err);
	buf_free(&address);
	return rc ? rc : index_read_ledger(ix, err);
}

int index_open(const char *data_dir, struct str domain, struct str user, uint32_t account, bool create,
	       struct index **out, struct err *err)
{
	struct index *ix = calloc(1, sizeof(*ix));

	if (!ix)
		return err_set(err, ERR_MEMORY, "no memory for an index");
	*ix = (struct index){.account = account, .dir = -1, .wal = -1};
	ledger_init(&ix->ledger);

	int rc = open_index(ix, data_dir, domain, user, create, err);

	if (rc) {
		err_prefix(err, "index of %.*s@%.*s", STR_ARG(user), STR_ARG(domain));
		index_close(&ix);
		return rc;
	}
	*out = ix;
	return 0;
}

void index_close(struct index **ix)
{
	struct index *old = *ix;

	if (!old)
		return;
	/* After a failed sync the WAL may read back as something older. */
	if (old->sql.db && old->failed)
		sql_abandon(&old->sql);
	else if (old->sql.db)
		sql_close(&old->sql);
	if (old->wal >= 0)
		close(old->wal);
	if (old->dir >= 0)
		close(old->dir);
	ledger_free(&old->ledger);
	free(old);
	*ix = NULL;
}

uint64_t index_applied(const struct index *ix)
{
	return ix->ledger.serial;
}

uint64_t index_synced(const struct index *ix)
{
	return ix->synced;
}

uint64_t index_statements(const struct index *ix)
{
	return ix->sql.runs;
}

/* SQLite keeps one -wal file as long as it has the database open, and no lock
 * on it; but only the first write makes it. */
static int sync_wal(struct index *ix)
{
	if (ix->wal < 0) {
		ix->wal = openat(ix->dir, "index.db-wal", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (ix->wal < 0)
			return errno == ENOENT ? 0 : -1;
		/* SQLite syncs a new -wal into its folder only at its own first sync. */
		if (fsync(ix->dir))
			return -1;
	}
	return fdatasync(ix->wal);
}

int index_sync(struct index *ix, struct err *err)
{
	int rc = index_usable(ix, err);

	if (rc)
		return rc;
	/* A sync that failed before we came would not be reported again, but what
	 * SQLite has read from the WAL and checked it can write once more. */
	if (ix->inherited)
		return index_checkpoint(ix, err);
	if (sync_wal(ix)) {
		ix->failed = true;
		return err_errno(err, "cannot sync the index of account %u", ix->account);
	}
	ix->synced = ix->ledger.serial;
	return 0;
}

int index_checkpoint(struct index *ix, struct err *err)
{
	int rc = index_usable(ix, err);

	if (rc)
		return rc;
	rc = sql_checkpoint(&ix->sql, err);
	if (rc == ERR_IO)
		ix->failed = true;
	if (rc)
		return rc;
	ix->synced = ix->ledger.serial;
	ix->inherited = false;
	sql_shrink(&ix->sql);
	return 0;
}

int index_folders(struct index *ix, struct ledger *out, struct err *err)
{
	int rc = index_usable(ix, err);

	if (rc)
		return rc;
	return ledger_copy(&ix->ledger, out) ? err_set(err, ERR_MEMORY, "no memory for the folders") : 0;
}
