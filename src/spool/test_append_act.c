/* SPDX-License-Identifier: Apache-2.0 */
/* append_act and release with a played shard: a letter and its act are there both, once, or neither. */
#include "spool/test_house.h"

#include "base/sealed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void run(fiber_fn *fn)
{
	struct spool_setup setup;

	spool_setup_defaults(&setup);
	setup.segment_size = 1 << 20;
	house_run(fn, &setup);
}

/* Writes the catalogue all the time and gives segments back. */
static void run_busily(fiber_fn *fn)
{
	struct spool_setup setup;

	spool_setup_defaults(&setup);
	setup.segment_size = 16384;
	setup.look_ms = 5;
	setup.write_every_ms = 0;
	setup.keep_ms = 0;
	house_run(fn, &setup);
}

/* --- the played shard appends --------------------------------------------------------------- */

struct upload {
	uint64_t letter, serial;
	size_t size;
	size_t outline;
	bool wide;
	int seals;
	size_t more_holds, sends;
	uint32_t account;
	struct append_act_answer answer;
	int code;
	struct err e;
};

static struct upload upload_of(uint64_t letter, uint64_t serial, size_t size)
{
	return (struct upload){
		.letter = letter, .serial = serial, .size = size, .account = 1, .seals = ALL_SEALS};
}

static unsigned index_of_user(unsigned user)
{
	return (unsigned)(shard_of_user(user) - house.shards);
}

static int letter_file_of(const struct upload *u)
{
	int file = memfd_create("letter", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(file, (off_t)u->size), 0);
	assert_int_equal(pwrite(file, &u->letter, 8, 0), 8);
	assert_int_equal(pwrite(file, "end", 3, (off_t)u->size - 3), 3);
	assert_int_equal(fcntl(file, F_ADD_SEALS, u->seals), 0);
	return file;
}

static void put_entry(const struct upload *u, const struct played_shard *sh, struct buf *entry)
{
	const struct settle settle = {u->letter, 0};
	uint64_t holds[] = {u->letter, u->letter};
	char bytes[8];

	memcpy(bytes, &u->letter, 8);
	struct part part = {.kind = PART_ACT,
			    .act = {.account = u->account,
				    .serial = u->serial,
				    .epoch = sh->epoch,
				    .holds = holds,
				    .hold_count = 1 + (uint32_t)u->more_holds,
				    .settles = (struct settle *)(uintptr_t)&settle,
				    .settle_count = (uint32_t)u->sends,
				    .body = {bytes, 8}}};

	buf_init(entry, 16384);
	entry_put(entry, &part);
	assert_false(buf_failed(entry));
}

/* By the shard of user 0. */
static int co_upload(struct upload *u)
{
	struct played_shard *sh = shard_of_user(0);
	struct chan_parcel store;
	struct buf entry, outline;
	int file = letter_file_of(u), wide = -1;

	put_entry(u, sh, &entry);
	buf_init(&outline, 1 << 20);
	while (outline.n < u->outline)
		buf_add_c(&outline, 'o');
	if (u->wide)
		assert_int_equal(sealed_make("outline", buf_str(&outline), &wide, &u->e), 0);
	struct append_act_question q = {.letter = u->letter,
					.size = u->size,
					.entry = buf_str(&entry),
					.outline_size = (uint32_t)u->outline,
					.outline = u->wide ? STR("") : buf_str(&outline),
					.file = file,
					.wide = wide};

	u->code = co_ask_append_act(sh->ours, &q, deadline_in(20000), &store, &u->answer, &u->e);
	if (u->code == 0)
		chan_parcel_free(&store);
	buf_free(&entry);
	buf_free(&outline);
	close(file);
	if (wide >= 0)
		close(wide);
	return u->code;
}

static void upload_fiber(void *arg)
{
	co_upload(arg);
}

