/* SPDX-License-Identifier: Apache-2.0 */
/* The queue with a played relay: each recipient gets its fate once, and no sender is told twice. */
#include "spool/test_post.h"

#include "spool/destination.h"
#include "spool/fate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

/* --- sent ---------------------------------------------------------------------------------- */

/* fiber */
static void sent_fiber(void *arg)
{
	uint64_t id = co_new_id();
	struct err e;

	assert_int_equal(co_post(id, "ok@far.test OK.two@FAR.test ok@other.test", &e), 0);
	assert_true(co_ended(id, 5000));
	assert_int_equal(house.relay.offers, 2);
	assert_string_equal(house.relay.last[0].domain, "far.test");
	assert_string_equal(house.relay.last[0].sender, "anna@example.test");
	assert_int_equal(house.relay.last[0].recipients, 2);
	assert_int_equal(house.relay.last[0].size, sizeof(LETTER) - 1);
	assert_string_equal(house.relay.last[1].domain, "other.test");
	assert_string_equal(house.relay.bytes, LETTER);
	assert_true(logged_of(id, "to=<ok@far.test>, relay=mx.far.test[192.0.2.1]:25, delay=0."));
	assert_true(logged("dsn=2.0.0, status=sent (250 ok)"));
	assert_true(logged_of(id, "removed"));
	assert_null(kept(id)->outbound);
	assert_int_equal(house.spool->queue.open, 0);
	assert_int_equal(house.spool->queue.bytes, 0);
	assert_int_equal(co_reports(), 0);
	co_house_crash();
	co_sleep_until(deadline_in(30));
	assert_int_equal(house.relay.offers, 2);
}

static void recipients_share_a_question_by_next_hop(void **state)
{
	RUN(sent_fiber);
}

/* fiber */
static void in_order_fiber(void *arg)
{
	uint64_t id = co_new_id();
	struct err e;

	assert_int_equal(co_post(id, "slow@far.test", &e), 0);
	co_sleep_until(deadline_in(50));
	assert_int_equal(house.spool->queue.open, 1);
	co_house_restart();
	assert_true(co_ended(id, 5000));
	co_sleep_until(deadline_in(30));
	assert_int_equal(house.relay.offers, 1);
	assert_true(logged_of(id, "removed"));
}

static void the_end_waits_for_relay(void **state)
{
	RUN(in_order_fiber);
}

