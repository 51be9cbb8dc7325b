/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEARCH (RFC 3501, 6.4.4).
 *
 * Most messages are decided by their row of the view; only for the others the letter is
 * opened.
 */
#include "mailbox/imap_session.h"

#include "base/clock.h"
#include "format/charset.h"
#include "mailbox/letter_search.h"
#include "mailbox/shard_parts.h"

/* The numbers of all messages of a folder. */
#define RESULT_MAX ((size_t)256 << 20)

static bool charset_known(const struct charset_fn *fn, struct str name)
{
	struct buf none;

	buf_init(&none, 16);
	bool known = name.n == 0 || charset_convert(fn, name, STR(""), &none) == 0;

	buf_free(&none);
	return known;
}

/* Texts become UTF-8. */
static int convert(const struct imap_session *s, struct str charset, struct str *text, struct arena *a,
		   struct err *e)
{
	struct buf utf8;
	int code = 0;

	if (charset.n == 0 || text->n == 0)
		return 0;
	buf_init(&utf8, text->n * 4);
	charset_convert(&s->shard->charset_fn, charset, *text, &utf8);
	*text = arena_str(a, buf_str(&utf8));
	if (!text->p || buf_failed(&utf8))
		code = err_set(e, ERR_MEMORY, "no memory for the command");
	buf_free(&utf8);
	return code;
}

/* What is done once to each key, before the first message. */
static int prepare(struct imap_session *s, const struct imap_search *search, struct err *e)
{
	size_t known = view_lower(s->sel.view, s->sel.uidnext);
	uint32_t last = known ? s->sel.view->uid[known - 1] : 0;
	int code = 0;

	for (struct imap_key *k = search->root; k && !code; k = imap_key_next(k)) {
		if (k->set.saved)
			return err_set(e, ERR_INVALID, "No search result is saved.");
		if (k->kind == IMAP_KEY_SEQUENCE)
			imap_set_resolve(&k->set, imap_exists(s));
		else if (k->kind == IMAP_KEY_UID)
			imap_set_resolve(&k->set, last);
		code = convert(s, search->charset, &k->text, &s->arena, e);
	}
	return code;
}

struct search_run {
	const struct imap_search *search;
	struct str keywords[KEYWORDS_MAX]; /* of the account, copied: the ledger may change */
	size_t keyword_count;
	struct buf result;
};

static bool copy_keywords(struct imap_session *s, struct search_run *r)
{
	const struct ledger *l = &s->account->views.ledger;
	bool ok = true;

	for (size_t i = 0; i < l->keyword_count && ok; i++) {
		r->keywords[i] = arena_str(&s->arena, l->keywords[i]);
		ok = r->keywords[i].p;
	}
	r->keyword_count = l->keyword_count;
	return ok;
}

static struct imap_facts facts_of(const struct imap_session *s, const struct search_run *r, size_t pos,
				  struct str *keywords)
{
	const struct view *v = s->sel.view;
	const struct keyword_set set = view_keywords(v, pos);
	struct imap_facts f = {.sequence = view_seq(v, s->sel.told, v->uid[pos]),
			       .uid = v->uid[pos],
			       .flags = imap_row_flags(s, pos),
			       .keywords = keywords,
			       .internal_day = letter_day(v->date_us[pos], 0),
			       .size = v->size[pos]};

	for (unsigned i = 0; i < r->keyword_count; i++)
		if (keyword_set_has(&set, i))
			keywords[f.keyword_count++] = r->keywords[i];
	return f;
}

/* Few at once, so that the thread pool has room for others whatever is looked for; and not all
 * of them for one account. */
static int co_take_seat(struct account *a, struct search_seat **out)
{
	struct shard *s = a->shard;
	int code = 0;

	*out = NULL;
	while (!code && !*out) {
		for (unsigned i = 0; i < SEARCH_SEATS && a->seats + 1 < SEARCH_SEATS && !*out; i++)
			if (!s->seats[i].taken)
				*out = &s->seats[i];
		if (!*out)
			code = co_waiters_park(&s->seat_free, NO_DEADLINE);
	}
	if (code)
		return code;
	(*out)->taken = true;
	a->seats++;
	return 0;
}

static int co_search_letter(struct account *a, const struct letter_reader *l, const struct outline *o,
			    const struct imap_search *search, const struct imap_facts *facts, bool *found,
			    struct err *e)
{
	struct search_seat *seat;
	int code = co_take_seat(a, &seat);

	if (code)
		return err_set(e, code, "the shard ends");
	code = co_letter_search(l, o, &seat->charsets, search, facts, deadline_in(a->shard->search_ms), found,
				e);
	seat->taken = false;
	a->seats--;
	waiters_wake(&a->shard->seat_free);
	return code;
}

/* A letter that cannot be read, or not in time, holds nothing that was looked for. */
static bool co_look_inside(struct imap_session *s, const struct search_run *r, const struct imap_facts *facts)
{
	struct letter_reader *l = NULL;
	struct letter_outline *o = NULL;
	bool found = false;
	struct err e = {0};
	int code = co_letter_open(s->account, s->sel.view->folder, facts->uid, &l, &e);

	if (!code)
		code = co_letter_outline(s->account, l, &o, &e);
	if (!code)
		code = co_search_letter(s->account, l, &o->outline, r->search, facts, &found, &e);
	letter_outline_destroy(&o);
	letter_close(&l);
	if (code == ERR_CANCELLED)
		co_imap_bye(s, "Server shutting down.");
	return found;
}

static void co_search_all(struct imap_session *s, struct search_run *r)
{
	const struct view *v = s->sel.view;
	struct str *keywords = arena_calloc(&s->arena, KEYWORDS_MAX, sizeof(*keywords));
	uint32_t below = s->sel.uidnext;
	size_t pos = 0;

	while (keywords && pos < v->n && v->uid[pos] < below && co_imap_breathe(s)) {
		/* Breathing may have taken rows away. */
		if (pos >= v->n)
			break;
		struct imap_facts f = facts_of(s, r, pos, keywords);
		enum imap_truth t = imap_search_match(r->search, &f, NULL, NULL);

		if (t == IMAP_YES || (t == IMAP_MAYBE && co_look_inside(s, r, &f)))
			buf_printf(&r->result, " %u", s->cmd.uid ? f.uid : f.sequence);
		pos = view_lower(v, f.uid + 1);
	}
}

static int co_search(struct imap_session *s, const struct imap_search *search, struct err *e)
{
	struct search_run *r = arena_alloc(&s->arena, sizeof(*r));
	int code = prepare(s, search, e);

	if (code || !r || !copy_keywords(s, r))
		return code ? code : err_set(e, ERR_MEMORY, "no memory for the command");
	r->search = search;
	buf_init(&r->result, RESULT_MAX);
	buf_add_z(&r->result, "* SEARCH");
	co_search_all(s, r);
	buf_add_z(&r->result, "\r\n");
	if (buf_failed(&r->result))
		code = err_set(e, ERR_MEMORY, "no memory for the result");
	else
		co_imap_put(s, buf_str(&r->result));
	buf_free(&r->result);
	return code;
}

void co_cmd_search(struct imap_session *s, const struct imap_command *cmd)
{
	struct err e = {0};

	if (!charset_known(&s->shard->charset_fn, cmd->search.charset)) {
		co_imap_done(s, "NO [BADCHARSET] Unknown charset.");
		return;
	}
	int code = co_search(s, &cmd->search, &e);

	if (code)
		co_imap_refuse(s, code, &e);
	else
		co_imap_done(s, "OK Search completed.");
}
