/* SPDX-License-Identifier: Apache-2.0 */
/* The spool's core with a played gate and played shards: nothing lost, nothing twice. */
#include "spool/test_house.h"

#include "base/sealed.h"
#include "store/segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct spool_setup usual(void)
{
	struct spool_setup setup;

	spool_setup_defaults(&setup);
	setup.segment_size = 1 << 20;
	return setup;
}

#define RUN(fiber)                               \
	do {                                     \
		struct spool_setup s_ = usual(); \
		house_run(fiber, &s_);           \
	} while (0)

/* --- the whole way ----------------------------------------------------------------------- */

/* fiber */
static void whole_way_fiber(void *arg)
{
	uint64_t id = co_new_id();
	char line[120];
	struct err e;

	assert_int_equal(co_append(1, id, 0xF, &e), 0);
	assert_true(co_all_settled(5000));
	for (unsigned i = 0; i < USERS; i++)
		assert_int_equal(co_delivered(i, id), 1);
	snprintf(line, sizeof(line), "%016llX: from=<sender@example.net>, size=25, nrcpt=4 (queue active)\n",
		 (unsigned long long)id);
	assert_true(logged(line));
	assert_true(logged("to=<eva@example.test>, relay=mailbox, delay=0."));
	assert_true(logged("dsn=2.0.0, status=sent (delivered to mailbox)"));
	snprintf(line, sizeof(line), "%016llX: removed\n", (unsigned long long)id);
	co_sleep_until(deadline_in(20));
	assert_true(logged(line));
	/* Four holders, and a second letter makes no second accounts. */
	assert_int_equal(letters_get(&house.spool->letters, id)->holder_count, 4);
	assert_int_equal(co_append(2, co_new_id(), 0xF, &e), 0);
	assert_true(co_all_settled(5000));
	assert_int_equal(house.spool->accounts.next_id, USERS + 1);
}

static void a_letter_goes_all_the_way(void **state)
{
	RUN(whole_way_fiber);
}

/* --- what is refused ------------------------------------------------------------------------ */

static void refusals_fiber(void *arg)
{
	uint64_t id = co_new_id();
	struct err e;

	assert_int_equal(co_append(1, id, 0, &e), ERR_INVALID);
	/* Ids that nobody leased, and the same id twice. */
	assert_int_equal(co_append(1, id + 5000, 1, &e), ERR_DENIED);
	assert_int_equal(co_append(1, 0, 1, &e), ERR_INVALID);
	assert_int_equal(co_append(1, id, 1, &e), 0);
	assert_int_equal(co_append(2, id, 1, &e), ERR_DENIED);
	/* The same ticket: the first answer; for another letter: none. */
	assert_int_equal(co_append(1, id, 1, &e), 0);
	assert_int_equal(co_append(1, co_new_id(), 1, &e), ERR_INVALID);
	house.accounts[1] = 77;
	assert_int_equal(co_append(3, co_new_id(), 2, &e), ERR_NOT_FOUND);
	assert_true(co_all_settled(5000));
	assert_int_equal(co_delivered(0, id), 1);
	/* A refused letter gives nobody an account. */
	assert_int_equal(house.spool->accounts.by_id.n, 1);
}

static void bad_letters_are_refused(void **state)
{
	RUN(refusals_fiber);
}

/* fiber */
static void ticket_fiber(void *arg)
{
	uint64_t id = co_new_id();
	struct err e;

	assert_int_equal(co_append(1, id, 3, &e), 0);
	co_house_crash();
	assert_int_equal(co_append(1, id, 3, &e), 0);
	co_house_restart();
	assert_int_equal(co_append(1, id, 3, &e), 0);
	/* Its id is used, also when another run leased it. */
	assert_int_equal(co_append(2, id, 3, &e), ERR_EXISTS);
	assert_int_equal(co_append(2, id + 1, 3, &e), 0);
	assert_true(co_all_settled(5000));
	assert_int_equal(co_delivered(0, id), 1);
	assert_int_equal(co_delivered(1, id), 1);
	assert_int_equal(co_delivered(1, id + 1), 1);
	assert_true(co_new_id() > id + 1);
}

static void invariant_4_known_tickets_survive_a_crash(void **state)
{
	RUN(ticket_fiber);
}

/* --- crashes ---------------------------------------------------------------------------------- */

#define LETTERS 400

struct attempt {
	uint64_t id;
	unsigned users;
	int code;
};

