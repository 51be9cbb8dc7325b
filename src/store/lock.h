/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock: one writer at a time.
 *
 * An open-file-description lock: it ends with the last descriptor of the file,
 * so with its process however that dies, and can be handed to another process
 * as a descriptor.
 */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "base/err.h"

/* Opens (makes) the file and locks it, waiting for at most wait_ms (blocking;
 * a new writer waits 5,000).  The descriptor holds the lock; close it to give
 * it up.  ERR_BUSY when somebody else still has it. */
int store_lock(int dirfd, const char *name, int wait_ms, int *fd, struct err *e);

#endif
