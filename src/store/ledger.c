/* SPDX-License-Identifier: Apache-2.0 */
/* The state of an account that follows from its acts alone. */
#include "store/ledger.h"

#include <stdlib.h>
#include <string.h>

void ledger_init(struct ledger *l)
{
	*l = (struct ledger){.next_folder = 1, .next_uidvalidity = 1};
}

void ledger_free(struct ledger *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((char *)l->folders[i].name.p);
	for (size_t i = 0; i < l->keyword_count; i++)
		free((char *)l->keywords[i].p);
	for (size_t i = 0; i < l->subscribed; i++)
		free((char *)l->subscriptions[i].p);
	free(l->folders);
	free(l->keywords);
	free(l->subscriptions);
	ledger_init(l);
}

/* An own copy; {NULL, 0} without memory. */
static struct str own(struct str s)
{
	char *p = malloc(s.n ? s.n : 1);

	if (p && s.n)
		memcpy(p, s.p, s.n);
	return (struct str){p, p ? s.n : 0};
}

/* Room for one more at place `at` of n elements that are `size` bytes each. */
static void *insert_at(void **array, size_t n, size_t size, size_t at)
{
	/* Doubled at powers of two, so growing costs little and needs no field. */
	char *p = n & (n - 1) ? *array : realloc(*array, (n ? n * 2 : 1) * size);

	if (!p)
		return NULL;
	*array = p;
	memmove(p + (at + 1) * size, p + at * size, (n - at) * size);
	return p + at * size;
}

static void remove_at(void *array, size_t n, size_t size, size_t at)
{
	char *p = array;

	memmove(p + at * size, p + (at + 1) * size, (n - at - 1) * size);
}

/* Puts an own copy of name at that place of a list. */
static bool put_name(struct str **list, size_t *n, size_t at, struct str name)
{
	struct str copy = own(name);
	struct str *room = copy.p ? insert_at((void **)list, *n, sizeof(name), at) : NULL;

	if (!room) {
		free((char *)copy.p);
		return false;
	}
	*room = copy;
	++*n;
	return true;
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_MEMORY, "no memory for the account's folders");
}

/* Place of the first folder whose id is not below. */
static size_t folder_place(const struct ledger *l, uint32_t id)
{
	size_t from = 0;
	size_t to = l->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (l->folders[mid].id < id)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

struct folder *ledger_folder(const struct ledger *l, uint32_t id)
{
	size_t at = folder_place(l, id);

	return at < l->n && l->folders[at].id == id ? &l->folders[at] : NULL;
}

struct folder *ledger_find(const struct ledger *l, struct str name)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->folders[i].name, name))
			return &l->folders[i];
	return NULL;
}

