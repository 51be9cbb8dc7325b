/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LIST patterns, matched one pattern byte at a time against all places of the
 * name at once, so that no pattern makes it try again.
 */
#include "format/imap_match.h"

#include "format/imap_mailbox.h"

#include <string.h>

/* at[i]: the pattern so far can match the first i bytes of the name; outside
 * low..high nothing is set. */
struct places {
	bool at[IMAP_MAILBOX_MAX + 1];
	size_t low, high;
	struct str name;
	size_t nocase; /* so many bytes compare without regard to case */
};

static void spread(struct places *p, bool over_separators)
{
	for (size_t i = p->low; i < p->name.n; i++) {
		bool passes = over_separators || p->name.p[i] != IMAP_SEPARATOR;

		if (p->at[i] && passes)
			p->at[i + 1] = true;
		else if (i >= p->high)
			return;
		if (i + 1 > p->high && p->at[i + 1])
			p->high = i + 1;
	}
}

static bool same(const struct places *p, size_t i, char c)
{
	if (i < p->nocase)
		return ascii_lower(p->name.p[i]) == ascii_lower(c);
	return p->name.p[i] == c;
}

/* False when no place is left. */
static bool advance(struct places *p, char c)
{
	size_t low = p->name.n + 1, high = 0;

	for (size_t i = p->high + 1; i-- > p->low;) {
		bool moves = i < p->name.n && p->at[i] && same(p, i, c);

		p->at[i] = false;
		if (!moves)
			continue;
		p->at[i + 1] = true;
		low = i + 1;
		if (high == 0)
			high = i + 1;
	}
	p->low = low;
	p->high = high;
	return high != 0;
}

bool imap_match(struct str pattern, struct str name)
{
	struct places p;

	if (name.n > IMAP_MAILBOX_MAX)
		return false;
	memset(p.at, 0, name.n + 1);
	p.at[0] = true;
	p.low = p.high = 0;
	p.name = name;
	p.nocase = imap_mailbox_in_inbox(name) ? 5 : 0;
	for (size_t i = 0; i < pattern.n; i++) {
		if (pattern.p[i] == '*' || pattern.p[i] == '%')
			spread(&p, pattern.p[i] == '*');
		else if (!advance(&p, pattern.p[i]))
			return false;
	}
	return p.at[name.n];
}