static struct attempt attempts[LETTERS + 1];

static void attempt_fiber(void *arg)
{
	struct attempt *t = arg;
	struct err e;

	t->code = co_append((uint64_t)(t - attempts) + 1, t->id, t->users, &e);
}

/* Sends some letters at once and kills the spool while they are under way. */
static void co_round(unsigned first, unsigned count, int64_t ms)
{
	for (unsigned i = first; i < first + count; i++) {
		attempts[i] = (struct attempt){.id = co_new_id(), .users = 1 + i % 15, .code = ERR_CLOSED};
		assert_int_equal(fiber_start(&house.askers, attempt_fiber, &attempts[i]), 0);
	}
	co_sleep_until(deadline_in(ms));
	co_house_crash();
	/* A gate repeats what was not answered, sometimes. */
	for (unsigned i = first; i < first + count; i += 3) {
		struct err e;

		if (attempts[i].code)
			attempts[i].code = co_append(i + 1, attempts[i].id, attempts[i].users, &e);
		assert_int_equal(attempts[i].code, 0);
	}
}

static void crash_fiber(void *arg)
{
	unsigned answered = 0;

	for (unsigned i = 0; i < SHARDS; i++)
		house.shards[i].manner = MANNER_SLOW;
	for (unsigned i = 0; i < LETTERS; i += 40)
		co_round(i, 40, 1 + i / 40 % 6);
	assert_true(co_all_settled(20000));
	for (unsigned i = 0; i < LETTERS; i++)
		for (unsigned user = 0; user < USERS; user++) {
			unsigned times = co_delivered(user, attempts[i].id);

			if (!(attempts[i].users >> user & 1))
				assert_int_equal(times, 0);
			else if (attempts[i].code == 0)
				assert_int_equal(times, 1);
			else
				assert_in_range(times, 0, 1);
			answered += attempts[i].code == 0;
		}
	assert_true(answered > 0);
}

static void every_answered_letter_is_there_once(void **state)
{
	RUN(crash_fiber);
}

/* --- a disk that fails ---------------------------------------------------------------------------- */

/* fiber */
static void failed_sync_fiber(void *arg)
{
	uint64_t ids[4];
	struct err e;

	for (unsigned i = 0; i < 4; i++)
		ids[i] = co_new_id();
	assert_int_equal(co_append(1, ids[0], 1, &e), 0);
	assert_true(co_all_settled(5000));
	house.fail_syncs = 1;
	assert_int_equal(co_append(2, ids[1], 3, &e), ERR_IO);
	assert_non_null(strstr(e.text, "cannot sync"));
	assert_int_equal(house.spool->commit.counts.refused, 1);
	/* What it had changed is as before: no account for ben, id and ticket free. */
	assert_null(accounts_by_address(&house.spool->accounts, user_of(1)));
	assert_int_equal(co_append(3, ids[2], 1, &e), 0);
	assert_int_equal(co_append(2, ids[1], 3, &e), 0);
	assert_true(co_all_settled(5000));
	co_house_crash();
	assert_int_equal(co_delivered(0, ids[0]), 1);
	assert_int_equal(co_delivered(0, ids[1]), 1);
	assert_int_equal(co_delivered(1, ids[1]), 1);
	assert_int_equal(co_delivered(0, ids[2]), 1);
	/* And one that only the crash ends. */
	house.fail_syncs = 1;
	assert_int_equal(co_append(4, ids[3], 1, &e), ERR_IO);
	co_house_crash();
	assert_int_equal(co_delivered(0, ids[3]), 0);
	assert_int_equal(house.spool->letters.map.n, 3);
}

static void invariant_3_a_failed_sync_refuses_its_group(void **state)
{
	RUN(failed_sync_fiber);
}

/* fiber */
static void failed_act_fiber(void *arg)
{
	struct played_shard *sh = shard_of_user(0);
	uint64_t id = co_new_id();
	struct err e;

	sh->manner = MANNER_SLOW;
	assert_int_equal(co_append(1, id, 1, &e), 0);
	house.fail_syncs = 1;
	for (int i = 0; i < 100 && !logged("status=deferred"); i++)
		co_sleep_until(deadline_in(10));
	assert_true(logged("status=deferred"));
	assert_int_equal(letters_get(&house.spool->letters, id)->open, 1);
	assert_true(co_all_settled(5000));
	assert_int_equal(co_delivered(0, id), 1);
}

