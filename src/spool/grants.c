/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease and account: the questions that give ids away (net/messages.def).
 *
 * A letter id is the node (0, there is only one) and a counter that is the same for all
 * gates; docs/format.md.
 */
#include "spool/grants.h"

#include "net/messages.h"
#include "spool/core.h"

#define ENTRY_PUT_MAX 2048

static int put(struct commit *c, struct commit_request *r, const struct part *part, struct err *e)
{
	struct buf entry;

	buf_init(&entry, ENTRY_PUT_MAX);
	entry_put(&entry, part);
	int code = buf_failed(&entry) ? err_set(e, ERR_INVALID, "this cannot be written to the journal")
				      : commit_entry(c, r, buf_str(&entry), false, e);

	buf_free(&entry);
	return code;
}

/* --- letter ids --------------------------------------------------------------------------- */

struct lease_request {
	struct spool *spool;
	const void *who;
	uint64_t first;
};

/* A block that is refused is never used: there are enough. */
static int join_lease(struct commit_request *r, struct commit *c, struct err *e)
{
	struct lease_request *l = r->arg;
	struct leases *leases = &l->spool->leases;
	struct part part = {.kind = PART_IDS, .ids = {.first = leases->next, .count = LEASE_COUNT}};
	int code = put(c, r, &part, e);

	if (code)
		return code;
	l->first = leases->next;
	leases->next += LEASE_COUNT;
	return 0;
}

static void lease_accepted(struct commit_request *r, uint64_t position)
{
	struct lease_request *l = r->arg;

	leases_add(&l->spool->leases, l->who, l->first, LEASE_COUNT);
}

static const struct commit_kind lease_kind = {.join = join_lease, .accepted = lease_accepted};

/* Ids of letters that spool itself writes: nobody else may come with them. */
static const struct commit_kind own_kind = {.join = join_lease};

void co_on_lease(void *room, struct chan_parcel *p)
{
	struct spool *s = room;
	struct lease_request l = {.spool = s, .who = p->chan};
	struct commit_request r = {.kind = &lease_kind, .arg = &l};
	struct lease_question q;
	struct err e;

	if (!lease_take(p, &q))
		return;
	int code = co_commit(&s->commit, &r, &e);
	struct lease_answer a = {.first = l.first, .count = LEASE_COUNT};

	if (code)
		chan_refuse(p, code, "%s", e.text);
	else
		lease_answer(p, &a);
}

int co_own_id(struct spool *s, uint64_t *id, struct err *e)
{
	struct lease_request l = {.spool = s, .who = s};
	struct commit_request r = {.kind = &own_kind, .arg = &l};
	int code = s->own_ids == 0 ? co_commit(&s->commit, &r, e) : 0;

	if (code)
		return code;
	if (s->own_ids == 0) {
		s->own_next = l.first;
		s->own_ids = LEASE_COUNT;
	}
	s->own_ids--;
	*id = s->own_next++;
	return 0;
}

/* --- account ids ---------------------------------------------------------------------------- */

struct account_request {
	struct spool *spool;
	struct str address;
	struct account *made;
	uint32_t id;
};

static int join_account(struct commit_request *r, struct commit *c, struct err *e)
{
	struct account_request *m = r->arg;
	struct accounts *accounts = &m->spool->accounts;
	struct account *account = accounts_by_address(accounts, m->address);

	/* It may be in this very group: the answer waits for it. */
	if (account) {
		m->id = account->id;
		return 0;
	}
	account = accounts_add(accounts, accounts->next_id, m->address, 0);
	struct part part = {.kind = PART_ACCOUNT,
			    .account = {.id = account->id, .address = account_address(account)}};
	int code = put(c, r, &part, e);

	if (code) {
		accounts_remove(accounts, account);
		return code;
	}
	m->made = account;
	m->id = account->id;
	return 0;
}

static void account_refused(struct commit_request *r)
{
	struct account_request *m = r->arg;

	if (m->made)
		accounts_remove(&m->spool->accounts, m->made);
	m->made = NULL;
}

static const struct commit_kind account_kind = {.join = join_account, .refused = account_refused};

int co_own_account(struct spool *s, struct str address, uint32_t *id, struct err *e)
{
	struct account_request m = {.spool = s, .address = address};
	struct commit_request r = {.kind = &account_kind, .arg = &m};
	int code = co_commit(&s->commit, &r, e);

	*id = m.id;
	return code;
}

void co_on_account(void *room, struct chan_parcel *p)
{
	struct account_question q;

	if (!account_take(p, &q))
		return;
	struct spool *s = room;
	const struct account *known;
	uint32_t id = 0;
	int code = 0;
	struct err e;

	if (q.address.n == 0)
		code = err_set(&e, ERR_INVALID, "an account has an address");
	else if (q.make)
		code = co_own_account(s, q.address, &id, &e);
	else {
		/* One that is on its way to the disk is not there yet. */
		co_commit_settled(&s->commit);
		known = accounts_by_address(&s->accounts, q.address);
		id = known ? known->id : 0;
	}
	struct account_answer a = {.account = id};

	if (code)
		chan_refuse(p, code, "%s", e.text);
	else
		account_answer(p, &a);
}