static size_t subscription_place(const struct ledger *l, struct str name)
{
	size_t from = 0;
	size_t to = l->subscribed;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (str_cmp(l->subscriptions[mid], name) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

bool ledger_subscribed(const struct ledger *l, struct str name)
{
	size_t at = subscription_place(l, name);

	return at < l->subscribed && str_eq(l->subscriptions[at], name);
}

unsigned ledger_keyword(const struct ledger *l, struct str name)
{
	/* RFC 9051, 2.3.2: keywords are the same in any case. */
	for (size_t i = 0; i < l->keyword_count; i++)
		if (str_eq_nocase(l->keywords[i], name))
			return (unsigned)i;
	return KEYWORDS_MAX;
}

struct keyword_set ledger_keyword_set(const struct ledger *l, struct keyword_names names)
{
	struct keyword_set set = {0};

	for (size_t i = 0; i < names.n; i++) {
		unsigned slot = ledger_keyword(l, names.names[i]);

		if (slot < KEYWORDS_MAX)
			keyword_set_add(&set, slot);
	}
	return set;
}

struct flag_change ledger_flag_change(const struct ledger *l, const struct change *c)
{
	struct keyword_set keywords = ledger_keyword_set(l, c->flags.keywords);

	if (c->kind == CHANGE_FLAGS_SET)
		return flag_change_set(c->flags.flags, keywords);
	if (c->kind == CHANGE_FLAGS_ADD)
		return flag_change_add(c->flags.flags, keywords);
	return flag_change_remove(c->flags.flags, keywords);
}

int ledger_put_folder(struct ledger *l, const struct folder *f, struct err *err)
{
	size_t at = folder_place(l, f->id);

	if (!f->id || !f->uidvalidity || !f->uidnext || !folder_name_valid(f->name))
		return err_set(err, ERR_INVALID, "folder %u breaks a rule", f->id);
	if (ledger_folder(l, f->id) || ledger_find(l, f->name))
		return err_set(err, ERR_EXISTS, "folder %u is there already", f->id);
	if (l->n == LEDGER_FOLDERS_MAX)
		return err_set(err, ERR_TOO_BIG, "an account has at most %d folders", LEDGER_FOLDERS_MAX);
	struct str name = own(f->name);
	struct folder *room = name.p ? insert_at((void **)&l->folders, l->n, sizeof(*f), at) : NULL;

	if (!room) {
		free((char *)name.p);
		return no_memory(err);
	}
	*room = *f;
	room->name = name;
	l->n++;
	return 0;
}

int ledger_put_keyword(struct ledger *l, struct str name, struct err *err)
{
	if (!keyword_name_valid(name))
		return err_set(err, ERR_INVALID, "a keyword that IMAP cannot say");
	if (l->keyword_count == KEYWORDS_MAX)
		return err_set(err, ERR_TOO_BIG, "an account has at most %d keywords", KEYWORDS_MAX);
	return put_name(&l->keywords, &l->keyword_count, l->keyword_count, name) ? 0 : no_memory(err);
}

int ledger_put_subscription(struct ledger *l, struct str name, struct err *err)
{
	if (!folder_name_valid(name))
		return err_set(err, ERR_INVALID, "a subscription that is no folder name");
	if (ledger_subscribed(l, name))
		return 0;
	if (l->subscribed == LEDGER_SUBSCRIPTIONS_MAX)
		return err_set(err, ERR_TOO_BIG, "an account has at most %d subscriptions",
			       LEDGER_SUBSCRIPTIONS_MAX);
	size_t at = subscription_place(l, name);

	return put_name(&l->subscriptions, &l->subscribed, at, name) ? 0 : no_memory(err);
}

static int copy_folders(const struct ledger *l, struct ledger *out)
{
	for (; out->n < l->n; out->n++) {
		struct folder *room = insert_at((void **)&out->folders, out->n, sizeof(*room), out->n);
		struct str name = own(l->folders[out->n].name);

		if (!room || !name.p) {
			free((char *)name.p);
			return ERR_MEMORY;
		}
		*room = l->folders[out->n];
		room->name = name;
	}
	return 0;
}

static int copy_names(const struct ledger *l, struct ledger *out)
{
	for (size_t i = 0; i < l->keyword_count; i++)
		if (!put_name(&out->keywords, &out->keyword_count, i, l->keywords[i]))
			return ERR_MEMORY;
	for (size_t i = 0; i < l->subscribed; i++)
		if (!put_name(&out->subscriptions, &out->subscribed, i, l->subscriptions[i]))
			return ERR_MEMORY;
	return 0;
}

int ledger_copy(const struct ledger *l, struct ledger *out)
{
	ledger_init(out);
	out->serial = l->serial;
	out->next_folder = l->next_folder;
	out->next_uidvalidity = l->next_uidvalidity;

	int rc = copy_folders(l, out);

	if (!rc)
		rc = copy_names(l, out);
	if (rc)
		ledger_free(out);
	return rc;
}

/* The folder of a change, or NULL with the sentence. */
static struct folder *need(const struct ledger *l, uint32_t id, struct err *err)
{
	struct folder *f = ledger_folder(l, id);

	if (!f)
		err_set(err, ERR_NOT_FOUND, "there is no folder %u", id);
	return f;
}

/* A set may name messages that are gone, but none that never was: a range that
 * reached above UIDNEXT would mean something else when the act is seen later. */
static int need_uids(const struct folder *f, struct uids uids, struct err *err)
{
	if (uids_last(uids) >= f->uidnext)
		return err_set(err, ERR_INVALID, "UID %u of folder %u was never given", uids_last(uids),
			       f->id);
	return 0;
}

/* Gives the next n UIDs from uid on. */
static int give_uids(struct folder *f, uint32_t uid, uint64_t n, struct err *err)
{
	if (uid < f->uidnext)
		return err_set(err, ERR_EXISTS, "UID %u of folder %u was given before", uid, f->id);
	f->uidnext = (uint32_t)(uid + n);
	return 0;
}

static int create(struct ledger *l, uint64_t serial, const struct change *c, struct err *err)
{
	const struct change_create *k = &c->create;
	struct folder f = {
		.id = k->folder,
		.uidvalidity = k->uidvalidity,
		.uidnext = k->uidnext,
		.special_use = k->special_use,
		.modseq = serial,
		.name = k->name,
	};

	if (k->folder < l->next_folder || k->folder == UINT32_MAX)
		return err_set(err, ERR_EXISTS, "folder id %u was given before", k->folder);
	if (k->uidvalidity == UINT32_MAX || (k->uidvalidity < l->next_uidvalidity && !k->imported))
		return err_set(err, ERR_EXISTS, "UIDVALIDITY %u was given before", k->uidvalidity);
	int rc = ledger_put_folder(l, &f, err);

	if (rc)
		return rc;
	l->next_folder = k->folder + 1;
	if (k->uidvalidity >= l->next_uidvalidity)
		l->next_uidvalidity = k->uidvalidity + 1;
	return 0;
}

static bool is_inbox(const struct folder *f)
{
	return str_eq(f->name, STR("INBOX"));
}

/* Puts a copy of each new name into names[], which has one place a folder. */
static int take_names(const struct ledger *l, const struct change_rename *k, struct str *names,
		      struct err *err)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct folder *f = need(l, k->items[i].folder, err);

		if (!f)
			return err->code;
		/* RENAME INBOX moves its messages and leaves it (RFC 9051, 6.3.6). */
		if (is_inbox(f))
			return err_set(err, ERR_INVALID, "INBOX keeps its name");
		size_t at = (size_t)(f - l->folders);

		if (names[at].p != f->name.p)
			return err_set(err, ERR_INVALID, "folder %u is renamed twice", f->id);
		struct str copy = own(k->items[i].name);

		if (!copy.p)
			return no_memory(err);
		names[at] = copy;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct str *x = a;
	const struct str *y = b;

	return str_cmp(*x, *y);
}

static int names_differ(const struct str *names, size_t n, struct err *err)
{
	struct str *sorted = calloc(n + 1, sizeof(*sorted));
	size_t i = 1;

	if (!sorted)
		return no_memory(err);
	memcpy(sorted, names, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_name);
	while (i < n && !str_eq(sorted[i - 1], sorted[i]))
		i++;
	free(sorted);
	return i < n ? err_set(err, ERR_EXISTS, "two folders would have one name") : 0;
}

static int rename_folders(struct ledger *l, uint64_t serial, const struct change *c, struct err *err)
{
	struct str *names = calloc(l->n + 1, sizeof(*names));

	if (!names)
		return no_memory(err);
	for (size_t i = 0; i < l->n; i++)
		names[i] = l->folders[i].name;
	int rc = take_names(l, &c->rename, names, err);

	if (!rc)
		rc = names_differ(names, l->n, err);
	for (size_t i = 0; i < l->n; i++) {
		struct str *name = &l->folders[i].name;

		if (names[i].p == name->p)
			continue;
		free((char *)(rc ? names[i] : *name).p);
		if (!rc)
			*name = names[i];
	}
	free(names);
	return rc;
}

static int delete_folder(struct ledger *l, uint64_t serial, const struct change *c, struct err *err)
{
	struct folder *f = need(l, c->delete.folder, err);

	if (!f)
		return err->code;
	/* RFC 9051, 6.3.5: it is an error to delete INBOX. */
	if (is_inbox(f))
		return err_set(err, ERR_INVALID, "INBOX cannot be deleted");
	free((char *)f->name.p);
	remove_at(l->folders, l->n, sizeof(*f), (size_t)(f - l->folders));
	l->n--;
	return 0;
}

static int subscribe(struct ledger *l, uint64_t serial, const struct change *c, struct err *err)
{
	return ledger_put_subscription(l, c->subscribe.name, err);
}

static int unsubscribe(struct ledger *l, uint64_t serial, const struct change *c, struct err *err)
{
	size_t at = subscription_place(l, c->subscribe.name);

	if (!ledger_subscribed(l, c->subscribe.name))
		return 0;
	free((char *)l->subscriptions[at].p);
	remove_at(l->subscriptions, l->subscribed, sizeof(struct str), at);
	l->subscribed--;
	return 0;
}

/* Gives a number to each name that has none. */
static int need_keywords(struct ledger *l, struct keyword_names names, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < names.n && !rc; i++)
		if (ledger_keyword(l, names.names[i]) == KEYWORDS_MAX)
			rc = ledger_put_keyword(l, names.names[i], err);
	return rc;
}

