/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mailbox shards say and ask.
 *
 * An act is looked at twice: when it came (is it one, may its shard send it) and when it
 * joins a group (epoch, serial, holds and settles, in the order of the journal):
 *
 *   serial known, same act  -> the first answer (invariant 4)
 *   serial known, another   -> refused as damage: the shard's account must be read anew
 *   epoch not the last one  -> refused: a shard that should be dead sent it
 *   serial with a gap       -> refused
 *   settled already, or not this account's -> refused (invariants 4, 14)
 *   holds a dead letter     -> refused (invariant 5)
 */
#include "spool/acts.h"

#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "spool/core.h"

#include <stdlib.h>

/* Arrays of a decoded act whose entry came in a message. */
#define ARENA_MAX ((size_t)1 << 20)
#define ACTS_MAX 73728 /* the answer's field */
/* With the outline of a letter in front of it. */
#define ENTRY_READ_MAX ((size_t)2 << 20)
#define UNFOLDED_MAX 32768 /* the answer's field */
/* Of the answer for one account, and looked at for one answer: the loop is not held up. */
#define UNFOLDED_ROW_MAX 1024
#define UNFOLDED_LOOK 20000
/* Part head, account, serial: then the epoch. */
#define EPOCH_AT 20
#define EPOCH_SIZE 8

uint32_t act_check(struct str payload)
{
	struct str front = str_head(payload, EPOCH_AT), behind = str_skip(payload, EPOCH_AT + EPOCH_SIZE);

	return crc32c(crc32c(0, front.p, front.n), behind.p, behind.n);
}

struct shard *shard_of_chan(struct spool *s, const struct chan *chan)
{
	for (unsigned i = 0; i < s->setup.shards; i++)
		if (s->shards[i].chan == chan)
			return &s->shards[i];
	return NULL;
}

struct account *account_of_shard(struct spool *s, const struct shard *shard, uint32_t id)
{
	struct account *a = accounts_get(&s->accounts, id);

	return a && shard && &s->shards[shard_of(account_address(a), s->setup.shards)] == shard ? a : NULL;
}

/* --- a shard begins ----------------------------------------------------------------------- */

/* Greater than all before: a position grows with all that is written, a run that gave
 * epochs without writing anything has no act under them, and those in acts are known from
 * the journal and the catalogue. */
static uint64_t next_epoch(struct spool *s)
{
	uint64_t end = journal_end(s->journal);

	s->epoch = s->epoch >= end ? s->epoch + 1 : end;
	return s->epoch;
}

void co_on_shard(void *room, struct chan_parcel *p)
{
	struct spool *s = room;
	struct shard *shard = shard_of_chan(s, p->chan);
	struct shard_question q;

	if (!shard_take(p, &q))
		return;
	if (!shard) {
		chan_refuse(p, ERR_DENIED, "only a mailbox process is a shard");
		return;
	}
	struct shard_answer a = {.epoch = next_epoch(s)};

	shard->epoch = a.epoch;
	shard->process = chan_epoch(p->chan);
	shard->ready = false;
	/* Acts of the process before may still be on their way to the disk: the new one is
	 * to see them in the journal, or never. */
	co_commit_settled(&s->commit);
	if (shard->epoch != a.epoch) {
		chan_refuse(p, ERR_DENIED, "another process of the shard has begun");
		return;
	}
	shard_answer(p, &a);
	deliver_begin(shard);
}

/* --- act ------------------------------------------------------------------------------------ */

static void unsettle_all(struct act_request *a)
{
	while (a->settled > 0) {
		const struct settle *one = &a->act.settles[--a->settled];

		letter_unsettle(letters_get(&a->spool->letters, one->letter), one->recipient);
	}
}