/* fiber */
static void hundreds_fiber(void *arg)
{
	static char to[8192];
	size_t n = 0;
	uint64_t id = co_new_id();
	struct err e;

	for (unsigned i = 0; i < 250; i++)
		n += (size_t)snprintf(to + n, sizeof(to) - n, "ok%u@d%u.test ", i, i % 3);
	assert_int_equal(co_post(id, to, &e), 0);
	assert_true(co_ended(id, 5000));
	/* To the smarthost all go alike. */
	assert_int_equal(house.relay.offers, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(house.relay.last[i].domain, "");
	assert_int_equal(house.relay.sent, 250);
}

static void a_smarthost_takes_a_hundred_at_once(void **state)
{
	struct spool_setup setup = quick_setup();

	setup.queue.relay_all = true;
	house_run(hundreds_fiber, &setup);
}

/* fiber */
static void large_fiber(void *arg)
{
	int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	uint64_t id = co_new_id(), wide = co_new_id();
	struct err e;

	/* To a user and to out@example.org, in several steps, and in a volume. */
	assert_int_equal(co_append_memfd(1, id, 1 | 1 << USERS, 9000000, seals, 9000000, &e), 0);
	assert_true(co_ended(id, 10000));
	assert_int_equal(house.relay.last[0].size, 9000000);
	assert_string_equal(house.relay.last[0].first, "out@example.org");
	assert_memory_equal(house.relay.bytes, "Subject", 7);
	assert_int_equal(co_delivered(0, id), 1);
	/* What its volume has lost is deferred. */
	assert_int_equal(co_append(2, wide, 1 | 1 << USERS, &e), 0);
	assert_true(co_ended(wide, 5000));
	relay_kill();
	assert_int_equal(co_post(id = co_new_id(), "ok@far.test", &e), 0);
	kept(id)->place.offset += 8;
	relay_start();
	assert_true(co_tried(id, 5000));
	assert_true(logged("dsn=4.3.0, status=deferred ("));
	kept(id)->place.offset -= 8;
	assert_true(co_ended(id, 5000));
}

static void letters_of_any_size_are_sent(void **state)
{
	RUN(large_fiber);
}

/* fiber */
static void absent_fiber(void *arg)
{
	uint64_t id = co_new_id();
	struct err e;

	relay_kill();
	assert_int_equal(co_post(id, "ok@far.test", &e), 0);
	co_sleep_until(deadline_in(30));
	assert_int_equal(kept(id)->open, 1);
	house.relay_away = true;
	co_house_restart();
	co_sleep_until(deadline_in(30));
	assert_int_equal(kept(id)->open, 1);
	relay_start();
	assert_true(co_ended(id, 5000));
	assert_int_equal(house.relay.sent, 1);
}

static void without_relay_letters_stay(void **state)
{
	RUN(absent_fiber);
}

/* --- later ------------------------------------------------------------------------------------ */

/* fiber */
static void later_fiber(void *arg)
{
	uint64_t id = co_new_id();
	struct err e;

	assert_int_equal(co_post(id, "later@far.test", &e), 0);
	assert_true(co_tried(id, 5000));
	assert_int_equal(fate_tries(kept(id), 0), 1);
	assert_true(logged("dsn=4.2.0, status=deferred (450 later)"));
	assert_true(fate_next_us(kept(id), 0) > clock_wall_us());
	int64_t next = fate_next_us(kept(id), 0);

	/* The same time after a crash, from the journal. */
	co_house_crash();
	assert_true(fate_next_us(kept(id), 0) == next);
	assert_int_equal(fate_tries(kept(id), 0), 1);
	assert_str(fate_reason(kept(id), 0).text, "450 later");
	assert_true(co_offered(2, 5000));
	assert_true(clock_wall_us() >= next);
	assert_true(co_offered(3, 5000));
	co_sleep_until(deadline_in(50));
	/* Idle, nothing of its entry is in memory. */
	assert_int_equal(house.spool->letters.cached, 0);
	house.relay.healthy = true;
	assert_true(co_ended(id, 5000));
	assert_int_equal(house.relay.sent, 1);
	assert_int_equal(co_reports(), 0);
}

static void deferred_letters_are_tried_again(void **state)
{
	struct spool_setup setup = quick_setup();

	setup.queue.retry_first_ms = 500;
	setup.queue.retry_last_ms = 500;
	house_run(later_fiber, &setup);
}

static void pauses_double(void **state)
{
	struct spool_setup setup = quick_setup();
	struct spool *s = spool_new(&setup);
	int64_t far = INT64_MAX;

	s->queue.rules.retry_first_ms = 300000;
	s->queue.rules.retry_last_ms = 4000000;
	for (uint32_t tries = 1; tries < 40; tries++) {
		int64_t want = tries < 5 ? INT64_C(300000) << (tries - 1) : INT64_C(4000000);
		int64_t got = (queue_next_us(s, 77, tries, far) - clock_wall_us()) / 1000;

		assert_in_range(got, want - want / 10 - 100, want + want / 10 + 100);
	}
	/* What failed together does not come again together. */
	assert_true(queue_next_us(s, 1, 1, far) / 1000000 != queue_next_us(s, 2, 1, far) / 1000000);
	/* The last try is at the end. */
	int64_t end = clock_wall_us() + 1000000;

	assert_true(queue_next_us(s, 1, 9, end) == end);
	assert_true(queue_next_us(s, 1, 9, 5) > end - 1000000);
	spool_destroy(&s);
}

/* fiber */
static void expired_fiber(void *arg)
{
	uint64_t id = co_new_id();
	struct err e;

	assert_int_equal(co_post(id, "later@far.test", &e), 0);
	assert_true(co_ended(id, 5000));
	assert_true(house.relay.offers > 1);
	assert_true(logged_of(id, "from=<anna@example.test>, status=expired, returned to sender"));
	assert_true(logged("relay=none, delay=0."));
	assert_true(logged("dsn=4.4.7, status=bounced (delivery time expired; last: host "
			   "mx.far.test[192.0.2.1]:25 said: 450 later)"));
	assert_true(co_all_settled(5000));
	assert_int_equal(co_reports(), 1);
	/* One from the null sender has its own time, here just one try, and comes back to nobody. */
	struct recipient to = {.address = STR("later@far.test")};
	struct envelope env = {
		.received_us = (uint64_t)clock_wall_us(), .recipients = &to, .recipient_count = 1};
	unsigned before = house.relay.offers;

	id = co_new_id();
	assert_int_equal(co_append_envelope(77, id, &env, STR(LETTER), &e), 0);
	assert_true(co_ended(id, 5000) && co_all_settled(5000));
	assert_int_equal(house.relay.offers, before + 1);
	assert_true(logged_of(id, "from=<>, status=expired, dropped"));
	assert_int_equal(co_reports(), 1);
}

static void expired_letters_return(void **state)
{
	struct spool_setup setup = quick_setup();

	setup.queue.lifetime_ms = 300;
	setup.queue.bounce_lifetime_ms = 0;
	house_run(expired_fiber, &setup);
}

/* fiber */
static void suspended_fiber(void *arg)
{
	struct err e;
	uint64_t ids[40];

	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(co_post(ids[i] = co_new_id(), "ok@down.test", &e), 0);
	for (int64_t end = deadline_in(5000); fate_tries(kept(ids[39]), 0) == 0 && clock_ms() < end;)
		co_sleep_until(deadline_in(5));
	/* One, or a window of them, has found it out for all. */
	assert_in_range(house.relay.offers, 1, 10);
	assert_int_equal(fate_tries(kept(ids[39]), 0), 1);
	assert_true(logged("dsn=4.4.1, status=deferred (delivery temporarily suspended: connect to "
			   "mx.down.test[192.0.2.2]:25: refused)"));
	house.relay.healthy = true;
	uint32_t count;

	assert_int_equal(co_change(QUEUE_FLUSH, 0, &count), 0);
	assert_int_equal(count, 40);
	assert_true(co_all_settled(5000));
	assert_int_equal(house.relay.sent, 40);
}

static void a_dead_destination_is_not_asked_for_each_letter(void **state)
{
	struct spool_setup setup = quick_setup();

	setup.queue.retry_first_ms = 60000;
	setup.queue.retry_last_ms = 60000;
	house_run(suspended_fiber, &setup);
}

/* fiber */
static void slow_fiber(void *arg)
{
	char to[64];
	struct err e;
	unsigned other = 0;

	for (unsigned i = 0; i < 300; i++) {
		snprintf(to, sizeof(to), "hang@slow%u.test", i % 3);
		assert_int_equal(co_post(co_new_id(), to, &e), 0);
	}
	co_sleep_until(deadline_in(100));
	assert_in_range(house.relay.open, 3, DESTINATION_OPEN * 3);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(to, sizeof(to), "ok@quick%u.test", i % 5);
		assert_int_equal(co_post(co_new_id(), to, &e), 0);
	}
	for (int64_t end = deadline_in(5000); house.relay.sent < 100 && clock_ms() < end;)
		co_sleep_until(deadline_in(5));
	assert_int_equal(house.relay.sent, 100);
	assert_in_range(house.relay.most_open, 4, QUESTIONS_OPEN);
	for (unsigned i = 0; i < house.relay.offers; i++)
		other += str_starts(str_of(house.relay.last[i].domain), STR("slow"));
	assert_in_range(other, 3, DESTINATION_OPEN * 3);
}

