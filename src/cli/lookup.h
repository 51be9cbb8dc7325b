/* SPDX-License-Identifier: Apache-2.0 */
/* lookup: `mailstead lookup NAME [TYPE]`, what the resolver answers. */
#ifndef CLI_LOOKUP_H
#define CLI_LOOKUP_H

#include "run/settings.h"

/* argv[0] is the command's word.  Writes the answer's state and each record in
 * zone-file form.  An address is looked up as PTR, a name as A and AAAA, unless a type
 * is given.  EXIT_DONE with records; EXIT_FAILED without. */
int cmd_lookup(int argc, char **argv, const struct settings *s);

#endif