static int settle_all(struct act_request *a, struct err *e)
{
	for (; a->settled < a->act.settle_count; a->settled++) {
		const struct settle *one = &a->act.settles[a->settled];
		struct kept_letter *k = letters_get(&a->spool->letters, one->letter);

		if (!k || one->recipient >= k->recipient_count ||
		    k->accounts[one->recipient] != a->act.account)
			return err_set(e, ERR_DENIED,
				       "the act settles what was not delivered to its account");
		if (letter_settled(k, one->recipient))
			return err_set(e, ERR_EXISTS, "letter %016llX is settled already for recipient %u",
				       (unsigned long long)one->letter, one->recipient);
		/* Dirty from now on, so that it stays in memory until this is decided. */
		letters_touch(&a->spool->letters, k);
		letter_settle(k, one->recipient);
	}
	return 0;
}

/* Holds that are on their way count: an act behind this one in the group may rely on them. */
static void expect_holds(struct act_request *a, int change)
{
	for (uint32_t i = 0; i < a->act.hold_count; i++)
		letters_get(&a->spool->letters, a->act.holds[i])->holds_coming += (uint32_t)change;
}

static int check_holds(const struct act_request *a, struct err *e)
{
	for (uint32_t i = 0; i < a->act.hold_count; i++) {
		const struct kept_letter *k = letters_get(&a->spool->letters, a->act.holds[i]);

		if (!k || letter_dead(k))
			return err_set(e, ERR_NOT_FOUND, "letter %016llX is dead",
				       (unsigned long long)a->act.holds[i]);
	}
	return 0;
}

/* One whose serial is known.  1: the same act again. */
static int check_repeat(const struct act_request *a, struct err *e)
{
	const struct act_ref *ref = account_act(a->account, a->act.serial);

	if (!ref && a->act.serial > account_durable(a->account))
		return err_set(e, ERR_BUSY, "its fate is open");
	if (ref && ref->check == act_check(a->payload))
		return 1;
	return err_set(e, ERR_CORRUPT, "account %u has another act with serial %llu", a->act.account,
		       (unsigned long long)a->act.serial);
}

static int check_new(const struct act_request *a, struct err *e)
{
	if (a->act.epoch != a->shard->epoch)
		return err_set(e, ERR_DENIED, "the act comes with epoch %llu, the shard has %llu",
			       (unsigned long long)a->act.epoch, (unsigned long long)a->shard->epoch);
	if (a->act.serial != a->account->serial + 1)
		return err_set(e, ERR_INVALID, "the act has serial %llu, the last was %llu",
			       (unsigned long long)a->act.serial, (unsigned long long)a->account->serial);
	return 0;
}

int act_admit(struct act_request *a, struct err *e)
{
	/* An account that was refused meanwhile is gone. */
	a->account = account_of_shard(a->spool, a->shard, a->act.account);
	if (!a->account)
		return err_set(e, ERR_DENIED, "account %u is not this shard's", a->act.account);
	return a->act.serial <= a->account->serial ? check_repeat(a, e) : check_new(a, e);
}

static int join_act(struct commit_request *r, struct commit *c, struct err *e)
{
	struct act_request *a = r->arg;
	bool frees = a->act.settle_count > 0 || a->act.hold_count == 0;
	int code = act_admit(a, e);

	if (code == 1)
		return 0;
	/* The holds before the settles: what the act itself settles lives until then. */
	if (code == 0)
		code = check_holds(a, e);
	if (code == 0)
		code = settle_all(a, e);
	if (code == 0)
		code = commit_entry(c, r, a->payload, frees, e);
	if (code) {
		unsettle_all(a);
		return code;
	}
	expect_holds(a, 1);
	a->account->serial++;
	a->joined = true;
	return 0;
}

static void act_accepted(struct commit_request *r, uint64_t position)
{
	struct act_request *a = r->arg;
	struct letters *letters = &a->spool->letters;
	struct act_ref ref = {position, (uint32_t)a->payload.n, act_check(a->payload)};

	if (!a->joined)
		return;
	expect_holds(a, -1);
	account_add_act(a->account, ref);
	for (uint32_t i = 0; i < a->act.hold_count; i++) {
		struct kept_letter *k = letters_get(letters, a->act.holds[i]);

		letter_hold(k, a->act.account);
		letters_touch(letters, k);
	}
}

static void act_refused(struct commit_request *r)
{
	struct act_request *a = r->arg;

	if (!a->joined)
		return;
	expect_holds(a, -1);
	unsettle_all(a);
	a->account->serial--;
	a->joined = false;
}