static int add(struct ledger *l, uint64_t serial, const struct change *c, struct err *err)
{
	struct folder *f = need(l, c->add.folder, err);

	if (!f)
		return err->code;
	int rc = need_keywords(l, c->add.keywords, err);

	if (!rc)
		rc = give_uids(f, c->add.uid, 1, err);
	if (!rc)
		f->modseq = serial;
	return rc;
}

static int transfer(struct ledger *l, uint64_t serial, const struct change *c, struct err *err)
{
	const struct change_transfer *k = &c->transfer;
	struct folder *from = need(l, k->from, err);
	struct folder *to = from ? need(l, k->to, err) : NULL;

	if (!to)
		return err->code;
	int rc = need_uids(from, k->uids, err);

	if (!rc)
		rc = give_uids(to, k->first_uid, uids_count(k->uids), err);
	if (rc)
		return rc;
	to->modseq = serial;
	if (c->kind == CHANGE_MOVE)
		from->modseq = serial;
	return 0;
}

static int change_flags(struct ledger *l, uint64_t serial, const struct change *c, struct err *err)
{
	struct folder *f = need(l, c->flags.folder, err);

	if (!f)
		return err->code;
	int rc = need_uids(f, c->flags.uids, err);

	/* What nobody has needs no number to be taken away. */
	if (!rc && c->kind != CHANGE_FLAGS_REMOVE)
		rc = need_keywords(l, c->flags.keywords, err);
	if (!rc)
		f->modseq = serial;
	return rc;
}

