/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace: `mailstead trace ID|ADDRESS`, what the log knows of a letter, or of all letters
 * from and to an address.
 *
 * It reads the file of the log setting, or the copy that is kept where the log goes
 * elsewhere, and before it the file it was before its last rotation (NAME.1).
 */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include "run/settings.h"

#include <stdio.h>

/* argv[0] is the command's word.  The lines as they are, grouped by letter, in the order
 * the letters came; refusals that name the address but no letter last.  EXIT_FAILED when there
 * are none. */
int cmd_trace(int argc, char **argv, const struct settings *s, FILE *out, FILE *errors);

#endif
