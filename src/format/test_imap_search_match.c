/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the evaluation of search programs. */
#include "format/imap_search_match.h"

#include "base/unit.h"
#include "format/imap_command.h"
#include "format/imap_flag.h"
#include "format/imap_unit.h"

#include <string.h>

static const struct str keywords[] = {STR_INIT("$Junk"), STR_INIT("work")};

static const struct imap_facts facts = {
	.sequence = 3,
	.uid = 30,
	.flags = IMAP_SEEN | IMAP_FLAGGED | IMAP_RECENT,
	.keywords = keywords,
	.keyword_count = 2,
	.internal_day = 20000229,
	.sent_day = 20000228,
	.size = 1000,
};

/* The letter has a Subject, the word yes in its body, and no Date. */
static enum imap_truth ask(void *arg, const struct imap_key *k)
{
	size_t *asked = arg;

	++*asked;
	switch (k->kind) {
	case IMAP_KEY_HEADER:
		return str_eq_nocase(k->field, STR("Subject")) ? IMAP_YES : IMAP_NO;
	case IMAP_KEY_BODY:
	case IMAP_KEY_TEXT:
		return str_eq(k->text, STR("yes"))   ? IMAP_YES
		       : str_eq(k->text, STR("may")) ? IMAP_MAYBE
						     : IMAP_NO;
	default:
		return imap_search_sent(k, 0);
	}
}

struct search {
	struct imap_read read;
	struct arena arena;
	struct imap_command cmd;
};

static void read_search(struct search *s, const char *keys)
{
	char line[1024];
	struct err e;
	int n = snprintf(line, sizeof(line), "a SEARCH %s\r\n", keys);

	assert_true(n > 0 && (size_t)n < sizeof(line));
	arena_init(&s->arena, 1 << 20);
	assert_true(imap_unit_read(&s->read, str_of(line)));
	if (imap_command_read(imap_read_text(&s->read), 0, &s->arena, &s->cmd, &e))
		fail_msg("%s: %s", keys, e.text);
	for (struct imap_key *k = s->cmd.search.root; k; k = imap_key_next(k))
		imap_set_resolve(&k->set, k->kind == IMAP_KEY_UID ? 70 : 7);
}

static void free_search(struct search *s)
{
	imap_read_free(&s->read);
	arena_free(&s->arena);
}

static const struct {
	const char *keys;
	enum imap_truth from_facts, with_letter;
} cases[] = {
	{"ALL", IMAP_YES, IMAP_YES},
	{"NOT ALL", IMAP_NO, IMAP_NO},
	{"3", IMAP_YES, IMAP_YES},
	{"4:*", IMAP_NO, IMAP_NO},
	{"*:2", IMAP_YES, IMAP_YES},
	{"UID 30", IMAP_YES, IMAP_YES},
	{"UID 3", IMAP_NO, IMAP_NO},
	{"SEEN FLAGGED RECENT", IMAP_YES, IMAP_YES},
	{"SEEN ANSWERED", IMAP_NO, IMAP_NO},
	{"UNANSWERED UNDELETED UNDRAFT", IMAP_YES, IMAP_YES},
	{"UNSEEN", IMAP_NO, IMAP_NO},
	{"UNFLAGGED", IMAP_NO, IMAP_NO},
	{"DELETED", IMAP_NO, IMAP_NO},
	{"DRAFT", IMAP_NO, IMAP_NO},
	{"NEW", IMAP_NO, IMAP_NO},
	{"OLD", IMAP_NO, IMAP_NO},
	{"KEYWORD $jUNK", IMAP_YES, IMAP_YES},
	{"KEYWORD other", IMAP_NO, IMAP_NO},
	{"UNKEYWORD WORK", IMAP_NO, IMAP_NO},
	{"UNKEYWORD other", IMAP_YES, IMAP_YES},
	{"NOT UNKEYWORD work", IMAP_YES, IMAP_YES},
	{"BEFORE 29-Feb-2000", IMAP_NO, IMAP_NO},
	{"BEFORE 1-Mar-2000", IMAP_YES, IMAP_YES},
	{"ON 29-Feb-2000", IMAP_YES, IMAP_YES},
	{"SINCE 29-Feb-2000", IMAP_YES, IMAP_YES},
	{"SINCE 1-Mar-2000", IMAP_NO, IMAP_NO},
	{"SINCE 31-Dec-1999 BEFORE 1-Jan-2001", IMAP_YES, IMAP_YES},
	{"SENTON 28-Feb-2000", IMAP_YES, IMAP_YES},
	{"SENTBEFORE 28-Feb-2000", IMAP_NO, IMAP_NO},
	{"SENTSINCE 28-Feb-2000", IMAP_YES, IMAP_YES},
	{"LARGER 999", IMAP_YES, IMAP_YES},
	{"LARGER 1000", IMAP_NO, IMAP_NO},
	{"SMALLER 1000", IMAP_NO, IMAP_NO},
	{"SMALLER 1001", IMAP_YES, IMAP_YES},
	{"SUBJECT x", IMAP_MAYBE, IMAP_YES},
	{"FROM x", IMAP_MAYBE, IMAP_NO},
	{"BODY yes", IMAP_MAYBE, IMAP_YES},
	{"NOT TEXT yes", IMAP_MAYBE, IMAP_NO},
	{"TEXT may", IMAP_MAYBE, IMAP_MAYBE},
	{"NOT TEXT may", IMAP_MAYBE, IMAP_MAYBE},
	{"TEXT may NOT ALL", IMAP_NO, IMAP_NO},
	{"TEXT may TEXT no", IMAP_MAYBE, IMAP_NO},
	{"OR TEXT may ALL", IMAP_YES, IMAP_YES},
	{"OR TEXT may TEXT no", IMAP_MAYBE, IMAP_MAYBE},
	{"OR SEEN BODY no", IMAP_YES, IMAP_YES},
	{"OR UNSEEN BODY yes", IMAP_MAYBE, IMAP_YES},
	{"OR UNSEEN BODY no", IMAP_MAYBE, IMAP_NO},
	{"OR DRAFT DELETED", IMAP_NO, IMAP_NO},
	{"OR DRAFT OR DELETED OR ANSWERED SEEN", IMAP_YES, IMAP_YES},
	{"NOT (SEEN (FLAGGED (NOT DRAFT)))", IMAP_NO, IMAP_NO},
	{"(OR (SEEN DRAFT) (FLAGGED NOT (OLD))) NOT OR 1 2", IMAP_YES, IMAP_YES},
	{"SEEN NOT NOT NOT UNSEEN", IMAP_YES, IMAP_YES},
};

