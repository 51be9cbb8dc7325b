/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the folder to the memory.
 *
 *   lock -> secret -> catalogue (as of some position) -> journal from the checkpoint on
 *        -> volumes
 *
 * The catalogue may be ahead of the checkpoint: an entry that is told again says nothing
 * new, since holders are a set and what is settled stays settled.
 */
#include "spool/recover.h"

#include "spool/account_end.h"
#include "spool/acts.h"
#include "spool/arrival.h"
#include "spool/fate.h"
#include "store/lock.h"
#include "store/secret.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define LOCK_MS 5000
#define ARENA_MAX ((size_t)32 << 20)
/* Serials that may be missing at once; a larger gap is no damage but another history. */
#define GAP_MAX 65536

static void note_damage(struct recovery *r, uint64_t position, const char *what)
{
	if (r->damages++ == 0)
		snprintf(r->damage, sizeof(r->damage), "at %016llX: %s", (unsigned long long)position, what);
}

/* --- what the catalogue says ----------------------------------------------------------- */

static void take_account(void *arg, const struct account_row *row)
{
	struct spool *s = ((struct recovery *)arg)->spool;
	struct account *a = accounts_add(&s->accounts, row->id, row->address, row->serial);

	a->ended = row->ended;
	a->folded = row->folded;
	a->dirty = false;
}

/* The letter as the row says, in memory. */
static struct kept_letter *take_row(struct spool *s, const struct letter_row *row, uint32_t recipients)
{
	struct kept_letter *k = letters_add(&s->letters, row->id, recipients);

	k->place = row->place;
	k->stored = row->stored;
	for (uint32_t i = 0; i < row->holder_count; i++)
		letter_hold(k, row->holders[i]);
	return k;
}

static void take_letter(void *arg, const struct letter_row *row)
{
	struct recovery *r = arg;
	struct reader states = reader_of(row->states);
	struct kept_letter *k = take_row(r->spool, row, (uint32_t)(row->states.n / STATE_SIZE));

	k->position = row->position;
	k->queued = true;
	for (uint32_t i = 0; i < k->recipient_count; i++) {
		uint8_t state = read_u8(&states);

		k->accounts[i] = read_u32(&states);
		if (state & RECIPIENT_SETTLED)
			letter_settle(k, i);
		k->recipients[i] = state;
	}
	k->fated = row->fate.n > 0;
	if (k->fated && !fate_get(k, row->fate))
		note_damage(r, k->position, "the catalogue's row of a letter's fate cannot be read");
}

struct kept_letter *letter_of_row(struct spool *s, const struct letter_row *row)
{
	return take_row(s, row, 0);
}

/* The letter from memory or from the catalogue; NULL when there is none. */
static struct kept_letter *find_letter(struct recovery *r, uint64_t id)
{
	struct kept_letter *k = letters_get(&r->spool->letters, id);
	struct letter_row row;
	struct err e;

	if (!k && catalogue_letter(r->spool->catalogue, id, &r->arena, &row, &e) == 0)
		k = letter_of_row(r->spool, &row);
	return k;
}

/* --- what the journal says ----------------------------------------------------------------- */

/* Each takes a part of an entry; payload: the part's own bytes. */

static int on_letter(struct recovery *r, const struct part *part, uint64_t position, struct str payload)
{
	struct spool *s = r->spool;
	const struct letter *l = &part->letter;

	r->letters++;
	/* One without recipients came with an act, and that has a serial. */
	if (l->envelope.recipient_count > 0 && !tickets_find(&s->tickets, l->ticket))
		tickets_add(&s->tickets, l->ticket, l->id);
	if (l->id >= r->next_letter)
		r->next_letter = l->id + 1;
	if (letters_get(&s->letters, l->id))
		return 0;
	letter_known(s, l, position);
	return 0;
}

static int on_ids(struct recovery *r, const struct part *part, uint64_t position, struct str payload)
{
	if (part->ids.first + part->ids.count > r->next_letter)
		r->next_letter = part->ids.first + part->ids.count;
	return 0;
}

