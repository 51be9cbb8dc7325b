/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendmail_smtp: the client's side of SMTP (RFC 5321) over a socket of this machine.
 *
 * A letter goes to all of its recipients or to none: when one is refused nothing is
 * sent, every refusal is named, and the status says whether trying again is of use.  So
 * a program that tries again after a failure never sends anything twice.  Extensions are used
 * when the server lists them (SIZE, 8BITMIME, SMTPUTF8, DSN).
 */
#ifndef CLI_SENDMAIL_SMTP_H
#define CLI_SENDMAIL_SMTP_H

#include "cli/sendmail_letter.h"

#include <stdio.h>

/* How sendmail(1) ends: the numbers of sysexits.h that others rely on. */
enum sendmail_status {
	SENDMAIL_DONE = 0,
	SENDMAIL_USAGE = 64,
	SENDMAIL_DATA_ERROR = 65, /* the letter or its sender is refused */
	SENDMAIL_NO_USER = 67, /* a recipient is refused */
	SENDMAIL_UNAVAILABLE = 69, /* any other refusal for good */
	SENDMAIL_SYSTEM_ERROR = 71,
	SENDMAIL_TRY_LATER = 75, /* no server, or it asks to try again */
	SENDMAIL_NOT_ALLOWED = 77,
	SENDMAIL_CONFIGURATION = 78,
};

struct sendmail_job {
	const char *host; /* the name to say in EHLO */
	struct str sender; /* empty: the null sender */
	const struct sendmail_recipients *recipients; /* one at least */
	const char *notify, *ret, *envid; /* as in struct sendmail_options */
	struct str front, body; /* the letter, in any form of line ends */
};

/* Sends it over the connected socket, which stays open.  Each refusal is a line
 * "sendmail: ..." on errors.  Blocks, at most as long as the socket's time-outs say. */
enum sendmail_status sendmail_smtp(int fd, const struct sendmail_job *job, FILE *errors);

#endif