static void a_refused_act_settles_nothing(void **state)
{
	RUN(failed_act_fiber);
}

/* fiber */
static void full_disk_fiber(void *arg)
{
	struct played_shard *sh = shard_of_user(0);
	unsigned index = (unsigned)(sh - house.shards), n = 0;
	struct settle settle = {.recipient = 0};
	struct err e;

	sh->manner = MANNER_HANG;
	for (unsigned i = 0; i < LETTERS; i++)
		attempts[i] = (struct attempt){.id = co_new_id(), .users = 1};
	house.full = true;
	while (n < LETTERS && co_append(n + 1, attempts[n].id, 1, &e) == 0)
		n++;
	assert_in_range(n, 2, LETTERS - 4);
	assert_int_equal(e.code, ERR_FULL);
	/* Together with letters that find no room: the act goes alone. */
	house.spool->commit.full_until = 0;
	for (unsigned i = n; i < n + 3; i++)
		fiber_start(&house.askers, attempt_fiber, &attempts[i]);
	struct act act = {
		.account = 1, .serial = 1, .epoch = sh->epoch, .settles = &settle, .settle_count = 1};

	settle.letter = attempts[0].id;
	assert_int_equal(co_send_act(index, &act, &e), 0);
	assert_int_equal(co_group_join(&house.askers, deadline_in(5000)), 0);
	for (unsigned i = n; i < n + 3; i++)
		assert_int_equal(attempts[i].code, ERR_FULL);
	settle.letter = attempts[1].id;
	act.serial = 2;
	assert_int_equal(co_send_act(index, &act, &e), 0);
	/* Room again. */
	house.full = false;
	house.spool->commit.full_until = 0;
	assert_int_equal(co_append(n + 1, attempts[n].id, 1, &e), 0);
	sh->manner = MANNER_STORE;
	co_house_crash();
	assert_true(co_all_settled(5000));
	assert_int_equal(co_delivered(0, attempts[n].id), 1);
	assert_int_equal(co_delivered(0, attempts[0].id), 0);
}

static void invariant_10_a_full_disk_can_be_emptied(void **state)
{
	struct spool_setup setup = usual();

	setup.segment_size = 16384;
	house_run(full_disk_fiber, &setup);
}

/* --- counts -------------------------------------------------------------------------------------------- */

/* fiber */
static void counts_fiber(void *arg)
{
	struct commit_counts before;
	unsigned writes, syncs;

	for (unsigned i = 0; i < SHARDS; i++)
		house.shards[i].manner = MANNER_HANG;
	for (unsigned i = 0; i < 200; i++)
		attempts[i] = (struct attempt){.id = co_new_id(), .users = 1, .code = ERR_CLOSED};
	attempt_fiber(&attempts[0]);
	before = house.spool->commit.counts;
	writes = house.writes;
	syncs = house.syncs;
	for (unsigned i = 1; i < 200; i++)
		fiber_start(&house.askers, attempt_fiber, &attempts[i]);
	assert_int_equal(co_group_join(&house.askers, deadline_in(10000)), 0);
	struct commit_counts now = house.spool->commit.counts;
	uint64_t groups = now.groups - before.groups;

	assert_int_equal(now.letters - before.letters, 199);
	assert_int_equal(now.entries - before.entries, 199);
	/* All that came while a group was in flight is the next group; a write and a sync of
	 * each file for all of its letters. */
	assert_in_range(groups, 1, 40);
	assert_int_equal(now.syncs - before.syncs, 2 * groups);
	assert_int_equal(house.syncs - syncs, 2 * groups);
	assert_int_equal(house.writes - writes, 2 * groups);
	assert_in_range(shard_of_user(0)->most_open, 1, DELIVERIES_OPEN);
	assert_int_equal(shard_of_user(0)->most_open, DELIVERIES_OPEN);
}

static void letters_share_their_syncs(void **state)
{
	RUN(counts_fiber);
}

/* --- shards that die ------------------------------------------------------------------------------------- */

