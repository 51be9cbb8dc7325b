/* SPDX-License-Identifier: Apache-2.0 */
/* Views of folders, loaded from the index and shared by the sessions of an account. */
#include "mailbox/imap_session.h"

#include "net/loop.h"

#include <stdlib.h>

/* Messages that came from another folder meanwhile make a load worthless. */
#define LOADS_MAX 10

/* For the thread pool; nobody else has the view yet. */
struct load_task {
	struct index *index;
	struct view *view;
	struct message rows[INDEX_ROWS_MAX];
	struct err err;
	int code;
};

static void load_in_pool(void *arg)
{
	struct load_task *t = arg;
	uint32_t after = 0;
	size_t n = INDEX_ROWS_MAX;

	while (!t->code && n == INDEX_ROWS_MAX) {
		t->code = index_load(t->index, t->view->folder, after, t->rows, INDEX_ROWS_MAX, &n, &t->err);
		if (!t->code)
			t->code = view_push(t->view, t->rows, n, &t->err);
		after = n ? t->rows[n - 1].uid : after;
	}
}

/* The view comes to where the account is by the acts that are not folded yet. */
static int join(struct account *a, struct view **v, struct err *e)
{
	struct act_body *bodies = calloc(a->unfolded_count + 1, sizeof(*bodies));
	struct arena arena;
	size_t n = 0;
	int code = bodies ? 0 : err_set(e, ERR_MEMORY, "no memory to open a mailbox");

	arena_init(&arena, FOLD_BYTES * 16);
	for (const struct account_act *act = a->unfolded; act && !code; act = act->next)
		code = act_body_get(buf_str(&act->body), act->serial, &arena, &bodies[n++], e);
	if (!code)
		code = views_join(&a->views, v, bodies, n, e);
	arena_free(&arena);
	free(bodies);
	return code;
}

/* The index is locked by the caller, so no fold comes between rows and acts. */
static int co_load(struct account *a, uint32_t folder, struct err *e)
{
	struct load_task *t = calloc(1, sizeof(*t));
	struct view *v = t ? view_new(folder, index_applied(a->index)) : NULL;
	int code;

	if (!v) {
		free(t);
		return err_set(e, ERR_MEMORY, "no memory to open a mailbox");
	}
	t->index = a->index;
	t->view = v;
	co_run_blocking(load_in_pool, t);
	code = t->code;
	if (code)
		*e = t->err;
	else
		code = join(a, &v, e);
	view_destroy(&v);
	free(t);
	return code;
}

static int co_load_locked(struct account *a, uint32_t folder, struct err *e)
{
	int code = co_account_lock(a);

	if (code)
		return err_set(e, code, "the shard ends");
	/* Another session may have loaded it meanwhile. */
	if (!views_find(&a->views, folder))
		code = co_load(a, folder, e);
	account_unlock(a);
	return code;
}

int co_imap_view_open(struct imap_session *s, uint32_t folder, struct view **out, struct err *e)
{
	struct account *a = s->account;
	struct view *v;
	int code = 0;

	for (unsigned i = 0; !(v = views_find(&a->views, folder)); i++) {
		if (!ledger_folder(&a->views.ledger, folder))
			return err_set(e, ERR_NOT_FOUND, "The mailbox was deleted.");
		code = i < LOADS_MAX ? co_load_locked(a, folder, e) : ERR_BUSY;
		if (code == ERR_BUSY && i < LOADS_MAX)
			code = co_account_fold(a, e);
		if (code)
			return code;
	}
	/* Its sessions end when they look at it next; then it is loaded anew. */
	if (v->stale || v->deleted)
		return err_set(e, ERR_BUSY, "The mailbox is being read again.");
	v->users++;
	*out = v;
	return 0;
}

void imap_view_leave(struct imap_session *s, struct view **v)
{
	struct view *old = *v;

	*v = NULL;
	if (old && --old->users == 0)
		views_drop(&s->account->views, old->folder);
}

void imap_unselect(struct imap_session *s)
{
	imap_view_leave(s, &s->sel.view);
	uid_list_free(&s->sel.recent);
	s->sel = (struct imap_selected){0};
}

/* --- counts ------------------------------------------------------------------------------- */

int co_imap_counts(struct imap_session *s, uint32_t folder, struct counts *out, struct err *e)
{
	struct account *a = s->account;
	const struct view *v = views_find(&a->views, folder);
	const struct ledger *counted = NULL;

	if (v && !v->stale) {
		*out = v->counts;
		return 0;
	}
	int code = co_account_count(a, &counted, e);
	const struct folder *f = code ? NULL : ledger_folder(counted, folder);

	if (!code && !f)
		code = err_set(e, ERR_NOT_FOUND, "The mailbox was deleted.");
	if (!code)
		*out = f->counts;
	return code;
}
