/* SPDX-License-Identifier: Apache-2.0 */
/* test_identity: a key and a certificate that it signed itself, for tests. */
#ifndef GATE_TEST_IDENTITY_H
#define GATE_TEST_IDENTITY_H

#include "base/buf.h"

/* Both as PEM; the buffers are made here and belong to the caller. */
void test_identity_make(const char *name, struct buf *certificate, struct buf *key);

#endif
