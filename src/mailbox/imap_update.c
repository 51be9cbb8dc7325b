/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other sessions and deliveries did to the selected mailbox, told as RFC 3501, 7.3 and
 * 7.4 ask: EXPUNGE, then EXISTS, then FETCH with flags.
 */
#include "mailbox/imap_session.h"

#include "format/imap_flag.h"
#include "format/imap_quote.h"

#define FLAG_LINE_MAX ((size_t)64 << 10)

static const struct {
	uint8_t kept;
	unsigned sent;
} flag_pairs[] = {
	{MESSAGE_SEEN, IMAP_SEEN},       {MESSAGE_ANSWERED, IMAP_ANSWERED}, {MESSAGE_FLAGGED, IMAP_FLAGGED},
	{MESSAGE_DELETED, IMAP_DELETED}, {MESSAGE_DRAFT, IMAP_DRAFT},
};

unsigned imap_flags_out(uint8_t flags)
{
	unsigned out = 0;

	for (size_t i = 0; i < sizeof(flag_pairs) / sizeof(flag_pairs[0]); i++)
		out |= flags & flag_pairs[i].kept ? flag_pairs[i].sent : 0;
	return out;
}

uint8_t imap_flags_in(unsigned flags)
{
	unsigned out = 0;

	for (size_t i = 0; i < sizeof(flag_pairs) / sizeof(flag_pairs[0]); i++)
		out |= flags & flag_pairs[i].sent ? flag_pairs[i].kept : 0;
	return (uint8_t)out;
}

unsigned imap_row_flags(const struct imap_session *s, size_t pos)
{
	const struct view *v = s->sel.view;

	return imap_flags_out(v->flags[pos]) | (imap_is_recent(s, v->uid[pos]) ? IMAP_RECENT : 0);
}

void imap_put_row_flags(const struct imap_session *s, size_t pos, struct buf *out)
{
	const struct ledger *l = &s->account->views.ledger;
	const struct keyword_set set = view_keywords(s->sel.view, pos);
	struct str names[KEYWORDS_MAX];
	size_t n = 0;

	for (unsigned i = 0; i < l->keyword_count; i++)
		if (keyword_set_has(&set, i))
			names[n++] = l->keywords[i];
	buf_add_z(out, "FLAGS ");
	imap_put_flags(out, imap_row_flags(s, pos), names, n);
}

void co_imap_tell_flags(struct imap_session *s)
{
	const struct ledger *l = &s->account->views.ledger;
	struct buf out;

	buf_init(&out, FLAG_LINE_MAX);
	buf_add_z(&out, "* FLAGS ");
	imap_put_flags(&out, imap_flags_out(MESSAGE_FLAGS_ALL), l->keywords, l->keyword_count);
	buf_add_z(&out, "\r\n");
	s->sel.keywords_told = l->keyword_count;
	co_imap_put(s, buf_str(&out));
	buf_free(&out);
}

uint32_t imap_exists(const struct imap_session *s)
{
	return view_count_below(s->sel.view, s->sel.told, s->sel.uidnext);
}

/* 0, or the view can no longer say what the client has missed. */
static int co_tell_expunged(struct imap_session *s, uint64_t now)
{
	struct uid_list gone;
	uint32_t removed = 0;

	uid_list_init(&gone);
	int code = view_gone_since(s->sel.view, s->sel.told, &gone) ? 0 : ERR_CORRUPT;

	for (size_t i = 0; !code && i < gone.n; i++)
		for (uint32_t uid = gone.r[i].lo; uid <= gone.r[i].hi && uid < s->sel.uidnext; uid++) {
			/* Each EXPUNGE renumbers what follows it, so that only what is still there
			 * counts; with what went since we began. */
			uint32_t seq =
				s->sel.view->serial == now
					? (uint32_t)view_lower(s->sel.view, uid) + 1
					: view_count_below(s->sel.view, s->sel.told, uid) + 1 - removed;

			removed++;
			co_imap_printf(s, "* %u EXPUNGE\r\n", seq);
			if (!co_imap_breathe(s) || s->sel.told < s->sel.view->floor) {
				uid_list_free(&gone);
				return ERR_CORRUPT;
			}
		}
	uid_list_free(&gone);
	s->sel.told = now;
	return code;
}

static void co_tell_row(struct imap_session *s, size_t pos)
{
	uint32_t uid = s->sel.view->uid[pos];
	struct buf out;

	buf_init(&out, FLAG_LINE_MAX);
	buf_printf(&out, "* %u FETCH (", view_seq(s->sel.view, s->sel.told, uid));
	if (s->cmd.uid)
		buf_printf(&out, "UID %u ", uid);
	imap_put_row_flags(s, pos, &out);
	buf_add_z(&out, ")\r\n");
	co_imap_put(s, buf_str(&out));
	buf_free(&out);
}

static bool was_said(const struct imap_session *s, size_t pos)
{
	const struct imap_said *said = &s->sel.said;
	uint64_t modseq = s->sel.view->modseq[pos];

	return modseq >= said->from && modseq <= said->to && uids_has(said->uids, s->sel.view->uid[pos]);
}

static void co_tell_changed(struct imap_session *s, uint64_t now, uint32_t below)
{
	const struct view *v = s->sel.view;
	size_t pos = view_next_changed(v, s->sel.flags_told, 0);

	while (pos < v->n && v->uid[pos] < below) {
		uint32_t uid = v->uid[pos];

		if (!was_said(s, pos))
			co_tell_row(s, pos);
		if (!co_imap_breathe(s))
			return;
		pos = view_next_changed(v, s->sel.flags_told, view_lower(v, uid + 1));
	}
	s->sel.flags_told = now;
}

static bool co_view_is_good(struct imap_session *s)
{
	const struct view *v = s->sel.view;

	if (s->account->state == ACCOUNT_FAILED)
		co_imap_bye(s, "The account must be opened again.");
	else if (v->deleted)
		co_imap_bye(s, "The selected mailbox was deleted.");
	else if (v->stale || s->sel.told < v->floor)
		co_imap_bye(s, "The selected mailbox must be read again.");
	return !s->ended;
}

void co_imap_sync(struct imap_session *s, bool expunges)
{
	const struct view *v = s->sel.view;

	if (s->ended || !co_view_is_good(s))
		return;
	/* All of this moment; what comes while we write is told the next time. */
	uint64_t now = v->serial;
	uint32_t next = ledger_folder(&s->account->views.ledger, v->folder)->uidnext;
	uint32_t before = s->sel.uidnext;

	if (s->account->views.ledger.keyword_count > s->sel.keywords_told)
		co_imap_tell_flags(s);
	if (expunges && s->sel.told < now && co_tell_expunged(s, now) != 0)
		co_imap_bye(s, "The selected mailbox must be read again.");
	uint32_t had = imap_exists(s);

	s->sel.uidnext = next;
	imap_recents_take(s, before, next);
	if (imap_exists(s) != had)
		co_imap_printf(s, "* %u EXISTS\r\n* %u RECENT\r\n", imap_exists(s), imap_recent(s));
	if (s->sel.flags_told < now)
		co_tell_changed(s, now, before);
}
