/* SPDX-License-Identifier: Apache-2.0 */
/* A shard beside a fake spool: deliveries, and what remains when either of them dies. */
#include "mailbox/fake_spool.h"

#include "base/clock.h"
#include "base/unit.h"
#include "net/log.h"
#include "net/messages.h"
#include "store/index.h"

#include <string.h>
#include <sys/stat.h>

static void co_letters_arrive(struct house *h)
{
	assert_int_equal(co_house_deliver_all(h, 1, 60, 3), 60);
	co_house_check(h, 1, 60, 3);
	size_t acts = h->act_count;

	assert_int_equal(acts, 60);
	/* Offered again: done already. */
	assert_int_equal(co_house_deliver_all(h, 1, 60, 3), 60);
	assert_int_equal(h->act_count, acts);
}

static void letters_arrive_once(void **state)
{
	house_run(co_letters_arrive, 60);
}

static void co_many_pages(struct house *h)
{
	for (uint64_t first = 1; first <= 500; first += 100)
		assert_int_equal(co_house_deliver_all(h, first, first + 99, 1), 100);
	co_house_check(h, 1, 500, 1);
}

static void inbox_comes_in_pages(void **state)
{
	house_run(co_many_pages, 500);
}

static void co_crash(struct house *h)
{
	struct inbox_row *before = calloc(64, sizeof(*before)), *after = calloc(64, sizeof(*after));
	struct err e;

	assert_int_equal(co_house_deliver_all(h, 1, 60, 3), 60);
	co_house_crash_shard(h);
	house_start_shard(h);
	int n = co_house_inbox(h, 2, before, 64, &e);

	assert_int_equal(n, 20);
	/* Nobody remembers but spool. */
	assert_int_equal(co_house_deliver_all(h, 1, 90, 3), 90);
	assert_int_equal(h->act_count, 90);
	co_house_crash_shard(h);
	house_start_shard(h);
	assert_int_equal(co_house_inbox(h, 2, after, 64, &e), 30);
	for (int i = 0; i < n; i++) {
		assert_int_equal(after[i].uid, before[i].uid);
		assert_int_equal(after[i].letter, before[i].letter);
	}
	free(before);
	free(after);
	co_house_check(h, 1, 90, 3);
}

static void a_crash_loses_and_doubles_nothing(void **state)
{
	house_run(co_crash, 90);
}

struct killing {
	struct house *h;
	size_t at_acts; /* when the journal has so many */
	int64_t away_ms;
	size_t survive;
};

static void kill_fiber(void *arg)
{
	const struct killing *k = arg;

	while (k->h->act_count < k->at_acts)
		co_sleep_until(deadline_in(1));
	house_kill_spool(k->h, k->survive);
	co_sleep_until(deadline_in(k->away_ms));
	house_start_spool(k->h);
}

/* What a spool does: offers what is not settled yet. */
static void co_until_all_are_there(struct house *h, uint64_t first, uint64_t last, uint32_t accounts)
{
	for (int tries = 0; tries < 100; tries++) {
		if (co_house_deliver_all(h, first, last, accounts) == last - first + 1)
			return;
		co_sleep_until(deadline_in(10));
	}
	fail_msg("letters %llu to %llu do not arrive", (unsigned long long)first, (unsigned long long)last);
}

static void co_spool_dies(struct house *h)
{
	h->sync_ms = 20;
	for (size_t survive = 0; survive < 12; survive += 3) {
		struct fiber_group killer;
		uint64_t first = 1 + survive * 20;
		struct killing k = {h, first + 30, 10, survive};

		fiber_group_init(&killer, 1);
		assert_int_equal(fiber_start(&killer, kill_fiber, &k), 0);
		co_until_all_are_there(h, first, first + 59, 3);
		co_group_join(&killer, NO_DEADLINE);
		co_house_check(h, 1, first + 59, 3);
		assert_int_equal(h->act_count, first + 59);
	}
}

static void acts_under_way_come_again_to_a_new_spool(void **state)
{
	house_run(co_spool_dies, 240);
}

static void co_refusal(struct house *h)
{
	struct err e;

	h->refuse_letter = 7;
	assert_int_equal(co_house_deliver_all(h, 1, 40, 1), 39);
	assert_int_equal(co_house_deliver(h, 7, 1, &e), ERR_FULL);
	assert_string_equal(e.text, "refused with -13");
	h->refuse_letter = 0;
	assert_int_equal(co_house_deliver(h, 7, 1, &e), 0);
	co_house_check(h, 1, 40, 1);
	assert_int_equal(h->act_count, 40);
}