static void a_slow_destination_delays_no_other(void **state)
{
	RUN(slow_fiber);
}

/* --- relay dies -------------------------------------------------------------------------------- */

/* fiber */
static void death_fiber(void *arg)
{
	uint64_t id = co_new_id(), good = co_new_id();
	uint32_t count;
	struct err e;

	assert_int_equal(co_post(id, "hang@far.test", &e), 0);
	for (unsigned i = 1; i <= DEATHS_HELD; i++) {
		assert_true(co_offered(i, 5000));
		co_sleep_until(deadline_in(10));
		assert_false(logged("status=held"));
		relay_kill();
		co_sleep_until(deadline_in(10));
		relay_start();
	}
	co_sleep_until(deadline_in(50));
	assert_true(logged_of(id, "to=<hang@far.test>, relay=none, dsn=4.3.0, status=held"));
	assert_int_equal(house.relay.offers, DEATHS_HELD);
	assert_int_equal(co_post(good, "ok@far.test", &e), 0);
	assert_true(co_ended(good, 5000));
	assert_int_equal(kept(id)->open, 1);
	house.relay.healthy = true;
	assert_int_equal(co_change(QUEUE_RELEASE, id, &count), 0);
	assert_int_equal(count, 1);
	assert_true(co_ended(id, 5000));
}