/* Also when the catalogue knows it: acts from before were told again. */
static int end_account(struct recovery *r, struct account *a)
{
	struct spool *s = r->spool;
	uint64_t ids[HELD_PAGE];
	size_t n = HELD_PAGE;
	uint64_t after = 0;
	int code = 0;

	account_end(s, a);
	while (code == 0 && n == HELD_PAGE) {
		code = catalogue_held(s->catalogue, a->id, after, ids, HELD_PAGE, &n, &r->e);
		for (size_t i = 0; code == 0 && i < n; i++) {
			struct kept_letter *k = find_letter(r, ids[i]);

			if (k && letter_release(k, a->id))
				letters_touch(&s->letters, k);
			after = ids[i];
		}
	}
	return code;
}

static int on_account(struct recovery *r, const struct part *part, uint64_t position, struct str payload)
{
	struct account *a = accounts_get(&r->spool->accounts, part->account.id);

	if (!a)
		a = accounts_add(&r->spool->accounts, part->account.id, part->account.address, 0);
	return part->account.ended ? end_account(r, a) : 0;
}

/* The act's place among those of its account.  A gap is filled with places where nothing
 * can be read, so that the shard's fold stops there. */
static void keep_act(struct recovery *r, const struct act *act, uint64_t position, struct str payload)
{
	struct account *a = accounts_get(&r->spool->accounts, act->account);

	if (!a) {
		note_damage(r, position, "an act of an account that is not known");
		return;
	}
	/* The catalogue knows the last serial; the journal is read from before that. */
	if (a->act_count == 0 && act->serial < a->acts_from)
		a->acts_from = act->serial;
	uint64_t next = a->acts_from + a->act_count;

	if (act->serial != next)
		note_damage(r, position, "serials of an account are missing");
	if (act->serial < next || act->serial - next > GAP_MAX)
		return;
	for (; next < act->serial; next++)
		account_add_act(a, (struct act_ref){0});
	account_add_act(a, (struct act_ref){position, (uint32_t)payload.n, act_check(payload)});
	if (act->serial > a->serial)
		a->serial = act->serial;
}

static int on_act(struct recovery *r, const struct part *part, uint64_t position, struct str payload)
{
	struct letters *letters = &r->spool->letters;
	const struct act *act = &part->act;
	struct kept_letter *k;

	r->acts++;
	if (act->epoch > r->spool->epoch)
		r->spool->epoch = act->epoch;
	keep_act(r, act, position, payload);
	for (uint32_t i = 0; i < act->settle_count; i++) {
		/* Of a letter that the catalogue has settled only the row is left. */
		k = letters_get(letters, act->settles[i].letter);
		if (!k || act->settles[i].recipient >= k->recipient_count ||
		    letter_settled(k, act->settles[i].recipient))
			continue;
		letter_settle(k, act->settles[i].recipient);
		letters_touch(letters, k);
	}
	for (uint32_t i = 0; i < act->hold_count; i++) {
		k = find_letter(r, act->holds[i]);
		if (!k)
			note_damage(r, position, "an act holds a letter that is not known");
		else if (!letter_held_by(k, act->account)) {
			letter_hold(k, act->account);
			letters_touch(letters, k);
		}
	}
	return 0;
}

static int on_release(struct recovery *r, const struct part *part, uint64_t position, struct str payload)
{
	struct letters *letters = &r->spool->letters;

	for (uint32_t i = 0; i < part->release.count; i++) {
		struct kept_letter *k = find_letter(r, part->release.letters[i]);

		if (k && letter_release(k, part->release.account))
			letters_touch(letters, k);
	}
	return 0;
}

/* Of a letter that the catalogue has settled only the row is left. */
static int on_outcome(struct recovery *r, const struct part *part, uint64_t position, struct str payload)
{
	const struct outcome *o = &part->outcome;
	struct kept_letter *k = letters_get(&r->spool->letters, o->letter);

	if (!k || o->recipient >= k->recipient_count || letter_settled(k, o->recipient))
		return 0;
	if (o->result == OUTCOME_SENT || o->result == OUTCOME_CLOSED)
		letter_settle(k, o->recipient);
	else
		fate_note(k, o);
	if (o->result == OUTCOME_BOUNCED)
		letter_set_bounced(k, o->recipient, true);
	letters_touch(&r->spool->letters, k);
	return 0;
}

