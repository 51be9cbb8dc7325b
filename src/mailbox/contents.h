/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contents: the bytes of a message as a client would read it, hashed.
 *
 * A message is its head and the letter without its first `skip` bytes; the letter
 * is read from its volume or its own file and verified.  Blocking.
 */
#ifndef MAILBOX_CONTENTS_H
#define MAILBOX_CONTENTS_H

#include "store/record.h"

#define CONTENTS_HASH_SIZE 32

struct contents {
	struct record_store store;
	struct check_key key;
};

/* Makes the hash ready, while the cryptographic library may still open its files. */
int contents_warm_up(struct err *e);
/* Opens the folders of volumes and letters and derives their key from the store's
 * secret.  c stays where it is until contents_close(), also after a failure. */
int contents_open(struct contents *c, int data_folder, struct err *e);
void contents_close(struct contents *c);

/* SHA-256 of the message.  ERR_NOT_FOUND: the letter is not at its place;
 * ERR_CORRUPT: its bytes fail their check; ERR_INVALID: shorter than skip, or a
 * transform that is not known here. */
int contents_hash(const struct contents *c, uint64_t letter, uint64_t place, struct str head, uint32_t skip,
		  unsigned char out[CONTENTS_HASH_SIZE], struct err *e);

#endif
