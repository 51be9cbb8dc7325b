/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account_dir: the folder of one account below the data folder.
 *
 * accounts/<domain>/<user>.  Bytes that a file name cannot carry ('/', control
 * characters, '%', a '.' in front) are written as %XX, so every address has one
 * folder of its own and none leads elsewhere.
 */
#ifndef STORE_ACCOUNT_DIR_H
#define STORE_ACCOUNT_DIR_H

#include "base/buf.h"
#include "base/err.h"

#define ACCOUNT_PATH_MAX 4000

/* The descriptor of the account's folder, whose path is added to `path`.  With
 * create missing folders are made (0700) and all are synced into their parents;
 * without, one that is missing is ERR_NOT_FOUND.  ERR_INVALID: empty, or too long for a file name. */
int account_dir_open(const char *data_dir, struct str domain, struct str user, bool create, struct buf *path,
		     int *fd, struct err *err);

/* Removes that folder with the files in it, synced, and the domain's when nothing else is in it.
 * *had: it was there.  Nobody may have a file of it open. */
int account_dir_remove(const char *data_dir, struct str domain, struct str user, bool *had, struct err *err);

#endif
