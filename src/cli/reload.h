/* SPDX-License-Identifier: Apache-2.0 */
/* reload: `mailstead reload [--wait]`, the two-step reload of the running server. */
#ifndef CLI_RELOAD_H
#define CLI_RELOAD_H

#include "run/settings.h"

/* argv[0] is the command's word.  Returns when every room has switched, EXIT_DONE, or
 * with the sentence of what was refused, EXIT_FAILED.  --wait says the same. */
int cmd_reload(int argc, char **argv, const struct settings *s);

/* The same without arguments when a server runs, and EXIT_DONE when none does. */
int reload_if_served(const struct settings *s);

#endif
