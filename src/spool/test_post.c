/* SPDX-License-Identifier: Apache-2.0 */
/* Posting and watching (see test_post.h). */
#include "spool/test_post.h"

#include <stdio.h>

struct spool_setup quick_setup(void)
{
	struct spool_setup setup;

	spool_setup_defaults(&setup);
	setup.segment_size = 1 << 20;
	setup.queue.retry_first_ms = 60;
	setup.queue.retry_last_ms = 200;
	return setup;
}

int co_post(uint64_t id, const char *to, struct err *e)
{
	static struct recipient list[300];
	struct envelope env = {
		.reverse_path = user_of(0), .received_us = (uint64_t)clock_wall_us(), .recipients = list};
	struct str rest = str_of(to);

	for (struct str one; (one = str_cut_word(&rest)).n > 0;)
		list[env.recipient_count++] = (struct recipient){.address = one};
	return co_append_envelope(id, id, &env, STR(LETTER), e);
}

struct kept_letter *kept(uint64_t id)
{
	return letters_get(&house.spool->letters, id);
}

bool logged_of(uint64_t id, const char *text)
{
	char line[300];

	snprintf(line, sizeof(line), "%016llX: %s", (unsigned long long)id, text);
	return logged(line);
}

bool co_ended(uint64_t id, int64_t ms)
{
	int64_t deadline = deadline_in(ms);

	for (;;) {
		bool open = kept(id) && kept(id)->open > 0;

		if (!open)
			co_commit_settled(&house.spool->commit);
		if (!kept(id) || kept(id)->open == 0 || clock_ms() >= deadline)
			return !kept(id) || kept(id)->open == 0;
		co_sleep_until(deadline_in(2));
	}
}

bool co_offered(unsigned times, int64_t ms)
{
	int64_t deadline = deadline_in(ms);

	while (house.relay.offers < times && clock_ms() < deadline)
		co_sleep_until(deadline_in(2));
	return house.relay.offers >= times;
}

unsigned co_reports(void)
{
	const struct account *a = accounts_by_address(&house.spool->accounts, user_of(0));

	return a ? (unsigned)account_durable(a) : 0;
}

int co_change(enum queue_action action, uint64_t id, uint32_t *count)
{
	struct queue_change_question q = {(uint8_t)action, id};
	struct queue_change_answer a;
	struct chan_parcel store;
	struct err e;
	int code = co_ask_queue_change(house.operator, & q, deadline_in(5000), &store, &a, &e);

	if (code == 0)
		chan_parcel_free(&store);
	if (code == 0 && count)
		*count = a.count;
	return code;
}
