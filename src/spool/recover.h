/* SPDX-License-Identifier: Apache-2.0 */
/* recover: taking the folder, and knowing again what its journal says (invariant 9). */
#ifndef SPOOL_RECOVER_H
#define SPOOL_RECOVER_H

#include "spool/core.h"

struct recovery {
	struct spool *spool;
	struct journal_report report;
	uint64_t letters, acts;
	uint64_t next_letter;
	uint64_t damages;
	char damage[160]; /* the first one */
	struct arena arena;
	int code;
	struct err e;
};

/* A letter that has no open recipient, from its row: in memory, unchanged. */
struct kept_letter *letter_of_row(struct spool *s, const struct letter_row *row);

/* Opens secret, lock, catalogue, journal and volumes of recovery->spool and fills in what
 * it knows.  Blocks, in the pool: nothing else may look at the spool meanwhile. */
void recovery_run(void *recovery);

#endif
