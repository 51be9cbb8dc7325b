/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper room (see keeper.h).
 *
 * 1. Settings are read at each question, so a switch holds from the next one on.
 * 2. No look-up waits between getting the tables and its answer: new tables may free them.
 * 3. A connection is counted for its client in `limits` and for the gate that has it in
 *    that gate's visitors; a gate that dies gives back what it had.
 */
#include "keeper/keeper.h"

#include "base/clock.h"
#include "keeper/judge.h"
#include "keeper/limits.h"
#include "keeper/login.h"
#include "keeper/rights.h"
#include "keeper/tables.h"
#include "keeper/visitors.h"
#include "net/log.h"
#include "net/messages.h"
#include "net/services.h"
#include "run/walls.h"
#include "store/shards.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define QUESTIONS_MAX 1024
/* Clients that are counted at a time: 56 bytes each. */
#define CLIENTS_COUNTED 32768
/* Channels that report connections: the gates. */
#define REPORTERS_MAX 64
/* What the answer to `recipient` holds. */
#define TARGETS_MAX 60000
#define ACCOUNT_MAX 512
/* Logins that are remembered as good. */
#define LOGINS_KNOWN 4096
#define EXPECT_MS 5000

struct reporter {
	const struct chan *chan; /* NULL: this place is free */
	struct visitors *visitors;
};

struct keeper {
	struct role *role;
	struct siphash_key key;
	struct limits *limits;
	struct reporter reporters[REPORTERS_MAX];
	struct tables tables;
	struct login_desk desk;
};

/* --- connections ------------------------------------------------------------------------- */

/* IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2). */
static bool take_address(struct str bytes, uint8_t out[16])
{
	static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};

	if (bytes.n != 4 && bytes.n != 16)
		return false;
	memcpy(out, mapped, sizeof(mapped));
	memcpy(out + 16 - bytes.n, bytes.p, bytes.n);
	return true;
}

static struct reporter *find_reporter(struct keeper *k, const struct chan *c)
{
	for (size_t i = 0; i < REPORTERS_MAX; i++)
		if (k->reporters[i].chan == c)
			return &k->reporters[i];
	return NULL;
}

static bool keep_visitor(struct keeper *k, const struct chan *c, const uint8_t address[16])
{
	struct reporter *r = find_reporter(k, c);

	if (!r) {
		r = find_reporter(k, NULL);
		if (!r || !(r->visitors = visitors_new(k->key)))
			return false;
		r->chan = c;
	}
	return visitors_add(r->visitors, address);
}

/* What cannot be kept for its gate is let in without being counted: it would stay
 * counted for ever when the gate dies. */
static bool let_in(struct keeper *k, const struct chan *c, const uint8_t address[16])
{
	unsigned ceiling = (unsigned)settings_number(role_settings(k->role), SET_CONNECTIONS_PER_ADDRESS);

	if (!limits_connect(k->limits, address, ceiling, clock_ms()))
		return false;
	if (!keep_visitor(k, c, address))
		limits_disconnect(k->limits, address);
	return true;
}

static void co_on_connect(void *state, struct chan_parcel *p)
{
	struct keeper *k = state;
	struct connect_question q;
	struct connect_answer a = {0};
	uint8_t address[16];

	if (!connect_take(p, &q))
		return;
	if (!take_address(q.address, address))
		chan_refuse(p, ERR_INVALID, "an address has 4 or 16 bytes");
	else if (!chan_asker_lives(p))
		chan_refuse(p, ERR_CLOSED, "whoever asked is gone");
	else {
		a.verdict = !let_in(k, p->chan, address);
		connect_answer(p, &a);
	}
}

static void co_on_left(void *state, struct chan_parcel *p)
{
	struct keeper *k = state;
	struct left_note m;
	uint8_t address[16];

	if (!left_take(p, &m) || !take_address(m.address, address) || !chan_asker_lives(p))
		return;
	struct reporter *r = find_reporter(k, p->chan);

	if (r && visitors_remove(r->visitors, address))
		limits_disconnect(k->limits, address);
}