static void a_refused_act_takes_its_followers_back(void **state)
{
	house_run(co_refusal, 40);
}

static void put_garbage(const struct house *h, const char *user)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/accounts/example.test", h->folder.path);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/accounts/example.test/%s", h->folder.path, user);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/accounts/example.test/%s/index.db", h->folder.path, user);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		fputs("this is not a database ", f);
	fclose(f);
}

static void co_bad_accounts(struct house *h)
{
	struct err e;

	put_garbage(h, "user2");
	assert_int_equal(co_house_deliver(h, 1, 2, &e), ERR_CORRUPT);
	assert_non_null(strstr(e.text, "user2@example.test"));
	assert_int_equal(co_house_deliver(h, 1, 1, &e), 0);
	/* The journal has something else under the serial. */
	h->refuse_letter = 5;
	h->refuse_code = ERR_CORRUPT;
	assert_int_equal(co_house_deliver(h, 5, 4, &e), ERR_CORRUPT);
	assert_int_equal(co_house_deliver(h, 6, 4, &e), ERR_CORRUPT);
	assert_int_equal(co_house_deliver(h, 6, 1, &e), 0);
	/* An act that the journal lost. */
	assert_int_equal(co_house_deliver(h, 2, 3, &e), 0);
	assert_int_equal(co_house_deliver(h, 3, 3, &e), 0);
	co_house_crash_shard(h);
	h->hide_act = 3;
	house_start_shard(h);
	assert_int_equal(co_house_deliver(h, 4, 3, &e), ERR_CORRUPT);
	assert_int_equal(co_house_deliver(h, 4, 1, &e), 0);
}

static void a_broken_account_stops_alone(void **state)
{
	house_run(co_bad_accounts, 10);
}

static void co_idle(struct house *h)
{
	struct err e;

	co_house_crash_shard(h);
	h->options.idle_ms = 50;
	h->options.fold_ms = 10;
	house_start_shard(h);
	assert_int_equal(co_house_deliver_all(h, 1, 20, 2), 20);
	for (int i = 0; i < 100 && (h->folded[1] < 10 || h->folded[2] < 10); i++)
		co_sleep_until(deadline_in(20));
	assert_int_equal(h->folded[1], 10);
	assert_int_equal(h->folded[2], 10);
	/* Nothing of it is in memory now: the index alone must do. */
	h->act_count = 20;
	assert_int_equal(co_house_deliver(h, 21, 2, &e), 0);
	co_house_check(h, 1, 21, 2);
}

static void idle_accounts_are_folded_and_closed(void **state)
{
	house_run(co_idle, 21);
}

static size_t folded_in_all(const struct house *h)
{
	size_t n = 0;

	for (unsigned k = 1; k <= FAKE_ACCOUNTS; k++)
		n += h->folded[k];
	return n;
}

static bool co_until_folded(const struct house *h, size_t acts)
{
	for (int i = 0; i < 500 && folded_in_all(h) < acts; i++)
		co_sleep_until(deadline_in(10));
	return folded_in_all(h) == acts;
}

static void co_unfolded(struct house *h)
{
	struct err e;

	assert_int_equal(co_house_deliver_all(h, 1, 60, 6), 60);
	co_house_crash_shard(h);
	memset(h->folded, 0, sizeof(h->folded));
	/* Room for one at a time, and one of them cannot be opened. */
	h->options.accounts_max = 1;
	put_garbage(h, "user8");
	h->acts[h->act_count++] = (struct fake_act){.account = 8, .serial = 1, .durable = true};
	house_start_shard(h);
	assert_true(co_until_folded(h, 60));
	assert_int_equal(h->folded[8], 0);
	/* Nobody is left open, and the next one is served at once. */
	assert_int_equal(co_house_deliver(h, 61, 1, &e), 0);
}

static void accounts_that_nobody_opens_are_folded(void **state)
{
	house_run(co_unfolded, 61);
}