static void invariant_13_what_ends_relay_is_held(void **state)
{
	RUN(death_fiber);
}

/* fiber */
static void nonsense_fiber(void *arg)
{
	uint64_t id = co_new_id();
	struct err e;

	assert_int_equal(co_post(id, "mute@far.test", &e), 0);
	assert_true(co_offered(1, 5000));
	co_sleep_until(deadline_in(20));
	assert_true(logged("dsn=4.3.0, status=deferred (what relay answered cannot be read)"));
	house.relay.healthy = true;
	assert_true(co_ended(id, 5000));
}

static void nonsense_is_a_deferral(void **state)
{
	RUN(nonsense_fiber);
}

/* fiber */
static void failed_sync_fiber(void *arg)
{
	uint64_t id = co_new_id();
	struct err e;

	assert_int_equal(co_post(id, "hang@far.test", &e), 0);
	assert_true(co_offered(1, 5000));
	relay_kill();
	co_sleep_until(deadline_in(10));
	house.relay.healthy = true;
	house.fail_syncs = 1;
	relay_start();
	assert_true(co_ended(id, 5000));
	/* The outcome was refused once, and relay not asked again. */
	assert_int_equal(house.spool->commit.counts.refused, 1);
	assert_int_equal(house.relay.sent, 1);
}

static void an_outcome_is_not_forgotten(void **state)
{
	RUN(failed_sync_fiber);
}

/* --- bounces ------------------------------------------------------------------------------------- */

/* The one letter from the null sender that is known. */
static struct kept_letter *report_of(uint64_t id)
{
	struct kept_letter *k, *found = NULL;
	size_t at = 0;

	while ((k = nummap_next(&house.spool->letters.map, &at)))
		if (k->id > id && (!found || k->id > found->id))
			found = k;
	return found;
}

