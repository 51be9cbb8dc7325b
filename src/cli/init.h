/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init: `mailstead init [ADDRESS]`, what is needed before the first start.
 *
 * A configuration file with every setting and its meaning, from the table; the folders; a
 * first account; and the DNS records to publish.  What is there already stays as it is,
 * so that it may be run again.  Keys and certificate are made by the server at its first start.
 */
#ifndef CLI_INIT_H
#define CLI_INIT_H

#include "run/settings.h"

#include <stdio.h>

/* argv[0] is the command's word.  The file of the sources is the one to write; what -o says
 * stands in it.  On a terminal the password is asked for; otherwise it is the first line of
 * standard input, or, when there is none, made and shown.  Returns an enum exit_status. */
int cmd_init(int argc, char **argv, const struct settings_sources *sources, FILE *out);

#endif
