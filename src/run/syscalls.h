/* SPDX-License-Identifier: Apache-2.0 */
/* syscalls: the lists of system calls behind the walls; for walls.c alone. */
#ifndef RUN_SYSCALLS_H
#define RUN_SYSCALLS_H

#include "run/walls.h"

/* Lets this process and all its threads make the calls of the row and no others:
 * those that no room ever makes kill it, calls newer than the list say ENOSYS, as
 * an old kernel would, all others EPERM. */
int syscalls_allow(const struct wall_row *row, struct err *e);
/* Kills master when it makes one of the calls that nobody here ever makes. */
int syscalls_forbid_for_master(struct err *e);

#endif
