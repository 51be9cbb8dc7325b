/* SPDX-License-Identifier: Apache-2.0 */
/* judge: the answers to `recipient` and `sender`: parsed, looked up, written out. */
#ifndef KEEPER_JUDGE_H
#define KEEPER_JUDGE_H

#include "base/buf.h"
#include "keeper/recipient.h"

/*
 * mailbox: as a client wrote it in RCPT TO, without angle brackets and source route.
 * Its domain is looked up in normal form (A-labels) and, where that is not ours, as
 * U-labels, since people write both into their tables.  targets gets the final recipients
 * as messages.def says; those that do not fit are RECIPIENT_TOO_MANY.
 */
enum recipient_verdict judge_recipient(const struct directory *d, struct str mailbox, struct buf *targets);

/* Whether an account may send as `sender`, an envelope address without angle brackets; empty: the
 * null sender.  By keeper/senders.h, the domain looked up as above. */
bool judge_sender(const struct directory *d, struct str account, struct str sender);

#endif
