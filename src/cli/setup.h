/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setup: the `setup email` and `setup alias` commands of docker-mailserver.
 *
 * They work on the table files in the configuration folder, with the server
 * running or not; mails are measured and removed by the server alone.  Program output
 * goes to standard output, log lines and prompts to standard error; a prompt is
 * shown when standard input is a terminal, and answered by one line of it.
 */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include "base/str.h"

struct err;

/* What only the running server can do. */
struct setup_server {
	void *arg; /* for the functions */
	const char *data_dir;
	bool (*runs)(void *arg);
	/* Bytes of the account's mail; 0 or a negative code. */
	int (*usage)(void *arg, struct str address, uint64_t *bytes);
	/* The table files are taken over; 0 or a negative code, the sentence was said. */
	int (*reload)(void *arg);
	/* Ends the account's sessions and removes all of its mail; *had: there was something. */
	int (*remove)(void *arg, struct str address, bool *had, struct err *e);
};

/* server: NULL: there is none.  argv[0] is "setup".  Exit status: 0 done, 1 failed or too few arguments, 2 no such
 * command. */
int cmd_setup(int argc, char **argv, const char *config_dir, const struct setup_server *server);

/* Whether the account is there: 0, ERR_NOT_FOUND, or what went wrong. */
int setup_has_account(const char *config_dir, const char *address, struct err *e);
/* `setup email add` with a sentence instead of log lines; password NULL: it is asked for. */
int setup_add_account(const char *config_dir, const char *address, const char *password, struct err *e);

#endif
