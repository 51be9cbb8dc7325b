/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_search_match: does a message answer a search program?
 *
 * In two steps, so that most messages need no letter read: with the facts of
 * the index alone the answer may be MAYBE; only then the caller asks again with
 * a function that answers the keys about the letter itself.
 *
 * Before the first message every set is resolved (imap_set_resolve()); "$" must
 * have been replaced by its set.
 */
#ifndef FORMAT_IMAP_SEARCH_MATCH_H
#define FORMAT_IMAP_SEARCH_MATCH_H

#include "format/imap_search.h"

enum imap_truth {
	IMAP_NO,
	IMAP_MAYBE,
	IMAP_YES,
};

/* What the index knows of a message. */
struct imap_facts {
	uint32_t sequence, uid;
	unsigned flags; /* bits of imap_flag.h */
	const struct str *keywords;
	size_t keyword_count;
	uint32_t internal_day; /* 19940201, as written in INTERNALDATE: its zone is disregarded */
	uint32_t sent_day; /* of the Date field; 0: not known here */
	uint64_t size;
};

/*
 * Answers HEADER, BODY and TEXT keys, and SENT keys when the facts have no
 * sent_day.  It gets the key and must not answer MAYBE unless it gave up.
 * negated is not its business.
 */
typedef enum imap_truth imap_ask_letter(void *arg, const struct imap_key *key);

/* ask NULL: what would need it is MAYBE. */
enum imap_truth imap_search_match(const struct imap_search *s, const struct imap_facts *facts,
				  imap_ask_letter *ask, void *arg);

/* For ask: the answer to a SENT key once the day is known; a letter without a
 * Date is on no day (0). */
enum imap_truth imap_search_sent(const struct imap_key *key, uint32_t sent_day);

#endif
