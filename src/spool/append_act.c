/* SPDX-License-Identifier: Apache-2.0 */
/*
 * append_act: a letter and the act that files it, in one entry.
 *
 *   checked -> bytes in memory or in a file of its own -> joins a group: the act as any other
 *           (acts.c), the id's lease, place, one entry of two parts -> durable -> held, answer
 *
 * The letter has no recipients and no ticket: what is sent again is known by its act's
 * serial, and is then answered with the letter's place and touches nothing.
 */
#include "spool/append_act.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "net/messages.h"
#include "spool/acts.h"
#include "spool/core.h"
#include "spool/incoming.h"

#include <unistd.h>

#define ARENA_MAX ((size_t)1 << 20)
#define ENTRY_PUT_MAX ((size_t)2 << 20)

struct append_act {
	struct act_request act;
	struct letter letter;
	struct incoming in;
	struct incoming_outline outline;
	struct buf entry;
	bool repeat; /* the letter is there: only its act may answer for it */
};

/* --- joining a group ------------------------------------------------------------------------ */

static int put_entry(struct append_act *a, struct commit_request *r, struct commit *c, struct err *e)
{
	struct part part = {.kind = PART_LETTER, .letter = a->letter};

	buf_clear(&a->entry);
	entry_put(&a->entry, &part);
	buf_add_str(&a->entry, a->act.payload);
	if (buf_failed(&a->entry))
		return err_set(e, ERR_TOO_BIG, "the outline fits into no entry");
	return commit_entry(c, r, buf_str(&a->entry), false, e);
}

static int join_new(struct append_act *a, struct commit_request *r, struct commit *c, struct err *e)
{
	const struct letter *l = &a->letter;
	const struct record record = {l->id, l->length, l->stored, l->crc, l->transform};
	int code = incoming_check_lease(&a->in, e);

	if (code == 0 && !a->in.own_file)
		code = commit_letter(c, &record, a->in.bytes, &a->letter.place, e);
	if (code == 0)
		code = put_entry(a, r, c, e);
	if (code)
		return code;
	leases_use(&a->act.spool->leases, l->id, true);
	a->act.account->serial++;
	a->act.joined = true;
	return 0;
}

static int join(struct commit_request *r, struct commit *c, struct err *e)
{
	struct append_act *a = r->arg;
	int code = act_admit(&a->act, e);

	if (code)
		return code == 1 ? 0 : code;
	if (a->repeat)
		return err_set(e, ERR_INVALID, "this letter id is in use");
	return join_new(a, r, c, e);
}

static void accepted(struct commit_request *r, uint64_t position)
{
	struct append_act *a = r->arg;
	struct letters *letters = &a->act.spool->letters;
	const struct str payload = a->act.payload;

	if (!a->act.joined)
		return;
	struct kept_letter *k = letters_add(letters, a->letter.id, 0);

	k->position = position;
	k->place = a->letter.place;
	k->stored = a->letter.stored;
	letter_hold(k, a->act.act.account);
	letters_touch(letters, k);
	account_add_act(a->act.account, (struct act_ref){position, (uint32_t)payload.n, act_check(payload)});
}

static void refused(struct commit_request *r)
{
	struct append_act *a = r->arg;

	if (!a->act.joined)
		return;
	leases_use(&a->act.spool->leases, a->letter.id, false);
	a->act.account->serial--;
	a->act.joined = false;
}

static const struct commit_kind append_act_kind = {join, accepted, refused};

/* --- what came --------------------------------------------------------------------------------- */

static int decode(struct append_act *a, const struct append_act_question *q, struct arena *arena,
		  struct err *e)
{
	const struct act *act = &a->act.act;
	int code = act_decode(&a->act, arena, e);

	if (code)
		return code;
	if (act->hold_count != 1 || act->holds[0] != q->letter || act->settle_count > 0)
		return err_set(e, ERR_INVALID, "the act is not about this letter alone");
	a->letter.id = q->letter;
	a->letter.envelope.received_us = (uint64_t)clock_wall_us();
	a->letter.outline = a->outline.bytes;
	return sealed_check(q->file, q->size, e);
}

/* --- storing ---------------------------------------------------------------------------------------- */

static int co_store(struct append_act *a, struct err *e)
{
	struct commit_request r = {.kind = &append_act_kind, .arg = a};

	incoming_describe(&a->in, &a->letter);
	return co_commit(&a->act.spool->commit, &r, e);
}

/* A letter that is there must not be written again: its file may be in use. */
static int co_store_bytes(struct append_act *a, int file, struct err *e)
{
	struct spool *s = a->act.spool;
	struct kept_letter *k;
	int code = co_letter_fetch(s, a->letter.id, &k, e);

	if (code == 0) {
		a->repeat = true;
		code = co_store(a, e);
		a->letter.place = k->place;
		letters_unpin(&s->letters, k);
		return code;
	}
	if (code == ERR_NOT_FOUND)
		code = incoming_check_lease(&a->in, e);
	if (code == 0)
		code = co_incoming_read(&a->in, file, e);
	if (code)
		return code;
	code = co_store(a, e);
	if (code)
		co_incoming_drop(&a->in);
	return code;
}

static int co_append(struct append_act *a, const struct append_act_question *q, const void *who,
		     struct err *e)
{
	struct arena arena;

	arena_init(&arena, ARENA_MAX);
	buf_init(&a->entry, ENTRY_PUT_MAX);
	int code = incoming_outline_take(&a->outline, q->outline, q->outline_size, q->wide, e);

	if (code == 0)
		code = decode(a, q, &arena, e);
	if (code == 0)
		code = incoming_claim(&a->in, a->act.spool, who, q->letter, q->size, e);
	if (code == 0) {
		code = co_store_bytes(a, q->file, e);
		incoming_end(&a->in);
	}
	incoming_outline_free(&a->outline);
	buf_free(&a->entry);
	arena_free(&arena);
	return code;
}

void co_on_append_act(void *room, struct chan_parcel *p)
{
	struct append_act_question q;
	struct err e;

	if (!append_act_take(p, &q))
		return;
	struct append_act a = {
		.act = {.spool = room, .shard = shard_of_chan(room, p->chan), .payload = q.entry}};
	int code = co_append(&a, &q, p->chan, &e);
	struct append_act_answer answer = {.volume = a.letter.place.volume, .offset = a.letter.place.offset};

	if (code)
		chan_refuse(p, code, "%s", e.text);
	else
		append_act_answer(p, &answer);
	close(q.file);
}