static int on_hold(struct recovery *r, const struct part *part, uint64_t position, struct str payload)
{
	struct kept_letter *k = letters_get(&r->spool->letters, part->hold.letter);

	if (!k || k->open == 0)
		return 0;
	if (part->hold.released) {
		fate_release(k);
		letter_forget_deaths(k);
	} else
		fate_hold(k, part->hold.reason);
	letters_touch(&r->spool->letters, k);
	return 0;
}

static int on_checkpoint(struct recovery *r, const struct part *part, uint64_t position, struct str payload)
{
	if (catalogue_checkpoint(r->spool->catalogue) > 0)
		return 0;
	return err_set(&r->e, ERR_CORRUPT,
		       "spool/catalogue.db is lost: the journal relies on it since %016llX; restore it",
		       (unsigned long long)part->checkpoint.position);
}

static int (*const on_part[])(struct recovery *, const struct part *, uint64_t, struct str) = {
	[PART_LETTER] = on_letter,
	[PART_IDS] = on_ids,
	[PART_ACCOUNT] = on_account,
	[PART_ACT] = on_act,
	[PART_CHECKPOINT] = on_checkpoint,
	[PART_OUTCOME] = on_outcome,
	[PART_HOLD] = on_hold,
	[PART_RELEASE] = on_release,
};

static int on_entry(void *arg, uint64_t position, struct str payload)
{
	struct recovery *r = arg;
	struct reader in = reader_of(payload);
	struct part part;
	int rc, code = 0;

	for (struct str from = in.rest; code == 0 && (rc = entry_next(&in, &r->arena, &part)) > 0;
	     from = in.rest)
		if (part.kind < sizeof(on_part) / sizeof(on_part[0]) && on_part[part.kind])
			code = on_part[part.kind](r, &part, position, str_head(from, from.n - in.rest.n));
		else
			code = err_set(&r->e, ERR_INVALID, "a newer program wrote the journal at %016llX",
				       (unsigned long long)position);
	if (code == 0 && rc < 0)
		note_damage(r, position, "an entry cannot be read");
	arena_reset(&r->arena);
	return code;
}

static void on_damage(void *arg, uint64_t position, uint64_t length, const char *what)
{
	note_damage(arg, position, what);
}

/* Are the bytes of that letter on the disk?  Their sync ran beside the journal's. */
static int letter_there(const struct record_store *store, const struct letter *l)
{
	char step[2048];
	struct record record;
	struct err e;
	int fd, code = record_open(store, l->id, l->place, &fd, &e);

	if (code)
		return code == ERR_NOT_FOUND ? 0 : code;
	uint32_t crc = 0;

	code = record_head(store, fd, l->id, l->place, &record, &e);
	for (uint64_t at = 0; code == 0 && at < record.stored;) {
		size_t n = record.stored - at < sizeof(step) ? (size_t)(record.stored - at) : sizeof(step);

		code = record_read(store, fd, l->place, &record, at, step, n, 0, &e);
		crc = crc32c(crc, step, n);
		at += n;
	}
	store->io->close(store->io, fd);
	if (code)
		return code == ERR_CORRUPT ? 0 : code;
	return record.stored == l->stored && crc == l->crc;
}

static int whole(void *arg, struct str payload)
{
	struct recovery *r = arg;
	struct reader in = reader_of(payload);
	struct part part;
	int answer = 1;

	while (answer == 1 && entry_next(&in, &r->arena, &part) > 0)
		if (part.kind == PART_LETTER)
			answer = letter_there(&r->spool->store, &part.letter);
	arena_reset(&r->arena);
	return answer;
}

/* --- the folder --------------------------------------------------------------------------- */

