/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands: the table of command words, for `mailstead help`, "did you mean"
 * and the manual page.  main.c joins each to its function.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "base/str.h"

/* In the order of the words, as the table. */
enum command {
	CMD_CONFIG,
	CMD_DOCTOR,
	CMD_INIT,
	CMD_LOOKUP,
	CMD_QUEUE,
	CMD_RELOAD,
	CMD_SENDMAIL,
	CMD_SERVE,
	CMD_SETUP,
	CMD_TRACE,
	CMD_COUNT
};

struct command_row {
	const char *name;
	const char *arguments; /* as a usage line shows them; "" for none */
	const char *meaning; /* one sentence */
};

extern const struct command_row command_rows[CMD_COUNT];

/* The command of that word, or CMD_COUNT. */
enum command command_find(struct str name);
/* The word nearest to one that is none; empty when none is near. */
struct str command_nearest(struct str name);

#endif