static void co_unfolded_with_a_new_spool(struct house *h)
{
	co_house_crash_shard(h);
	h->options.idle_ms = h->options.fold_ms = 20;
	house_start_shard(h);
	assert_int_equal(co_house_deliver_all(h, 1, 60, 6), 60);
	assert_true(co_until_folded(h, 60));
	/* This spool heard it, the next has forgotten it and hears it again before it is asked. */
	unsigned asked = h->unfolded;

	house_kill_spool(h, 0);
	memset(h->folded, 0, sizeof(h->folded));
	house_start_spool(h);
	for (int i = 0; i < 500 && h->unfolded == asked; i++)
		co_sleep_until(deadline_in(10));
	assert_int_equal(folded_in_all(h), 60);
	assert_int_equal(h->unfolded, asked + 1);
}

static void a_new_spool_is_asked_again(void **state)
{
	house_run(co_unfolded_with_a_new_spool, 60);
}

struct many {
	struct house *h;
	size_t done;
};

static void many_fiber(void *arg)
{
	struct many *m = arg;

	for (uint64_t n = 1; n <= 40; n++) {
		struct err e;

		m->done += co_house_deliver(m->h, n, (uint32_t)(1 + n % 2), &e) == 0;
	}
}

static unsigned rows_in_index(const struct house *h, uint32_t account, const char *user)
{
	struct index *ix = NULL;
	struct message rows[30];
	struct ledger l;
	struct err e;
	size_t n = 0;

	assert_int_equal(
		index_open(h->folder.path, STR("example.test"), str_of(user), account, false, &ix, &e), 0);
	assert_int_equal(index_folders(ix, &l, &e), 0);
	const struct folder *inbox = ledger_find(&l, STR("INBOX"));

	if (inbox)
		assert_int_equal(index_load(ix, inbox->id, 0, rows, 30, &n, &e), 0);
	ledger_free(&l);
	index_close(&ix);
	return (unsigned)n;
}

static void co_stop_under_load(struct house *h)
{
	struct many m = {.h = h};
	struct fiber_group g;

	h->sync_ms = 1;
	fiber_group_init(&g, 1);
	assert_int_equal(fiber_start(&g, many_fiber, &m), 0);
	while (m.done < 20)
		co_sleep_until(deadline_in(1));
	co_house_stop_shard(h);
	/* Every letter that was answered is in an index, without help of the journal. */
	unsigned rows = rows_in_index(h, 1, "user1") + rows_in_index(h, 2, "user2");

	assert_true(rows >= m.done);
	assert_int_equal(rows, h->act_count);
	assert_int_equal(h->folded[1] + h->folded[2], h->act_count);
	house_start_shard(h);
	co_group_join(&g, NO_DEADLINE);
	assert_int_equal(co_house_deliver_all(h, 1, 40, 2), 40);
	co_house_check(h, 1, 40, 2);
}

static void stopping_folds_and_syncs_all(void **state)
{
	house_run(co_stop_under_load, 40);
}

static void co_room(struct house *h)
{
	co_house_crash_shard(h);
	h->options.accounts_max = 2;
	house_start_shard(h);
	/* Six accounts, room for two: they take turns. */
	co_until_all_are_there(h, 1, 60, 6);
	co_house_check(h, 1, 60, 6);
}

static void accounts_make_room_for_each_other(void **state)
{
	house_run(co_room, 60);
}

struct unstick {
	struct house *h;
	int64_t after_ms;
};

static void unstick_fiber(void *arg)
{
	const struct unstick *u = arg;

	co_sleep_until(deadline_in(u->after_ms));
	u->h->stuck = false;
}

static void co_full(struct house *h)
{
	struct unstick u = {h, 300};
	struct fiber_group g;

	h->stuck = true;
	fiber_group_init(&g, 1);
	assert_int_equal(fiber_start(&g, unstick_fiber, &u), 0);
	/* Above the ceiling they are refused, below it they wait. */
	assert_int_equal(co_house_deliver_all(h, 1, 250, 1), 160);
	assert_int_equal(co_house_deliver_all(h, 161, 250, 1), 90);
	co_house_check(h, 1, 250, 1);
	co_group_join(&g, NO_DEADLINE);
}

static void pending_acts_have_a_ceiling(void **state)
{
	house_run(co_full, 250);
}

static int co_ask_raw(struct house *h, struct deliver_question q, struct err *e)
{
	struct chan_parcel store;
	struct deliver_answer a;
	int code = co_ask_deliver(h->spool_end, &q, deadline_in(5000), &store, &a, e);

	if (!code)
		chan_parcel_free(&store);
	return code;
}