static int expunge(struct ledger *l, uint64_t serial, const struct change *c, struct err *err)
{
	struct folder *f = need(l, c->expunge.folder, err);

	if (!f)
		return err->code;
	int rc = need_uids(f, c->expunge.uids, err);

	if (!rc)
		f->modseq = serial;
	return rc;
}

typedef int apply_fn(struct ledger *l, uint64_t serial, const struct change *c, struct err *err);

static apply_fn *const appliers[CHANGE_KINDS] = {
	[CHANGE_FOLDER_CREATE] = create,
	[CHANGE_FOLDER_RENAME] = rename_folders,
	[CHANGE_FOLDER_DELETE] = delete_folder,
	[CHANGE_SUBSCRIBE] = subscribe,
	[CHANGE_UNSUBSCRIBE] = unsubscribe,
	[CHANGE_ADD] = add,
	[CHANGE_MOVE] = transfer,
	[CHANGE_COPY] = transfer,
	[CHANGE_FLAGS_SET] = change_flags,
	[CHANGE_FLAGS_ADD] = change_flags,
	[CHANGE_FLAGS_REMOVE] = change_flags,
	[CHANGE_EXPUNGE] = expunge,
};

static int apply_all(struct ledger *l, const struct act_body *act, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < act->n && !rc; i++)
		rc = appliers[act->changes[i].kind](l, act->serial, &act->changes[i], err);
	return rc;
}

/* One change does all or nothing but for the keyword numbers it took. */
static int apply_one(struct ledger *l, const struct act_body *act, struct err *err)
{
	size_t keywords = l->keyword_count;
	int rc = apply_all(l, act, err);

	while (rc && l->keyword_count > keywords)
		free((char *)l->keywords[--l->keyword_count].p);
	return rc;
}

/* On a copy, since the second change may fail after the first was made. */
static int apply_several(struct ledger *l, const struct act_body *act, struct err *err)
{
	struct ledger trial;

	if (ledger_copy(l, &trial))
		return no_memory(err);
	int rc = apply_all(&trial, act, err);

	if (rc) {
		ledger_free(&trial);
		return rc;
	}
	ledger_free(l);
	*l = trial;
	return 0;
}

int ledger_apply(struct ledger *l, const struct act_body *act, struct err *err)
{
	if (act->serial != l->serial + 1)
		return err_set(err, ERR_CORRUPT, "act %llu cannot follow act %llu",
			       (unsigned long long)act->serial, (unsigned long long)l->serial);
	int rc = act->n == 1 ? apply_one(l, act, err) : apply_several(l, act, err);

	if (!rc)
		l->serial = act->serial;
	return rc;
}