/* fiber */
static void bounce_fiber(void *arg)
{
	uint64_t id = co_new_id();
	char line[120];
	struct buf text;
	struct err e;
	bool all;

	assert_int_equal(co_post(id, "no@far.test ok@far.test no@other.test later@third.test bad", &e), 0);
	assert_true(co_offered(3, 5000));
	for (int64_t end = deadline_in(5000); co_reports() == 0 && clock_ms() < end;)
		co_sleep_until(deadline_in(5));
	/* One report for the round; the one that is deferred goes on. */
	co_sleep_until(deadline_in(30));
	assert_int_equal(co_reports(), 1);
	assert_int_equal(kept(id)->open, 1);
	struct kept_letter *report = report_of(id);

	snprintf(line, sizeof(line), "sender non-delivery notification: %016llX",
		 (unsigned long long)report->id);
	assert_true(logged_of(id, line));
	assert_true(logged_of(report->id, "from=<>, size="));
	assert_true(logged("status=bounced (550 5.1.1 no such user)"));
	assert_true(logged("dsn=5.1.2, status=bounced (the address has no valid domain)"));
	assert_int_equal(co_letter_head(house.spool, report, 100000, &text, &all, &e), 0);
	assert_true(all);
	struct str t = buf_str(&text);

	assert_true(str_find_str(t, STR("To: anna@example.test\r\n")) != STR_NONE);
	assert_true(str_find_str(t, STR("Final-Recipient: rfc822; no@far.test\r\n")) != STR_NONE);
	assert_true(str_find_str(t, STR("Final-Recipient: rfc822; no@other.test\r\n")) != STR_NONE);
	assert_true(str_find_str(t, STR("Final-Recipient: rfc822; bad\r\n")) != STR_NONE);
	assert_true(str_find_str(t, STR("later@third.test")) == STR_NONE);
	assert_true(str_find_str(t, STR("message/rfc822\r\n")) != STR_NONE);
	assert_true(str_find_str(t, STR(LETTER)) != STR_NONE);
	buf_free(&text);
	house.relay.healthy = true;
	assert_true(co_ended(id, 5000));
	assert_int_equal(co_reports(), 1);
}

static void a_sender_is_told_once_a_round(void **state)
{
	RUN(bounce_fiber);
}

/* The text of the report on that letter. */
static void co_report(uint64_t id, struct buf *text)
{
	struct err e;
	bool all;

	assert_true(co_ended(id, 5000) && co_all_settled(5000));
	assert_int_equal(co_letter_head(house.spool, report_of(id), 200000, text, &all, &e), 0);
}

/* fiber */
static void header_fiber(void *arg)
{
	static const uint8_t rets[] = {RET_NONE, RET_FULL, RET_HDRS};
	struct recipient to = {.address = STR("no@far.test"), .orcpt = STR("rfc822;No@far.test")};
	struct envelope env = {.reverse_path = user_of(0),
			       .envid = STR("QQ1"),
			       .received_us = (uint64_t)clock_wall_us(),
			       .recipients = &to,
			       .recipient_count = 1};
	struct buf text;
	struct err e;

	for (unsigned i = 0; i < 3; i++) {
		uint64_t id = co_new_id();

		env.ret = rets[i];
		house.spool->queue.rules.bounce_size = i == 1 ? 30 : 50000;
		assert_int_equal(co_append_envelope(i + 1, id, &env, STR(LETTER), &e), 0);
		co_report(id, &text);
		bool whole = str_find_str(buf_str(&text), STR("Hello.")) != STR_NONE;

		assert_int_equal(whole, i == 0);
		assert_int_equal(str_find_str(buf_str(&text), STR("text/rfc822-headers")) == STR_NONE,
				 i == 0);
		assert_true(str_find_str(buf_str(&text), STR("Original-Envelope-Id: QQ1\r\n")) != STR_NONE);
		assert_true(str_find_str(buf_str(&text), STR("Original-Recipient: rfc822;No@far.test\r\n")) !=
			    STR_NONE);
		buf_free(&text);
	}
}

static void ret_and_size_say_what_is_returned(void **state)
{
	RUN(header_fiber);
}

/* fiber */
static void crowd_fiber(void *arg)
{
	static char to[8192];
	uint64_t id = co_new_id();
	size_t n = 0;
	struct err e;

	for (unsigned i = 0; i < 130; i++)
		n += (size_t)snprintf(to + n, sizeof(to) - n, "no%u@far.test ", i);
	assert_int_equal(co_post(id, to, &e), 0);
	assert_true(co_ended(id, 5000) && co_all_settled(5000));
	/* A report names at most fifty. */
	assert_int_equal(co_reports(), 3);
}