static void asker_gone(void *state, struct chan *c)
{
	struct keeper *k = state;
	struct reporter *r = find_reporter(k, c);
	uint8_t address[16];

	if (!r)
		return;
	while (visitors_take(r->visitors, address))
		limits_disconnect(k->limits, address);
	visitors_destroy(&r->visitors);
	r->chan = NULL;
}

/* --- recipients ---------------------------------------------------------------------------- */

static struct directory directory_of(const struct keeper *k)
{
	const struct settings *s = role_settings(k->role);

	return (struct directory){
		.accounts = k->tables.accounts,
		.aliases = k->tables.aliases,
		.hostname = settings_text(s, SET_HOSTNAME),
		.delimiters = settings_text(s, SET_RECIPIENT_DELIMITER),
		.postmaster = settings_text(s, SET_POSTMASTER_ADDRESS),
		.catch_all_takes_all = settings_bool(s, SET_CATCH_ALL_TAKES_ALL),
	};
}

/* Gates may ask before the first tables are read. */
static bool co_have_tables(const struct keeper *k, int64_t deadline)
{
	while (!k->tables.accounts && clock_ms() < deadline && co_sleep_until(deadline_in(5)) == ERR_OK)
		;
	return k->tables.accounts != NULL;
}

static void co_on_recipient(void *state, struct chan_parcel *p)
{
	struct keeper *k = state;
	struct recipient_question q;
	struct buf targets;

	if (!recipient_take(p, &q))
		return;
	if (!co_have_tables(k, p->deadline)) {
		chan_refuse(p, ERR_BUSY, "the tables are not read yet");
		return;
	}
	buf_init(&targets, TARGETS_MAX);
	struct directory d = directory_of(k);
	struct recipient_answer a = {.verdict = (uint8_t)judge_recipient(&d, q.address, &targets)};

	a.targets = buf_str(&targets);
	recipient_answer(p, &a);
	buf_free(&targets);
}

/* --- logins -------------------------------------------------------------------------------- */

/* Tells the account's shard who will come, under a number that nobody can guess. */
static bool co_announce(const struct keeper *k, uint8_t service, struct login_answer *a)
{
	unsigned shard = shard_of(a->account, (unsigned)settings_number(role_settings(k->role), SET_SHARDS));
	struct chan *mailbox = role_neighbour(k->role, ROOM_MAILBOX, shard);
	struct expect_question q = {.service = service, .account = a->account};
	struct expect_answer yes;
	struct chan_parcel store;
	struct err e;

	if (getrandom(&q.session, sizeof(q.session), 0) != sizeof(q.session) || !mailbox)
		return false;
	if (co_ask_expect(mailbox, &q, deadline_in(EXPECT_MS), &store, &yes, &e) != 0) {
		log_line(LOG_WARNING, "%s takes no session: %s", chan_name(mailbox), e.text);
		return false;
	}
	chan_parcel_free(&store);
	a->session = q.session;
	a->shard = (uint16_t)shard;
	return true;
}

static int64_t now_s(void)
{
	return clock_wall_us() / 1000000;
}

static struct str right_key(const struct keeper *k)
{
	return role_file(k->role, "right_key");
}

/* What follows a good login: a session at a shard, or the right to submit. */
static bool co_admit(const struct keeper *k, uint8_t service, uint8_t right[RIGHT_SIZE],
		     struct login_answer *a)
{
	if (service != SERVICE_SUBMISSION && service != SERVICE_SUBMISSIONS)
		return co_announce(k, service, a);
	if (!right_make(right_key(k), a->account, now_s(), right))
		return false;
	a->right = (struct str){(const char *)right, RIGHT_SIZE};
	return true;
}

static void co_answer_login(struct keeper *k, struct chan_parcel *p, const struct login_question *q,
			    struct login_attempt *attempt)
{
	struct login_answer a = {0};
	uint8_t right[RIGHT_SIZE];
	struct buf account;

	buf_init(&account, ACCOUNT_MAX);
	a.verdict = (uint8_t)co_login_judge(&k->desk, attempt, &account);
	a.account = buf_str(&account);
	if (a.verdict == LOGIN_YES && !co_admit(k, q->service, right, &a))
		a = (struct login_answer){.verdict = LOGIN_LATER};
	login_answer(p, &a);
	buf_free(&account);
}

