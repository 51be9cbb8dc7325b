/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on flags and counts. */
#include "store/message.h"

bool keyword_set_has(const struct keyword_set *s, unsigned slot)
{
	return s->w[slot / 64] >> slot % 64 & 1;
}

void keyword_set_add(struct keyword_set *s, unsigned slot)
{
	s->w[slot / 64] |= (uint64_t)1 << slot % 64;
}

struct flag_change flag_change_set(uint8_t flags, struct keyword_set keywords)
{
	return (struct flag_change){.add = flags, .keyword_add = keywords};
}

struct flag_change flag_change_add(uint8_t flags, struct keyword_set keywords)
{
	struct flag_change c = {.keep = MESSAGE_FLAGS_ALL, .add = flags, .keyword_add = keywords};

	for (int i = 0; i < KEYWORD_WORDS; i++)
		c.keyword_keep.w[i] = UINT64_MAX;
	return c;
}

struct flag_change flag_change_remove(uint8_t flags, struct keyword_set keywords)
{
	struct flag_change c = {.keep = MESSAGE_FLAGS_ALL & ~flags};

	for (int i = 0; i < KEYWORD_WORDS; i++)
		c.keyword_keep.w[i] = ~keywords.w[i];
	return c;
}

bool flag_change_touches(const struct flag_change *c, uint8_t flag)
{
	return (c->keep & flag) != flag || (c->add & flag);
}

bool flag_change_apply(const struct flag_change *c, uint8_t *flags, struct keyword_set *keywords)
{
	uint8_t now = (uint8_t)((*flags & c->keep) | c->add);
	bool different = now != *flags;

	*flags = now;
	for (int i = 0; i < KEYWORD_WORDS; i++) {
		uint64_t word = (keywords->w[i] & c->keyword_keep.w[i]) | c->keyword_add.w[i];

		different |= word != keywords->w[i];
		keywords->w[i] = word;
	}
	return different;
}

void counts_add(struct counts *c, uint8_t flags, uint32_t size)
{
	c->messages++;
	c->unseen += !(flags & MESSAGE_SEEN);
	c->deleted += (flags & MESSAGE_DELETED) != 0;
	c->size += size;
}

void counts_plus(struct counts *c, const struct counts *other)
{
	c->messages += other->messages;
	c->unseen += other->unseen;
	c->deleted += other->deleted;
	c->size += other->size;
}

void counts_minus(struct counts *c, const struct counts *other)
{
	c->messages -= other->messages;
	c->unseen -= other->unseen;
	c->deleted -= other->deleted;
	c->size -= other->size;
}
