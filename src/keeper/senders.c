/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns an envelope sender. */
#include "keeper/senders.h"

#include "run/accounts_file.h"
#include "run/aliases_file.h"

static bool names(const struct alias *alias, struct str login)
{
	for (size_t i = 0; alias && i < alias->n; i++)
		if (str_eq_nocase(alias->targets[i], login))
			return true;
	return false;
}

/* The logins of the first rule that matches; rules that reach a limit allow nothing. */
static bool regexps_find(const struct aliases *t, struct str sender, struct arena *a, struct str *logins)
{
	size_t tries = RECIPIENT_TRIES_MAX;

	return regexp_rules_match(&t->regexps, sender, &tries, a, logins) == 0;
}

static bool text_names(struct str logins, struct str login)
{
	struct str owner;

	while (alias_target_next(&logins, &owner))
		if (str_eq_nocase(owner, login))
			return true;
	return false;
}

/* One form of the sender in a table of the owner's own; false: not in it. */
static bool own_table_has(const struct aliases *t, struct str form, bool full, struct str login,
			  struct arena *a, bool *allowed)
{
	const struct alias *alias = aliases_virtual(t, form);
	struct str logins;

	if (!alias && !(full && regexps_find(t, form, a, &logins)))
		return false;
	*allowed = alias ? names(alias, login) : text_names(logins, login);
	return true;
}

static struct str without_tag(const struct directory *d, struct str sender, struct arena *a)
{
	struct str local = account_address_local(sender);

	return arena_join(a, str_head(local, directory_tag_offset(d, local)), str_skip(sender, local.n),
			  STR(""));
}

static bool own_table_allows(const struct directory *d, const struct aliases *t, struct str login,
			     struct str sender, struct arena *a)
{
	struct str bare = without_tag(d, sender, a), domain = account_address_domain(sender);
	bool host = directory_is_host(d, domain), allowed = false;
	const struct {
		struct str form;
		bool tried, full;
	} forms[] = {
		{sender, true, true},
		{bare, bare.n != sender.n, true},
		{account_address_local(sender), host, false},
		{account_address_local(bare), host, false},
		{str_skip(sender, account_address_local(sender).n), domain.n > 0, false},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (forms[i].tried && own_table_has(t, forms[i].form, forms[i].full, login, a, &allowed))
			break;
	return allowed;
}

bool sender_allowed(const struct directory *d, const struct aliases *instead, struct str login,
		    struct str sender, struct arena *a)
{
	struct str logins;

	if (sender.n == 0)
		return true;
	/* a name without local part would be the key of a catch-all */
	if (account_address_local(sender).n == 0)
		return false;
	if (instead)
		return own_table_allows(d, instead, login, sender, a);
	return str_eq_nocase(sender, login) || names(aliases_virtual(d->aliases, sender), login) ||
	       names(aliases_local(d->aliases, sender), login) ||
	       (regexps_find(d->aliases, sender, a, &logins) && text_names(logins, login));
}
