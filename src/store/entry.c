/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding and decoding of the journal's payloads. */
#include "store/entry.h"

#include "base/err.h"

#include <stdio.h>
#include <string.h>

#define PART_VERSION 1
#define PART_HEAD 8 /* kind, version, zero, length */

#define COUNTER_MAX ((1ULL << 48) - 1)

uint64_t letter_id_make(uint16_t node, uint64_t counter)
{
	return (uint64_t)node << 48 | (counter & COUNTER_MAX);
}

bool letter_id_valid(uint64_t id)
{
	return (id & COUNTER_MAX) != 0;
}

void letter_id_format(uint64_t id, char out[LETTER_ID_SIZE])
{
	snprintf(out, LETTER_ID_SIZE, "%016llX", (unsigned long long)id);
}

bool letter_id_parse(struct str s, uint64_t *id)
{
	static const struct str digits = STR_INIT("0123456789ABCDEF");
	uint64_t v = 0;

	if (s.n != LETTER_ID_SIZE - 1)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		size_t digit = str_find(digits, s.p[i]);

		if (digit == STR_NONE)
			return false;
		v = v << 4 | digit;
	}
	if (!letter_id_valid(v))
		return false;
	*id = v;
	return true;
}

/* Reads a count of things that take at least `each` bytes and gives an array
 * for them; the count is believed only as far as the bytes reach. */
static void *get_array(struct reader *r, struct arena *a, uint32_t *count, uint32_t max, size_t each,
		       size_t size)
{
	uint32_t n = read_u32(r);

	*count = 0;
	if (n > max || n > r->rest.n / each)
		r->failed = true;
	if (r->failed || n == 0)
		return NULL;
	void *array = arena_calloc(a, n, size);

	if (array)
		*count = n;
	else
		r->failed = true;
	return array;
}

static uint64_t get_id(struct reader *r)
{
	uint64_t id = read_u64(r);

	if (!letter_id_valid(id))
		r->failed = true;
	return id;
}

static void put_id(struct buf *b, uint64_t id)
{
	if (!letter_id_valid(id))
		b->failed = true;
	buf_put_u64(b, id);
}

/* Account ids and counters that are never 0. */
static uint32_t get_u32_not_0(struct reader *r)
{
	uint32_t v = read_u32(r);

	if (v == 0)
		r->failed = true;
	return v;
}

static void put_u32_not_0(struct buf *b, uint32_t v)
{
	if (v == 0)
		b->failed = true;
	buf_put_u32(b, v);
}

static void put_count(struct buf *b, uint32_t count, uint32_t max)
{
	if (count > max)
		b->failed = true;
	buf_put_u32(b, count);
}

static void put_str(struct buf *b, struct str s, size_t max)
{
	if (s.n > max)
		b->failed = true;
	buf_put_str(b, s);
}

static bool place_valid(struct place at)
{
	return at.volume ? at.offset <= UINT32_MAX && at.offset % 8 == 0 : at.offset == 0;
}

static void put_place(struct buf *b, struct place at)
{
	if (!place_valid(at))
		b->failed = true;
	buf_put_u32(b, at.volume);
	buf_put_u64(b, at.offset);
}

static struct place get_place(struct reader *r)
{
	struct place at;

	at.volume = read_u32(r);
	at.offset = read_u64(r);
	if (!place_valid(at))
		r->failed = true;
	return at;
}

static void put_letters(struct buf *b, const uint64_t *letters, uint32_t count)
{
	buf_put_u32(b, count);
	for (uint32_t i = 0; !b->failed && i < count; i++)
		put_id(b, letters[i]);
}

static uint64_t *get_letters(struct reader *r, struct arena *a, uint32_t *count)
{
	uint64_t *letters = get_array(r, a, count, UINT32_MAX, 8, sizeof(*letters));

	for (uint32_t i = 0; i < *count; i++)
		letters[i] = get_id(r);
	return letters;
}

static bool letter_valid(const struct letter *l)
{
	return l->transform <= TRANSFORM_ZSTD && (l->transform != TRANSFORM_NONE || l->stored == l->length);
}

static void put_letter(struct buf *b, const struct part *part)
{
	const struct letter *l = &part->letter;

	if (!letter_valid(l))
		b->failed = true;
	buf_add(b, l->ticket, sizeof(l->ticket));
	put_id(b, l->id);
	put_place(b, l->place);
	buf_put_u64(b, l->length);
	buf_put_u64(b, l->stored);
	buf_put_u8(b, l->transform);
	buf_put_u32(b, l->crc);
	envelope_put(b, &l->envelope);
	put_str(b, l->outline, ENTRY_OUTLINE_MAX);
}