static void many_recipients_make_some_reports(void **state)
{
	RUN(crowd_fiber);
}

/* fiber */
static void nobody_fiber(void *arg)
{
	struct recipient to[] = {{.address = STR("no@far.test"), .notify = NOTIFY_NEVER},
				 {.address = STR("no2@far.test"), .notify = NOTIFY_DELAY | NOTIFY_SUCCESS}};
	struct envelope env = {.reverse_path = user_of(0),
			       .received_us = (uint64_t)clock_wall_us(),
			       .recipients = to,
			       .recipient_count = 2};
	uint64_t id = co_new_id();
	struct err e;

	assert_int_equal(co_append_envelope(1, id, &env, STR(LETTER), &e), 0);
	assert_true(co_ended(id, 5000));
	/* The null sender, and one who does not exist here. */
	env.recipient_count = 1;
	to[0].notify = 0;
	env.reverse_path = STR("");
	assert_int_equal(co_append_envelope(2, id = co_new_id(), &env, STR(LETTER), &e), 0);
	assert_true(co_ended(id, 5000));
	env.reverse_path = STR("gone@example.test");
	assert_int_equal(co_append_envelope(3, id = co_new_id(), &env, STR(LETTER), &e), 0);
	assert_true(co_ended(id, 5000));
	assert_true(logged_of(id, "nobody can be told: <gone@example.test> does not exist here"));
	assert_int_equal(house.spool->letters.map.n, 3);
	assert_int_equal(house.relay.offers, 3);
	/* One elsewhere, and an alias with one here and one there. */
	env.reverse_path = STR("ok@sender.test");
	assert_int_equal(co_append_envelope(4, id = co_new_id(), &env, STR(LETTER), &e), 0);
	assert_true(co_ended(id, 5000) && co_all_settled(5000));
	assert_int_equal(house.relay.offers, 5);
	assert_string_equal(house.relay.last[4].sender, "");
	assert_string_equal(house.relay.last[4].domain, "sender.test");
	env.reverse_path = STR("alias@example.test");
	assert_int_equal(co_append_envelope(5, id = co_new_id(), &env, STR(LETTER), &e), 0);
	assert_true(co_ended(id, 5000) && co_all_settled(5000));
	assert_int_equal(co_reports(), 1);
	assert_int_equal(house.relay.offers, 7);
	assert_string_equal(house.relay.last[6].first, "ok@far.test");
}

static void who_is_told_and_who_is_not(void **state)
{
	RUN(nobody_fiber);
}

/* fiber */
static void deaf_fiber(void *arg)
{
	uint64_t id = co_new_id();
	struct err e;

	house.keeper_deaf = true;
	assert_int_equal(co_post(id, "no@far.test", &e), 0);
	for (int64_t end = deadline_in(5000); !logged("cannot be told yet") && clock_ms() < end;)
		co_sleep_until(deadline_in(5));
	assert_true(logged("a sender cannot be told yet: not now"));
	assert_int_equal(house.relay.offers, 1);
	/* It is known that it bounced, also by the next process. */
	co_house_crash();
	assert_true(letter_bounced(kept(id), 0));
	house.keeper_deaf = false;
	/* The question of the new process may be on its way back as a refusal. */
	for (int i = 0; i < 20 && kept(id); i++) {
		assert_int_equal(co_change(QUEUE_FLUSH, id, NULL), 0);
		if (co_all_settled(500))
			break;
	}
	assert_true(co_all_settled(5000));
	assert_int_equal(house.relay.offers, 1);
	assert_int_equal(co_reports(), 1);
}

static void a_bounce_waits_for_keeper(void **state)
{
	RUN(deaf_fiber);
}

#define ROUNDS 30

