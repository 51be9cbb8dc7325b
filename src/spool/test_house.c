/* SPDX-License-Identifier: Apache-2.0 */
/* The played house (see test_house.h). */
#include "spool/test_house.h"

#include "net/verdicts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct house house;

/* --- faults and counts ------------------------------------------------------------------- */

static int counting_fdatasync(const struct sysio *io, int fd)
{
	__atomic_fetch_add(&house.syncs, 1, __ATOMIC_RELAXED);
	if (__atomic_load_n(&house.fail_syncs, __ATOMIC_RELAXED) > 0) {
		__atomic_fetch_sub(&house.fail_syncs, 1, __ATOMIC_RELAXED);
		errno = EIO;
		return -1;
	}
	return sysio_real.fdatasync(io, fd);
}

static ssize_t counting_pwritev(const struct sysio *io, int fd, const struct iovec *iov, int count, off_t at)
{
	__atomic_fetch_add(&house.writes, 1, __ATOMIC_RELAXED);
	return sysio_real.pwritev(io, fd, iov, count, at);
}

static int failing_fallocate(const struct sysio *io, int fd, int mode, off_t at, off_t n)
{
	if (!__atomic_load_n(&house.full, __ATOMIC_RELAXED))
		return sysio_real.fallocate(io, fd, mode, at, n);
	errno = ENOSPC;
	return -1;
}

static void keep_log(void *arg, enum log_level level, const char *line, size_t n)
{
	size_t used = strlen(house.log);

	snprintf(house.log + used, sizeof(house.log) - used, "%.*s\n", (int)n, line);
}

bool logged(const char *text)
{
	log_flush();
	return strstr(house.log, text) != NULL;
}

/* --- the shards ----------------------------------------------------------------------------- */

struct str user_of(unsigned user)
{
	static const char *const names[USERS] = {"anna@example.test", "ben@example.test", "eva@example.test",
						 "max@example.test"};

	return str_of(names[user]);
}

struct played_shard *shard_of_user(unsigned user)
{
	return &house.shards[shard_of(user_of(user), SHARDS)];
}

static void put_body(struct buf *b, uint64_t letter, uint32_t recipient)
{
	buf_put_u64(b, letter);
	buf_put_u32(b, recipient);
}

int co_send_act(unsigned shard, const struct act *act, struct err *e)
{
	struct part part = {.kind = PART_ACT, .act = *act};
	struct chan_parcel store;
	struct act_answer a;
	struct buf entry;

	/* Its process was killed meanwhile. */
	if (!house.shards[shard].ours)
		return err_set(e, ERR_CLOSED, "no spool");
	buf_init(&entry, 70000);
	entry_put(&entry, &part);
	assert_false(buf_failed(&entry));
	struct act_question q = {buf_str(&entry)};
	int code = co_ask_act(house.shards[shard].ours, &q, deadline_in(20000), &store, &a, e);

	if (code == 0)
		chan_parcel_free(&store);
	buf_free(&entry);
	return code;
}

static int co_store_letter(struct played_shard *sh, const struct deliver_question *q, struct err *e)
{
	struct settle settle = {q->letter, q->recipient};
	uint64_t holds[] = {q->letter};
	char bytes[12];
	struct buf body = {.p = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};

	put_body(&body, q->letter, q->recipient);
	struct act act = {
		.account = q->account,
		.serial = ++house.serials[q->account],
		.epoch = sh->epoch,
		.holds = holds,
		.hold_count = sh->manner != MANNER_DISCARD,
		.settles = &settle,
		.settle_count = 1,
		.body = buf_str(&body),
	};
	uint64_t serial = act.serial;
	int code = co_send_act((unsigned)(sh - house.shards), &act, e);

	/* Later ones were refused with it. */
	if (code && house.serials[q->account] >= serial)
		house.serials[q->account] = serial - 1;
	return code;
}