static void answers(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct search s;
		size_t asked = 0;

		read_search(&s, cases[i].keys);
		if (imap_search_match(&s.cmd.search, &facts, NULL, NULL) != cases[i].from_facts)
			fail_msg("%s, from the facts", cases[i].keys);
		if (imap_search_match(&s.cmd.search, &facts, ask, &asked) != cases[i].with_letter)
			fail_msg("%s, with the letter", cases[i].keys);
		free_search(&s);
	}
}

static void asks_no_more_than_it_must(void **state)
{
	static const struct {
		const char *keys;
		size_t asked;
	} rows[] = {
		{"UNSEEN TEXT yes", 0},  {"TEXT no TEXT yes", 1},       {"OR TEXT yes TEXT yes", 1},
		{"OR SEEN TEXT yes", 0}, {"NOT (TEXT no TEXT yes)", 1}, {"TEXT yes TEXT yes", 2},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct search s;
		size_t asked = 0;

		read_search(&s, rows[i].keys);
		imap_search_match(&s.cmd.search, &facts, ask, &asked);
		assert_int_equal(asked, rows[i].asked);
		free_search(&s);
	}
}

static void asks_for_an_unknown_date(void **state)
{
	struct imap_facts f = facts;
	struct search s;
	size_t asked = 0;

	f.sent_day = 0;
	read_search(&s, "SENTSINCE 1-Jan-1970");
	assert_int_equal(imap_search_match(&s.cmd.search, &f, NULL, NULL), IMAP_MAYBE);
	assert_int_equal(imap_search_match(&s.cmd.search, &f, ask, &asked), IMAP_NO);
	assert_int_equal(asked, 1);
	free_search(&s);
}

/* The deepest program that is taken, on both sides. */
static void goes_deep(void **state)
{
	char keys[1000];
	size_t n = 0;
	struct search s;

	for (int i = 0; i < (IMAP_SEARCH_DEPTH - 2) / 2; i++)
		n += (size_t)snprintf(keys + n, sizeof(keys) - n, "NOT (SEEN ");
	n += (size_t)snprintf(keys + n, sizeof(keys) - n, "ALL");
	for (int i = 0; i < (IMAP_SEARCH_DEPTH - 2) / 2; i++)
		keys[n++] = ')';
	keys[n] = '\0';
	read_search(&s, keys);
	/* 49 times NOT */
	assert_int_equal(imap_search_match(&s.cmd.search, &facts, NULL, NULL), IMAP_NO);
	free_search(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(asks_no_more_than_it_must),
		cmocka_unit_test(asks_for_an_unknown_date),
		cmocka_unit_test(goes_deep),
	};

	return cmocka_run_group_tests_name("imap_search_match", tests, NULL, NULL);
}
