/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expanding one recipient: a queue of addresses, each looked up once.
 *
 *   address --alias--> its targets join the queue, unless they were in it before
 *       |---self-----> account or address elsewhere, without another look-up
 *       '---none-----> account, address elsewhere, catch-all, postmaster, or dead
 */
#include "keeper/recipient.h"

#include "run/accounts_file.h"
#include "run/aliases_file.h"

/* Keys of the maps come from the owner's tables; a stranger adds one, or what
 * RECIPIENT_LOOKUPS_MAX substitutions make of it. */
static const struct siphash_key no_key;

struct item {
	struct item *next;
	struct str address; /* local@domain */
	struct str key; /* the same in lower case */
	unsigned depth;
};

struct walk {
	const struct directory *d;
	struct arena *a;
	struct map seen; /* keys of all items */
	struct map delivered; /* accounts with their tags, addresses elsewhere */
	struct item *first, *last; /* to be looked up */
	size_t lookups, tries; /* left */
	bool to_postmaster; /* falls to the first account when nobody is found */
	bool failed; /* a ceiling, or out of memory */
	struct recipients *out;
};

/* What an alias gives for an item. */
struct found {
	const struct str *targets; /* a list, or: */
	size_t n;
	struct str text; /* separated as in the file */
	struct str tag; /* goes to the targets */
};

/* hostname without its first label if it has more than two. */
static struct str parent_domain(struct str hostname)
{
	struct str rest = hostname;

	str_cut(&rest, '.');
	return str_find(rest, '.') == STR_NONE ? hostname : rest;
}

bool directory_is_host(const struct directory *d, struct str domain)
{
	struct str localhost = STR("localhost.");

	return str_eq_nocase(domain, d->hostname) || str_eq_nocase(domain, STR("localhost")) ||
	       (str_starts_nocase(domain, localhost) &&
		str_eq_nocase(str_skip(domain, localhost.n), parent_domain(d->hostname)));
}

bool directory_has_domain(const struct directory *d, struct str domain)
{
	return domain.n && (directory_is_host(d, domain) || accounts_has_domain(d->accounts, domain) ||
			    aliases_has_domain(d->aliases, domain));
}

static struct str join(struct walk *w, struct str x, struct str y, struct str z)
{
	struct str s = arena_join(w->a, x, y, z);

	if (!s.p)
		w->failed = true;
	return s;
}

/* A name without domain gets the hostname; a dot behind a domain goes. */
static struct str normal_address(struct walk *w, struct str address)
{
	if (str_find(address, '@') == STR_NONE)
		return join(w, address, STR("@"), w->d->hostname);
	if (str_ends(address, STR(".")))
		address.n--;
	return arena_str(w->a, address);
}

size_t directory_tag_offset(const struct directory *d, struct str local)
{
	for (size_t i = 1; i < local.n; i++)
		if (str_find(d->delimiters, local.p[i]) != STR_NONE)
			return i;
	return local.n;
}

static struct item *make_item(struct walk *w, struct str address, unsigned depth)
{
	struct item *item = arena_alloc(w->a, sizeof(*item));

	if (!item)
		return NULL;
	item->address = normal_address(w, address);
	item->key = arena_str_lower(w->a, item->address);
	item->depth = depth;
	return item->key.p ? item : NULL;
}

static void enqueue(struct walk *w, struct item *item)
{
	int rc = map_put(&w->seen, item->key, NULL);

	if (rc == ERR_MEMORY)
		w->failed = true;
	if (rc)
		return;
	if (item->depth > RECIPIENT_DEPTH_MAX) {
		w->out->looped++;
		return;
	}
	if (w->last)
		w->last->next = item;
	else
		w->first = item;
	w->last = item;
}

/* Adds a final recipient unless the key was there. */
static void add_recipient(struct walk *w, struct str key, const struct account *account, struct str address)
{
	struct recipient *r = arena_alloc(w->a, sizeof(*r));
	int rc = r && key.p ? map_put(&w->delivered, key, NULL) : ERR_MEMORY;

	if (rc == ERR_MEMORY || (rc == 0 && w->out->n == RECIPIENTS_MAX))
		w->failed = true;
	if (rc || w->failed)
		return;
	*r = (struct recipient){.account = account, .address = address};
	if (w->out->last)
		w->out->last->next = r;
	else
		w->out->first = r;
	w->out->last = r;
	w->out->n++;
}

