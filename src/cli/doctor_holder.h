/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_holder: which process listens on a TCP port of this machine. */
#ifndef CLI_DOCTOR_HOLDER_H
#define CLI_DOCTOR_HOLDER_H

#include "base/buf.h"

#include <sys/types.h>

/* The inode of the listening socket with that port in the text of /proc/net/tcp or tcp6; 0: none. */
uint64_t doctor_listening_inode(struct str table, uint16_t port);
/* Adds "NAME (process PID)"; false where there is none, or it belongs to a user whom we may
 * not look at. */
bool doctor_find_holder(uint16_t port, struct buf *out);

#endif