static const struct commit_kind act_kind = {join_act, act_accepted, act_refused};

/* Letters that it holds and that are not in memory come there, and stay until it is
 * decided.  Those that were never there are refused when it joins. */
static int co_fetch_holds(struct spool *s, const struct act *act, struct kept_letter **pinned, struct err *e)
{
	int code = 0;

	for (uint32_t i = 0; code == 0 && i < act->hold_count; i++) {
		code = co_letter_fetch(s, act->holds[i], &pinned[i], e);
		if (code == ERR_NOT_FOUND)
			code = 0;
	}
	return code;
}

static int co_commit_act(struct spool *s, struct act_request *a, struct err *e)
{
	struct commit_request r = {.kind = &act_kind, .arg = a};
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	struct kept_letter **pinned = calloc(a->act.hold_count + 1, sizeof(*pinned));

	if (!pinned)
		return err_set(e, ERR_MEMORY, "no memory for an act");
	int code = co_fetch_holds(s, &a->act, pinned, e);

	if (code == 0)
		code = co_commit(&s->commit, &r, e);
	for (uint32_t i = 0; i < a->act.hold_count; i++)
		if (pinned[i])
			letters_unpin(&s->letters, pinned[i]);
	free(pinned);
	return code;
}

int act_decode(struct act_request *a, struct arena *arena, struct err *e)
{
	struct reader r = reader_of(a->payload);
	struct part part;

	if (entry_next(&r, arena, &part) != 1 || part.kind != PART_ACT || !reader_done(&r))
		return err_set(e, ERR_INVALID, "this is not one act");
	a->act = part.act;
	if (!account_of_shard(a->spool, a->shard, part.act.account))
		return err_set(e, ERR_DENIED, "account %u is not this shard's", part.act.account);
	if (part.act.send_count > 0)
		return err_set(e, ERR_DENIED, "letters are not sent on");
	return 0;
}

void co_on_act(void *room, struct chan_parcel *p)
{
	struct act_question q;
	struct act_answer answer = {0};
	struct arena arena;
	struct err e;

	if (!act_take(p, &q))
		return;
	struct act_request a = {.spool = room, .shard = shard_of_chan(room, p->chan), .payload = q.entry};

	arena_init(&arena, ARENA_MAX);
	int code = act_decode(&a, &arena, &e);

	if (code == 0)
		code = co_commit_act(room, &a, &e);
	arena_free(&arena);
	if (code)
		chan_refuse(p, code, "%s", e.text);
	else
		act_answer(p, &answer);
}

/* --- acts ------------------------------------------------------------------------------------- */

/* Reads acts back from the journal, in the pool. */
struct acts_job {
	const struct spool *spool;
	struct act_ref *refs;
	size_t count;
	uint64_t first; /* serial of refs[0] */
	struct buf out;
	struct buf entry;
	int code;
	struct err e;
};

/* The act, and where the letter lies that stands in front of it in the entry. */
static int add_body(struct acts_job *j, size_t i)
{
	struct reader r = reader_of(buf_str(&j->entry));
	struct part part = {0};
	struct place place = {0};
	struct arena arena;
	int code = 0;

	arena_init(&arena, ARENA_MAX);
	while (entry_next(&r, &arena, &part) == 1 && part.kind == PART_LETTER)
		place = part.letter.place;
	if (part.kind == PART_ACT) {
		buf_put_u64(&j->out, j->first + i);
		buf_put_u32(&j->out, place.volume);
		buf_put_u64(&j->out, place.offset);
		buf_put_str(&j->out, part.act.body);
	} else
		code = err_set(&j->e, ERR_CORRUPT, "there is no act where one was");
	arena_free(&arena);
	return code;
}

