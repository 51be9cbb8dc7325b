/* SPDX-License-Identifier: Apache-2.0 */
/*
 * append, append_file: a letter is accepted.
 *
 *   checked -> submitted? keeper knows the right
 *           -> ticket known? -> the first answer again
 *           -> 256 KiB and more: into a file of its own, synced (invariant 11)
 *           -> joins a group: ticket, id and accounts once more, place, entry
 *           -> durable -> deliveries, answer
 */
#include "spool/append.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "spool/arrival.h"
#include "net/verdicts.h"
#include "spool/core.h"
#include "spool/incoming.h"

#include <string.h>
#include <unistd.h>

#define ARENA_MAX ((size_t)1 << 20)
/* An outline, an envelope and its accounts. */
#define ENTRY_PUT_MAX ((size_t)2 << 20)
/* What a deliver message takes for an address. */
#define DELIVER_ADDRESS_MAX 512
/* What a sender message takes for an account. */
#define ACCOUNT_ASKED_MAX 512
#define KEEPER_MS 5000

/* An append in hand. */
struct append {
	struct spool *spool;
	struct letter letter;
	struct incoming in;
	struct incoming_outline outline;
	struct arena arena;
	struct buf entry;
	struct account **made; /* accounts that this letter gave ids to */
	uint32_t made_count;
	bool joined; /* it is new and in the group */
};

/* --- joining a group --------------------------------------------------------------------- */

static void take_back(struct append *a)
{
	struct spool *s = a->spool;

	while (a->made_count > 0) {
		struct account *account = a->made[--a->made_count];

		for (uint32_t i = 0; i < a->letter.envelope.recipient_count; i++)
			if (a->letter.envelope.recipients[i].account == account->id)
				a->letter.envelope.recipients[i].account = ACCOUNT_TO_COME;
		accounts_remove(&s->accounts, account);
	}
}

/* Gives ids to local recipients without one, in the letter's own entry. */
static int give_accounts(struct append *a, struct err *e)
{
	struct accounts *accounts = &a->spool->accounts;

	for (uint32_t i = 0; i < a->letter.envelope.recipient_count; i++) {
		struct recipient *to = &a->letter.envelope.recipients[i];

		if (to->account == 0)
			continue;
		if (to->account != ACCOUNT_TO_COME) {
			const struct account *account = accounts_get(accounts, to->account);

			if (!account || account->ended)
				return err_set(e, ERR_NOT_FOUND, "there is no account %u", to->account);
			continue;
		}
		struct account *account = accounts_by_address(accounts, to->address);

		if (!account) {
			account = accounts_add(accounts, accounts->next_id, to->address, 0);
			a->made[a->made_count++] = account;
			struct part part = {
				.kind = PART_ACCOUNT,
				.account = {.id = account->id, .address = account_address(account)}};

			entry_put(&a->entry, &part);
		}
		to->account = account->id;
	}
	return 0;
}

static int put_entry(struct append *a, struct commit_request *r, struct commit *c, struct err *e)
{
	struct part part = {.kind = PART_LETTER, .letter = a->letter};

	entry_put(&a->entry, &part);
	if (buf_failed(&a->entry))
		return err_set(e, ERR_TOO_BIG, "the envelope and outline fit into no entry");
	return commit_entry(c, r, buf_str(&a->entry), false, e);
}

static int join_new(struct append *a, struct commit_request *r, struct commit *c, struct err *e)
{
	const struct letter *l = &a->letter;
	const struct record record = {l->id, l->length, l->stored, l->crc, l->transform};

	buf_clear(&a->entry);
	/* Refused before its bytes are in the volume's batch, which would outlive them. */
	int code = give_accounts(a, e);

	if (code == 0 && !a->in.own_file)
		code = commit_letter(c, &record, a->in.bytes, &a->letter.place, e);
	if (code == 0)
		code = put_entry(a, r, c, e);
	if (code) {
		take_back(a);
		return code;
	}
	tickets_add(&a->spool->tickets, l->ticket, l->id);
	leases_use(&a->spool->leases, l->id, true);
	a->joined = true;
	return 0;
}

static int join(struct commit_request *r, struct commit *c, struct err *e)
{
	struct append *a = r->arg;
	struct spool *s = a->spool;
	uint64_t known = tickets_find(&s->tickets, a->letter.ticket);

	if (known && known != a->letter.id)
		return err_set(e, ERR_INVALID, "this ticket belongs to another letter");
	if (known)
		return 0;
	int code = incoming_check_lease(&a->in, e);

	return code ? code : join_new(a, r, c, e);
}

static void accepted(struct commit_request *r, uint64_t position)
{
	struct append *a = r->arg;

	if (a->joined)
		letter_arrived(a->spool, &a->letter, position, buf_str(&a->entry));
}

static void refused(struct commit_request *r)
{
	struct append *a = r->arg;

	if (!a->joined)
		return;
	tickets_remove(&a->spool->tickets, a->letter.ticket);
	leases_use(&a->spool->leases, a->letter.id, false);
	take_back(a);
	a->joined = false;
}

static const struct commit_kind append_kind = {join, accepted, refused};

/* --- what came ---------------------------------------------------------------------------- */

static int check_recipients(const struct envelope *env, struct err *e)
{
	if (env->recipient_count == 0)
		return err_set(e, ERR_INVALID, "a letter without recipients");
	if (env->reverse_path.n > DELIVER_ADDRESS_MAX)
		return err_set(e, ERR_TOO_BIG, "the sender's address is too long");
	for (uint32_t i = 0; i < env->recipient_count; i++)
		if (env->recipients[i].address.n > DELIVER_ADDRESS_MAX)
			return err_set(e, ERR_TOO_BIG, "a recipient's address is too long");
	return 0;
}

