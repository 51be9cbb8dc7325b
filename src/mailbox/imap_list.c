/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LIST and LSUB (RFC 3501, 6.3.8 and 6.3.9; RFC 5258; RFC 6154).
 *
 * One sorted table of names: folders, subscriptions, and the levels above them that are
 * neither.  The separator sorts before everything else, so what is below a name follows it.
 */
#include "mailbox/imap_session.h"

#include "format/imap_match.h"
#include "format/imap_quote.h"

#include <stdlib.h>

struct name {
	struct str name;
	bool exists, subscribed;
	bool parent; /* something that exists is below it */
	uint8_t special_use;
};

struct names {
	struct name *v;
	size_t n;
};

/* --- the table --------------------------------------------------------------------------- */

static int rank(char c)
{
	return c == FOLDER_SEPARATOR ? 0 : (unsigned char)c;
}

static int by_name(const void *x, const void *y)
{
	const struct name *a = x, *b = y;
	size_t i = 0;

	while (i < a->name.n && i < b->name.n && a->name.p[i] == b->name.p[i])
		i++;
	if (i == a->name.n || i == b->name.n)
		return (i < a->name.n) - (i < b->name.n);
	return rank(a->name.p[i]) - rank(b->name.p[i]);
}

static size_t levels(struct str name)
{
	size_t n = 1;

	for (size_t i = 0; i < name.n; i++)
		n += name.p[i] == FOLDER_SEPARATOR;
	return n;
}

static void add(struct names *t, struct name what)
{
	t->v[t->n++] = what;
	for (size_t i = 0; i < what.name.n; i++)
		if (what.name.p[i] == FOLDER_SEPARATOR)
			t->v[t->n++] = (struct name){.name = str_head(what.name, i), .parent = what.exists};
}

/* One row for each name. */
static void merge(struct names *t)
{
	size_t to = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (to > 0 && str_eq(t->v[to - 1].name, t->v[i].name)) {
			struct name *one = &t->v[to - 1];

			one->exists |= t->v[i].exists;
			one->subscribed |= t->v[i].subscribed;
			one->parent |= t->v[i].parent;
			one->special_use |= t->v[i].special_use;
		} else
			t->v[to++] = t->v[i];
	}
	t->n = to;
}

/* Names are copied: the ledger may change while we write. */
static bool fill(struct names *t, struct arena *a, const struct ledger *l)
{
	bool ok = true;

	for (size_t i = 0; ok && i < l->n; i++) {
		struct str name = arena_str(a, l->folders[i].name);

		ok = name.p;
		if (ok)
			add(t, (struct name){.name = name,
					     .exists = true,
					     .special_use = l->folders[i].special_use});
	}
	for (size_t i = 0; ok && i < l->subscribed; i++) {
		struct str name = arena_str(a, l->subscriptions[i]);

		ok = name.p;
		if (ok)
			add(t, (struct name){.name = name, .subscribed = true});
	}
	return ok;
}

static int make_names(struct imap_session *s, struct names *t, struct err *e)
{
	const struct ledger *l = &s->account->views.ledger;
	size_t most = 0;

	for (size_t i = 0; i < l->n; i++)
		most += levels(l->folders[i].name);
	for (size_t i = 0; i < l->subscribed; i++)
		most += levels(l->subscriptions[i]);
	t->v = arena_calloc(&s->arena, most ? most : 1, sizeof(*t->v));
	if (!t->v || !fill(t, &s->arena, l))
		return err_set(e, ERR_TOO_BIG, "There are too many mailboxes to list.");
	qsort(t->v, t->n, sizeof(*t->v), by_name);
	merge(t);
	return 0;
}

static bool is_below(const struct name *n, const struct name *above)
{
	return n->name.n > above->name.n && str_starts(n->name, above->name) &&
	       n->name.p[above->name.n] == FOLDER_SEPARATOR;
}

/* --- what is asked for -------------------------------------------------------------------- */

struct question {
	const char *reply;
	const struct imap_list *list;
	struct str *patterns; /* as imap_match() wants them */
	bool lsub;
};

static int read_patterns(struct imap_session *s, struct question *q, struct err *e)
{
	const struct imap_list *l = q->list;
	struct buf b;
	int code = 0;

	q->patterns =
		arena_calloc(&s->arena, l->patterns.count ? l->patterns.count : 1, sizeof(*q->patterns));
	if (!q->patterns)
		return err_set(e, ERR_MEMORY, "no memory for the command");
	buf_init(&b, (size_t)8 * IMAP_MAILBOX_MAX);
	for (size_t i = 0; !code && i < l->patterns.count; i++) {
		code = imap_mailbox_read_pattern(l->reference, l->patterns.v[i], false, &b, e);
		q->patterns[i] = arena_str(&s->arena, buf_str(&b));
		if (!code && !q->patterns[i].p)
			code = err_set(e, ERR_MEMORY, "no memory for the command");
	}
	buf_free(&b);
	return code;
}

static bool matches(const struct question *q, struct str name)
{
	for (size_t i = 0; i < q->list->patterns.count; i++)
		if (imap_match(q->patterns[i], name))
			return true;
	return false;
}