/* fiber */
static void death_fiber(void *arg)
{
	struct played_shard *sh = shard_of_user(0);
	unsigned index = (unsigned)(sh - house.shards);
	uint64_t ids[8];
	struct err e;

	sh->manner = MANNER_HANG;
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(co_append(i + 1, ids[i] = co_new_id(), 1, &e), 0);
	co_sleep_until(deadline_in(20));
	assert_int_equal(sh->open, 8);
	shard_kill(index);
	co_sleep_until(deadline_in(20));
	sh->manner = MANNER_SLOW;
	sh->most_open = sh->offers = 0;
	assert_int_equal(co_shard_start(index), 0);
	assert_true(co_all_settled(5000));
	/* Each of them may have been the poison: one at a time, in order. */
	assert_int_equal(sh->most_open, 1);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(co_delivered(0, ids[i]), 1);
		assert_true(sh->order[i] == ids[i]);
	}
}

static void a_dead_shard_s_deliveries_are_offered_again(void **state)
{
	RUN(death_fiber);
}

/* fiber */
static void poison_fiber(void *arg)
{
	struct played_shard *sh = shard_of_user(0);
	unsigned index = (unsigned)(sh - house.shards);
	uint64_t poison = co_new_id(), good = co_new_id();
	struct err e;

	sh->manner = MANNER_HANG;
	assert_int_equal(co_append(1, poison, 1, &e), 0);
	assert_int_equal(co_append(2, good, 1, &e), 0);
	for (unsigned i = 0; i < DEATHS_HELD; i++) {
		co_sleep_until(deadline_in(20));
		shard_kill(index);
		co_sleep_until(deadline_in(20));
		assert_int_equal(logged("status=held"), i == DEATHS_HELD - 1);
		assert_int_equal(co_shard_start(index), 0);
	}
	/* The letter behind it was there at the first death only. */
	assert_int_equal(letter_deaths(letters_get(&house.spool->letters, good), 0), 1);
	co_sleep_until(deadline_in(20));
	shard_kill(index);
	co_sleep_until(deadline_in(20));
	sh->manner = MANNER_STORE;
	assert_int_equal(co_shard_start(index), 0);
	co_sleep_until(deadline_in(100));
	assert_int_equal(co_delivered(0, good), 1);
	assert_int_equal(co_delivered(0, poison), 0);
	assert_int_equal(letters_get(&house.spool->letters, poison)->open, 1);
}

static void invariant_13_a_poison_letter_is_held(void **state)
{
	RUN(poison_fiber);
}

/* fiber */
static void refusing_shard_fiber(void *arg)
{
	struct played_shard *sh = shard_of_user(0);
	uint64_t id = co_new_id();
	struct err e;

	sh->manner = MANNER_REFUSE;
	assert_int_equal(co_append(1, id, 1, &e), 0);
	co_sleep_until(deadline_in(50));
	assert_true(logged("dsn=4.2.0, status=deferred (no room here)"));
	assert_int_equal(sh->offers, 1);
	sh->manner = MANNER_STORE;
	assert_true(co_all_settled(5000));
	assert_int_equal(co_delivered(0, id), 1);
}

static void a_refused_delivery_is_tried_later(void **state)
{
	RUN(refusing_shard_fiber);
}

/* --- acts -------------------------------------------------------------------------------------------------- */

/* fiber */
static void acts_fiber(void *arg)
{
	struct played_shard *sh = shard_of_user(0);
	unsigned mine = (unsigned)(sh - house.shards), other = 1 - mine;
	uint64_t kept = co_new_id(), dead = co_new_id();
	struct settle settle = {kept, 0};
	struct str send = STR("somebody");
	struct err e;

	assert_int_equal(co_append(1, kept, 1, &e), 0);
	assert_true(co_all_settled(5000));
	sh->manner = MANNER_DISCARD;
	assert_int_equal(co_append(2, dead, 1, &e), 0);
	assert_true(co_all_settled(5000));
	struct act act = {.account = 1, .serial = 3, .epoch = sh->epoch, .body = STR("0123456789ab")};

	assert_int_equal(co_send_act(other, &act, &e), ERR_DENIED);
	act.epoch--;
	assert_int_equal(co_send_act(mine, &act, &e), ERR_DENIED);
	act.epoch++;
	act.serial = 5;
	assert_int_equal(co_send_act(mine, &act, &e), ERR_INVALID);
	act.serial = 3;
	act.sends = &send;
	act.send_count = 1;
	assert_int_equal(co_send_act(mine, &act, &e), ERR_DENIED);
	act.send_count = 0;
	act.settles = &settle;
	act.settle_count = 1;
	assert_int_equal(co_send_act(mine, &act, &e), ERR_EXISTS);
	settle.recipient = 1;
	assert_int_equal(co_send_act(mine, &act, &e), ERR_DENIED);
	act.settle_count = 0;
	act.holds = &dead;
	act.hold_count = 1;
	assert_int_equal(co_send_act(mine, &act, &e), ERR_NOT_FOUND);
	act.holds = &kept;
	assert_int_equal(co_send_act(mine, &act, &e), 0);
	/* Again, also under a later epoch, is the first answer; another is not. */
	assert_int_equal(co_send_act(mine, &act, &e), 0);
	assert_int_equal(co_shard_start(mine), 0);
	assert_int_equal(co_send_act(mine, &act, &e), 0);
	act.body = STR("0123456789xx");
	assert_int_equal(co_send_act(mine, &act, &e), ERR_CORRUPT);
	act.serial = 4;
	assert_int_equal(co_send_act(mine, &act, &e), ERR_DENIED);
	act.epoch = sh->epoch;
	assert_int_equal(co_send_act(mine, &act, &e), 0);
	assert_int_equal(account_durable(accounts_get(&house.spool->accounts, 1)), 4);
}

