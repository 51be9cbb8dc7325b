/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The evaluation of a search program in three-valued logic: NO < MAYBE < YES,
 * AND is the least, OR the greatest, NOT turns round.
 */
#include "format/imap_search_match.h"

#include <stdlib.h>

static enum imap_truth truth(bool yes)
{
	return yes ? IMAP_YES : IMAP_NO;
}

static enum imap_truth turned(enum imap_truth t)
{
	return (enum imap_truth)(IMAP_YES - t);
}

static bool has_keyword(const struct imap_facts *f, struct str keyword)
{
	for (size_t i = 0; i < f->keyword_count; i++)
		if (str_eq_nocase(f->keywords[i], keyword))
			return true;
	return false;
}

enum imap_truth imap_search_sent(const struct imap_key *key, uint32_t sent_day)
{
	if (sent_day == 0)
		return IMAP_NO;
	if (key->kind == IMAP_KEY_SENT_BEFORE)
		return truth(sent_day < key->day);
	if (key->kind == IMAP_KEY_SENT_ON)
		return truth(sent_day == key->day);
	return truth(sent_day >= key->day);
}

struct question {
	const struct imap_facts *facts;
	imap_ask_letter *ask;
	void *arg;
};

static enum imap_truth ask_letter(const struct question *q, const struct imap_key *k)
{
	return q->ask ? q->ask(q->arg, k) : IMAP_MAYBE;
}

static enum imap_truth answer_leaf(const struct question *q, const struct imap_key *k)
{
	const struct imap_facts *f = q->facts;

	switch (k->kind) {
	case IMAP_KEY_ALL:
		return IMAP_YES;
	case IMAP_KEY_SEQUENCE:
		return truth(imap_set_has(&k->set, f->sequence));
	case IMAP_KEY_UID:
		return truth(imap_set_has(&k->set, f->uid));
	case IMAP_KEY_FLAGS:
		return truth((f->flags & k->flags) == k->flags && !(f->flags & k->flags_unset));
	case IMAP_KEY_KEYWORD:
		return truth(has_keyword(f, k->text));
	case IMAP_KEY_BEFORE:
		return truth(f->internal_day < k->day);
	case IMAP_KEY_ON:
		return truth(f->internal_day == k->day);
	case IMAP_KEY_SINCE:
		return truth(f->internal_day >= k->day);
	case IMAP_KEY_SENT_BEFORE:
	case IMAP_KEY_SENT_ON:
	case IMAP_KEY_SENT_SINCE:
		return f->sent_day ? imap_search_sent(k, f->sent_day) : ask_letter(q, k);
	case IMAP_KEY_LARGER:
		return truth(f->size > k->size);
	case IMAP_KEY_SMALLER:
		return truth(f->size < k->size);
	case IMAP_KEY_HEADER:
	case IMAP_KEY_BODY:
	case IMAP_KEY_TEXT:
		return ask_letter(q, k);
	case IMAP_KEY_AND:
	case IMAP_KEY_OR:
	case IMAP_KEY_NOT:
		break;
	}
	abort(); /* these have children, and are never leaves */
}

/* The state of the open keys, by depth: what their children came to so far. */
struct sums {
	enum imap_truth sum[IMAP_SEARCH_DEPTH];
};

/* Adds a child's answer to its parent's sum; true when the sum is final. */
static bool add_answer(struct sums *s, const struct imap_key *parent, enum imap_truth child)
{
	enum imap_truth *sum = &s->sum[parent->depth];

	switch (parent->kind) {
	case IMAP_KEY_AND:
		*sum = child < *sum ? child : *sum;
		return *sum == IMAP_NO;
	case IMAP_KEY_OR:
		*sum = child > *sum ? child : *sum;
		return *sum == IMAP_YES;
	default:
		*sum = turned(child);
		return true;
	}
}

/* The first leaf under k; the sums on the way begin anew. */
static const struct imap_key *descend(struct sums *s, const struct imap_key *k)
{
	while (k->child) {
		s->sum[k->depth] = truth(k->kind == IMAP_KEY_AND);
		k = k->child;
	}
	return k;
}

enum imap_truth imap_search_match(const struct imap_search *search, const struct imap_facts *facts,
				  imap_ask_letter *ask, void *arg)
{
	struct question q = {facts, ask, arg};
	struct sums s;
	const struct imap_key *k = descend(&s, search->root);

	for (;;) {
		enum imap_truth t = answer_leaf(&q, k);

		if (k->negated)
			t = turned(t);
		while (k->parent && (add_answer(&s, k->parent, t) || !k->next)) {
			k = k->parent;
			t = s.sum[k->depth];
		}
		if (!k->parent)
			return t;
		k = descend(&s, k->next);
	}
}