static int open_folder(const struct spool *s, const char *name, int *fd, struct err *e)
{
	*fd = s->setup.io->openat(s->setup.io, s->setup.data_folder, name, O_RDONLY | O_DIRECTORY, 0);
	return *fd < 0 ? err_errno(e, "cannot open the folder %s", name) : 0;
}

static void note_name(void *arg, const char *name)
{
	*(bool *)arg = true;
}

/* Without journal and volumes the store is new, and gets its secret. */
static int load_keys(struct spool *s, struct err *e)
{
	const struct sysio *io = s->setup.io;
	unsigned char secret[SECRET_SIZE];
	bool used = false;
	int code = secret_load(io, s->data_folder, secret, e);

	if (code == ERR_NOT_FOUND && (io->list(io, s->journal_folder, note_name, &used) < 0 ||
				      io->list(io, s->store.volumes_fd, note_name, &used) < 0))
		return err_errno(e, "cannot list the folders of the store");
	if (code == ERR_NOT_FOUND && used)
		return err_set(e, ERR_CORRUPT,
			       "the file secret is lost: without it nothing of the store can be read; "
			       "restore it from a backup");
	if (code == ERR_NOT_FOUND)
		code = secret_create(io, s->data_folder, secret, e);
	if (code == 0)
		check_keys(secret, &s->journal_key, &s->volume_key);
	OPENSSL_cleanse(secret, sizeof(secret));
	return code;
}

static int open_folders(struct spool *s, struct err *e)
{
	/* The one that we were given may be good for names only, and is not for a sync. */
	int code = open_folder(s, ".", &s->data_folder, e);

	s->store.io = s->setup.io;
	s->store.key = &s->volume_key;
	if (code == 0)
		code = store_lock(s->data_folder, "lock", LOCK_MS, &s->lock, e);
	if (code == 0)
		code = open_folder(s, "journal", &s->journal_folder, e);
	if (code == 0)
		code = open_folder(s, "volumes", &s->store.volumes_fd, e);
	if (code == 0)
		code = open_folder(s, "letters", &s->store.letters_fd, e);
	return code ? code : load_keys(s, e);
}

static int load_catalogue(struct recovery *r, struct err *e)
{
	struct spool *s = r->spool;
	const struct catalogue_visitor v = {r, take_account, take_letter};
	int code = catalogue_open(&s->catalogue, s->setup.data_path, e);

	accounts_init(&s->accounts, &s->journal_key);
	tickets_init(&s->tickets, &s->journal_key, TICKETS_MAX);
	letters_init(&s->letters, s->setup.cache_max);
	if (code)
		return code;
	s->epoch = catalogue_epoch(s->catalogue);
	r->next_letter = catalogue_next_letter(s->catalogue);
	if (r->next_letter == 0)
		r->next_letter = letter_id_make(0, 1);
	code = catalogue_load(s->catalogue, &v, e);
	if (catalogue_next_account(s->catalogue) > s->accounts.next_id)
		s->accounts.next_id = catalogue_next_account(s->catalogue);
	return code;
}

static int open_all(struct recovery *r)
{
	struct spool *s = r->spool;
	const struct journal_visitor v = {.arg = r, .entry = on_entry, .damage = on_damage, .whole = whole};
	int code = open_folders(s, &r->e);

	if (code == 0)
		code = load_catalogue(r, &r->e);
	if (code == 0)
		code = journal_open(&s->journal, s->setup.io, s->journal_folder, &s->journal_key,
				    s->setup.segment_size, catalogue_checkpoint(s->catalogue), &v, &r->report,
				    &r->e);
	if (code == 0)
		code = volume_open(&s->volume, s->setup.io, s->store.volumes_fd, &s->volume_key,
				   s->setup.volume_size, r->report.clean, &r->e);
	leases_init(&s->leases, r->next_letter);
	return code;
}

void recovery_run(void *recovery)
{
	struct recovery *r = recovery;

	arena_init(&r->arena, ARENA_MAX);
	r->code = open_all(r);
	arena_free(&r->arena);
}
