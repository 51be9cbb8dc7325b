/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts and holds (see fate.h). */
#include "spool/fate.h"

#include <stdlib.h>
#include <string.h>

struct said {
	uint16_t status_n, mta_n, text_n;
	char bytes[];
};

struct fate {
	uint32_t count; /* of attempts, one for each recipient */
	char *why; /* NULL: not held */
	size_t why_n;
	struct attempt attempts[];
};

static struct fate *fate_of(struct kept_letter *k)
{
	if (k->fate)
		return k->fate;
	k->fate = calloc(1, sizeof(*k->fate) + k->recipient_count * sizeof(k->fate->attempts[0]));
	if (!k->fate)
		abort();
	k->fate->count = k->recipient_count;
	return k->fate;
}

void fate_destroy(struct fate **f)
{
	if (!*f)
		return;
	for (uint32_t i = 0; i < (*f)->count; i++)
		free((*f)->attempts[i].said);
	free((*f)->why);
	free(*f);
	*f = NULL;
}

/* --- attempts --------------------------------------------------------------------------- */

static struct said *said_new(struct str status, struct str mta, struct str text)
{
	struct said *said = malloc(sizeof(*said) + status.n + mta.n + text.n + 1);

	if (!said)
		abort();
	said->status_n = (uint16_t)status.n;
	said->mta_n = (uint16_t)mta.n;
	said->text_n = (uint16_t)text.n;
	memcpy(said->bytes, status.p ? status.p : "", status.n);
	memcpy(said->bytes + status.n, mta.p ? mta.p : "", mta.n);
	memcpy(said->bytes + status.n + mta.n, text.p ? text.p : "", text.n);
	return said;
}

void fate_note(struct kept_letter *k, const struct outcome *o)
{
	struct attempt *a = &fate_of(k)->attempts[o->recipient];
	/* What it says may be a view of what it replaces. */
	struct said *before = a->said;

	a->said = said_new(o->status, o->mta, o->text);
	free(before);
	a->tries = o->result == OUTCOME_DEFERRED ? o->tries : a->tries;
	a->next_us = (int64_t)o->until_us;
}

void fate_hurry(struct kept_letter *k)
{
	for (uint32_t i = 0; k->fate && i < k->fate->count; i++)
		k->fate->attempts[i].next_us = 0;
}

int64_t fate_next_us(const struct kept_letter *k, uint32_t recipient)
{
	return k->fate ? k->fate->attempts[recipient].next_us : 0;
}

uint32_t fate_tries(const struct kept_letter *k, uint32_t recipient)
{
	return k->fate ? k->fate->attempts[recipient].tries : 0;
}

struct reason fate_reason(const struct kept_letter *k, uint32_t recipient)
{
	const struct said *said = k->fate ? k->fate->attempts[recipient].said : NULL;

	if (!said)
		return (struct reason){STR(""), STR(""), STR("")};
	return (struct reason){
		{said->bytes, said->status_n},
		{said->bytes + said->status_n, said->mta_n},
		{said->bytes + said->status_n + said->mta_n, said->text_n},
	};
}

/* --- hold ---------------------------------------------------------------------------------- */

void fate_hold(struct kept_letter *k, struct str why)
{
	struct fate *f = fate_of(k);
	char *copy = malloc(why.n + 1);

	if (!copy)
		abort();
	memcpy(copy, why.p ? why.p : "", why.n);
	free(f->why);
	f->why = copy;
	f->why_n = why.n;
}

void fate_release(struct kept_letter *k)
{
	if (!k->fate)
		return;
	free(k->fate->why);
	k->fate->why = NULL;
	k->fate->why_n = 0;
}

bool fate_held(const struct kept_letter *k)
{
	return k->fate && k->fate->why;
}

struct str fate_why(const struct kept_letter *k)
{
	return fate_held(k) ? (struct str){k->fate->why, k->fate->why_n} : STR("");
}

/* --- the catalogue's row ---------------------------------------------------------------------- */

void fate_put(const struct kept_letter *k, struct buf *out)
{
	buf_put_u8(out, fate_held(k));
	buf_put_str(out, fate_why(k));
	for (uint32_t i = 0; k->fate && i < k->fate->count; i++) {
		const struct attempt *a = &k->fate->attempts[i];
		struct reason r = fate_reason(k, i);

		if (!a->said || letter_settled(k, i))
			continue;
		buf_put_u32(out, i);
		buf_put_u32(out, a->tries);
		buf_put_u64(out, (uint64_t)a->next_us);
		buf_put_str(out, r.status);
		buf_put_str(out, r.mta);
		buf_put_str(out, r.text);
	}
}

bool fate_get(struct kept_letter *k, struct str row)
{
	struct reader r = reader_of(row);
	bool held = read_u8(&r);
	struct str why = read_str(&r, HOLD_REASON_MAX);

	if (held && !r.failed)
		fate_hold(k, why);
	while (!r.failed && r.rest.n > 0) {
		struct outcome o = {.result = OUTCOME_DEFERRED};

		o.recipient = read_u32(&r);
		o.tries = read_u32(&r);
		o.until_us = read_u64(&r);
		o.status = read_str(&r, OUTCOME_STATUS_MAX);
		o.mta = read_str(&r, OUTCOME_MTA_MAX);
		o.text = read_str(&r, OUTCOME_TEXT_MAX);
		if (o.recipient >= k->recipient_count)
			r.failed = true;
		if (!r.failed)
			fate_note(k, &o);
	}
	return reader_done(&r);
}