/* The shard's own lease. */
static uint64_t co_shard_lease(void)
{
	struct lease_question q = {0};
	struct lease_answer a;
	struct chan_parcel store;
	struct err e;

	assert_int_equal(co_ask_lease(shard_of_user(0)->ours, &q, deadline_in(20000), &store, &a, &e), 0);
	chan_parcel_free(&store);
	return a.first;
}

/* User 0 is account 1. */
static void co_make_account(void)
{
	struct account_question q = {.address = user_of(0), .make = 1};
	struct account_answer a;
	struct chan_parcel store;
	struct err e;

	assert_int_equal(co_ask_account(shard_of_user(0)->ours, &q, deadline_in(20000), &store, &a, &e), 0);
	assert_int_equal(a.account, 1);
	chan_parcel_free(&store);
}

/* The letter is at that place, whole. */
static void check_bytes(const struct upload *u)
{
	const struct record_store *store = &house.spool->store;
	struct place at = {u->answer.volume, u->answer.offset};
	struct record record;
	char bytes[8], end[3];
	struct err e;
	int fd;

	assert_int_equal(record_open(store, u->letter, at, &fd, &e), 0);
	assert_int_equal(record_head(store, fd, u->letter, at, &record, &e), 0);
	assert_int_equal(record.length, u->size);
	assert_int_equal(record_read(store, fd, at, &record, 0, bytes, 8, RECORD_VERIFY, &e), 0);
	assert_memory_equal(bytes, &u->letter, 8);
	assert_int_equal(record_read(store, fd, at, &record, u->size - 3, end, 3, RECORD_VERIFY, &e), 0);
	assert_memory_equal(end, "end", 3);
	close(fd);
}

/* `acts` has it once, and says where its letter lies. */
static void co_check_once(const struct upload *u)
{
	struct reader place;

	assert_int_equal(co_delivered(0, u->letter), 1);
	place = reader_of((struct str){house.place, sizeof(house.place)});
	assert_int_equal(read_u32(&place), u->answer.volume);
	assert_true(read_u64(&place) == u->answer.offset);
	check_bytes(u);
}

static bool held(uint64_t letter, uint32_t account)
{
	const struct kept_letter *k = letters_get(&house.spool->letters, letter);

	return k && letter_held_by(k, account);
}

static int co_hold(uint64_t letter, uint64_t serial)
{
	struct act act = {.account = 1,
			  .serial = serial,
			  .epoch = shard_of_user(0)->epoch,
			  .holds = &letter,
			  .hold_count = 1};
	struct err e;

	return co_send_act(index_of_user(0), &act, &e);
}

/* --- both or neither ---------------------------------------------------------------------------- */

/* fiber */
static void whole_way_fiber(void *arg)
{
	struct upload u[4];

	co_make_account();
	uint64_t first = co_shard_lease();

	u[0] = upload_of(first, 1, 300);
	u[1] = upload_of(first + 1, 2, 700000);
	u[2] = upload_of(first + 2, 3, 255 << 10);
	u[2].outline = 40000;
	u[3] = upload_of(first + 3, 4, 100);
	u[3].outline = 200000;
	u[3].wide = true;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(co_upload(&u[i]), 0);
	assert_int_equal(u[1].answer.volume, 0);
	assert_int_not_equal(u[0].answer.volume, 0);
	for (unsigned i = 0; i < 4; i++) {
		co_check_once(&u[i]);
		assert_true(held(u[i].letter, 1));
		assert_int_equal(letters_get(&house.spool->letters, u[i].letter)->open, 0);
	}
	/* Sent again, in this life and the next: the first answer, nothing twice. */
	co_house_crash();
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 4; i++) {
			struct upload again = u[i];

			assert_int_equal(co_upload(&again), 0);
			assert_int_equal(again.answer.volume, u[i].answer.volume);
			assert_true(again.answer.offset == u[i].answer.offset);
			co_check_once(&u[i]);
		}
		assert_int_equal(co_hold(first, 5 + round), 0);
		co_house_restart();
	}
	assert_int_equal(house.spool->tickets.map.n, 0);
	assert_int_equal(house.spool->in_flight, 0);
	assert_false(logged("damaged"));
}

