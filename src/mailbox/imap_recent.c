/* SPDX-License-Identifier: Apache-2.0 */
/* \Recent in a session (see recents.h). */
#include "mailbox/imap_session.h"

#include "net/loop.h"

#include <stdlib.h>

/* --- what is known -------------------------------------------------------------------------- */

struct recents_task {
	const char *data_path;
	struct str domain, user;
	struct derived *derived;
	struct recents recents;
	struct err err;
};

static void load_in_pool(void *arg)
{
	struct recents_task *t = arg;
	struct recents *r = &t->recents;

	r->rows = calloc(RECENTS_MAX, sizeof(*r->rows));
	r->cap = r->rows ? RECENTS_MAX : 0;
	if (!t->derived && derived_open(t->data_path, t->domain, t->user, &t->derived, &t->err) != 0)
		return;
	if (r->cap && derived_recent(t->derived, r->rows, r->cap, &r->n, &t->err) != 0)
		r->n = 0;
}

/* The account's index is locked. */
static void co_load(struct account *a, struct recents_task *t)
{
	*t = (struct recents_task){.data_path = a->shard->data_path,
				   .domain = a->domain,
				   .user = a->user,
				   .derived = a->derived};
	co_run_blocking(load_in_pool, t);
	a->derived = t->derived;
	recents_free(&a->recents);
	a->recents = t->recents;
	a->recents.loaded = true;
	/* An account has few folders as a rule. */
	struct recent_row *small = reallocarray(a->recents.rows, a->recents.n + 1, sizeof(*a->recents.rows));

	if (small) {
		a->recents.rows = small;
		a->recents.cap = a->recents.n + 1;
	}
}

int co_imap_recents_load(struct imap_session *s, struct err *e)
{
	struct account *a = s->account;
	struct recents_task *t;

	if (a->recents.loaded)
		return 0;
	int code = co_account_lock(a);

	if (code)
		return err_set(e, code, "the shard ends");
	t = calloc(1, sizeof(*t));
	/* Another session may have loaded them while we waited. */
	if (t && !a->recents.loaded)
		co_load(a, t);
	free(t);
	account_unlock(a);
	return t ? 0 : err_set(e, ERR_MEMORY, "no memory to open a mailbox");
}

/* --- in the session ----------------------------------------------------------------------------- */

void imap_recents_take(struct imap_session *s, uint32_t from, uint32_t next)
{
	struct recents *r = &s->account->recents;
	uint32_t first = recents_first(r, s->sel.view->folder);

	if (first < from)
		first = from;
	if (first < next)
		uid_list_add(&s->sel.recent, first, next - 1);
	if (!s->sel.read_only)
		recents_claim(r, s->sel.view->folder, next);
}

bool imap_is_recent(const struct imap_session *s, uint32_t uid)
{
	return uids_has(uid_list_uids(&s->sel.recent), uid);
}

uint32_t imap_recent(const struct imap_session *s)
{
	const struct uids recent = uid_list_uids(&s->sel.recent);
	uint32_t n = 0;

	for (size_t i = 0; i < recent.n; i++)
		n += view_count_below(s->sel.view, s->sel.told, recent.r[i].hi + 1) -
		     view_count_below(s->sel.view, s->sel.told, recent.r[i].lo);
	return n;
}

/* --- STATUS -------------------------------------------------------------------------------------- */

struct count_task {
	struct index *index;
	uint32_t folder, from;
	uint64_t n;
	struct err err;
	int code;
};

static void count_in_pool(void *arg)
{
	struct count_task *t = arg;

	t->code = index_count_from(t->index, t->folder, t->from, &t->n, &t->err);
}

static int co_count(struct account *a, struct count_task *t, struct err *e)
{
	int code = co_account_fold(a, e);

	if (code)
		return code;
	if ((code = co_account_lock(a)) != 0)
		return err_set(e, code, "the shard ends");
	t->index = a->index;
	co_run_blocking(count_in_pool, t);
	account_unlock(a);
	if (t->code)
		*e = t->err;
	return t->code;
}

int co_imap_count_recent(struct imap_session *s, uint32_t folder, uint64_t *n, struct err *e)
{
	struct account *a = s->account;
	int code = co_imap_recents_load(s, e);

	if (code)
		return code;
	const struct view *v = views_find(&a->views, folder);
	uint32_t from = recents_first(&a->recents, folder);

	if (v && !v->stale) {
		*n = v->n - view_lower(v, from);
		return 0;
	}
	struct count_task *t = calloc(1, sizeof(*t));

	if (!t)
		return err_set(e, ERR_MEMORY, "no memory to count messages");
	t->folder = folder;
	t->from = from;
	code = co_count(a, t, e);
	*n = t->n;
	free(t);
	return code;
}