static void co_on_deliver(void *room, struct chan_parcel *p)
{
	struct played_shard *sh = room;
	struct deliver_question q;
	struct deliver_answer a = {0};
	struct err e;
	int code = 0;

	if (!deliver_take(p, &q))
		return;
	if (sh->offers < 4096)
		sh->order[sh->offers] = q.letter;
	sh->offers++;
	if (++sh->open > sh->most_open)
		sh->most_open = sh->open;
	if (sh->manner == MANNER_HANG)
		co_sleep_until(NO_DEADLINE);
	else if (sh->manner == MANNER_REFUSE)
		code = err_set(&e, ERR_FULL, "no room here");
	else {
		if (sh->manner == MANNER_SLOW)
			co_sleep_until(deadline_in(50));
		code = co_store_letter(sh, &q, &e);
	}
	sh->open--;
	if (code)
		chan_refuse(p, code == ERR_CLOSED ? ERR_BUSY : code, "%s", e.text);
	else
		deliver_answer(p, &a);
}

static const struct chan_handler shard_handlers[] = {{MSG_DELIVER, co_on_deliver}, {0, NULL}};

static void join_channels(struct chan *a, struct chan *b, uint32_t epoch)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(chan_attach(a, fds[0], epoch), 0);
	assert_int_equal(chan_attach(b, fds[1], epoch), 0);
}

void shard_kill(unsigned index)
{
	struct played_shard *sh = &house.shards[index];

	chan_destroy(&sh->ours);
}

/* As a real shard does before it takes deliveries: what the journal knows of its accounts. */
static void co_fold_serials(struct played_shard *sh)
{
	for (uint32_t id = 1; id < ACCOUNTS_MAX; id++) {
		const struct account *a = accounts_get(&house.spool->accounts, id);

		if (a && &house.shards[shard_of(account_address(a), SHARDS)] == sh)
			house.serials[id] = account_durable(a);
	}
}

int co_shard_start(unsigned index)
{
	struct played_shard *sh = &house.shards[index];
	struct chan_rules rules = {.handlers = shard_handlers,
				   .room = sh,
				   .fibers = &house.played,
				   .window = 256,
				   .longest_ms = 120000};
	struct chan_parcel store;
	struct shard_question q = {0};
	struct shard_answer a;
	struct err e;

	chan_destroy(&sh->ours);
	sh->ours = chan_new("spool", &rules);
	sh->open = 0;
	join_channels(sh->ours, sh->spools, ++sh->processes);
	int code = co_ask_shard(sh->ours, &q, deadline_in(20000), &store, &a, &e);

	if (code)
		return code;
	assert_true(a.epoch > sh->epoch);
	sh->epoch = a.epoch;
	chan_parcel_free(&store);
	co_fold_serials(sh);
	return 0;
}

static bool find_body(struct str acts, uint64_t id, unsigned *count, uint64_t *last)
{
	struct reader r = reader_of(acts);

	while (!r.failed && r.rest.n > 0) {
		uint64_t serial = read_u64(&r);
		struct str place = read_bytes(&r, 12);
		struct reader body = reader_of(read_str(&r, 70000));

		assert_true(serial == *last + 1);
		*last = serial;
		if (read_u64(&body) != id)
			continue;
		++*count;
		memcpy(house.place, place.p, sizeof(house.place));
	}
	return reader_done(&r);
}

unsigned co_delivered(unsigned user, uint64_t id)
{
	const struct account *account = accounts_by_address(&house.spool->accounts, user_of(user));
	struct acts_answer a = {0};
	struct chan_parcel store;
	unsigned count = 0;
	uint64_t last = 0;
	struct err e;

	while (account && !a.last) {
		struct acts_question q = {account->id, last};

		assert_int_equal(
			co_ask_acts(shard_of_user(user)->ours, &q, deadline_in(20000), &store, &a, &e), 0);
		assert_true(find_body(a.acts, id, &count, &last));
		chan_parcel_free(&store);
	}
	return count;
}

/* --- relay and keeper --------------------------------------------------------------------------- */