static void a_letter_and_its_act_are_one(void **state)
{
	run(whole_way_fiber);
}

/* fiber */
static void refusals_fiber(void *arg)
{
	struct upload good, bad;

	co_make_account();
	uint64_t first = co_shard_lease();

	good = upload_of(first, 1, 300);
	bad = good;
	bad.serial = 2;
	assert_int_equal(co_upload(&bad), ERR_INVALID);
	bad = good;
	bad.letter = co_new_id(); /* the gate's */
	assert_int_equal(co_upload(&bad), ERR_DENIED);
	bad = good;
	bad.account = 2;
	assert_int_equal(co_upload(&bad), ERR_DENIED);
	bad = good;
	bad.seals = F_SEAL_SHRINK;
	assert_int_equal(co_upload(&bad), ERR_INVALID);
	bad = good;
	bad.more_holds = 1;
	assert_int_equal(co_upload(&bad), ERR_INVALID);
	bad = good;
	bad.sends = 1;
	assert_int_equal(co_upload(&bad), ERR_INVALID);
	house.fail_syncs = 1;
	bad = good;
	assert_int_equal(co_upload(&bad), ERR_IO);
	/* Of a large one the file is gone as well. */
	bad = upload_of(first + 1, 1, 300000);
	house.fail_syncs = 3;
	assert_int_equal(co_upload(&bad), ERR_IO);
	house.fail_syncs = 0;
	assert_int_equal(house.spool->letters.map.n, 0);
	assert_int_equal(co_upload(&good), 0);
	co_check_once(&good);
	/* Its id is used, its serial too. */
	bad = good;
	bad.serial = 2;
	assert_int_equal(co_upload(&bad), ERR_INVALID);
	bad = upload_of(first + 2, 1, 300);
	assert_int_equal(co_upload(&bad), ERR_CORRUPT);
	assert_int_equal(house.spool->in_flight, 0);
	check_bytes(&good);
}

static void bad_uploads_change_nothing(void **state)
{
	run(refusals_fiber);
}

#define UPLOADS 60

static struct upload uploads[UPLOADS];

/* One after the other, as an account's shard does; a crash in the middle of each fifth. */
/* fiber */
static void crash_fiber(void *arg)
{
	uint64_t id = 0;

	co_make_account();
	for (unsigned i = 0; i < UPLOADS; i++) {
		struct upload *u = &uploads[i];

		id = i % 10 ? id + 1 : co_shard_lease();
		*u = upload_of(id, i + 1, i % 4 ? 2000 : 300000);
		if (i % 5) {
			assert_int_equal(co_upload(u), 0);
			continue;
		}
		assert_int_equal(fiber_start(&house.askers, upload_fiber, u), 0);
		co_sleep_until(deadline_in(i / 5 % 7));
		co_house_crash();
		co_group_join(&house.askers, NO_DEADLINE);
		/* Sent again to the new spool, by the same process. */
		assert_int_equal(co_upload(u), 0);
	}
	for (unsigned i = 0; i < UPLOADS; i++)
		co_check_once(&uploads[i]);
	assert_int_equal(account_durable(accounts_get(&house.spool->accounts, 1)), UPLOADS);
}

static void every_answered_upload_is_there_once(void **state)
{
	run(crash_fiber);
}

/* --- release ---------------------------------------------------------------------------------------- */

static int co_give_up(uint32_t account, const uint64_t *letters, size_t n)
{
	struct release_question q = {account, {(const char *)letters, n * 8}};
	struct release_answer a;
	struct chan_parcel store;
	struct err e;
	int code = co_ask_release(shard_of_user(0)->ours, &q, deadline_in(20000), &store, &a, &e);

	if (code == 0)
		chan_parcel_free(&store);
	return code;
}

