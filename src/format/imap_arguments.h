/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_arguments: the arguments of the IMAP commands that have more than a name
 * or two, each from the space in front of them; used by imap_command.c alone.
 */
#ifndef FORMAT_IMAP_ARGUMENTS_H
#define FORMAT_IMAP_ARGUMENTS_H

#include "format/imap_command.h"

int imap_read_mailbox(struct imap_cursor *c, struct str *out);
int imap_read_list(struct imap_cursor *c, struct imap_list *out);
int imap_read_status(struct imap_cursor *c, struct imap_status *out);
int imap_read_append(struct imap_cursor *c, struct imap_append *out);
/* Behind the set of STORE. */
int imap_read_store(struct imap_cursor *c, struct imap_store *out);
int imap_read_id(struct imap_cursor *c, struct imap_words *out);

#endif
