/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery: the act that puts a letter into an account's INBOX.
 *
 * Pure: from a ledger and the facts of a delivery to the changes of one act.
 */
#ifndef MAILBOX_DELIVERY_H
#define MAILBOX_DELIVERY_H

#include "store/ledger.h"

/* Folders that every account gets with its first act, INBOX among them. */
#define DELIVERY_FOLDERS 6
/* Each with a subscription but INBOX, and the message. */
#define DELIVERY_CHANGES_MAX (2 * DELIVERY_FOLDERS)

/* The hint of struct message for a letter in a volume; 0 when it cannot say that. */
uint64_t delivery_place(uint32_t volume, uint64_t offset);

struct delivery_letter {
	uint64_t letter;
	struct str target; /* the recipient as it was addressed */
	struct str sender; /* reverse-path; empty: the null one */
	int64_t received_us;
	uint32_t volume;
	uint64_t offset;
	uint64_t length;
	struct str outline; /* encoded; empty: not known */
};

struct delivery {
	struct change changes[DELIVERY_CHANGES_MAX];
	size_t n;
	uint32_t uid;
};

/* Adds the lines in front of the letter to head: Return-Path (RFC 5321, 4.4) and
 * Delivered-To.  ERR_INVALID: an address has control characters, which could end
 * its line. */
int delivery_head(struct buf *head, struct str target, struct str sender, struct err *e);

/* Adds what makes the first folders of an account without INBOX; the number of changes, at
 * most DELIVERY_CHANGES_MAX - 1. */
size_t delivery_first_folders(struct change *changes, const struct ledger *l, uint32_t now_s);

/* Makes the changes; their strings live in `head`, made before with
 * delivery_head(), and in constants.  now_s: seconds since 1970, below which no new
 * UIDVALIDITY lies.  ERR_TOO_BIG: larger than a message can be, or INBOX has no UID left. */
int delivery_make(struct delivery *out, const struct ledger *l, const struct delivery_letter *letter,
		  struct str head, uint32_t now_s, struct err *e);

#endif
