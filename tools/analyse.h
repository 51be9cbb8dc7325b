/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analyse: what clang-tidy is told about functions whose code it does not see
 * when it looks at one file: a failure is never 0, so what its caller reads
 * after "rc == 0" has been set.
 */
#ifndef TOOLS_ANALYSE_H
#define TOOLS_ANALYSE_H

#include "base/err.h"

#define err_set(e, code, ...) ((err_set)(e, code, __VA_ARGS__), (code))
#define err_errno(e, ...) ((err_errno)(e, __VA_ARGS__), ERR_IO)

#endif
