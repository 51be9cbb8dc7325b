/* SPDX-License-Identifier: Apache-2.0 */
/* letter_outline: the outline of a letter, from derived.db or from scan. */
#ifndef MAILBOX_LETTER_OUTLINE_H
#define MAILBOX_LETTER_OUTLINE_H

#include "format/outline.h"
#include "mailbox/letter.h"

struct letter_outline {
	struct outline outline; /* in these two */
	struct arena arena;
	struct buf bytes;
};

/* Destroyed with letter_outline_destroy(). */
int co_letter_outline(struct account *a, const struct letter_reader *l, struct letter_outline **out,
		      struct err *e);
void letter_outline_destroy(struct letter_outline **o);

#endif