static void relay_outcome(const struct relay_question *q, struct str address, uint32_t place, struct buf *out)
{
	static const struct {
		const char *name;
		uint8_t result;
		const char *status, *mta, *text;
	} rows[] = {
		{"later", OUTCOME_DEFERRED, "4.2.0", "mx.far.test[192.0.2.1]:25", "450 later"},
		{"no", OUTCOME_BOUNCED, "5.1.1", "mx.far.test[192.0.2.1]:25", "550 5.1.1 no such user"},
		{"", OUTCOME_SENT, "2.0.0", "mx.far.test[192.0.2.1]:25", "250 ok"},
		{"", OUTCOME_DEFERRED, "4.4.1", "", "connect to mx.down.test[192.0.2.2]:25: refused"},
	};
	unsigned row = str_eq(q->domain, STR("down.test")) ? 3 : 0;

	while (row < 2 && !str_starts(address, str_of(rows[row].name)))
		row++;
	if (house.relay.healthy)
		row = 2;
	house.relay.sent += row == 2;
	buf_put_u32(out, place);
	buf_put_u8(out, rows[row].result);
	buf_put_str(out, str_of(rows[row].status));
	buf_put_str(out, str_of(rows[row].mta));
	buf_put_str(out, str_of(rows[row].text));
}

static void keep_text(char *to, size_t size, struct str s)
{
	snprintf(to, size, "%.*s", STR_ARG(s));
}

static void keep_offer(const struct relay_question *q, struct str address)
{
	struct relay_offer *o = &house.relay.last[house.relay.offers++ % 1024];
	ssize_t n = pread(q->file, house.relay.bytes, sizeof(house.relay.bytes) - 1, 0);

	house.relay.bytes[n < 0 ? 0 : n] = 0;
	*o = (struct relay_offer){
		.letter = q->letter, .size = q->size, .smtputf8 = q->smtputf8, .body = q->body};
	keep_text(o->domain, sizeof(o->domain), q->domain);
	keep_text(o->sender, sizeof(o->sender), q->sender);
	keep_text(o->first, sizeof(o->first), address);
}

static void co_on_relay(void *room, struct chan_parcel *p)
{
	struct relay_question q;
	struct buf outcomes;
	bool hang = false, mute = false;
	int64_t ms = 1;

	if (!relay_take(p, &q))
		return;
	struct reader r = reader_of(q.recipients);
	unsigned n = 0;

	buf_init(&outcomes, 73728);
	while (!r.failed && r.rest.n > 0) {
		uint32_t place = read_u32(&r);

		read_u8(&r);
		struct str address = read_str(&r, 1024);

		read_str(&r, 1024);
		ms = str_starts(address, STR("slow")) ? 300 : ms;
		hang |= str_starts(address, STR("hang")) && !house.relay.healthy;
		mute |= str_starts(address, STR("mute")) && !house.relay.healthy;
		if (n++ == 0)
			keep_offer(&q, address);
		if (!hang)
			relay_outcome(&q, address, place, &outcomes);
	}
	house.relay.last[(house.relay.offers - 1) % 1024].recipients = n;
	close(q.file);
	if (++house.relay.open > house.relay.most_open)
		house.relay.most_open = house.relay.open;
	if (hang)
		co_sleep_until(NO_DEADLINE);
	else
		co_sleep_until(deadline_in(ms));
	house.relay.open--;
	struct relay_answer a = {mute ? STR("nonsense") : buf_str(&outcomes)};

	relay_answer(p, &a);
	buf_free(&outcomes);
}

static const struct chan_handler relay_handlers[] = {{MSG_RELAY, co_on_relay}, {0, NULL}};

void relay_start(void)
{
	struct chan_rules rules = {
		.handlers = relay_handlers, .fibers = &house.played, .window = 64, .longest_ms = 120000};

	relay_kill();
	house.relay.ours = chan_new("spool", &rules);
	house.relay.open = 0;
	join_channels(house.relay.ours, house.relay.spools, ++house.relay.processes);
	spool_relay_came(house.spool);
}

void relay_kill(void)
{
	chan_destroy(&house.relay.ours);
}

static void put_target(struct buf *b, uint8_t kind, struct str account)
{
	buf_put_u8(b, kind);
	buf_put_str(b, account);
	buf_put_str(b, account);
}

