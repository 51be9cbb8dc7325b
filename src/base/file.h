/* SPDX-License-Identifier: Apache-2.0 */
/* file: whole files at once, for configuration and the like. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Adds the file's bytes to b, in one allocation when its size is known (so a
 * secret leaves no copies, see buf_wipe).  ERR_NOT_FOUND, ERR_TOO_BIG (above
 * b's ceiling), ERR_IO; the sentence names the path.  Blocks: for master and
 * the commands, before fibers.  Pipes are read to their end. */
int file_read(const char *path, struct buf *b, struct err *err);

#endif
