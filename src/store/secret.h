/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret: data_dir/secret, the 32 random bytes under all checks of the store.
 *
 * Without it every stored byte fails its check, so it is never made again:
 * secret_create refuses when one is there, and the caller calls it only for a
 * store without journal.  OPENSSL_cleanse it when the keys are derived.
 */
#ifndef STORE_SECRET_H
#define STORE_SECRET_H

#include "base/err.h"
#include "store/check.h"
#include "store/sysio.h"

/* ERR_NOT_FOUND, ERR_CORRUPT (another length) or ERR_IO. */
int secret_load(const struct sysio *io, int data_fd, unsigned char out[SECRET_SIZE], struct err *e);
/* Makes it, 0600, on stable storage when this returns 0.  ERR_EXISTS when there
 * is one. */
int secret_create(const struct sysio *io, int data_fd, unsigned char out[SECRET_SIZE], struct err *e);

#endif
