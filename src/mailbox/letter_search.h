/* SPDX-License-Identifier: Apache-2.0 */
/* letter_search: does a message, read for it, answer a search program? */
#ifndef MAILBOX_LETTER_SEARCH_H
#define MAILBOX_LETTER_SEARCH_H

#include "format/charset.h"
#include "format/imap_search_match.h"
#include "mailbox/letter_outline.h"

/* The day of an INTERNALDATE or Date, as 20240131; 0: none that can be read. */
uint32_t letter_day(int64_t us, int zone);
uint32_t letter_sent_day(struct str date);

/* Looks into header and text parts, in the thread pool.  Charsets that nobody knows are compared
 * byte by byte.  ERR_TIMEOUT behind the deadline.  Until it returns charsets are its own, and program and facts must not change. */
int co_letter_search(const struct letter_reader *l, const struct outline *o, struct charsets *charsets,
		     const struct imap_search *search, const struct imap_facts *facts, int64_t deadline,
		     bool *found, struct err *e);

#endif
