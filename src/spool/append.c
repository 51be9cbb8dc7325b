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
#include "net/verdicts.h"
#include "spool/core.h"
#include "store/letter_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_MAX ((size_t)1 << 20)
/* An outline, an envelope and its accounts. */
#define ENTRY_PUT_MAX ((size_t)2 << 20)
#define READ_STEP ((size_t)256 << 10)
/* What a deliver message takes for an address. */
#define DELIVER_ADDRESS_MAX 512
/* What a sender message takes for an account. */
#define ACCOUNT_ASKED_MAX 512
#define KEEPER_MS 5000

/* An append in hand. */
struct append {
	struct spool *spool;
	const void *gate;
	struct letter letter;
	struct str bytes; /* what the volume is to take; empty when it has its own file */
	bool own_file;
	struct arena arena;
	struct buf entry;
	void *wide; /* a large outline, mapped */
	size_t wide_n;
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
	int code = give_accounts(a, e);

	if (code)
		return code;
	entry_put(&a->entry, &part);
	if (buf_failed(&a->entry))
		return err_set(e, ERR_TOO_BIG, "the envelope and outline fit into no entry");
	return commit_entry(c, r, buf_str(&a->entry), false, e);
}

static int join_new(struct append *a, struct commit_request *r, struct commit *c, struct err *e)
{
	const struct letter *l = &a->letter;
	const struct record record = {l->id, l->length, l->stored, l->crc, l->transform};
	int code = 0;

	buf_clear(&a->entry);
	if (!a->own_file)
		code = commit_letter(c, &record, a->bytes, &a->letter.place, e);
	if (code)
		return code;
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
	if (leases_look(&s->leases, a->gate, a->letter.id) == LEASE_WRONG)
		return err_set(e, ERR_DENIED, "this letter id is not leased to the gate, or in use");
	return join_new(a, r, c, e);
}

static void log_accepted(const struct letter *l)
{
	char id[LETTER_ID_SIZE];

	letter_id_format(l->id, id);
	log_line(LOG_INFO, "%s: from=<%.*s>, size=%llu, nrcpt=%u", id, STR_ARG(l->envelope.reverse_path),
		 (unsigned long long)l->length, l->envelope.recipient_count);
}

static void accepted(struct commit_request *r, uint64_t position)
{
	struct append *a = r->arg;
	struct letters *letters = &a->spool->letters;
	const struct letter *l = &a->letter;

	if (!a->joined)
		return;
	struct kept_letter *k = letters_add(letters, l->id, l->envelope.recipient_count);

	k->position = position;
	k->place = l->place;
	k->stored = l->stored;
	for (uint32_t i = 0; i < k->recipient_count; i++)
		k->accounts[i] = l->envelope.recipients[i].account;
	letters_touch(letters, k);
	letters_cache(letters, k, buf_str(&a->entry), false);
	log_accepted(l);
	deliver_letter(a->spool, k);
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
	for (uint32_t i = 0; i < env->recipient_count; i++) {
		if (env->recipients[i].account == 0)
			return err_set(e, ERR_DENIED, "<%.*s> is not here, and letters are not sent on",
				       STR_ARG(env->recipients[i].address));
		if (env->recipients[i].address.n > DELIVER_ADDRESS_MAX)
			return err_set(e, ERR_TOO_BIG, "a recipient's address is too long");
	}
	return 0;
}

/* What a message holds, or a sealed memory file, which stays mapped as long as a.  Takes wide over. */
static int take_outline(struct append *a, struct str outline, uint32_t size, int wide, struct err *e)
{
	int code = 0;

	a->letter.outline = outline;
	if (wide < 0)
		return outline.n == size ? 0 : err_set(e, ERR_INVALID, "the outline has another size");
	if (size == 0 || size > ENTRY_OUTLINE_MAX || outline.n > 0)
		code = err_set(e, ERR_INVALID, "the outline has another size");
	else if ((code = sealed_check(wide, size, e)) == 0) {
		void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, wide, 0);

		if (map == MAP_FAILED)
			code = err_errno(e, "cannot read the outline's memory file");
		else {
			a->wide = map;
			a->wide_n = size;
			a->letter.outline = (struct str){map, size};
		}
	}
	close(wide);
	return code;
}

