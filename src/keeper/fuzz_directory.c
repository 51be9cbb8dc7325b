/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_directory: table files and an address, looked up.
 *
 * The input is up to seven parts separated by NUL: address, postfix-accounts.cf,
 * postfix-virtual.cf, postfix-regexp.cf, postfix-aliases.cf, a login, and options.
 */
#include "keeper/senders.h"
#include "run/accounts_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_accounts(const struct accounts *accounts)
{
	struct err e;
	size_t n = 0;

	for (const struct account *a = accounts->first; a; a = a->next, n++) {
		CHECK(accounts_find(accounts, a->address) == a);
		CHECK(account_address_check(a->address, &e) == 0);
		CHECK(accounts_has_domain(accounts, account_address_domain(a->address)));
		CHECK(str_find(a->address, '/') == STR_NONE && !str_starts(a->address, STR(".")));
	}
	CHECK(n == accounts->n);
}

static void check_recipients(const struct directory *d, const struct recipients *list,
			     enum recipient_verdict status)
{
	size_t n = 0;

	for (const struct recipient *r = list->first; r; r = r->next, n++) {
		struct str domain = account_address_domain(r->address);

		CHECK(domain.n && r->address.n > domain.n + 1);
		CHECK(str_find(r->address, '\r') == STR_NONE && str_find(r->address, '\n') == STR_NONE);
		/* nobody is sent elsewhere for a domain of ours */
		CHECK(r->account ? accounts_find(d->accounts, r->account->address) == r->account
				 : !directory_has_domain(d, domain));
		for (const struct recipient *o = list->first; n < 20 && o != r; o = o->next)
			CHECK(!str_eq_nocase(o->address, r->address));
	}
	CHECK(n == list->n && n <= RECIPIENTS_MAX);
	CHECK((status != RECIPIENT_OK && status != RECIPIENT_NOT_OURS) || n > 0);
	CHECK(status != RECIPIENT_UNKNOWN || n == 0);
}

static void look_up(const struct directory *d, struct str address, struct str login)
{
	struct recipients list, again;
	struct arena a;

	arena_init(&a, 64 << 20);
	enum recipient_verdict status = recipient_resolve(d, address, &a, &list);

	check_recipients(d, &list, status);
	CHECK(recipient_resolve(d, address, &a, &again) == status || status == RECIPIENT_TOO_MANY);
	CHECK(status == RECIPIENT_TOO_MANY || again.n == list.n);
	/* an account of its own name never fails to get its mail, nor to send */
	if (accounts_find(d->accounts, address)) {
		CHECK(sender_allowed(d, NULL, address, address, &a));
		CHECK(status != RECIPIENT_NOT_OURS && status != RECIPIENT_ROUTED);
	}
	CHECK(sender_allowed(d, NULL, login, STR(""), &a));
	sender_allowed(d, NULL, login, address, &a);
	sender_allowed(d, d->aliases, login, address, &a);
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct str address = str_cut(&rest, 0), people = str_cut(&rest, 0);
	struct alias_files files;
	struct accounts *accounts = NULL;
	struct aliases *aliases = NULL;
	struct err e;

	files.virtuals = str_cut(&rest, 0);
	files.regexps = str_cut(&rest, 0);
	files.locals = str_cut(&rest, 0);
	struct str login = str_cut(&rest, 0);

	CHECK(accounts_new(people, &accounts, &e) == 0);
	CHECK(aliases_new(&files, &aliases, &e) == 0);
	check_accounts(accounts);
	struct directory d = {accounts, aliases, STR("mail.d.test"), STR("+"), STR("ann@d.test"), rest.n > 0};

	look_up(&d, address, login);
	for (const struct account *a = accounts->first; a && accounts->n < 10; a = a->next)
		look_up(&d, a->address, login);
	aliases_destroy(&aliases);
	accounts_destroy(&accounts);
	return 0;
}