static void invariants_4_5_14_acts_are_checked(void **state)
{
	RUN(acts_fiber);
}

/* --- memory files ----------------------------------------------------------------------------------------------- */

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void check_letter(uint64_t id, size_t size)
{
	const struct kept_letter *k = letters_get(&house.spool->letters, id);
	const struct record_store *store = &house.spool->store;
	struct record record;
	char text[7];
	struct err e;
	int fd;

	assert_int_equal(record_open(store, id, k->place, &fd, &e), 0);
	assert_int_equal(record_head(store, fd, id, k->place, &record, &e), 0);
	assert_int_equal(record.length, size);
	assert_int_equal(record_read(store, fd, k->place, &record, 0, text, 7, RECORD_VERIFY, &e), 0);
	assert_memory_equal(text, "Subject", 7);
	close(fd);
}

static void outlines_fiber(void *arg)
{
	const size_t size = (size_t)1 << 20;
	char *bytes = malloc(size + 1);
	int open_file = memfd_create("outline", MFD_CLOEXEC | MFD_ALLOW_SEALING), wide, larger;
	uint64_t id = co_new_id();
	struct str none = {NULL, 0};
	struct err e;

	memset(bytes, 'o', size + 1);
	assert_int_equal(sealed_make("outline", (struct str){bytes, size}, &wide, &e), 0);
	assert_int_equal(sealed_make("outline", (struct str){bytes, size + 1}, &larger, &e), 0);
	assert_int_equal(ftruncate(open_file, (off_t)size), 0);
	assert_int_equal(co_append_wide(1, id, none, (uint32_t)size, open_file, &e), ERR_INVALID);
	assert_int_equal(co_append_wide(1, id, none, (uint32_t)size - 1, wide, &e), ERR_INVALID);
	assert_int_equal(co_append_wide(1, id, none, (uint32_t)size + 1, larger, &e), ERR_INVALID);
	assert_int_equal(co_append_wide(1, id, none, 0, wide, &e), ERR_INVALID);
	assert_int_equal(co_append_wide(1, id, STR("both"), (uint32_t)size, wide, &e), ERR_INVALID);
	assert_int_equal(co_append_wide(1, id, STR("short"), 6, -1, &e), ERR_INVALID);
	assert_int_equal(co_append_wide(1, id, none, (uint32_t)size, wide, &e), 0);
	assert_int_equal(co_append_wide(2, co_new_id(), STR("short"), 5, -1, &e), 0);
	/* The shards get both, and what is asked again in the same way. */
	assert_int_equal(co_append_wide(1, id, none, (uint32_t)size, wide, &e), 0);
	assert_true(co_all_settled(5000));
	close(open_file);
	close(wide);
	close(larger);
	free(bytes);
}

