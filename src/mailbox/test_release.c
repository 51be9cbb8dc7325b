/* SPDX-License-Identifier: Apache-2.0 */
/* Outlines from scan, letters that an account gives up, and what a new spool is told of closed accounts. */
#include "mailbox/imap_dialogue.h"

#include "base/clock.h"
#include "base/unit.h"
#include "mailbox/shard_parts.h"
#include "net/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- outlines ---------------------------------------------------------------------------------- */

#define FETCH_1 "C: a FETCH 1 ENVELOPE\n"
#define SEEN_1 "S: * 1 FETCH (ENVELOPE (NIL \"1\" ~\nS: a OK ~\n"

static void co_shared(struct house *h)
{
	struct imap_clients c;

	h->scan_ms = 50;
	imap_clients_init(&c, h);
	co_imap_deliver(h, 1, 2);
	co_imap_client(&c, 1, 1, "");
	co_imap_client(&c, 2, 1, "");
	co_imap_client(&c, 3, 1, "");
	co_imap_talk(&c, HELLO HELLO2 "S3: x OK ~\n" SELECT_INBOX("2", "3") "C2: s EXAMINE inbox\n"
									    "C3: s EXAMINE inbox\n");
	for (unsigned i = 0; i < 2; i++)
		co_imap_talk(&c,
			     i ? "S3: * FLAGS ~\nS3: * OK ~\nS3: * 2 EXISTS\nS3: ~\nS3: ~\nS3: ~\nS3: ~\nS3: "
				 "s OK ~\n"
			       : "S2: * FLAGS ~\nS2: * OK ~\nS2: * 2 EXISTS\nS2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: "
				 "s OK ~\n");
	co_imap_talk(&c, "C3: a FETCH 1 ENVELOPE\n" FETCH_1 "C2: a FETCH 1 ENVELOPE\n");
	co_imap_talk(&c, SEEN_1 "S2: * 1 FETCH (ENVELOPE (NIL \"1\" ~\nS2: a OK ~\n"
				"S3: * 1 FETCH (ENVELOPE (NIL \"1\" ~\nS3: a OK ~\n");
	assert_int_equal(h->outlines, 1);
	co_imap_talk(&c, FETCH_1 SEEN_1);
	assert_int_equal(h->outlines, 1);
	co_imap_clients_end(&c);
}

static void who_asks_at_once_shares_the_question(void **state)
{
	house_run(co_shared, 2);
}

/* deaths, lies -> questions, of them alone, and whether the letter was looked into */
static const struct scan_row {
	unsigned dies, lies, outlines, alone;
	bool seen;
} scan_rows[] = {
	{0, 0, 1, 0, true},
	{1, 0, 2, 1, true},
	{2, 0, 2, 1, false},
	{0, 1, 1, 0, false},
};

static void co_scan(struct house *h)
{
	for (size_t i = 0; i < sizeof(scan_rows) / sizeof(scan_rows[0]); i++) {
		const struct scan_row *row = &scan_rows[i];
		char script[800];

		co_imap_deliver(h, 1 + i, 1 + i);
		h->outlines = h->alone = 0;
		h->scan_dies = row->dies;
		h->scan_lies = row->lies;
		snprintf(script, sizeof(script),
			 HELLO
			 "C: s EXAMINE inbox\nS: * FLAGS ~\nS: * OK ~\nS: * %zu EXISTS\nS: ~\nS: ~\nS: ~\n"
			 "S: ~\nS: s OK ~\n"
			 "C: a FETCH %zu ENVELOPE\n"
			 "S: * ~ FETCH (ENVELOPE (NIL %s ~\nS: a OK ~\n"
			 /* Kept, also when it is opaque. */
			 "C: a FETCH %zu BODY\n"
			 "S: * ~ FETCH (BODY (\"text\" \"plain\" ~\nS: a OK ~\n",
			 i + 1, i + 1, row->seen ? "\"~\"" : "NIL", i + 1);
		co_imap_script(h, "", false, script);
		assert_int_equal(h->outlines, row->outlines);
		assert_int_equal(h->alone, row->alone);
	}
}

static void a_poison_letter_is_not_looked_into(void **state)
{
	house_run(co_scan, 4);
}

/* --- release --------------------------------------------------------------------------------------- */

#define SELECT_ANY "S: * FLAGS ~\nS: * OK ~\nS: ~\nS: ~\nS: ~\nS: ~\nS: ~\nS: s OK ~\n"

/* Waits until the account is closed. */
static void co_closed(struct house *h)
{
	int64_t deadline = deadline_in(10000);

	while (h->shard->account_count > 0 && clock_ms() < deadline)
		co_sleep_until(deadline_in(5));
	assert_int_equal(h->shard->account_count, 0);
}