/* The account at local@domain, with the tag or without it. */
static const struct account *account_at(struct walk *w, struct str local, struct str domain, struct str *tag)
{
	struct str name = str_head(local, directory_tag_offset(w->d, local));
	struct str whole = join(w, local, STR("@"), domain);
	const struct account *account = accounts_find(w->d->accounts, whole);

	*tag = str_skip(local, account ? local.n : name.n);
	return account ? account : accounts_find(w->d->accounts, join(w, name, STR("@"), domain));
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). */
static bool is_literal(struct str domain)
{
	if (!str_starts(domain, STR("[")) || !str_ends(domain, STR("]")))
		return false;
	for (size_t i = 1; i + 1 < domain.n; i++)
		if (!ascii_is_alnum(domain.p[i]) && domain.p[i] != '.' && domain.p[i] != ':')
			return false;
	return domain.n > 2;
}

/* Whether the address can be written into an envelope. */
static bool is_sendable(struct str local, struct str domain)
{
	for (size_t i = 0; i < local.n; i++)
		if ((unsigned char)local.p[i] < ' ' || local.p[i] == 0x7F)
			return false;
	return local.n && domain.n && (address_is_plain(domain) || is_literal(domain));
}

/* To the account or elsewhere; false when it is nobody. */
static bool deliver(struct walk *w, const struct item *item)
{
	struct str local = account_address_local(item->key), domain = account_address_domain(item->key), tag;

	if (!is_sendable(local, domain))
		return false;
	if (!directory_has_domain(w->d, domain)) {
		add_recipient(w, item->key, NULL, item->address);
		return true;
	}
	const struct account *account = account_at(w, local, domain, &tag);

	if (!account && directory_is_host(w->d, domain))
		account = account_at(w, local, w->d->hostname, &tag);
	if (account)
		add_recipient(w, join(w, account->address, STR(" "), tag), account, item->address);
	return account != NULL;
}

static bool take_targets(const struct alias *alias, struct found *f)
{
	if (!alias)
		return false;
	f->targets = alias->targets;
	f->n = alias->n;
	return true;
}

static bool find_virtual(struct walk *w, struct str key, struct found *f)
{
	return take_targets(aliases_virtual(w->d->aliases, key), f);
}

static bool find_local(struct walk *w, struct str name, struct found *f)
{
	return take_targets(aliases_local(w->d->aliases, name), f);
}

static bool find_regexp(struct walk *w, struct str address, struct found *f)
{
	int rc = regexp_rules_match(&w->d->aliases->regexps, address, &w->tries, w->a, &f->text);

	if (rc && rc != ERR_NOT_FOUND)
		w->failed = true;
	return rc == 0;
}

static bool find_address(struct walk *w, struct str address, struct found *f)
{
	return find_virtual(w, address, f) || find_regexp(w, address, f);
}

static bool find_catch_all(struct walk *w, struct str domain, struct found *f)
{
	return find_virtual(w, join(w, STR("@"), domain, STR("")), f);
}

/* Steps 1 to 4 of recipient.h, and the catch-all when it takes all. */
static bool find_alias(struct walk *w, const struct item *item, struct found *f)
{
	struct str local = account_address_local(item->address),
		   domain = account_address_domain(item->address);
	size_t at = directory_tag_offset(w->d, local);
	struct str name = str_head(local, at);
	bool host = directory_is_host(w->d, domain);

	if (find_address(w, item->address, f))
		return true;
	f->tag = str_skip(local, at);
	if (f->tag.n && find_address(w, join(w, name, STR("@"), domain), f))
		return true;
	f->tag = STR("");
	if (host && find_virtual(w, local, f))
		return true;
	f->tag = str_skip(local, at);
	if (host && f->tag.n && find_virtual(w, name, f))
		return true;
	f->tag = STR("");
	if (w->d->catch_all_takes_all && find_catch_all(w, domain, f))
		return true;
	return host && (find_local(w, local, f) || find_local(w, name, f));
}

/* The address that a target stands for, seen from the item. */
static struct str target_address(struct walk *w, const struct item *item, struct str target, struct str tag)
{
	if (str_starts(target, STR("@")))
		return join(w, account_address_local(item->address), target, STR(""));
	if (tag.n == 0)
		return target;
	return join(w, account_address_local(target), tag, str_skip(target, account_address_local(target).n));
}