static void files_fiber(void *arg)
{
	uint64_t small = co_new_id(), large = co_new_id();
	struct err e;

	assert_int_equal(co_append_memfd(1, small, 1, 100000, F_SEAL_SHRINK, 100000, &e), ERR_INVALID);
	assert_int_equal(co_append_memfd(1, small, 1, 100000, ALL_SEALS, 100001, &e), ERR_INVALID);
	assert_int_equal(co_append_memfd(1, small, 1, 100000, ALL_SEALS, 100000, &e), 0);
	assert_int_equal(co_append_memfd(2, large, 1, 700000, ALL_SEALS, 700000, &e), 0);
	check_letter(small, 100000);
	check_letter(large, 700000);
	assert_int_equal(letters_get(&house.spool->letters, large)->place.volume, 0);
	/* Again: its file is not touched. */
	assert_int_equal(co_append_memfd(2, large, 1, 300000, ALL_SEALS, 300000, &e), 0);
	assert_int_equal(co_append_memfd(3, large, 1, 300000, ALL_SEALS, 300000, &e), ERR_DENIED);
	check_letter(large, 700000);
	co_house_crash();
	assert_int_equal(co_append_memfd(2, large, 1, 300000, ALL_SEALS, 300000, &e), 0);
	assert_int_equal(co_append_memfd(4, large, 1, 300000, ALL_SEALS, 300000, &e), ERR_EXISTS);
	check_letter(large, 700000);
	assert_true(co_all_settled(5000));
	assert_int_equal(co_delivered(0, large), 1);
	/* More than may be under way. */
	house.spool->setup.bytes_max = 400000;
	assert_int_equal(co_append_memfd(5, co_new_id(), 1, 400001, ALL_SEALS, 400001, &e), ERR_BUSY);
	assert_int_equal(house.spool->in_flight, 0);
}

static void outlines_travel_whole(void **state)
{
	struct spool_setup setup = usual();

	setup.segment_size = 4 << 20;
	house_run(outlines_fiber, &setup);
}

static void invariants_10_11_memory_files(void **state)
{
	RUN(files_fiber);
}

/* --- checkpoints ---------------------------------------------------------------------------------------------------- */

static unsigned count_segments(void)
{
	unsigned n = 0;
	char name[40];
	struct stat st;

	for (unsigned i = 1; i < 300; i++) {
		snprintf(name, sizeof(name), "journal/%08X.seg", i);
		n += fstatat(house.t.fd, name, &st, 0) == 0;
	}
	return n;
}

static void tell_folded(void)
{
	for (uint32_t id = 1; id <= USERS; id++) {
		const struct account *a = accounts_get(&house.spool->accounts, id);

		if (!a || account_durable(a) == 0)
			continue;
		struct folded_note m = {id, account_durable(a)};

		folded_send(house.shards[shard_of(account_address(a), SHARDS)].ours, &m);
	}
}

static unsigned times_offered(const struct played_shard *sh, uint64_t id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sh->offers; i++)
		n += sh->order[i] == id;
	return n;
}

/* Letters for anna in small groups, folded as they come. */
static void co_many(unsigned rounds)
{
	struct err e;

	for (unsigned i = 0; i < rounds * 10; i++) {
		assert_int_equal(co_append(5000 + co_new_id(), co_new_id(), 1, &e), 0);
		if (i % 10 == 9) {
			tell_folded();
			co_sleep_until(deadline_in(10));
		}
	}
}

/* fiber */
static void checkpoint_test_fiber(void *arg)
{
	struct played_shard *sh = shard_of_user(0);
	unsigned index = (unsigned)(sh - house.shards);
	uint64_t first = co_new_id(), stuck = co_new_id(), dead = co_new_id(), never = co_new_id();
	struct err e;

	assert_int_equal(co_append(1, first, 1, &e), 0);
	assert_true(co_all_settled(5000));
	sh->manner = MANNER_DISCARD;
	assert_int_equal(co_append(2, dead, 1, &e), 0);
	assert_true(co_all_settled(5000));
	sh->manner = MANNER_HANG;
	assert_int_equal(co_append(3, stuck, 1, &e), 0);
	co_sleep_until(deadline_in(20));
	sh->manner = MANNER_STORE;
	co_many(40);
	/* What is written is not kept in memory, and old segments are given back. */
	assert_true(catalogue_checkpoint(house.spool->catalogue) > 0);
	assert_in_range(count_segments(), 1, 4);
	assert_null(letters_get(&house.spool->letters, first));
	assert_int_equal(letters_get(&house.spool->letters, stuck)->open, 1);
	assert_in_range(house.spool->letters.map.n, 1, 100);
	sh->offers = 0;
	co_house_crash();
	/* The one that was stuck comes from the catalogue: its segment is gone. */
	assert_true(co_all_settled(5000));
	assert_int_equal(times_offered(sh, stuck), 1);
	assert_int_equal(accounts_by_address(&house.spool->accounts, user_of(0))->id, 1);
	struct act act = {.account = 1, .epoch = sh->epoch, .holds = &first, .hold_count = 1};

	act.serial = ++house.serials[1];
	assert_int_equal(co_send_act(index, &act, &e), 0);
	act.serial++;
	act.holds = &dead;
	assert_int_equal(co_send_act(index, &act, &e), ERR_NOT_FOUND);
	act.holds = &never;
	assert_int_equal(co_send_act(index, &act, &e), ERR_NOT_FOUND);
	/* A shard that lost what it said it had folded is told so. */
	struct acts_question q = {1, 0};
	struct acts_answer a;
	struct chan_parcel store;

	assert_int_equal(co_ask_acts(sh->ours, &q, deadline_in(5000), &store, &a, &e), ERR_CORRUPT);
	co_many(10);
	sh->offers = 0;
	co_house_restart();
	co_sleep_until(deadline_in(50));
	assert_int_equal(sh->offers, 0);
}