static void co_release(struct house *h)
{
	h->shard->idle_ms = 30;
	co_imap_deliver(h, 1, 4);
	co_imap_script(h, "", false,
		       HELLO "C: s SELECT inbox\n" SELECT_ANY "C: a COPY 2 Archive\n"
			     "S: a OK ~\n"
			     "C: b MOVE 3 Archive\n"
			     "S: * OK ~\nS: * 3 EXPUNGE\nS: b OK ~\n"
			     "C: c STORE 1:2 +FLAGS.SILENT (\\Deleted)\n"
			     "S: c OK ~\n"
			     "C: d EXPUNGE\n"
			     "S: * 1 EXPUNGE\nS: * 1 EXPUNGE\nS: d OK ~\n");
	assert_true(h->held[1][1]);
	co_closed(h);
	/* Letters 2 and 3 have a row elsewhere. */
	assert_false(h->held[1][1]);
	assert_true(h->held[2][1] && h->held[3][1] && h->held[4][1]);
	assert_int_equal(h->releases, 1);
	/* Deleting a folder gives its letters up, copies of theirs apart. */
	co_imap_script(h, "", false,
		       HELLO "C: a DELETE Archive\nS: a OK ~\n"
			     "C: b APPEND Sent {5+}\nC: 12345\nS: b OK ~\n");
	co_closed(h);
	assert_false(h->held[2][1] || h->held[3][1]);
	assert_true(h->held[4][1] && h->held[FAKE_LEASE][1]);
	assert_int_equal(h->releases, 2);
	/* Nothing to give up: nobody is asked. */
	co_imap_script(h, "", false, HELLO "C: a NOOP\nS: a OK ~\n");
	co_closed(h);
	assert_int_equal(h->releases, 2);
}

static void letters_without_a_row_are_given_up(void **state)
{
	house_run(co_release, 4);
}

static void co_release_later(struct house *h)
{
	h->shard->idle_ms = 30;
	co_imap_deliver(h, 1, 1);
	co_imap_script(h, "", false,
		       HELLO "C: s SELECT inbox\n" SELECT_ANY "C: c STORE 1 +FLAGS.SILENT (\\Deleted)\n"
			     "S: c OK ~\n"
			     "C: d EXPUNGE\n"
			     "S: * 1 EXPUNGE\nS: d OK ~\n");
	/* No spool: it is closed all the same, and gives it up another time. */
	house_kill_spool(h, 100);
	co_closed(h);
	assert_true(h->held[1][1]);
	house_start_spool(h);
	co_imap_script(h, "", false, HELLO "C: a NOOP\nS: a OK ~\n");
	/* spool dies over it; then ours. */
	h->stuck = true;
	while (h->releases == 0)
		co_sleep_until(deadline_in(5));
	house_kill_spool(h, 100);
	h->stuck = false;
	house_start_spool(h);
	co_closed(h);
	assert_false(h->held[1][1]);
	assert_int_equal(h->releases, 2);
}

static void a_release_survives_deaths(void **state)
{
	house_run(co_release_later, 1);
}

static void co_held_again(struct house *h)
{
	struct imap_clients c;

	imap_clients_init(&c, h);
	h->shard->idle_ms = 100000;
	co_imap_deliver(h, 1, 1);
	co_imap_client(&c, 1, 1, "");
	co_imap_talk(&c, HELLO "C: s SELECT inbox\n" SELECT_ANY "C: c STORE 1 +FLAGS.SILENT (\\Deleted)\n"
			       "S: c OK ~\n"
			       "C: d EXPUNGE\n"
			       "S: * 1 EXPUNGE\nS: d OK ~\n");
	struct account *a = shard_find(h->shard, 1);
	struct index_release one = {.letter = 1, .serial = 100};
	const struct index_release *releasing = &one;
	const uint64_t letters[] = {7, 1};
	const struct act_draft draft = {.holds = letters, .hold_count = 2};
	struct account_act *act;
	bool left;
	struct err e;

	/* A release that is under way keeps an act waiting that holds its letter. */
	a->releasing = releasing;
	a->releasing_count = 1;
	assert_int_equal(account_submit(a, &draft, &act, &e), ERR_BUSY);
	a->releasing_count = 0;
	/* And an act under way keeps its letter from being released. */
	h->stuck = true;
	co_imap_talk(&c, "C: e APPEND Sent {5+}\nC: 12345\nQ: \n");
	one.letter = FAKE_LEASE;
	assert_int_equal(co_account_release(a, &one, 1, &left, &e), 0);
	assert_true(left);
	assert_int_equal(h->releases, 0);
	h->stuck = false;
	co_imap_talk(&c, "S: e OK ~\n");
	co_imap_clients_end(&c);
}

static void acts_and_releases_wait_for_each_other(void **state)
{
	house_run(co_held_again, 1);
}

/* --- folded ---------------------------------------------------------------------------------------- */

static void co_all_folded(struct house *h)
{
	int64_t deadline = deadline_in(5000);

	while (h->folded[1] + h->folded[2] < 20 && clock_ms() < deadline)
		co_sleep_until(deadline_in(5));
	assert_int_equal(h->folded[1] + h->folded[2], 20);
}

static void co_folded(struct house *h)
{
	h->shard->idle_ms = 30;
	assert_int_equal(co_house_deliver_all(h, 1, 20, 2), 20);
	co_closed(h);
	co_all_folded(h);
	h->folded[1] = h->folded[2] = 0;
	house_kill_spool(h, 0);
	house_start_spool(h);
	co_all_folded(h);
	assert_int_equal(h->shard->account_count, 0);
}

static void a_new_spool_hears_of_closed_accounts(void **state)
{
	house_run(co_folded, 20);
}

static void quiet(void *arg, enum log_level level, const char *line, size_t n)
{
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_asks_at_once_shares_the_question),
		cmocka_unit_test(a_poison_letter_is_not_looked_into),
		cmocka_unit_test(letters_without_a_row_are_given_up),
		cmocka_unit_test(a_release_survives_deaths),
		cmocka_unit_test(acts_and_releases_wait_for_each_other),
		cmocka_unit_test(a_new_spool_hears_of_closed_accounts),
	};

	/* A failed assertion must not jump from a fiber's stack to another. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	log_open_function(quiet, NULL, LOG_ERROR);
	return cmocka_run_group_tests_name("release", tests, NULL, NULL);
}
