/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap: a session after login, in the shard of its account.
 *
 * gate has spoken with the client up to LOGIN or AUTHENTICATE and hands over the
 * connection (or, with TLS, its end of a socket pair that it pumps), the command's tag
 * and every byte that it has read behind the command.
 */
#ifndef MAILBOX_IMAP_H
#define MAILBOX_IMAP_H

#include "mailbox/shard.h"

struct imap_handover {
	int fd; /* taken over */
	struct str account; /* its address */
	struct str tag; /* of the login command: the shard answers it */
	struct str pending; /* read by gate and not used yet */
	struct str client; /* address, for log lines */
	bool tls;
};

/* Runs the session to its end, in the fiber that calls it; what the views point to lives
 * as long.  Ends early when the fiber is cancelled (with "* BYE"). */
void co_imap_session(struct shard *s, const struct imap_handover *h);

#endif