struct giving_up {
	uint64_t letter;
	int code;
};

static void give_up_fiber(void *arg)
{
	struct giving_up *g = arg;

	g->code = co_give_up(1, &g->letter, 1);
}

/* Whether so many entries were written since; a checkpoint may have come between. */
static bool wrote(uint64_t before, uint64_t count)
{
	uint64_t more = house.spool->commit.counts.entries - before;

	return more == count || (more > count && house.spool->setup.write_every_ms == 0);
}

/* fiber */
static void release_fiber(void *arg)
{
	uint64_t shared = co_new_id(), never = co_new_id();
	struct err e;

	/* Users 0 and 1 hold it; their accounts are 1 and 2. */
	assert_int_equal(co_append(1, shared, 3, &e), 0);
	assert_true(co_all_settled(5000));
	struct upload own = upload_of(co_shard_lease(), 2, 300);

	assert_int_equal(co_upload(&own), 0);
	uint64_t both[] = {shared, never, own.letter};
	uint64_t entries = house.spool->commit.counts.entries;

	/* Not this shard's, not ids. */
	assert_int_equal(co_give_up(77, both, 3), ERR_DENIED);
	/* A checkpoint would take the failure. */
	if (house.spool->setup.write_every_ms > 0) {
		house.fail_syncs = 1;
		assert_int_equal(co_give_up(1, both, 3), ERR_IO);
		assert_true(held(shared, 1) && held(own.letter, 1));
	}
	/* An act that comes with the release finds the letter dead. */
	struct giving_up first = {own.letter, 1};

	entries = house.spool->commit.counts.entries;
	assert_int_equal(fiber_start(&house.askers, give_up_fiber, &first), 0);
	co_yield ();
	assert_int_equal(co_hold(own.letter, 3), ERR_NOT_FOUND);
	assert_int_equal(co_group_join(&house.askers, deadline_in(5000)), 0);
	assert_int_equal(first.code, 0);
	assert_int_equal(co_give_up(1, both, 3), 0);
	assert_true(wrote(entries, 2));
	for (unsigned round = 0; round < 3; round++) {
		assert_false(held(shared, 1));
		/* Again: nothing is written. */
		entries = house.spool->commit.counts.entries;
		assert_int_equal(co_give_up(1, both, 3), 0);
		assert_true(wrote(entries, 0));
		assert_int_equal(co_hold(own.letter, 3 + round), ERR_NOT_FOUND);
		struct kept_letter *k;

		assert_int_equal(co_letter_fetch(house.spool, own.letter, &k, &e), 0);
		assert_true(letter_dead(k));
		letters_unpin(&house.spool->letters, k);
		assert_int_equal(co_letter_fetch(house.spool, shared, &k, &e), 0);
		assert_true(!letter_dead(k) && letter_held_by(k, 2));
		letters_unpin(&house.spool->letters, k);
		struct upload more = upload_of(own.letter + 1 + round, 3 + round, 300);

		assert_int_equal(co_upload(&more), 0);
		if (round == 0)
			co_house_crash();
		else
			co_house_restart();
	}
	/* One that lives through another holder may be held again. */
	assert_int_equal(co_hold(shared, 6), 0);
	assert_false(logged("damaged"));
}

static void invariants_5_6_a_released_letter_is_dead_for_ever(void **state)
{
	run(release_fiber);
}

static void written_releases_are_known(void **state)
{
	run_busily(release_fiber);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_letter_and_its_act_are_one),
		cmocka_unit_test(bad_uploads_change_nothing),
		cmocka_unit_test(every_answered_upload_is_there_once),
		cmocka_unit_test(invariants_5_6_a_released_letter_is_dead_for_ever),
		cmocka_unit_test(written_releases_are_known),
	};

	/* A failed assertion must not jump from a fiber's stack to another. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	return cmocka_run_group_tests_name("append_act", tests, NULL, NULL);
}
