/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letter_head: what the gate wants to know of a letter's header, and no more:
 * whether it goes in circles, and its Message-ID for the log.  Parsing letters is
 * the work of scan; this only looks at the names of fields.
 */
#ifndef GATE_LETTER_HEAD_H
#define GATE_LETTER_HEAD_H

#include "base/str.h"

/* Delivered-To fields that are kept; a letter with more of them is in a loop. */
#define LETTER_DELIVERIES_MAX 50

struct letter_facts {
	unsigned received; /* fields of that name (RFC 5321 6.3) */
	unsigned delivered; /* Delivered-To fields, those beyond the table counted too */
	struct str delivered_to[LETTER_DELIVERIES_MAX];
	struct str message_id; /* with its brackets; empty: none, or one that is no word */
};

/* head is the letter or the first part of it, lines in CRLF or LF; the header ends at
 * the first empty line.  The views point into head. */
void letter_facts_read(struct str head, struct letter_facts *out);
/* Whether the letter was delivered to that address before. */
bool letter_was_at(const struct letter_facts *f, struct str address);

#endif
