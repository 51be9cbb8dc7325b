/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_dialogue: for tests, clients that talk with IMAP sessions as a script says.
 *
 *   "C: a SELECT INBOX"     client 1 sends this line
 *   "S: * ~ EXISTS"         client 1 gets this line; ~ stands for anything; the flag
 *                           \Recent is looked at only in a line that has it
 *   "C2: ...", "S2: ..."    the same for client 2
 *   "+C: ..."               sends without a line end
 *   "Q: "                   client 1 has got nothing more
 */
#ifndef MAILBOX_IMAP_DIALOGUE_H
#define MAILBOX_IMAP_DIALOGUE_H

#include "mailbox/fake_spool.h"
#include "net/stream.h"

#define CLIENTS 3

#define HELLO "S: x OK [CAPABILITY IMAP4rev1 ~] Logged in\n"
#define HELLO2 "S2: x OK [CAPABILITY IMAP4rev1 ~] Logged in\n"

#define SELECT_INBOX(n, next)                                 \
	"C: s SELECT inbox\n"                                 \
	"S: * FLAGS (~)\n"                                    \
	"S: * OK [PERMANENTFLAGS (~ \\*)] Flags permitted.\n" \
	"S: * " n " EXISTS\n"                                 \
	"S: * ~ RECENT\n"                                     \
	"S: * OK [UNSEEN 1] First unseen.\n"                  \
	"S: * OK [UIDVALIDITY ~] UIDs valid\n"                \
	"S: * OK [UIDNEXT " next "] Predicted next UID\n"     \
	"S: s OK [READ-WRITE] Select completed.\n"

struct imap_clients {
	struct house *h;
	struct stream streams[CLIENTS];
	struct fiber_group sessions;
	bool slowly; /* one byte at a time */
};

void imap_clients_init(struct imap_clients *c, struct house *h);
/* Client n (from 1) is handed over, logged in as account k with bytes that gate has read
 * already, and is greeted. */
void co_imap_client(struct imap_clients *c, unsigned n, uint32_t account, const char *pending);
void co_imap_talk(struct imap_clients *c, const char *script);
/* Letters `first` to `last` for account 1, one after the other: in a new house UID = letter. */
void co_imap_deliver(struct house *h, uint64_t first, uint64_t last);
/* One client of account 1 from beginning to end. */
void co_imap_script(struct house *h, const char *pending, bool slowly, const char *script);
/* Closes all and waits for their sessions. */
void co_imap_clients_end(struct imap_clients *c);

#endif
