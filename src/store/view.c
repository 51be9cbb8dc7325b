/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of one folder as packed columns. */
#include "store/view.h"

#include <stdlib.h>
#include <string.h>

struct view *view_new(uint32_t folder, uint64_t serial)
{
	struct view *v = calloc(1, sizeof(*v));

	if (v)
		*v = (struct view){.folder = folder, .serial = serial, .floor = serial};
	return v;
}

void view_destroy(struct view **v)
{
	struct view *old = *v;

	if (!old)
		return;
	free(old->uid);
	free(old->modseq);
	free(old->flags);
	free(old->date_us);
	free(old->size);
	free(old->letter);
	for (int i = 0; i < KEYWORD_WORDS; i++)
		free(old->keywords[i]);
	free(old->gone);
	free(old);
	*v = NULL;
}

static bool resize(void *column, size_t n, size_t width)
{
	void **at = column;
	void *p = realloc(*at, n * width);

	if (p)
		*at = p;
	return p;
}

/* Room for n more rows.  Columns that grew before one that did not are merely
 * larger than they need be. */
static bool reserve(struct view *v, size_t n)
{
	size_t cap = v->cap ? v->cap : 16;
	bool ok;

	while (cap < v->n + n)
		cap += cap / 2;
	if (cap == v->cap)
		return true;
	ok = resize(&v->uid, cap, sizeof(*v->uid)) && resize(&v->modseq, cap, sizeof(*v->modseq)) &&
	     resize(&v->flags, cap, sizeof(*v->flags)) && resize(&v->date_us, cap, sizeof(*v->date_us)) &&
	     resize(&v->size, cap, sizeof(*v->size)) && resize(&v->letter, cap, sizeof(*v->letter));
	for (int i = 0; i < KEYWORD_WORDS; i++)
		if (ok && v->keywords[i])
			ok = resize(&v->keywords[i], cap, sizeof(uint64_t));
	if (ok)
		v->cap = cap;
	return ok;
}

struct keyword_set view_keywords(const struct view *v, size_t pos)
{
	struct keyword_set set = {0};

	for (int i = 0; i < KEYWORD_WORDS; i++)
		if (v->keywords[i])
			set.w[i] = v->keywords[i][pos];
	return set;
}

/* A word of keywords gets its column when it is first needed. */
static bool store_keywords(struct view *v, size_t pos, const struct keyword_set *set)
{
	for (int i = 0; i < KEYWORD_WORDS; i++) {
		if (!v->keywords[i] && set->w[i])
			v->keywords[i] = calloc(v->cap, sizeof(uint64_t));
		if (v->keywords[i])
			v->keywords[i][pos] = set->w[i];
		else if (set->w[i])
			return false;
	}
	return true;
}

static bool append(struct view *v, const struct message *m)
{
	if (!reserve(v, 1) || !store_keywords(v, v->n, &m->keywords))
		return false;
	v->uid[v->n] = m->uid;
	v->modseq[v->n] = m->modseq;
	v->flags[v->n] = m->flags;
	v->date_us[v->n] = m->date_us;
	v->size[v->n] = m->size;
	v->letter[v->n] = m->letter;
	v->n++;
	counts_add(&v->counts, m->flags, m->size);
	return true;
}

int view_push(struct view *v, const struct message *rows, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (v->n > 0 && rows[i].uid <= v->uid[v->n - 1])
			return err_set(err, ERR_CORRUPT, "UID %u of folder %u is out of order", rows[i].uid,
				       v->folder);
		if (!append(v, &rows[i]))
			return err_set(err, ERR_MEMORY, "no memory for folder %u", v->folder);
	}
	return 0;
}