static void invariant_8_a_checkpoint_waits_for_folds(void **state)
{
	struct spool_setup setup = usual();

	setup.segment_size = 16384;
	setup.look_ms = 5;
	setup.write_every_ms = 0;
	setup.keep_ms = 0;
	house_run(checkpoint_test_fiber, &setup);
}

/* fiber */
static void unfolded_fiber(void *arg)
{
	struct err e;

	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(co_append(i + 1, attempts[i].id = co_new_id(), 1, &e), 0);
	assert_true(co_all_settled(5000));
	co_sleep_until(deadline_in(50));
	/* The catalogue is written, but nothing is given back. */
	assert_int_equal(house.spool->letters.dirty, 0);
	assert_int_equal(account_durable(accounts_get(&house.spool->accounts, 1)), 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(co_delivered(0, attempts[i].id), 1);
	co_house_crash();
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(co_delivered(0, attempts[i].id), 1);
	assert_false(logged("damaged"));
}

static void acts_that_are_not_folded_stay(void **state)
{
	struct spool_setup setup = usual();

	setup.segment_size = 16384;
	setup.look_ms = 5;
	setup.write_every_ms = 0;
	setup.keep_ms = 0;
	house_run(unfolded_fiber, &setup);
}

/* fiber */
static void lost_catalogue_fiber(void *arg)
{
	struct err e;

	co_many(40);
	assert_true(position_segment(catalogue_checkpoint(house.spool->catalogue)) > 1);
	co_house_kill();
	assert_int_equal(unlinkat(house.t.fd, "spool/catalogue.db", 0), 0);
	unlinkat(house.t.fd, "spool/catalogue.db-wal", 0);
	house.spool = spool_new(&house.setup);
	assert_int_equal(co_spool_start(house.spool, &e), ERR_CORRUPT);
	assert_non_null(strstr(e.text, "catalogue.db is lost"));
}

static void invariant_12_a_lost_catalogue_is_not_guessed(void **state)
{
	struct spool_setup setup = usual();

	setup.segment_size = 16384;
	setup.look_ms = 5;
	setup.write_every_ms = 0;
	setup.keep_ms = 0;
	house_run(lost_catalogue_fiber, &setup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_letter_goes_all_the_way),
		cmocka_unit_test(bad_letters_are_refused),
		cmocka_unit_test(invariant_4_known_tickets_survive_a_crash),
		cmocka_unit_test(every_answered_letter_is_there_once),
		cmocka_unit_test(invariant_3_a_failed_sync_refuses_its_group),
		cmocka_unit_test(a_refused_act_settles_nothing),
		cmocka_unit_test(invariant_10_a_full_disk_can_be_emptied),
		cmocka_unit_test(letters_share_their_syncs),
		cmocka_unit_test(a_dead_shard_s_deliveries_are_offered_again),
		cmocka_unit_test(invariant_13_a_poison_letter_is_held),
		cmocka_unit_test(a_refused_delivery_is_tried_later),
		cmocka_unit_test(invariants_4_5_14_acts_are_checked),
		cmocka_unit_test(invariants_10_11_memory_files),
		cmocka_unit_test(outlines_travel_whole),
		cmocka_unit_test(invariant_8_a_checkpoint_waits_for_folds),
		cmocka_unit_test(acts_that_are_not_folded_stay),
		cmocka_unit_test(invariant_12_a_lost_catalogue_is_not_guessed),
	};

	/* A failed assertion must not jump from a fiber's stack to another. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
