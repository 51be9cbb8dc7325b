/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed: memory files whose bytes nobody can change any more.
 *
 * What is too large for a message goes as the descriptor of one.  Without seals
 * the sender could change the bytes after they were checked, or cut the file short
 * under a mapping (SIGBUS).
 */
#ifndef BASE_SEALED_H
#define BASE_SEALED_H

#include "base/err.h"
#include "base/str.h"

/* A sealed memory file with these bytes; the caller closes *fd.  name is what /proc shows.
 * ERR_IO, ERR_FULL. */
int sealed_make(const char *name, struct str bytes, int *fd, struct err *e);

/* The same in steps, for what does not lie in one place: an open memory file, bytes written at a
 * place, and the seals.  The caller closes *fd, which is -1 after an error. */
int sealed_open(const char *name, int *fd, struct err *e);
int sealed_write(int fd, struct str bytes, uint64_t at, struct err *e);
int sealed_seal(int fd, struct err *e);

/* Whether fd is a memory file that has all seals and is `size` bytes long; ERR_INVALID with
 * a sentence about "the file".  Ask before reading or mapping. */
int sealed_check(int fd, uint64_t size, struct err *e);

#endif
