/* SPDX-License-Identifier: Apache-2.0 */
/* New letters (see arrival.h). */
#include "spool/arrival.h"

#include "net/log.h"
#include "spool/core.h"
#include "spool/fate.h"

static void log_arrived(const struct letter *l)
{
	char id[LETTER_ID_SIZE];

	letter_id_format(l->id, id);
	log_line(LOG_INFO, "%s: from=<%.*s>, size=%llu, nrcpt=%u (queue active)", id,
		 STR_ARG(l->envelope.reverse_path), (unsigned long long)l->length,
		 l->envelope.recipient_count);
	if (l->envelope.held)
		log_line(LOG_WARNING, "%s: held (" HELD_BY_SCAN ")", id);
}

struct kept_letter *letter_known(struct spool *s, const struct letter *l, uint64_t position)
{
	struct kept_letter *k = letters_add(&s->letters, l->id, l->envelope.recipient_count);

	k->position = position;
	k->place = l->place;
	k->stored = l->stored;
	for (uint32_t i = 0; i < k->recipient_count; i++)
		k->accounts[i] = l->envelope.recipients[i].account;
	if (l->envelope.held)
		fate_hold(k, STR(HELD_BY_SCAN));
	letters_touch(&s->letters, k);
	return k;
}

void letter_arrived(struct spool *s, const struct letter *l, uint64_t position, struct str entry)
{
	struct kept_letter *k = letter_known(s, l, position);

	letters_cache(&s->letters, k, entry, false);
	log_arrived(l);
	letter_go(s, k);
}
