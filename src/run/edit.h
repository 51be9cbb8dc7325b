/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edit: what `setup email` and `setup alias` change in the table files.
 *
 * Functions from old contents to new contents: reading, locking and writing the
 * files is the caller's.  Comments, blank lines, the order of lines and lines
 * that are not touched stay as they are, byte for byte; a last line without
 * newline gets one when something is put behind it.
 *
 * Each returns 0 with the new contents in out (empty and with room enough when
 * called), or an error with the sentence that docker-mailserver prints.
 * Addresses are compared without case.  ERR_TOO_BIG: out has no room.
 */
#ifndef RUN_EDIT_H
#define RUN_EDIT_H

#include "base/buf.h"
#include "base/err.h"

/* May the account be added (ERR_INVALID, ERR_EXISTS); does it exist (ERR_NOT_FOUND)?
 * For asking before a password is prompted for. */
int edit_account_may_add(struct str accounts, struct str aliases, struct str address, struct err *e);
int edit_account_must_exist(struct str accounts, struct str address, struct err *e);

/* stored as password_make() gives it; the checks above are done too. */
int edit_account_add(struct str accounts, struct str aliases, struct str address, struct str stored,
		     struct buf *out, struct err *e);
/* Replaces the line; its extra fields go. */
int edit_account_update(struct str accounts, struct str address, struct str stored, struct buf *out,
			struct err *e);
int edit_account_del(struct str accounts, struct str address, struct buf *out, struct err *e);
/* Takes the address out of the targets of every alias; an alias left without
 * target goes.  An address that is nowhere changes nothing. */
int edit_aliases_forget(struct str aliases, struct str address, struct buf *out, struct err *e);
/* Removes the lines `address:limit` of dovecot-quotas.cf. */
int edit_quotas_forget(struct str quotas, struct str address, struct buf *out, struct err *e);

/* A target more for a key that is there, or a new line.  ERR_EXISTS, ERR_INVALID. */
int edit_alias_add(struct str accounts, struct str aliases, struct str key, struct str target,
		   struct buf *out, struct err *e);
/* Removes one target; the line goes with the last one.  Nothing to do is no error. */
int edit_alias_del(struct str aliases, struct str key, struct str target, struct buf *out, struct err *e);

/* What stands behind an address in `email list`, for example ` ( 12K / 50M ) [0%]`. */
typedef void edit_size_printer(void *context, struct str address, struct buf *out);

/* The text of `email list` and `alias list`.  print_size may be NULL: no sizes. */
int edit_account_list(struct str accounts, struct str aliases, edit_size_printer *print_size, void *context,
		      struct buf *out, struct err *e);
int edit_alias_list(struct str aliases, struct buf *out, struct err *e);

#endif