static void co_on_login(void *state, struct chan_parcel *p)
{
	struct keeper *k = state;
	struct login_question q;
	struct login_attempt attempt;

	if (!login_take(p, &q))
		return;
	if (!take_address(q.address, attempt.address))
		chan_refuse(p, ERR_INVALID, "an address has 4 or 16 bytes");
	else if (!co_have_tables(k, p->deadline))
		chan_refuse(p, ERR_BUSY, "the tables are not read yet");
	else {
		attempt.login = q.login;
		attempt.password = q.password;
		attempt.deadline = p->deadline;
		co_answer_login(k, p, &q, &attempt);
	}
}

/* --- senders ------------------------------------------------------------------------------- */

static enum sender_verdict judge_right_and_sender(const struct keeper *k, const struct sender_question *q)
{
	struct directory d = directory_of(k);

	if (!right_holds(right_key(k), q->account, q->right, now_s()) ||
	    !accounts_find(d.accounts, q->account))
		return SENDER_NO_RIGHT;
	if (!settings_bool(role_settings(k->role), SET_SPOOF_PROTECTION))
		return SENDER_OK;
	return judge_sender(&d, q->account, q->sender) ? SENDER_OK : SENDER_NOT_OWNED;
}

static void co_on_sender(void *state, struct chan_parcel *p)
{
	struct keeper *k = state;
	struct sender_question q;

	if (!sender_take(p, &q))
		return;
	if (!co_have_tables(k, p->deadline)) {
		chan_refuse(p, ERR_BUSY, "the tables are not read yet");
		return;
	}
	struct sender_answer a = {.verdict = (uint8_t)judge_right_and_sender(k, &q)};

	sender_answer(p, &a);
}

static const struct chan_handler handlers[] = {{MSG_CONNECT, co_on_connect},     {MSG_LEFT, co_on_left},
					       {MSG_RECIPIENT, co_on_recipient}, {MSG_LOGIN, co_on_login},
					       {MSG_SENDER, co_on_sender},       {0, NULL}};

/* --- life ------------------------------------------------------------------------------------ */

static void take_table(struct role *role, void *state, uint32_t number, unsigned table, int fd)
{
	struct keeper *k = state;

	(void)role;
	tables_keep(&k->tables, number, table, fd);
}

static int co_take_tables(struct role *role, void *state, uint32_t number, struct err *e)
{
	struct keeper *k = state;

	(void)role;
	return co_tables_take(&k->tables, number, e);
}

static int warm_up(struct role *role, void **state, struct err *e)
{
	struct keeper *k = calloc(1, sizeof(*k));

	if (!k)
		return err_set(e, ERR_MEMORY, "no memory");
	*state = k;
	k->role = role;
	tables_init(&k->tables);
	if (getrandom(&k->key, sizeof(k->key), 0) != sizeof(k->key))
		return err_errno(e, "no random bytes");
	k->limits = limits_new(CLIENTS_COUNTED, k->key);
	k->desk = (struct login_desk){.tables = &k->tables,
				      .limits = k->limits,
				      .verified = logins_new(LOGINS_KNOWN),
				      .queue.threads = walls_of(ROOM_KEEPER)->threads,
				      .hold_ms = LOGIN_HOLD_MS};
	return k->limits && k->desk.verified ? ERR_OK : err_set(e, ERR_MEMORY, "no memory for clients");
}

static void free_state(void *state)
{
	struct keeper *k = state;

	if (!k)
		return;
	for (size_t i = 0; i < REPORTERS_MAX; i++)
		visitors_destroy(&k->reporters[i].visitors);
	logins_destroy(&k->desk.verified);
	limits_destroy(&k->limits);
	tables_free(&k->tables);
	explicit_bzero(&k->key, sizeof(k->key));
	free(k);
}

const struct room_ops keeper_room = {
	.room = ROOM_KEEPER,
	.handlers = handlers,
	.handlers_max = QUESTIONS_MAX,
	.warm_up = warm_up,
	.take_table = take_table,
	.co_take_tables = co_take_tables,
	.asker_gone = asker_gone,
	.free_state = free_state,
};
