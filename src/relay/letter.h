/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letter: what one question brings, checked: a letter, its envelope, and for each recipient
 * what became of him.
 *
 * Spool may be somebody else's by now: nothing of it reaches a command line that could end
 * the line or the word it stands in.
 */
#ifndef RELAY_LETTER_H
#define RELAY_LETTER_H

#include "net/messages.h"
#include "relay/route.h"
#include "relay/verdict.h"

#define LETTER_RECIPIENTS_MAX 100

struct relay_recipient {
	uint32_t place; /* in the envelope */
	uint8_t notify;
	struct str address, orcpt;
	bool settled; /* nothing more is tried for him here */
	bool accepted; /* by RCPT, in the present session */
	struct verdict verdict;
	char mta[HOP_TEXT_MAX]; /* whose verdict it is; empty: nobody was reached */
};

struct relay_letter {
	const struct relay_question *q;
	const struct chan_parcel *asker; /* NULL: nobody who could end meanwhile (tests) */
	struct str bytes; /* mapped */
	struct relay_recipient recipients[LETTER_RECIPIENTS_MAX];
	unsigned count;
};

/* Of a question, which must outlive it; its file stays the caller's.  Heap; ERR_INVALID,
 * ERR_MEMORY, ERR_IO. */
int relay_letter_new(const struct relay_question *q, struct relay_letter **out, struct err *e);
void relay_letter_destroy(struct relay_letter **l);

/* What became of a recipient.  mta: empty when nobody was reached. */
void relay_letter_note(struct relay_recipient *r, const struct verdict *v, const char *mta);
/* What stopped a connection, for all who are open.  It does not hide what a server said of a
 * recipient before. */
void relay_letter_note_open(struct relay_letter *l, const struct verdict *v, const char *mta);
/* Whether anybody will hear the outcome.  If not, the letter will be offered again, and what
 * is sent now comes twice. */
bool relay_letter_wanted(const struct relay_letter *l);
unsigned relay_letter_open_count(const struct relay_letter *l);

/* Whether the header has bytes above 0x7F, which only a server with SMTPUTF8 takes
 * (RFC 6531 3.4); looks at the first MiB. */
bool relay_letter_has_utf8_header(const struct relay_letter *l);

/* Adds the outcomes as the answer has them. */
void relay_letter_put_outcomes(const struct relay_letter *l, struct buf *out);

#endif
