/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_tail: what the journal's reader tells its writer.
 */
#ifndef STORE_JOURNAL_TAIL_H
#define STORE_JOURNAL_TAIL_H

#include "store/journal.h"
#include "store/segment.h"

struct journal_tail {
	uint32_t number; /* segment of the last group that counts, 0: none */
	uint32_t end; /* where that group ends */
	struct cuts cuts; /* segments whose end the next one must say */
};

/* journal_scan, and the tail. */
int journal_scan_tail(const struct sysio *io, int dirfd, const struct check_key *key, uint64_t from,
		      const struct journal_visitor *v, struct journal_report *report,
		      struct journal_tail *tail, struct err *e);

#endif