static void get_letter(struct reader *r, struct arena *a, struct part *part)
{
	struct letter *l = &part->letter;
	struct str ticket = read_bytes(r, TICKET_SIZE);

	if (ticket.p)
		memcpy(l->ticket, ticket.p, TICKET_SIZE);
	l->id = get_id(r);
	l->place = get_place(r);
	l->length = read_u64(r);
	l->stored = read_u64(r);
	l->transform = read_u8(r);
	l->crc = read_u32(r);
	envelope_get(r, a, &l->envelope);
	l->outline = read_str(r, ENTRY_OUTLINE_MAX);
	if (!letter_valid(l))
		r->failed = true;
}

/* The block must not run out of the 48 bits of the counter. */
static bool ids_valid(const struct ids *ids)
{
	return letter_id_valid(ids->first) && ids->count > 0 &&
	       (ids->first & COUNTER_MAX) + (ids->count - 1) <= COUNTER_MAX;
}

static void put_ids(struct buf *b, const struct part *part)
{
	if (!ids_valid(&part->ids))
		b->failed = true;
	buf_put_u64(b, part->ids.first);
	buf_put_u32(b, part->ids.count);
}

static void get_ids(struct reader *r, struct arena *a, struct part *part)
{
	part->ids.first = read_u64(r);
	part->ids.count = read_u32(r);
	if (!ids_valid(&part->ids))
		r->failed = true;
}

static void put_account(struct buf *b, const struct part *part)
{
	put_u32_not_0(b, part->account.id);
	buf_put_u8(b, part->account.ended ? 2 : 1);
	put_str(b, part->account.address, ENVELOPE_ADDRESS_MAX);
}

static void get_account(struct reader *r, struct arena *a, struct part *part)
{
	part->account.id = get_u32_not_0(r);
	uint8_t state = read_u8(r);

	part->account.ended = state == 2;
	part->account.address = read_str(r, ENVELOPE_ADDRESS_MAX);
	if (state != 1 && state != 2)
		r->failed = true;
}

static void put_act(struct buf *b, const struct part *part)
{
	const struct act *act = &part->act;

	put_u32_not_0(b, act->account);
	if (act->serial == 0)
		b->failed = true;
	buf_put_u64(b, act->serial);
	buf_put_u64(b, act->epoch);
	put_letters(b, act->holds, act->hold_count);
	put_count(b, act->settle_count, ACT_SETTLES_MAX);
	for (uint32_t i = 0; !b->failed && i < act->settle_count; i++) {
		put_id(b, act->settles[i].letter);
		buf_put_u32(b, act->settles[i].recipient);
	}
	put_count(b, act->send_count, ACT_SENDS_MAX);
	for (uint32_t i = 0; !b->failed && i < act->send_count; i++)
		buf_put_str(b, act->sends[i]);
	buf_put_str(b, act->body);
}

static void get_act(struct reader *r, struct arena *a, struct part *part)
{
	struct act *act = &part->act;

	act->account = get_u32_not_0(r);
	act->serial = read_u64(r);
	if (act->serial == 0)
		r->failed = true;
	act->epoch = read_u64(r);
	act->holds = get_letters(r, a, &act->hold_count);
	act->settles = get_array(r, a, &act->settle_count, ACT_SETTLES_MAX, 12, sizeof(*act->settles));
	for (uint32_t i = 0; i < act->settle_count; i++) {
		act->settles[i].letter = get_id(r);
		act->settles[i].recipient = read_u32(r);
	}
	act->sends = get_array(r, a, &act->send_count, ACT_SENDS_MAX, 4, sizeof(*act->sends));
	for (uint32_t i = 0; i < act->send_count; i++)
		act->sends[i] = read_str(r, ENTRY_MAX);
	act->body = read_str(r, ENTRY_MAX);
}

static bool outcome_valid(const struct outcome *o)
{
	bool deferred = o->result == OUTCOME_DEFERRED;

	return o->result >= OUTCOME_SENT && o->result <= OUTCOME_CLOSED && deferred == (o->until_us != 0) &&
	       deferred == (o->tries != 0);
}

static void put_outcome(struct buf *b, const struct part *part)
{
	const struct outcome *o = &part->outcome;

	if (!outcome_valid(o))
		b->failed = true;
	put_id(b, o->letter);
	buf_put_u32(b, o->recipient);
	buf_put_u8(b, o->result);
	buf_put_u32(b, o->tries);
	buf_put_u64(b, o->until_us);
	put_str(b, o->status, OUTCOME_STATUS_MAX);
	put_str(b, o->mta, OUTCOME_MTA_MAX);
	put_str(b, o->text, OUTCOME_TEXT_MAX);
}

