/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shards: which mailbox process an account lives in.
 *
 * The account's address, ASCII letters in lower case, is hashed to one of 256
 * slots, and the slots are dealt out to the processes in rows; so another number
 * of processes moves whole slots and no file.
 */
#ifndef STORE_SHARDS_H
#define STORE_SHARDS_H

#include "base/str.h"

#define SHARD_SLOTS 256

/* Which of `shards` (1 to SHARD_SLOTS) processes has the account. */
unsigned shard_of(struct str address, unsigned shards);

#endif
