/* SPDX-License-Identifier: Apache-2.0 */
/* imap_flags: acts that change flags, for STORE and for the \Seen that FETCH sets. */
#ifndef MAILBOX_IMAP_FLAGS_H
#define MAILBOX_IMAP_FLAGS_H

#include "mailbox/imap_session.h"

/* The acts of one command. */
struct imap_flag_acts {
	uint64_t first, last; /* serials; 0: none was needed */
	uint64_t count;
};

/* Changes flags of these messages, in as few acts as they fit into. */
int co_imap_change_flags(struct imap_session *s, enum change_kind kind, struct uids uids, uint8_t flags,
			 struct keyword_names keywords, struct imap_flag_acts *acts, struct err *e);

#endif