/* alias@example.test is anna and somebody elsewhere, the users are, others there are not. */
static void co_on_recipient(void *room, struct chan_parcel *p)
{
	struct recipient_question q;
	struct buf targets;

	if (!recipient_take(p, &q))
		return;
	if (house.keeper_deaf) {
		chan_refuse(p, ERR_BUSY, "not now");
		return;
	}
	struct recipient_answer a = {.verdict = RECIPIENT_UNKNOWN};

	buf_init(&targets, 4096);
	for (unsigned i = 0; i < USERS; i++)
		if (str_eq(q.address, user_of(i)))
			put_target(&targets, TARGET_LOCAL, user_of(i));
	if (str_eq(q.address, STR("alias@example.test"))) {
		put_target(&targets, TARGET_LOCAL, user_of(0));
		put_target(&targets, TARGET_REMOTE, STR("ok@far.test"));
	}
	a.targets = buf_str(&targets);
	if (targets.n > 0)
		a.verdict = RECIPIENT_OK;
	else if (!str_ends(q.address, STR("@example.test")))
		a.verdict = RECIPIENT_NOT_OURS;
	recipient_answer(p, &a);
	buf_free(&targets);
}

/* Ann has the right "good", and her address is the sender's. */
static void co_on_sender(void *room, struct chan_parcel *p)
{
	struct sender_question q;
	struct sender_answer a = {.verdict = SENDER_NO_RIGHT};

	if (!sender_take(p, &q))
		return;
	house.senders++;
	if (str_eq(q.right, STR("good")) && str_eq(q.account, STR("ann@example.net")))
		a.verdict = str_eq(q.sender, STR("sender@example.net")) ? SENDER_OK : SENDER_NOT_OWNED;
	sender_answer(p, &a);
}

static const struct chan_handler keeper_handlers[] = {
	{MSG_RECIPIENT, co_on_recipient}, {MSG_SENDER, co_on_sender}, {0, NULL}};

/* --- the gate ----------------------------------------------------------------------------------- */

uint64_t co_new_id(void)
{
	struct chan_parcel store;
	struct lease_question q = {0};
	struct lease_answer a;
	struct err e;

	if (house.ids_left == 0) {
		assert_int_equal(co_ask_lease(house.gate, &q, deadline_in(20000), &store, &a, &e), 0);
		chan_parcel_free(&store);
		assert_true(a.first >= house.next_id);
		house.next_id = a.first;
		house.ids_left = a.count;
	}
	house.ids_left--;
	return house.next_id++;
}

static void make_envelope(struct buf *b, unsigned users)
{
	struct recipient to[USERS + 1] = {0};
	struct envelope env = {
		.reverse_path = STR("sender@example.net"),
		.login = str_of(house.login),
		.received_us = (uint64_t)clock_wall_us(),
		.recipients = to,
	};

	for (unsigned i = 0; i < USERS; i++)
		if (users >> i & 1)
			to[env.recipient_count++] = (struct recipient){
				.address = user_of(i),
				.account = house.accounts[i] ? house.accounts[i] : ACCOUNT_TO_COME};
	/* One more, elsewhere. */
	if (users >> USERS & 1)
		to[env.recipient_count++] = (struct recipient){.address = STR("out@example.org")};
	buf_init(b, 60000);
	envelope_put(b, &env);
	assert_false(buf_failed(b));
}

static void make_ticket(char ticket[TICKET_SIZE], uint64_t number)
{
	memset(ticket, 7, TICKET_SIZE);
	memcpy(ticket, &number, sizeof(number));
}

int co_append(uint64_t ticket, uint64_t id, unsigned users, struct err *e)
{
	static const char letter[] = "Subject: test\r\n\r\nHello.\r\n";
	char bytes[TICKET_SIZE];
	struct chan_parcel store;
	struct append_answer a;
	struct buf envelope;

	make_ticket(bytes, ticket);
	make_envelope(&envelope, users);
	struct append_question q = {.ticket = {bytes, TICKET_SIZE},
				    .letter = id,
				    .right = str_of(house.right),
				    .envelope = buf_str(&envelope),
				    .bytes = str_of(letter),
				    .wide = -1};
	int code = co_ask_append(house.gate, &q, deadline_in(20000), &store, &a, e);

	if (code == 0)
		chan_parcel_free(&store);
	buf_free(&envelope);
	return code;
}

