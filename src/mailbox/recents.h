/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recents: of which messages some session was told that they are \Recent (RFC 3501, 2.3.2).
 *
 * A message is recent in the first session that selects its folder (not with EXAMINE) after it
 * came, and in no other.  UIDs only grow, so one number a folder says it.  It is written to
 * derived.db when the index is synced; if it is lost, messages are recent once more.
 */
#ifndef MAILBOX_RECENTS_H
#define MAILBOX_RECENTS_H

#include "store/derived.h"
#include "store/ledger.h"

/* Folders of an account. */
#define RECENTS_MAX 10000

/* All zero: not loaded. */
struct recents {
	struct recent_row *rows;
	size_t n, cap;
	bool loaded, changed;
};

void recents_free(struct recents *r);
/* The first UID of the folder that nobody was told of. */
uint32_t recents_first(const struct recents *r, uint32_t folder);
/* A session is told of all below uid. */
void recents_claim(struct recents *r, uint32_t folder, uint32_t uid);
/* The rows of folders that there are, copied; NULL without memory. */
struct recent_row *recents_copy(const struct recents *r, const struct ledger *l, size_t *n);

#endif
