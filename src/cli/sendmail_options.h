/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendmail_options: the command line of sendmail(1), as programs have called it for
 * forty years.
 *
 * A letter may be attached to its value or not, letters without one may stand
 * together (-ti), options and recipients in any order; "--" ends the options.  What
 * only makes sense to other mail servers is taken and means nothing.
 */
#ifndef CLI_SENDMAIL_OPTIONS_H
#define CLI_SENDMAIL_OPTIONS_H

#include "base/err.h"

#include <stdbool.h>

enum sendmail_mode {
	SENDMAIL_LETTER, /* a letter on standard input; also -bm */
	SENDMAIL_DIALOGUE, /* -bs: SMTP on standard input and output */
	/* -bi, -I, -q: alias files need no compiling, and the queue runs by itself. */
	SENDMAIL_NOTHING,
};

struct sendmail_options {
	enum sendmail_mode mode;
	bool from_header; /* -t */
	bool dots_are_text; /* -i, -oi */
	/* NULL where the option was not given. */
	const char *sender; /* -f, -r */
	const char *name; /* -F */
	const char *notify; /* -N: checked, as RCPT takes it */
	const char *ret; /* -R: FULL or HDRS */
	const char *envid; /* -V, not encoded */
	char **recipients; /* part of argv */
	int recipient_count;
};

/* argv[0] is the program's name; the arguments are put into another order.  ERR_INVALID
 * with a sentence. */
int sendmail_options_parse(int argc, char **argv, struct sendmail_options *out, struct err *e);

#endif
