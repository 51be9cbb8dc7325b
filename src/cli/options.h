/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options: -c FILE and -o KEY=VALUE, which work with every command, before or
 * behind its word.
 *
 * What is not ours stays for the command, in its order: its own options and
 * operands, also an attached -oX without '=' (sendmail's -oi and the like).
 * "--" ends our options; the command sees it.  A program called by another name
 * (sendmail) has that program's options and does not come here.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "run/settings.h"

#include <stdio.h>

/* Exit statuses of all commands. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* a sentence is on standard error */
	EXIT_USAGE = 2,
	EXIT_TRY_LATER = 75, /* EX_TEMPFAIL of sysexits.h */
};

#define OPTIONS_OVERRIDES_MAX 64

struct options {
	const char *file; /* of -c; NULL: the default one, which may be absent */
	const char *overrides[OPTIONS_OVERRIDES_MAX];
	size_t override_count;
	/* The command's word and what belongs to it: argv[0] is the word; argc is 0
	 * when there is none.  argv[argc] is NULL. */
	int argc;
	char **argv;
};

/* Sorts argv, whose first element is the program's name, in place.
 * ERR_INVALID: wrong usage, with a sentence. */
int options_take(struct options *o, int argc, char **argv, struct err *err);

/* Loads the settings that the options name; each note is written to errors as
 * "mailstead: sentence".  EXIT_DONE or EXIT_FAILED; s needs settings_free()
 * either way. */
int options_load(const struct options *o, char *const *environment, struct settings *s, FILE *errors);

#endif