/* fiber */
static void once_fiber(void *arg)
{
	uint64_t ids[ROUNDS];
	struct err e;

	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(co_post(ids[i] = co_new_id(), "no@far.test no@other.test ok@third.test", &e),
				 0);
		co_sleep_until(deadline_in(i % 10));
		co_house_crash();
	}
	assert_true(co_all_settled(10000));
	/* Each round names those that had bounced by then: one or two reports, but no recipient
	 * twice. */
	unsigned told = 0;

	for (unsigned i = 0; i < ROUNDS; i++)
		assert_true(!kept(ids[i]) || kept(ids[i])->open == 0);
	for (struct kept_letter *k, *last = NULL;; last = k) {
		size_t at = 0;
		struct buf text;
		bool all;

		k = NULL;
		for (struct kept_letter *one; (one = nummap_next(&house.spool->letters.map, &at));)
			if (one->id > (last ? last->id : 0) && (!k || one->id < k->id))
				k = one;
		if (!k)
			break;
		assert_int_equal(co_letter_head(house.spool, k, 100000, &text, &all, &e), 0);
		struct str rest = buf_str(&text);

		for (size_t found; (found = str_find_str(rest, STR("Final-Recipient:"))) != STR_NONE; told++)
			rest = str_skip(rest, found + 1);
		buf_free(&text);
	}
	assert_int_equal(told, ROUNDS * 2);
}

static void reports_are_written_once_across_crashes(void **state)
{
	RUN(once_fiber);
}

/* fiber */
static void written_fiber(void *arg)
{
	struct err e;

	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned n = 0; n < 5; n++)
			assert_int_equal(co_post(co_new_id(), "no@far.test later@far.test", &e), 0);
		co_sleep_until(deadline_in(i % 7 * 3));
		co_house_crash();
	}
	for (int64_t end = deadline_in(20000); co_reports() < ROUNDS * 5 && clock_ms() < end;)
		co_sleep_until(deadline_in(10));
	house.relay.healthy = true;
	assert_int_equal(co_change(QUEUE_FLUSH, 0, NULL), 0);
	assert_true(co_all_settled(20000));
	/* Each letter has one bounced recipient, so its sender hears of it once. */
	assert_int_equal(co_reports(), ROUNDS * 5);
	assert_false(logged("damaged"));
}

static void reports_are_written_once_beside_checkpoints(void **state)
{
	struct spool_setup setup = quick_setup();

	setup.segment_size = 16384;
	setup.look_ms = 2;
	setup.write_every_ms = 0;
	setup.keep_ms = 0;
	house_run(written_fiber, &setup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recipients_share_a_question_by_next_hop),
		cmocka_unit_test(the_end_waits_for_relay),
		cmocka_unit_test(a_smarthost_takes_a_hundred_at_once),
		cmocka_unit_test(letters_of_any_size_are_sent),
		cmocka_unit_test(without_relay_letters_stay),
		cmocka_unit_test(deferred_letters_are_tried_again),
		cmocka_unit_test(pauses_double),
		cmocka_unit_test(expired_letters_return),
		cmocka_unit_test(a_dead_destination_is_not_asked_for_each_letter),
		cmocka_unit_test(a_slow_destination_delays_no_other),
		cmocka_unit_test(invariant_13_what_ends_relay_is_held),
		cmocka_unit_test(nonsense_is_a_deferral),
		cmocka_unit_test(an_outcome_is_not_forgotten),
		cmocka_unit_test(a_sender_is_told_once_a_round),
		cmocka_unit_test(ret_and_size_say_what_is_returned),
		cmocka_unit_test(many_recipients_make_some_reports),
		cmocka_unit_test(who_is_told_and_who_is_not),
		cmocka_unit_test(a_bounce_waits_for_keeper),
		cmocka_unit_test(reports_are_written_once_across_crashes),
		cmocka_unit_test(reports_are_written_once_beside_checkpoints),
	};

	/* A failed assertion must not jump from a fiber's stack to another. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