static void co_hostile(struct house *h)
{
	const struct deliver_question good = {.letter = 1,
					      .account = 1,
					      .address = STR("user1@example.test"),
					      .target = STR("user1@example.test"),
					      .received = 1,
					      .volume = 1,
					      .length = 10};
	struct deliver_question q[7];
	struct err e;

	for (size_t i = 0; i < 7; i++)
		q[i] = good;
	q[0].letter = 0;
	q[1].account = 0;
	q[2].address = STR("nobody");
	q[3].address = STR("@example.test");
	q[4].sender = STR("a@b>\r\nBcc: <x@y");
	q[5].target = STR("a@b\n");
	q[6].received = -1;
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(co_ask_raw(h, q[i], &e), ERR_INVALID);
	q[0] = good;
	q[0].length = UINT32_MAX;
	assert_int_equal(co_ask_raw(h, q[0], &e), ERR_TOO_BIG);
	assert_int_equal(h->act_count, 0);
	/* The account of another name. */
	assert_int_equal(co_ask_raw(h, good, &e), 0);
	q[0] = good;
	q[0].letter = 2;
	q[0].address = STR("user2@example.test");
	assert_int_equal(co_ask_raw(h, q[0], &e), ERR_INVALID);
	assert_int_equal(h->act_count, 1);
}

static void questions_that_make_no_sense_are_refused(void **state)
{
	house_run(co_hostile, 1);
}

static void co_damage(struct house *h)
{
	struct inbox_row rows[4];
	char path[200];
	struct err e;

	assert_int_equal(co_house_inbox(h, 1, rows, 4, &e), 0);
	assert_int_equal(co_house_deliver_all(h, 1, 3, 1), 3);
	assert_int_equal(co_house_inbox(h, 1, rows, 4, &e), 3);
	snprintf(path, sizeof(path), "%s/volumes/00000001.vol", h->folder.path);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "X", 1, (off_t)(h->letters[2].place.offset + RECORD_HEADER + 3)), 1);
	close(fd);
	assert_int_equal(co_house_inbox(h, 1, rows, 4, &e), ERR_CORRUPT);
	unlink(path);
	assert_int_equal(co_house_inbox(h, 1, rows, 4, &e), ERR_NOT_FOUND);
}

static void damaged_letters_are_noticed(void **state)
{
	house_run(co_damage, 3);
}

/* Everything dies at random, again and again. */
static void co_soak(struct house *h)
{
	uint32_t seed = 12345;

	h->options.idle_ms = 30;
	h->options.fold_ms = 5;
	for (uint64_t round = 0; round < 12; round++) {
		struct killing k = {h, 0, 5, round % 5};
		struct fiber_group killer;

		fiber_group_init(&killer, 1);
		seed = seed * 1103515245 + 12345;
		k.at_acts = round * 40 + 1 + (seed >> 16) % 40;
		if (round % 2)
			assert_int_equal(fiber_start(&killer, kill_fiber, &k), 0);
		co_house_deliver_all(h, 1 + round * 40, 40 + round * 40, 4);
		co_group_join(&killer, NO_DEADLINE);
		if (round % 3 == 0) {
			co_house_crash_shard(h);
			house_start_shard(h);
		}
		co_until_all_are_there(h, 1 + round * 40, 40 + round * 40, 4);
		assert_int_equal(h->act_count, 40 + round * 40);
	}
	co_house_check(h, 1, 480, 4);
}

static void everything_may_die_at_any_time(void **state)
{
	house_run(co_soak, 480);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_arrive_once),
		cmocka_unit_test(inbox_comes_in_pages),
		cmocka_unit_test(a_crash_loses_and_doubles_nothing),
		cmocka_unit_test(acts_under_way_come_again_to_a_new_spool),
		cmocka_unit_test(a_refused_act_takes_its_followers_back),
		cmocka_unit_test(a_broken_account_stops_alone),
		cmocka_unit_test(idle_accounts_are_folded_and_closed),
		cmocka_unit_test(accounts_that_nobody_opens_are_folded),
		cmocka_unit_test(a_new_spool_is_asked_again),
		cmocka_unit_test(stopping_folds_and_syncs_all),
		cmocka_unit_test(accounts_make_room_for_each_other),
		cmocka_unit_test(pending_acts_have_a_ceiling),
		cmocka_unit_test(questions_that_make_no_sense_are_refused),
		cmocka_unit_test(damaged_letters_are_noticed),
		cmocka_unit_test(everything_may_die_at_any_time),
	};

	log_open(-1, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
