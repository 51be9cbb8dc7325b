/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor: `mailstead doctor [DOMAIN]`, what is wrong with this machine, its configuration
 * and its server, and how to put it right.
 *
 * One line a finding: ok, warning or wrong, its subject, what was found, and the fix.  It
 * looks at this machine alone and asks no other.  It changes nothing.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "run/settings.h"

#include <stdio.h>

/* argv[0] is the command's word.  EXIT_FAILED when anything is wrong; warnings alone are
 * EXIT_DONE. */
int cmd_doctor(int argc, char **argv, const struct settings_sources *sources, FILE *out);

#endif