static int decode(struct append *a, struct str ticket, struct str envelope, struct err *e)
{
	struct reader r = reader_of(envelope);

	if (ticket.n != TICKET_SIZE || !letter_id_valid(a->letter.id))
		return err_set(e, ERR_INVALID, "not a ticket, or not a letter id");
	memcpy(a->letter.ticket, ticket.p, TICKET_SIZE);
	a->letter.outline = a->outline.bytes;
	envelope_get(&r, &a->arena, &a->letter.envelope);
	if (!reader_done(&r))
		return err_set(e, ERR_INVALID, "the envelope cannot be read");
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	a->made = arena_calloc(&a->arena, a->letter.envelope.recipient_count + 1, sizeof(a->made[0]));
	if (!a->made)
		return err_set(e, ERR_MEMORY, "no memory for the envelope");
	return check_recipients(&a->letter.envelope, e);
}

/* A letter that names a login is believed only with the right of that login, which keeper gave:
 * gate vouches for nobody. */
static int co_check_right(struct append *a, struct str right, struct err *e)
{
	const struct envelope *env = &a->letter.envelope;
	struct sender_question q = {.account = env->login, .right = right, .sender = env->reverse_path};
	struct sender_answer answer;
	struct chan_parcel store;

	if (env->login.n == 0)
		return 0;
	if (!a->spool->keeper || env->login.n > ACCOUNT_ASKED_MAX)
		return err_set(e, ERR_DENIED, "nobody knows the login of this letter");
	int code = co_ask_sender(a->spool->keeper, &q, deadline_in(KEEPER_MS), &store, &answer, e);

	if (code)
		return code;
	chan_parcel_free(&store);
	return answer.verdict == SENDER_OK ? 0
					   : err_set(e, ERR_DENIED, "<%.*s> has no right to send as <%.*s>",
						     STR_ARG(env->login), STR_ARG(env->reverse_path));
}

static int co_store(struct append *a, struct err *e)
{
	struct commit_request r = {.kind = &append_kind, .arg = a};

	incoming_describe(&a->in, &a->letter);
	return co_commit(&a->spool->commit, &r, e);
}

static void append_init(struct append *a, struct spool *s, uint64_t id)
{
	*a = (struct append){.spool = s, .letter = {.id = id}};
	arena_init(&a->arena, ARENA_MAX);
	buf_init(&a->entry, ENTRY_PUT_MAX);
}

static void append_free(struct append *a)
{
	incoming_outline_free(&a->outline);
	buf_free(&a->entry);
	arena_free(&a->arena);
}

static bool known(const struct append *a)
{
	return tickets_find(&a->spool->tickets, a->letter.ticket) != 0;
}

/* What both questions say of a letter beside its bytes. */
struct append_front {
	struct str ticket, envelope, right, outline;
	uint32_t outline_size;
	int wide;
};

/* Takes wide over. */
static int co_take_front(struct append *a, const struct append_front *f, struct err *e)
{
	int code = incoming_outline_take(&a->outline, f->outline, f->outline_size, f->wide, e);

	if (code == 0)
		code = decode(a, f->ticket, f->envelope, e);
	return code ? code : co_check_right(a, f->right, e);
}

void co_on_append(void *room, struct chan_parcel *p)
{
	struct append_question q;
	struct append_answer answer = {0};
	struct append a;
	struct err e;

	if (!append_take(p, &q))
		return;
	append_init(&a, room, q.letter);
	const struct append_front front = {q.ticket, q.envelope, q.right, q.outline, q.outline_size, q.wide};
	int code = co_take_front(&a, &front, &e);

	if (code == 0)
		code = incoming_claim(&a.in, room, p->chan, q.letter, q.bytes.n, &e);
	if (code == 0) {
		incoming_take(&a.in, q.bytes);
		if (!known(&a))
			code = co_incoming_check_id(&a.in, &e);
		if (code == 0)
			code = co_store(&a, &e);
		incoming_end(&a.in);
	}
	if (code)
		chan_refuse(p, code, "%s", e.text);
	else
		append_answer(p, &answer);
	append_free(&a);
}

/* A known letter must not be written again: its file may be in use. */
static int co_store_file(struct append *a, int file, struct err *e)
{
	int code = 0;

	if (known(a))
		return co_store(a, e);
	code = co_incoming_check_id(&a->in, e);
	if (code == 0)
		code = co_incoming_read(&a->in, file, e);
	if (code)
		return code;
	code = co_store(a, e);
	if (code)
		co_incoming_drop(&a->in);
	return code;
}

void co_on_append_file(void *room, struct chan_parcel *p)
{
	struct append_file_question q;
	struct append_file_answer answer = {0};
	struct append a;
	struct err e;

	if (!append_file_take(p, &q))
		return;
	append_init(&a, room, q.letter);
	const struct append_front front = {q.ticket, q.envelope, q.right, q.outline, q.outline_size, q.wide};
	int code = co_take_front(&a, &front, &e);

	if (code == 0)
		code = sealed_check(q.file, q.size, &e);
	if (code == 0)
		code = incoming_claim(&a.in, room, p->chan, q.letter, q.size, &e);
	if (code == 0) {
		code = co_store_file(&a, q.file, &e);
		incoming_end(&a.in);
	}
	if (code)
		chan_refuse(p, code, "%s", e.text);
	else
		append_file_answer(p, &answer);
	close(q.file);
	append_free(&a);
}
