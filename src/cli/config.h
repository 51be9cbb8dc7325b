/* SPDX-License-Identifier: Apache-2.0 */
/* config: `mailstead config [-n] [KEY...]`, the settings in force. */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "run/settings.h"

#include <stdio.h>

/* argv[0] is the command's word.  Writes each setting named (all, when none
 * is; with -n only those that differ from their default) in the form of the
 * configuration file: meaning, default, what set it, and value; secrets
 * as "********".  Returns an enum exit_status. */
int cmd_config(int argc, char **argv, const struct settings *s, FILE *out, FILE *errors);

/* A configuration file to begin with: every setting with its meaning and default; those
 * that an option -o set are assigned, the others stand behind a '#'. */
void config_write_file(const struct settings *s, FILE *out);

#endif