static int decode(struct append *a, struct str ticket, struct str envelope, struct err *e)
{
	struct reader r = reader_of(envelope);

	if (ticket.n != TICKET_SIZE || !letter_id_valid(a->letter.id))
		return err_set(e, ERR_INVALID, "not a ticket, or not a letter id");
	memcpy(a->letter.ticket, ticket.p, TICKET_SIZE);
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

/* An id of a run before is good when no letter has it. */
static int co_check_id(struct append *a, struct err *e)
{
	struct spool *s = a->spool;
	struct kept_letter *k;

	switch (leases_look(&s->leases, a->gate, a->letter.id)) {
	case LEASE_GOOD:
		return 0;
	case LEASE_WRONG:
		return err_set(e, ERR_DENIED, "this letter id is not leased to the gate, or in use");
	case LEASE_OLD:
		break;
	}
	int code = co_letter_fetch(s, a->letter.id, &k, e);

	if (code == 0)
		letters_unpin(&s->letters, k);
	return code == ERR_NOT_FOUND ? 0 : code ? code : err_set(e, ERR_EXISTS, "this letter id is in use");
}

static int co_store(struct append *a, struct err *e)
{
	struct commit_request r = {.kind = &append_kind, .arg = a};

	return co_commit(&a->spool->commit, &r, e);
}

/* Bytes and id are this append's until it is over. */
static int claim(struct append *a, uint64_t size, struct err *e)
{
	struct spool *s = a->spool;

	if (size > s->setup.bytes_max || s->in_flight > s->setup.bytes_max - size)
		return err_set(e, ERR_BUSY, "too many bytes of letters are under way");
	if (nummap_get(&s->claimed, a->letter.id))
		return err_set(e, ERR_BUSY, "this letter is being stored already");
	nummap_put(&s->claimed, a->letter.id, a);
	s->in_flight += size;
	return 0;
}

static void unclaim(struct append *a, uint64_t size)
{
	nummap_remove(&a->spool->claimed, a->letter.id);
	a->spool->in_flight -= size;
}

/* The bytes of a small letter, which stay until the group is decided. */
static void take_bytes(struct append *a, struct str bytes)
{
	a->bytes = bytes;
	a->letter.length = a->letter.stored = bytes.n;
	a->letter.crc = crc32c(0, bytes.p, bytes.n);
}

static void append_init(struct append *a, struct spool *s, const void *gate, uint64_t id)
{
	*a = (struct append){.spool = s, .gate = gate, .letter = {.id = id}};
	arena_init(&a->arena, ARENA_MAX);
	buf_init(&a->entry, ENTRY_PUT_MAX);
}

static void append_free(struct append *a)
{
	if (a->wide)
		munmap(a->wide, a->wide_n);
	buf_free(&a->entry);
	arena_free(&a->arena);
}

void co_on_append(void *room, struct chan_parcel *p)
{
	struct append_question q;
	struct append_answer answer = {0};
	struct append a;
	struct err e;

	if (!append_take(p, &q))
		return;
	append_init(&a, room, p->chan, q.letter);
	int code = take_outline(&a, q.outline, q.outline_size, q.wide, &e);

	if (code == 0)
		code = decode(&a, q.ticket, q.envelope, &e);

	if (code == 0)
		code = co_check_right(&a, q.right, &e);
	if (code == 0)
		code = claim(&a, q.bytes.n, &e);
	if (code == 0) {
		take_bytes(&a, q.bytes);
		if (!tickets_find(&a.spool->tickets, a.letter.ticket))
			code = co_check_id(&a, &e);
		if (code == 0)
			code = co_store(&a, &e);
		unclaim(&a, q.bytes.n);
	}
	if (code)
		chan_refuse(p, code, "%s", e.text);
	else
		append_answer(p, &answer);
	append_free(&a);
}

/* --- memory files -------------------------------------------------------------------------- */

static int read_part(int file, char *p, size_t n, uint64_t at, struct err *e)
{
	while (n > 0) {
		ssize_t got = pread(file, p, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_errno(e, "cannot read the letter's memory file");
		p += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return 0;
}

/* A large letter on its way to a file of its own, in the pool. */
struct file_job {
	const struct record_store *store;
	int file;
	uint64_t id, size;
	struct record record;
	int code;
	struct err e;
};

static int copy_file(struct file_job *j, struct letter_file *to, char *step)
{
	int code = letter_file_begin(to, j->store, j->id, &j->e);

	for (uint64_t at = 0; code == 0 && at < j->size;) {
		size_t n = j->size - at < READ_STEP ? (size_t)(j->size - at) : READ_STEP;

		code = read_part(j->file, step, n, at, &j->e);
		if (code == 0)
			code = letter_file_add(to, (struct str){step, n}, &j->e);
		at += n;
	}
	return code ? code : letter_file_finish(to, j->size, TRANSFORM_NONE, &j->record, &j->e);
}

static void store_file(void *arg)
{
	struct file_job *j = arg;
	struct letter_file to = {.fd = -1, .dirfd = -1};
	char *step = malloc(READ_STEP);

	j->code = step ? copy_file(j, &to, step) : err_set(&j->e, ERR_MEMORY, "no memory for a letter");
	if (j->code && step)
		letter_file_abort(&to);
	free(step);
}

static void drop_file(void *arg)
{
	struct file_job *j = arg;
	struct err gone; /* a file without entry is nobody's letter: it may as well stay */

	letter_file_drop(j->store, j->id, &gone);
}

static int co_store_large(struct append *a, int file, uint64_t size, struct err *e)
{
	struct file_job *j = calloc(1, sizeof(*j));

	if (!j)
		return err_set(e, ERR_MEMORY, "no memory for a letter");
	*j = (struct file_job){.store = &a->spool->store, .file = file, .id = a->letter.id, .size = size};
	co_lane_enter(&a->spool->lane);
	co_run_blocking(store_file, j);
	lane_leave(&a->spool->lane);
	int code = j->code;

	a->own_file = true;
	a->letter.length = a->letter.stored = size;
	a->letter.crc = j->record.crc;
	if (code)
		*e = j->e;
	else if ((code = co_store(a, e))) {
		co_lane_enter(&a->spool->lane);
		co_run_blocking(drop_file, j);
		lane_leave(&a->spool->lane);
	}
	free(j);
	return code;
}

static int co_store_small(struct append *a, int file, uint64_t size, struct err *e)
{
	char *bytes = malloc((size_t)size + 1);
	int code = bytes ? read_part(file, bytes, (size_t)size, 0, e)
			 : err_set(e, ERR_MEMORY, "no memory for a letter");

	if (code == 0) {
		take_bytes(a, (struct str){bytes, (size_t)size});
		code = co_store(a, e);
	}
	free(bytes);
	return code;
}

/* A known letter must not be written again: its file may be in use. */
static int co_store_file(struct append *a, int file, uint64_t size, struct err *e)
{
	int code;

	if (tickets_find(&a->spool->tickets, a->letter.ticket))
		return co_store(a, e);
	if ((code = co_check_id(a, e)))
		return code;
	return size < LETTER_OWN_FILE ? co_store_small(a, file, size, e) : co_store_large(a, file, size, e);
}

void co_on_append_file(void *room, struct chan_parcel *p)
{
	struct append_file_question q;
	struct append_file_answer answer = {0};
	struct append a;
	struct err e;

	if (!append_file_take(p, &q))
		return;
	append_init(&a, room, p->chan, q.letter);
	int code = take_outline(&a, q.outline, q.outline_size, q.wide, &e);

	if (code == 0)
		code = decode(&a, q.ticket, q.envelope, &e);
	if (code == 0)
		code = co_check_right(&a, q.right, &e);
	if (code == 0)
		code = sealed_check(q.file, q.size, &e);
	if (code == 0)
		code = claim(&a, q.size, &e);
	if (code == 0) {
		code = co_store_file(&a, q.file, q.size, &e);
		unclaim(&a, q.size);
	}
	if (code)
		chan_refuse(p, code, "%s", e.text);
	else
		append_file_answer(p, &answer);
	close(q.file);
	append_free(&a);
}
