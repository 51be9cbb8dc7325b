/* SPDX-License-Identifier: Apache-2.0 */
/* The queue in the hands of its operator, and across checkpoints. */
#include "spool/test_post.h"

#include "spool/fate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- by hand ------------------------------------------------------------------------------------------ */

/* fiber */
static void hold_fiber(void *arg)
{
	uint64_t id = co_new_id(), deleted = co_new_id();
	struct played_shard *sh = shard_of_user(0);
	uint32_t count = 9;
	struct err e;

	house.relay_away = true;
	relay_kill();
	sh->manner = MANNER_REFUSE;
	assert_int_equal(co_post(id, "ok@far.test no@far.test", &e), 0);
	assert_int_equal(co_append(7, deleted, 1 | 1 << USERS, &e), 0);
	assert_int_equal(co_change(QUEUE_HOLD, 0, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(co_change(QUEUE_HOLD, 0, &count), 0);
	assert_int_equal(count, 0);
	relay_start();
	sh->manner = MANNER_STORE;
	co_house_crash();
	relay_start();
	co_sleep_until(deadline_in(50));
	assert_int_equal(house.relay.offers, 0);
	assert_int_equal(co_delivered(0, deleted), 0);
	assert_true(fate_held(kept(id)));
	assert_str(fate_why(kept(id)), "held by the operator");
	assert_int_equal(co_change(QUEUE_FLUSH, 0, &count), 0);
	assert_int_equal(count, 0);
	/* Deleted: nobody gets it, nobody is told. */
	assert_int_equal(co_change(QUEUE_DELETE, deleted, &count), 0);
	assert_int_equal(count, 1);
	assert_true(logged_of(deleted, "deleted by the operator"));
	assert_true(logged_of(deleted, "removed"));
	assert_int_equal(co_change(QUEUE_DELETE, deleted, &count), 0);
	assert_int_equal(count, 0);
	co_house_crash();
	relay_start();
	co_sleep_until(deadline_in(30));
	assert_int_equal(house.relay.offers, 0);
	assert_int_equal(co_change(QUEUE_RELEASE, id, &count), 0);
	assert_int_equal(count, 1);
	assert_true(co_ended(id, 5000));
	assert_true(co_all_settled(5000));
	assert_int_equal(house.relay.offers, 1);
	assert_int_equal(co_reports(), 1);
	assert_int_equal(co_delivered(0, deleted), 0);
}

static void letters_are_held_released_and_deleted(void **state)
{
	RUN(hold_fiber);
}

/* fiber */
static void under_way_fiber(void *arg)
{
	uint64_t id = co_new_id(), local = co_new_id();
	struct played_shard *sh = shard_of_user(0);
	unsigned index = (unsigned)(sh - house.shards);
	uint32_t count;
	struct err e;

	/* Deleted while relay and shard have it: their answers change nothing any more. */
	sh->manner = MANNER_HANG;
	assert_int_equal(co_post(id, "hang@far.test", &e), 0);
	assert_int_equal(co_append(7, local, 1, &e), 0);
	assert_true(co_offered(1, 5000));
	co_sleep_until(deadline_in(20));
	assert_int_equal(co_change(QUEUE_DELETE, 0, &count), 0);
	assert_int_equal(count, 2);
	sh->manner = MANNER_STORE;
	house.relay.healthy = true;
	relay_kill();
	shard_kill(index);
	co_sleep_until(deadline_in(20));
	relay_start();
	assert_int_equal(co_shard_start(index), 0);
	co_sleep_until(deadline_in(50));
	assert_int_equal(house.relay.offers, 1);
	assert_int_equal(co_delivered(0, local), 0);
	assert_int_equal(house.spool->queue.open, 0);
	assert_int_equal(kept(id)->bundles, 0);
	assert_int_equal(kept(local)->users, 0);
}

static void what_is_under_way_can_be_deleted(void **state)
{
	RUN(under_way_fiber);
}

/* fiber */
static void poison_fiber(void *arg)
{
	struct recipient to[] = {{.address = user_of(0), .account = ACCOUNT_TO_COME},
				 {.address = STR("ok@far.test")}};
	struct envelope env = {.reverse_path = STR("a@x.test"),
			       .received_us = (uint64_t)clock_wall_us(),
			       .recipients = to,
			       .recipient_count = 2,
			       .held = true};
	struct played_shard *sh = shard_of_user(0);
	unsigned index = (unsigned)(sh - house.shards);
	uint64_t id = co_new_id(), other = co_new_id();
	struct err e;

	assert_int_equal(co_append_envelope(1, id, &env, STR(LETTER), &e), 0);
	co_sleep_until(deadline_in(30));
	co_house_crash();
	co_sleep_until(deadline_in(30));
	assert_int_equal(kept(id)->open, 2);
	assert_str(fate_why(kept(id)), "scan ended twice while it was parsed");
	assert_true(logged_of(id, "held (scan ended twice while it was parsed)"));
	assert_int_equal(co_change(QUEUE_RELEASE, id, NULL), 0);
	assert_true(co_ended(id, 5000));
	assert_int_equal(co_delivered(0, id), 1);
	/* What a shard died of five times is released in the same way. */
	sh->manner = MANNER_HANG;
	assert_int_equal(co_append(2, other, 1, &e), 0);
	for (unsigned i = 0; i < DEATHS_HELD; i++) {
		co_sleep_until(deadline_in(20));
		shard_kill(index);
		co_sleep_until(deadline_in(20));
		assert_int_equal(co_shard_start(index), 0);
	}
	sh->manner = MANNER_STORE;
	co_sleep_until(deadline_in(30));
	assert_int_equal(co_delivered(0, other), 0);
	assert_int_equal(co_change(QUEUE_RELEASE, 0, NULL), 0);
	assert_true(co_ended(other, 5000));
	assert_int_equal(co_delivered(0, other), 1);
}

static void invariant_13_poison_is_held_from_its_first_moment(void **state)
{
	RUN(poison_fiber);
}

/* --- shown --------------------------------------------------------------------------------------------- */

struct shown {
	unsigned letters, recipients, held;
	uint64_t last;
	int64_t next;
	char why[100], said[100], address[100];
};

static void keep(char to[100], struct str s)
{
	snprintf(to, 100, "%.*s", STR_ARG(s));
}

static void read_letter(struct reader *r, struct shown *shown)
{
	uint64_t id = read_u64(r), position = read_u64(r);

	assert_true(position > shown->last);
	shown->last = position;
	assert_true(letter_id_valid(id));
	assert_int_equal(read_u64(r), sizeof(LETTER) - 1);
	assert_true(read_u64(r) > 0);
	shown->held += read_u8(r);
	keep(shown->why, read_str(r, 500));
	assert_str(read_str(r, 1024), "anna@example.test");
	for (uint32_t n = read_u32(r); n > 0; n--) {
		keep(shown->address, read_str(r, 1024));
		read_u8(r);
		shown->next = (int64_t)read_u64(r);
		read_u32(r);
		keep(shown->said, read_str(r, 2048));
		shown->recipients++;
	}
	shown->letters++;
	assert_false(r->failed);
}

static void co_show(struct shown *shown)
{
	struct queue_answer a = {0};
	struct err e;

	*shown = (struct shown){0};
	while (!a.last) {
		struct queue_question q = {shown->last, 0};
		struct chan_parcel store;

		assert_int_equal(co_ask_queue(house.operator, & q, deadline_in(5000), &store, &a, &e), 0);
		struct reader r = reader_of(a.letters);

		while (r.rest.n > 0)
			read_letter(&r, shown);
		chan_parcel_free(&store);
	}
}

/* fiber */
static void shown_fiber(void *arg)
{
	struct queue_letter_question ask = {co_new_id()};
	struct queue_letter_answer got;
	struct chan_parcel store;
	struct shown shown;
	static char to[8192];
	char bytes[100];
	size_t n = 0;
	struct err e;

	co_show(&shown);
	assert_int_equal(shown.letters, 0);
	for (unsigned i = 0; i < 250; i++)
		n += (size_t)snprintf(to + n, sizeof(to) - n, "later%u@far.test ", i);
	assert_int_equal(co_post(ask.id, to, &e), 0);
	for (unsigned i = 0; i < 600; i++)
		assert_int_equal(co_post(co_new_id(), "later@far.test later@other.test", &e), 0);
	co_show(&shown);
	assert_int_equal(shown.letters, 601);
	assert_int_equal(shown.recipients, 250 + 2 * 600);
	for (int64_t end = deadline_in(10000); shown.said[0] == 0 && clock_ms() < end; co_show(&shown))
		co_sleep_until(deadline_in(20));
	assert_string_equal(shown.said, "host mx.far.test[192.0.2.1]:25 said: 450 later");
	assert_string_equal(shown.address, "later@other.test");
	assert_int_equal(co_change(QUEUE_HOLD, 0, NULL), 0);
	co_show(&shown);
	assert_int_equal(shown.held, 601);
	assert_string_equal(shown.why, "held by the operator");
	assert_int_equal(co_ask_queue_letter(house.operator, & ask, deadline_in(5000), &store, &got, &e), 0);
	assert_int_equal(got.size, sizeof(LETTER) - 1);
	assert_int_equal(pread(got.file, bytes, sizeof(bytes), 0), sizeof(LETTER) - 1);
	assert_memory_equal(bytes, LETTER, sizeof(LETTER) - 1);
	close(got.file);
	chan_parcel_free(&store);
	ask.id = 999;
	assert_int_equal(co_ask_queue_letter(house.operator, & ask, deadline_in(5000), &store, &got, &e),
			 ERR_NOT_FOUND);
	/* Rooms have no use for it. */
	struct queue_change_question change = {QUEUE_DELETE, 0};
	struct queue_change_answer changed;

	assert_int_equal(co_ask_queue_change(house.gate, &change, deadline_in(5000), &store, &changed, &e),
			 ERR_DENIED);
	assert_int_equal(co_change(QUEUE_ACTIONS, 0, NULL), ERR_INVALID);
	uint32_t count;

	assert_int_equal(co_change(QUEUE_DELETE, 0, &count), 0);
	assert_int_equal(count, 601);
	co_show(&shown);
	assert_int_equal(shown.letters, 0);
}

static void the_queue_is_shown_in_pages(void **state)
{
	struct spool_setup setup = quick_setup();

	setup.queue.retry_first_ms = 60000;
	setup.queue.retry_last_ms = 60000;
	house_run(shown_fiber, &setup);
}

/* --- checkpoints --------------------------------------------------------------------------------------- */

/* fiber */
static void checkpoint_fiber(void *arg)
{
	uint64_t later = co_new_id(), held = co_new_id(), freed = co_new_id();
	struct err e;

	assert_int_equal(co_post(later, "later@far.test", &e), 0);
	assert_int_equal(co_post(held, "hang@far.test", &e), 0);
	assert_int_equal(co_post(freed, "later@far.test", &e), 0);
	assert_true(co_offered(3, 5000));
	co_sleep_until(deadline_in(20));
	assert_int_equal(co_change(QUEUE_HOLD, held, NULL), 0);
	assert_int_equal(co_change(QUEUE_HOLD, freed, NULL), 0);
	co_sleep_until(deadline_in(50));
	assert_int_equal(co_change(QUEUE_RELEASE, freed, NULL), 0);
	uint64_t before = catalogue_checkpoint(house.spool->catalogue);
	int64_t next = fate_next_us(kept(later), 0);

	/* Enough for the segments in which all this was said to be given back. */
	for (unsigned i = 0; i < 400; i++)
		assert_int_equal(co_post(co_new_id(), "ok@far.test", &e), 0);
	for (int64_t end = deadline_in(5000); clock_ms() < end;) {
		if (catalogue_checkpoint(house.spool->catalogue) >> 32 > (before >> 32) + 2)
			break;
		co_sleep_until(deadline_in(5));
	}
	assert_true(catalogue_checkpoint(house.spool->catalogue) >> 32 > (before >> 32) + 2);
	assert_in_range(house.spool->letters.map.n, 3, 150);
	co_house_crash();
	assert_true(fate_next_us(kept(later), 0) == next);
	assert_int_equal(fate_tries(kept(later), 0), 1);
	assert_str(fate_reason(kept(later), 0).text, "450 later");
	assert_str(fate_reason(kept(later), 0).mta, "mx.far.test[192.0.2.1]:25");
	assert_str(fate_why(kept(held)), "held by the operator");
	assert_false(fate_held(kept(freed)));
	house.relay.healthy = true;
	assert_int_equal(co_change(QUEUE_RELEASE, 0, NULL), 0);
	assert_int_equal(co_change(QUEUE_FLUSH, 0, NULL), 0);
	assert_true(co_all_settled(5000));
}

static void invariant_8_the_queue_outlives_its_segments(void **state)
{
	struct spool_setup setup = quick_setup();

	setup.segment_size = 16384;
	setup.look_ms = 5;
	setup.write_every_ms = 0;
	setup.keep_ms = 0;
	setup.queue.retry_first_ms = 600000;
	setup.queue.retry_last_ms = 600000;
	house_run(checkpoint_fiber, &setup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_are_held_released_and_deleted),
		cmocka_unit_test(what_is_under_way_can_be_deleted),
		cmocka_unit_test(invariant_13_poison_is_held_from_its_first_moment),
		cmocka_unit_test(the_queue_is_shown_in_pages),
		cmocka_unit_test(invariant_8_the_queue_outlives_its_segments),
	};

	/* A failed assertion must not jump from a fiber's stack to another. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	return cmocka_run_group_tests_name("queue change", tests, NULL, NULL);
}
