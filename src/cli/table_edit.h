/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_edit: reading table files of a folder and replacing them whole.
 */
#ifndef CLI_TABLE_EDIT_H
#define CLI_TABLE_EDIT_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

#define TABLE_FILE_MAX (16u << 20)

struct table_folder {
	int dir; /* -1: there is none, so no file either */
	int lock; /* -1: opened for reading */
};

/* Like mkdir -p; a folder that is there stays as it is.  Those above it are made with
 * mode 0755. */
int table_folder_make(const char *path, mode_t mode, struct err *e);
/* For reading. */
int table_folder_open(struct table_folder *f, const char *path, struct err *e);
/* For changes: makes the folder when it is not there (mode 0755) and waits for the
 * lock (.setup.lock in it), so that one editor works at a time. */
int table_folder_lock(struct table_folder *f, const char *path, struct err *e);
void table_folder_close(struct table_folder *f);

/* Adds the contents of a file, at most TABLE_FILE_MAX bytes, to out.  A file that is
 * not there is empty, and *exists tells so. */
int table_read(const struct table_folder *f, const char *name, struct buf *out, bool *exists, struct err *e);
/* Replaces the file, or makes it (mode 0644; private: 0640): written beside it,
 * synced, renamed over it, folder synced.  Mode and owner stay.  A symbolic link
 * is refused: the rename would take its place. */
int table_write(const struct table_folder *f, const char *name, struct str contents, bool private,
		struct err *e);

#endif