int co_append_wide(uint64_t ticket, uint64_t id, struct str outline, uint32_t say, int wide, struct err *e)
{
	char bytes[TICKET_SIZE];
	struct chan_parcel store;
	struct append_answer a;
	struct buf envelope;

	make_ticket(bytes, ticket);
	make_envelope(&envelope, 1);
	struct append_question q = {.ticket = {bytes, TICKET_SIZE},
				    .letter = id,
				    .envelope = buf_str(&envelope),
				    .outline_size = say,
				    .outline = outline,
				    .bytes = STR("Subject: test\r\n\r\n"),
				    .wide = wide};
	int code = co_ask_append(house.gate, &q, deadline_in(20000), &store, &a, e);

	if (code == 0)
		chan_parcel_free(&store);
	buf_free(&envelope);
	return code;
}

int co_append_memfd(uint64_t ticket, uint64_t id, unsigned users, size_t size, int seals, size_t say,
		    struct err *e)
{
	char bytes[TICKET_SIZE];
	struct chan_parcel store;
	struct append_file_answer a;
	struct buf envelope;
	int file = memfd_create("letter", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(file, (off_t)size), 0);
	assert_int_equal(pwrite(file, "Subject", 7, 0), 7);
	assert_int_equal(pwrite(file, "end", 3, (off_t)size - 3), 3);
	assert_int_equal(fcntl(file, F_ADD_SEALS, seals), 0);
	make_ticket(bytes, ticket);
	make_envelope(&envelope, users);
	struct append_file_question q = {.ticket = {bytes, TICKET_SIZE},
					 .letter = id,
					 .right = str_of(house.right),
					 .size = say,
					 .envelope = buf_str(&envelope),
					 .file = file,
					 .wide = -1};
	int code = co_ask_append_file(house.gate, &q, deadline_in(20000), &store, &a, e);

	if (code == 0)
		chan_parcel_free(&store);
	buf_free(&envelope);
	close(file);
	return code;
}

int co_append_envelope(uint64_t ticket, uint64_t id, const struct envelope *env, struct str letter,
		       struct err *e)
{
	char bytes[TICKET_SIZE];
	struct chan_parcel store;
	struct append_answer a;
	struct buf envelope;

	make_ticket(bytes, ticket);
	buf_init(&envelope, 60000);
	envelope_put(&envelope, env);
	assert_false(buf_failed(&envelope));
	struct append_question q = {.ticket = {bytes, TICKET_SIZE},
				    .letter = id,
				    .envelope = buf_str(&envelope),
				    .bytes = letter,
				    .wide = -1};
	int code = co_ask_append(house.gate, &q, deadline_in(20000), &store, &a, e);

	if (code == 0)
		chan_parcel_free(&store);
	buf_free(&envelope);
	return code;
}

static uint32_t all_open(void)
{
	const struct kept_letter *k;
	size_t at = 0;
	uint32_t open = 0;

	while ((k = nummap_next(&house.spool->letters.map, &at)))
		open += k->open;
	return open;
}

/* What is settled in a group may be refused, or come with a new letter. */
bool co_all_settled(int64_t ms)
{
	int64_t deadline = deadline_in(ms);

	for (;;) {
		if (all_open() == 0)
			co_commit_settled(&house.spool->commit);
		if (all_open() == 0 || clock_ms() > deadline)
			return all_open() == 0;
		co_sleep_until(deadline_in(2));
	}
}

/* --- life ------------------------------------------------------------------------------------------ */

static void open_channels(void)
{
	struct chan_rules spools = {.handlers = spool_handlers,
				    .room = house.spool,
				    .fibers = &house.handlers,
				    .window = DELIVERIES_OPEN,
				    .longest_ms = 3600000};
	struct chan_rules gates = {.window = 256, .fibers = &house.played, .longest_ms = 120000};
	struct chan_rules keepers = {
		.handlers = keeper_handlers, .fibers = &house.played, .longest_ms = 120000};

	house.gate = chan_new("spool", &gates);
	house.gate_spools = chan_new("gate/0", &spools);
	join_channels(house.gate, house.gate_spools, 1);
	house.operator= chan_new("spool", &gates);
	house.operator_spools = chan_new("command", &spools);
	join_channels(house.operator, house.operator_spools, 1);
	house.keeper = chan_new("spool", &keepers);
	house.keeper_spools = chan_new("keeper/0", &spools);
	join_channels(house.keeper, house.keeper_spools, 1);
	spool_set_keeper(house.spool, house.keeper_spools);
	house.relay.spools = chan_new("relay/0", &spools);
	spool_set_relay(house.spool, house.relay.spools);
	for (unsigned i = 0; i < SHARDS; i++) {
		house.shards[i].spools = chan_new("mailbox", &spools);
		spool_set_shard(house.spool, i, house.shards[i].spools);
	}
}

