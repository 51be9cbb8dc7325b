/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setup: the `setup email` and `setup alias` commands of docker-mailserver.
 *
 * They work on the table files in the configuration folder, with the server
 * running or not; the server notices a changed file by itself.  Program output
 * goes to standard output, log lines and prompts to standard error; a prompt is
 * shown when standard input is a terminal, and answered by one line of it.
 */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

/* argv[0] is "setup".  Exit status: 0 done, 1 failed or too few arguments, 2 no such
 * command. */
int cmd_setup(int argc, char **argv, const char *config_dir);

struct err;

/* Whether the account is there: 0, ERR_NOT_FOUND, or what went wrong. */
int setup_has_account(const char *config_dir, const char *address, struct err *e);
/* `setup email add` with a sentence instead of log lines; password NULL: it is asked for. */
int setup_add_account(const char *config_dir, const char *address, const char *password, struct err *e);

#endif