size_t view_lower(const struct view *v, uint32_t uid)
{
	size_t from = 0;
	size_t to = v->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (v->uid[mid] < uid)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

size_t view_find(const struct view *v, uint32_t uid)
{
	size_t pos = view_lower(v, uid);

	return pos < v->n && v->uid[pos] == uid ? pos : v->n;
}

size_t view_next_changed(const struct view *v, uint64_t since, size_t pos)
{
	while (pos < v->n && v->modseq[pos] <= since)
		pos++;
	return pos;
}

/* The first entry of the log above that modseq. */
static size_t gone_place(const struct view *v, uint64_t since)
{
	size_t from = 0;
	size_t to = v->gone_n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (v->gone[mid].modseq <= since)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static int by_uid(const void *a, const void *b)
{
	const struct gone *x = a;
	const struct gone *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

bool view_gone_since(const struct view *v, uint64_t since, struct uid_list *out)
{
	size_t from = gone_place(v, since);
	size_t n = v->gone_n - from;

	if (since < v->floor)
		return false;
	if (n == 0)
		return !out->failed;
	struct gone *sorted = malloc(n * sizeof(*sorted));

	if (!sorted)
		return false;
	memcpy(sorted, v->gone + from, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_uid);
	for (size_t i = 0; i < n; i++)
		uid_list_add(out, sorted[i].lo, sorted[i].hi);
	free(sorted);
	return !out->failed;
}

/* Expunged after `since`, with a UID below uid. */
static uint64_t gone_below(const struct view *v, uint64_t since, uint32_t uid)
{
	uint64_t count = 0;

	for (size_t i = gone_place(v, since); i < v->gone_n; i++) {
		const struct gone *g = &v->gone[i];

		if (g->lo < uid)
			count += (uint64_t)(g->hi < uid ? g->hi : uid - 1) - g->lo + 1;
	}
	return count;
}

static bool is_gone_since(const struct view *v, uint64_t since, uint32_t uid)
{
	for (size_t i = gone_place(v, since); i < v->gone_n; i++)
		if (v->gone[i].lo <= uid && uid <= v->gone[i].hi)
			return true;
	return false;
}

uint32_t view_count_below(const struct view *v, uint64_t since, uint32_t uid)
{
	return (uint32_t)(view_lower(v, uid) + gone_below(v, since, uid));
}

uint32_t view_seq(const struct view *v, uint64_t since, uint32_t uid)
{
	if (view_find(v, uid) == v->n && !is_gone_since(v, since, uid))
		return 0;
	return view_count_below(v, since, uid) + 1;
}

uint32_t view_uid(const struct view *v, uint64_t since, uint32_t seq)
{
	uint32_t from = 0;
	uint32_t to = UINT32_MAX;

	/* Without later expunges the position is the answer. */
	if (gone_place(v, since) == v->gone_n)
		return seq >= 1 && seq <= v->n ? v->uid[seq - 1] : 0;
	if (seq == 0 || view_count_below(v, since, UINT32_MAX) < seq)
		return 0;
	/* The least UID below and at which there are seq messages. */
	while (from < to) {
		uint32_t mid = from + (to - from) / 2;

		if (view_count_below(v, since, mid + 1) < seq)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static void log_gone(struct view *v, uint64_t modseq, uint32_t uid)
{
	struct gone *last = v->gone_n ? &v->gone[v->gone_n - 1] : NULL;

	if (last && last->modseq == modseq && last->hi + 1 == uid) {
		last->hi = uid;
		return;
	}
	if (v->gone_n == VIEW_GONE_MAX) {
		/* One modseq is given up as a whole, or the floor would lie. */
		uint64_t middle = v->gone[VIEW_GONE_MAX / 2].modseq;
		size_t drop = gone_place(v, middle);

		v->floor = middle;
		v->gone_n -= drop;
		memmove(v->gone, v->gone + drop, v->gone_n * sizeof(*v->gone));
	}
	if (v->gone_n == v->gone_cap) {
		size_t cap = v->gone_cap ? v->gone_cap * 2 : 16;

		if (!resize(&v->gone, cap, sizeof(*v->gone))) {
			v->stale = true;
			return;
		}
		v->gone_cap = cap;
	}
	v->gone[v->gone_n++] = (struct gone){modseq, uid, uid};
}

static void move_row(struct view *v, size_t to, size_t from)
{
	v->uid[to] = v->uid[from];
	v->modseq[to] = v->modseq[from];
	v->flags[to] = v->flags[from];
	v->date_us[to] = v->date_us[from];
	v->size[to] = v->size[from];
	v->letter[to] = v->letter[from];
	for (int i = 0; i < KEYWORD_WORDS; i++)
		if (v->keywords[i])
			v->keywords[i][to] = v->keywords[i][from];
}

/* One pass over the rows from the first named one on. */
static void remove_rows(struct view *v, uint64_t modseq, struct uids uids)
{
	size_t to = view_lower(v, uids.r[0].lo);
	size_t range = 0;
	struct counts gone = {0};

	for (size_t from = to; from < v->n; from++) {
		while (range < uids.n && uids.r[range].hi < v->uid[from])
			range++;
		if (range < uids.n && uids.r[range].lo <= v->uid[from]) {
			counts_add(&gone, v->flags[from], v->size[from]);
			log_gone(v, modseq, v->uid[from]);
		} else {
			move_row(v, to++, from);
		}
	}
	v->n = to;
	counts_minus(&v->counts, &gone);
}

static void change_flags(struct view *v, uint64_t modseq, struct uids uids, const struct flag_change *c)
{
	for (size_t i = 0; i < uids.n; i++) {
		for (size_t pos = view_lower(v, uids.r[i].lo); pos < v->n && v->uid[pos] <= uids.r[i].hi;
		     pos++) {
			struct keyword_set keywords = view_keywords(v, pos);
			uint8_t flags = v->flags[pos];

			if (!flag_change_apply(c, &flags, &keywords))
				continue;
			v->counts.unseen += !(flags & MESSAGE_SEEN);
			v->counts.unseen -= !(v->flags[pos] & MESSAGE_SEEN);
			v->counts.deleted += (flags & MESSAGE_DELETED) != 0;
			v->counts.deleted -= (v->flags[pos] & MESSAGE_DELETED) != 0;
			v->flags[pos] = flags;
			v->modseq[pos] = modseq;
			if (!store_keywords(v, pos, &keywords))
				v->stale = true;
		}
	}
}

static struct message row_of(const struct view *v, size_t pos)
{
	return (struct message){
		.flags = v->flags[pos],
		.keywords = view_keywords(v, pos),
		.date_us = v->date_us[pos],
		.size = v->size[pos],
		.letter = v->letter[pos],
	};
}

static void copy_rows(struct view *to, const struct view *from, uint64_t modseq,
		      const struct change_transfer *t)
{
	uint32_t next = t->first_uid;

	for (size_t i = 0; i < t->uids.n; i++) {
		const struct uid_range *r = &t->uids.r[i];

		for (size_t pos = view_lower(from, r->lo); pos < from->n && from->uid[pos] <= r->hi; pos++) {
			struct message m = row_of(from, pos);

			m.uid = next + (from->uid[pos] - r->lo);
			m.modseq = modseq;
			if (!append(to, &m))
				to->stale = true;
		}
		next += r->hi - r->lo + 1;
	}
}

static void add_row(struct view *v, uint64_t modseq, const struct change_add *a, const struct ledger *l)
{
	struct message m = {
		.uid = a->uid,
		.flags = a->flags,
		.keywords = ledger_keyword_set(l, a->keywords),
		.modseq = modseq,
		.date_us = a->date_us,
		.size = a->size,
		.letter = a->letter,
	};

	if (!append(v, &m))
		v->stale = true;
}

static struct view *pick(struct view *const *list, size_t n, uint32_t folder)
{
	for (size_t i = 0; i < n; i++)
		if (list[i]->folder == folder)
			return list[i];
	return NULL;
}

/* Arrivals before departures, since they are copied from the rows there. */
static void transfer(struct view *const *list, size_t n, uint64_t modseq, const struct change *c)
{
	struct view *from = pick(list, n, c->transfer.from);
	struct view *to = pick(list, n, c->transfer.to);

	if (to && from && !from->stale)
		copy_rows(to, from, modseq, &c->transfer);
	else if (to)
		to->stale = true;
	if (from && c->kind == CHANGE_MOVE)
		remove_rows(from, modseq, c->transfer.uids);
}

/* What one change does to those views; the ledger is that after its act. */
static void follow(struct view *const *list, size_t n, const struct ledger *l, uint64_t modseq,
		   const struct change *c)
{
	struct flag_change how;
	struct view *v;

	switch (c->kind) {
	case CHANGE_FOLDER_DELETE:
		v = pick(list, n, c->delete.folder);
		if (v)
			v->deleted = true;
		break;
	case CHANGE_ADD:
		v = pick(list, n, c->add.folder);
		if (v)
			add_row(v, modseq, &c->add, l);
		break;
	case CHANGE_MOVE:
	case CHANGE_COPY:
		transfer(list, n, modseq, c);
		break;
	case CHANGE_FLAGS_SET:
	case CHANGE_FLAGS_ADD:
	case CHANGE_FLAGS_REMOVE:
		v = pick(list, n, c->flags.folder);
		how = ledger_flag_change(l, c);
		if (v)
			change_flags(v, modseq, c->flags.uids, &how);
		break;
	case CHANGE_EXPUNGE:
		v = pick(list, n, c->expunge.folder);
		if (v)
			remove_rows(v, modseq, c->expunge.uids);
		break;
	default:
		break;
	}
}

static void follow_act(struct view *const *list, size_t n, const struct ledger *l, const struct act_body *act)
{
	for (size_t i = 0; i < act->n; i++)
		follow(list, n, l, act->serial, &act->changes[i]);
	for (size_t i = 0; i < n; i++)
		list[i]->serial = act->serial;
}

void views_init(struct views *vs)
{
	*vs = (struct views){0};
	ledger_init(&vs->ledger);
}

void views_free(struct views *vs)
{
	for (size_t i = 0; i < vs->n; i++)
		view_destroy(&vs->list[i]);
	free(vs->list);
	ledger_free(&vs->ledger);
	views_init(vs);
}

struct view *views_find(const struct views *vs, uint32_t folder)
{
	return pick(vs->list, vs->n, folder);
}

void views_drop(struct views *vs, uint32_t folder)
{
	for (size_t i = 0; i < vs->n; i++) {
		if (vs->list[i]->folder != folder)
			continue;
		view_destroy(&vs->list[i]);
		vs->list[i] = vs->list[--vs->n];
		return;
	}
}

int views_apply(struct views *vs, const struct act_body *act, struct err *err)
{
	int rc = ledger_apply(&vs->ledger, act, err);

	if (!rc)
		follow_act(vs->list, vs->n, &vs->ledger, act);
	return rc;
}

int views_join(struct views *vs, struct view **v, const struct act_body *acts, size_t n, struct err *err)
{
	struct view *joining = *v;

	if (views_find(vs, joining->folder))
		return err_set(err, ERR_EXISTS, "folder %u is in view already", joining->folder);
	for (size_t i = 0; i < n; i++)
		if (acts[i].serial == joining->serial + 1)
			follow_act(v, 1, &vs->ledger, &acts[i]);
	if (joining->stale || joining->serial != vs->ledger.serial)
		return err_set(err, ERR_BUSY, "folder %u changed while it was loaded", joining->folder);
	if (!resize(&vs->list, vs->n + 1, sizeof(struct view *)))
		return err_set(err, ERR_MEMORY, "no memory for folder %u", joining->folder);
	vs->list[vs->n++] = joining;
	*v = NULL;
	return 0;
}