static bool wants_subscribed(const struct question *q)
{
	return q->lsub || q->list->select & IMAP_LIST_SUBSCRIBED;
}

static bool selected(const struct question *q, const struct name *n)
{
	if (wants_subscribed(q) && !n->subscribed)
		return false;
	if (q->list->select & IMAP_LIST_SPECIAL_USE && !n->special_use)
		return false;
	return wants_subscribed(q) || n->exists || n->parent;
}

/* Something below it is meant that the pattern does not show: LSUB with "%" (RFC 3501,
 * 6.3.9) and RECURSIVEMATCH (RFC 5258, 3.5). */
static bool stands_for_others(const struct question *q, const struct names *t, size_t i)
{
	if (!q->lsub && !(q->list->select & IMAP_LIST_RECURSIVEMATCH))
		return false;
	for (size_t k = i + 1; k < t->n && is_below(&t->v[k], &t->v[i]); k++)
		if (selected(q, &t->v[k]) && !matches(q, t->v[k].name))
			return true;
	return false;
}

/* --- the reply ---------------------------------------------------------------------------- */

static const struct {
	uint8_t use;
	const char *name; /* RFC 6154, 2 */
} special_names[] = {
	{SPECIAL_ALL, "\\All"},
	{SPECIAL_ARCHIVE, "\\Archive"},
	{SPECIAL_DRAFTS, "\\Drafts"},
	{SPECIAL_FLAGGED, "\\Flagged"},
	{SPECIAL_JUNK, "\\Junk"},
	{SPECIAL_SENT, "\\Sent"},
	{SPECIAL_IMPORTANT, "\\Important"},
	{SPECIAL_TRASH, "\\Trash"},
};

static void put_word(struct buf *out, const char *word)
{
	if (out->n > 0 && out->p[out->n - 1] != '(')
		buf_add_c(out, ' ');
	buf_add_z(out, word);
}

static void put_attributes(struct buf *out, const struct question *q, const struct name *n, bool own)
{
	/* LSUB and clients without RFC 5258 know only \Noselect. */
	if (q->lsub ? !own : !n->exists && !q->list->extended)
		put_word(out, "\\Noselect");
	if (!q->lsub && !n->exists && q->list->extended)
		put_word(out, "\\NonExistent");
	if (!q->lsub)
		put_word(out, n->parent ? "\\HasChildren" : "\\HasNoChildren");
	if (!q->lsub && n->subscribed && (wants_subscribed(q) || q->list->returns & IMAP_RETURN_SUBSCRIBED))
		put_word(out, "\\Subscribed");
	for (size_t i = 0; !q->lsub && i < sizeof(special_names) / sizeof(special_names[0]); i++)
		if (n->special_use & special_names[i].use)
			put_word(out, special_names[i].name);
}

static void co_put_name(struct imap_session *s, const struct question *q, const struct name *n, bool own,
			bool others)
{
	struct buf out;

	buf_init(&out, IMAP_REPLY_MAX);
	buf_printf(&out, "* %s (", q->reply);
	put_attributes(&out, q, n, own);
	buf_printf(&out, ") \"%c\" ", FOLDER_SEPARATOR);
	imap_put_mailbox(&out, n->name, false);
	if (others && !q->lsub && q->list->select & IMAP_LIST_SUBSCRIBED)
		buf_add_z(&out, " (\"CHILDINFO\" (\"SUBSCRIBED\"))");
	buf_add_z(&out, "\r\n");
	co_imap_put(s, buf_str(&out));
	buf_free(&out);
}

static void co_put_names(struct imap_session *s, const struct question *q, const struct names *t)
{
	for (size_t i = 0; i < t->n && co_imap_breathe(s); i++) {
		if (!matches(q, t->v[i].name))
			continue;
		bool own = selected(q, &t->v[i]), others = stands_for_others(q, t, i);

		if (own || others)
			co_put_name(s, q, &t->v[i], own, others);
	}
}

static void co_list(struct imap_session *s, const struct imap_command *cmd, const char *reply,
		    const char *done)
{
	struct question q = {.reply = reply, .list = &cmd->list, .lsub = cmd->id == IMAP_LSUB};
	struct names t = {0};
	struct err e = {0};
	int code = read_patterns(s, &q, &e);

	if (!code)
		code = make_names(s, &t, &e);
	if (code) {
		co_imap_refuse(s, code, &e);
		return;
	}
	/* The empty pattern asks for the separator (RFC 3501, 6.3.8). */
	if (!cmd->list.extended && cmd->list.patterns.count == 1 && cmd->list.patterns.v[0].n == 0)
		co_imap_printf(s, "* %s (\\Noselect) \"%c\" \"\"\r\n", reply, FOLDER_SEPARATOR);
	else
		co_put_names(s, &q, &t);
	co_imap_done(s, "OK %s completed.", done);
}

void co_cmd_list(struct imap_session *s, const struct imap_command *cmd)
{
	co_list(s, cmd, "LIST", "List");
}

void co_cmd_lsub(struct imap_session *s, const struct imap_command *cmd)
{
	co_list(s, cmd, "LSUB", "Lsub");
}