/* Step 7: whether the item is a name that always leads to a person. */
static bool is_postmaster(struct walk *w, const struct item *item)
{
	struct str local = account_address_local(item->key), domain = account_address_domain(item->key);

	local = str_head(local, directory_tag_offset(w->d, local));
	return str_eq(local, STR("postmaster")) ||
	       (str_eq(local, STR("root")) && directory_is_host(w->d, domain));
}

static void nobody(struct walk *w, const struct item *item)
{
	if (is_postmaster(w, item))
		w->to_postmaster = true;
	else
		w->out->dead++;
}

static void follow(struct walk *w, const struct item *item, struct str target, struct str tag)
{
	struct str address = target_address(w, item, target, tag);
	struct item *next = make_item(w, address, item->depth + 1);

	if (!next)
		w->failed = true;
	else if (address.n > RECIPIENT_ADDRESS_MAX)
		w->out->looped++; /* a pattern that feeds itself, longer each time */
	else if (!str_eq(next->key, item->key))
		enqueue(w, next);
	else if (!deliver(w, next))
		nobody(w, next);
}

static void follow_all(struct walk *w, const struct item *item, struct found *f)
{
	struct str target;

	for (size_t i = 0; i < f->n && !w->failed; i++)
		follow(w, item, f->targets[i], f->tag);
	while (!w->failed && alias_target_next(&f->text, &target))
		follow(w, item, target, f->tag);
}

static void look_up(struct walk *w, const struct item *item)
{
	struct found f = {0};

	if (find_alias(w, item, &f)) {
		follow_all(w, item, &f);
		return;
	}
	if (w->failed || deliver(w, item))
		return;
	f = (struct found){0};
	if (find_catch_all(w, account_address_domain(item->address), &f)) {
		follow_all(w, item, &f);
		return;
	}
	nobody(w, item);
	if (is_postmaster(w, item) && w->d->postmaster.n)
		follow(w, item, w->d->postmaster, STR(""));
}

static void walk_through(struct walk *w)
{
	while (w->first && !w->failed) {
		const struct item *item = w->first;

		w->first = item->next;
		if (!w->first)
			w->last = NULL;
		if (w->lookups-- == 0)
			w->failed = true;
		else
			look_up(w, item);
	}
	const struct account *any = w->d->accounts->first;

	if (w->to_postmaster && w->out->n == 0 && any)
		add_recipient(w, any->address, any, any->address);
	else if (w->to_postmaster && w->out->n == 0)
		w->out->dead++;
}

static enum recipient_verdict status_of(const struct walk *w, bool ours)
{
	if (w->failed)
		return RECIPIENT_TOO_MANY;
	if (w->out->n)
		return ours ? RECIPIENT_OK : RECIPIENT_NOT_OURS;
	return w->out->dead ? RECIPIENT_UNKNOWN : RECIPIENT_LOOP;
}

static bool is_routed(struct str local)
{
	return str_find(local, '%') != STR_NONE || str_find(local, '!') != STR_NONE ||
	       str_find(local, '@') != STR_NONE;
}

enum recipient_verdict recipient_resolve(const struct directory *d, struct str address, struct arena *a,
					 struct recipients *out)
{
	struct walk w = {
		.d = d, .a = a, .lookups = RECIPIENT_LOOKUPS_MAX, .tries = RECIPIENT_TRIES_MAX, .out = out};

	*out = (struct recipients){0};
	map_init(&w.seen, a, no_key);
	map_init(&w.delivered, a, no_key);
	if (address.n == 0 || address.n > RECIPIENT_ADDRESS_MAX)
		return RECIPIENT_UNKNOWN;
	struct item *item = make_item(&w, address, 0);

	if (!item)
		return RECIPIENT_TOO_MANY;
	struct str local = account_address_local(item->key);
	bool ours = directory_has_domain(d, account_address_domain(item->key));

	if (local.n == 0)
		return RECIPIENT_UNKNOWN;
	if (ours && is_routed(local))
		return RECIPIENT_ROUTED;
	enqueue(&w, item);
	walk_through(&w);
	return status_of(&w, ours);
}
