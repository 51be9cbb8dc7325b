/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inbox: `mailstead --inbox ADDRESS`, what the INBOX of an account holds.
 *
 * For the tests, which compare it with what was accepted; it is not in the table of
 * commands and goes when IMAP is there.
 */
#ifndef CLI_INBOX_H
#define CLI_INBOX_H

#include "run/settings.h"

/* Writes a line "UID LETTER SHA-256" for each message, in the order of their UIDs. */
int cmd_inbox(int argc, char **argv, const struct settings *s);

#endif