static void read_acts(void *arg)
{
	struct acts_job *j = arg;
	const struct spool *s = j->spool;

	for (size_t i = 0; j->code == 0 && i < j->count; i++) {
		buf_clear(&j->entry);
		j->code = j->refs[i].position == 0
				  ? err_set(&j->e, ERR_CORRUPT, "an act is lost from the journal")
				  : journal_read_entry(s->setup.io, s->journal_folder, &s->journal_key,
						       j->refs[i].position, &j->entry, &j->e);
		if (j->code == 0)
			j->code = add_body(j, i);
	}
}

/* As many from that serial on as fit into one answer: an entry is longer than what of it
 * goes there. */
static size_t choose(const struct account *a, uint64_t first)
{
	size_t n = 0, bytes = 0;

	for (const struct act_ref *ref; (ref = account_act(a, first + n)); n++) {
		bytes += ref->length;
		if (bytes > ACTS_MAX && n > 0)
			break;
	}
	return n;
}

static struct acts_job *acts_job_new(const struct spool *s, const struct account *a, uint64_t first)
{
	struct acts_job *j = calloc(1, sizeof(*j));

	if (!j)
		abort();
	*j = (struct acts_job){.spool = s, .count = choose(a, first), .first = first};
	j->refs = calloc(j->count + 1, sizeof(j->refs[0]));
	if (!j->refs)
		abort();
	for (size_t i = 0; i < j->count; i++)
		j->refs[i] = *account_act(a, first + i);
	buf_init(&j->out, ACTS_MAX);
	buf_init(&j->entry, ENTRY_READ_MAX);
	return j;
}

static void acts_job_destroy(struct acts_job **j)
{
	buf_free(&(*j)->out);
	buf_free(&(*j)->entry);
	free((*j)->refs);
	free(*j);
	*j = NULL;
}

void co_on_acts(void *room, struct chan_parcel *p)
{
	struct spool *s = room;
	struct acts_question q;

	if (!acts_take(p, &q))
		return;
	struct account *a = account_of_shard(s, shard_of_chan(s, p->chan), q.account);

	if (!a) {
		chan_refuse(p, ERR_DENIED, "account %u is not this shard's", q.account);
		return;
	}
	if (q.after + 1 < a->acts_from) {
		chan_refuse(p, ERR_CORRUPT,
			    "account %u asks for acts after %llu, the journal begins with %llu", q.account,
			    (unsigned long long)q.after, (unsigned long long)a->acts_from);
		return;
	}
	struct acts_job *j = acts_job_new(s, a, q.after + 1);

	co_lane_enter(&s->lane);
	co_run_blocking(read_acts, j);
	lane_leave(&s->lane);
	struct acts_answer answer = {.last = q.after + j->count >= account_durable(a),
				     .acts = buf_str(&j->out)};

	if (j->code)
		chan_refuse(p, j->code, "%s", j->e.text);
	else
		acts_answer(p, &answer);
	acts_job_destroy(&j);
}

void co_on_folded(void *room, struct chan_parcel *p)
{
	struct spool *s = room;
	struct folded_note m;

	if (!folded_take(p, &m))
		return;
	struct account *a = account_of_shard(s, shard_of_chan(s, p->chan), m.account);

	if (!a || m.serial <= a->folded || m.serial > account_durable(a))
		return;
	a->folded = m.serial;
	a->dirty = true;
}

void co_on_unfolded(void *room, struct chan_parcel *p)
{
	struct spool *s = room;
	const struct shard *shard = shard_of_chan(s, p->chan);
	struct unfolded_question q;
	struct buf b;

	if (!unfolded_take(p, &q))
		return;
	uint32_t id = q.after, end = s->accounts.next_id;

	buf_init(&b, UNFOLDED_MAX);
	for (unsigned n = 0; n < UNFOLDED_LOOK && b.n + UNFOLDED_ROW_MAX <= UNFOLDED_MAX && id < end; n++) {
		const struct account *a = account_of_shard(s, shard, ++id);

		if (!a || a->ended || account_first_unfolded(a) == UINT64_MAX)
			continue;
		buf_put_u32(&b, a->id);
		buf_put_str(&b, account_address(a));
	}
	struct unfolded_answer answer = {.next = id < end ? id : 0, .accounts = buf_str(&b)};

	unfolded_answer(p, &answer);
	buf_free(&b);
}