void co_house_start(void)
{
	struct err e;

	fiber_group_init(&house.own, 1000);
	fiber_group_init(&house.handlers, 4096);
	house.spool = spool_new(&house.setup);
	open_channels();
	if (co_spool_start(house.spool, &e) != 0) {
		print_error("%s\n", e.text);
		assert_true(false);
	}
	house.ids_left = 0;
	if (!house.relay_away)
		relay_start();
	for (unsigned i = 0; i < SHARDS; i++)
		assert_int_equal(co_shard_start(i), 0);
}

static void co_house_end(bool in_order)
{
	/* The others hear nothing any more. */
	chan_destroy(&house.gate);
	chan_destroy(&house.operator);
	chan_destroy(&house.keeper);
	for (unsigned i = 0; i < SHARDS; i++)
		chan_destroy(&house.shards[i].ours);
	/* In order, relay ends after spool. */
	if (in_order)
		co_spool_stop(house.spool);
	relay_kill();
	/* What the pool has begun cannot be taken back: the crash comes after it. */
	if (!in_order && house.spool->started)
		co_commit_stop(&house.spool->commit);
	fiber_group_cancel(&house.own);
	fiber_group_cancel(&house.handlers);
	fiber_group_cancel(&house.played);
	assert_int_equal(co_group_join(&house.handlers, NO_DEADLINE), 0);
	assert_int_equal(co_group_join(&house.own, NO_DEADLINE), 0);
	assert_int_equal(co_group_join(&house.played, NO_DEADLINE), 0);
	assert_int_equal(co_group_join(&house.askers, NO_DEADLINE), 0);
	chan_destroy(&house.gate_spools);
	chan_destroy(&house.operator_spools);
	chan_destroy(&house.keeper_spools);
	chan_destroy(&house.relay.spools);
	for (unsigned i = 0; i < SHARDS; i++)
		chan_destroy(&house.shards[i].spools);
	spool_destroy(&house.spool);
}

void co_house_kill(void)
{
	co_house_end(false);
}

void co_house_crash(void)
{
	co_house_end(false);
	co_house_start();
}

void co_house_restart(void)
{
	co_house_end(true);
	co_house_start();
}

struct run {
	fiber_fn *fn;
};

static void run_fiber(void *arg)
{
	co_house_start();
	((struct run *)arg)->fn(NULL);
	co_house_end(true);
	loop_stop();
}

void house_run(fiber_fn *fn, const struct spool_setup *changes)
{
	static const char *const folders[] = {"journal", "volumes", "letters", "spool"};
	struct run run = {fn};
	struct fiber_group main_group;

	memset(&house, 0, sizeof(house));
	assert_int_equal(temp_folder_make(&house.t), 0);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		assert_int_equal(mkdirat(house.t.fd, folders[i], 0700), 0);
	house.io = sysio_real;
	house.io.fdatasync = counting_fdatasync;
	house.io.pwritev = counting_pwritev;
	house.io.fallocate = failing_fallocate;
	house.setup = *changes;
	house.setup.io = &house.io;
	house.setup.data_folder = house.t.fd;
	house.setup.data_path = house.t.path;
	house.setup.fibers = &house.own;
	house.setup.shards = SHARDS;
	loop_init();
	log_open_function(keep_log, NULL, LOG_INFO);
	fiber_group_init(&house.played, 1000);
	fiber_group_init(&house.askers, 1000);
	fiber_group_init(&main_group, 1);
	assert_int_equal(fiber_start(&main_group, run_fiber, &run), 0);
	loop_run();
	log_close();
	loop_end();
	temp_folder_remove(&house.t);
}