static void get_outcome(struct reader *r, struct arena *a, struct part *part)
{
	struct outcome *o = &part->outcome;

	o->letter = get_id(r);
	o->recipient = read_u32(r);
	o->result = read_u8(r);
	o->tries = read_u32(r);
	o->until_us = read_u64(r);
	o->status = read_str(r, OUTCOME_STATUS_MAX);
	o->mta = read_str(r, OUTCOME_MTA_MAX);
	o->text = read_str(r, OUTCOME_TEXT_MAX);
	if (!outcome_valid(o))
		r->failed = true;
}

static void put_release(struct buf *b, const struct part *part)
{
	put_u32_not_0(b, part->release.account);
	put_letters(b, part->release.letters, part->release.count);
}

static void get_release(struct reader *r, struct arena *a, struct part *part)
{
	part->release.account = get_u32_not_0(r);
	part->release.letters = get_letters(r, a, &part->release.count);
}

static void put_moved(struct buf *b, const struct part *part)
{
	buf_put_u32(b, part->moved.count);
	for (uint32_t i = 0; !b->failed && i < part->moved.count; i++) {
		put_id(b, part->moved.moves[i].letter);
		put_place(b, part->moved.moves[i].place);
	}
}

static void get_moved(struct reader *r, struct arena *a, struct part *part)
{
	struct moved *m = &part->moved;

	m->moves = get_array(r, a, &m->count, UINT32_MAX, 20, sizeof(*m->moves));
	for (uint32_t i = 0; i < m->count; i++) {
		m->moves[i].letter = get_id(r);
		m->moves[i].place = get_place(r);
	}
}

static void put_checkpoint(struct buf *b, const struct part *part)
{
	buf_put_u64(b, part->checkpoint.position);
}

static void get_checkpoint(struct reader *r, struct arena *a, struct part *part)
{
	part->checkpoint.position = read_u64(r);
}

static void put_hold(struct buf *b, const struct part *part)
{
	put_id(b, part->hold.letter);
	buf_put_u8(b, part->hold.released ? 2 : 1);
	put_str(b, part->hold.reason, HOLD_REASON_MAX);
}

static void get_hold(struct reader *r, struct arena *a, struct part *part)
{
	part->hold.letter = get_id(r);
	uint8_t state = read_u8(r);

	part->hold.released = state == 2;
	part->hold.reason = read_str(r, HOLD_REASON_MAX);
	if (state != 1 && state != 2)
		r->failed = true;
}

static const struct codec {
	void (*put)(struct buf *b, const struct part *part);
	void (*get)(struct reader *r, struct arena *a, struct part *part);
} codecs[] = {
	[PART_LETTER] = {put_letter, get_letter},    [PART_IDS] = {put_ids, get_ids},
	[PART_ACCOUNT] = {put_account, get_account}, [PART_ACT] = {put_act, get_act},
	[PART_OUTCOME] = {put_outcome, get_outcome}, [PART_RELEASE] = {put_release, get_release},
	[PART_MOVED] = {put_moved, get_moved},       [PART_CHECKPOINT] = {put_checkpoint, get_checkpoint},
	[PART_HOLD] = {put_hold, get_hold},
};

static const struct codec *codec_of(unsigned kind)
{
	return kind < sizeof(codecs) / sizeof(codecs[0]) && codecs[kind].put ? &codecs[kind] : NULL;
}

void entry_put(struct buf *b, const struct part *part)
{
	const struct codec *codec = codec_of(part->kind);
	size_t start = b->n;

	if (!codec) {
		b->failed = true;
		return;
	}
	buf_put_u8(b, (uint8_t)part->kind);
	buf_put_u8(b, PART_VERSION);
	buf_put_u16(b, 0);
	buf_put_u32(b, 0);
	codec->put(b, part);
	size_t n = b->n - start - PART_HEAD;

	if (b->failed || n > ENTRY_MAX)
		b->failed = true;
	else
		le32_set(b->p + start + 4, (uint32_t)n);
}

int entry_next(struct reader *r, struct arena *a, struct part *part)
{
	if (!r->failed && r->rest.n == 0)
		return 0;
	uint8_t kind = read_u8(r);
	uint8_t version = read_u8(r);
	uint16_t zero = read_u16(r);
	struct reader inner = reader_of(read_str(r, ENTRY_MAX));
	const struct codec *codec = codec_of(kind);

	*part = (struct part){.kind = kind};
	if (r->failed || version != PART_VERSION || zero != 0 || !codec)
		return ERR_INVALID;
	codec->get(&inner, a, part);
	return reader_done(&inner) ? 1 : ERR_INVALID;
}
