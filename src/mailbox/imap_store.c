/* SPDX-License-Identifier: Apache-2.0 */
/* STORE (RFC 3501, 6.4.6). */
#include "mailbox/imap_flags.h"

#define FLAG_LINE_MAX ((size_t)64 << 10)

static const enum change_kind kinds[] = {
	[IMAP_STORE_SET] = CHANGE_FLAGS_SET,
	[IMAP_STORE_ADD] = CHANGE_FLAGS_ADD,
	[IMAP_STORE_REMOVE] = CHANGE_FLAGS_REMOVE,
};

static void co_tell(struct imap_session *s, struct uids picked)
{
	const struct view *v = s->sel.view;
	size_t pos;

	for (uint32_t uid = 0; (pos = imap_pick_next(s, picked, uid)) < v->n;) {
		struct buf out;

		uid = v->uid[pos];
		buf_init(&out, FLAG_LINE_MAX);
		buf_printf(&out, "* %u FETCH (", view_seq(v, s->sel.told, uid));
		if (s->cmd.uid)
			buf_printf(&out, "UID %u ", uid);
		imap_put_row_flags(s, pos, &out);
		buf_add_z(&out, ")\r\n");
		co_imap_put(s, buf_str(&out));
		buf_free(&out);
		if (!co_imap_breathe(s))
			return;
	}
}

/* What of the flags needs no more telling at the end of the command. */
static struct imap_said said(const struct imap_selected *before, const struct imap_flag_acts *acts,
			     struct uids picked, bool silent, uint64_t now)
{
	/* With .SILENT the client knows the outcome only if nobody came between. */
	bool alone = acts->first == before->flags_told + 1 && acts->last - acts->first + 1 == acts->count;

	if (!silent)
		return (struct imap_said){picked, 1, now};
	return alone ? (struct imap_said){picked, acts->first, acts->last} : (struct imap_said){0};
}

static int co_store(struct imap_session *s, const struct imap_store *st, struct uids picked, struct err *e)
{
	struct keyword_names keywords = {st->flags.keywords.v, st->flags.keywords.count};
	struct imap_flag_acts acts;

	/* What others did before is told first. */
	co_imap_sync(s, false);
	if (s->ended)
		return 0;
	struct imap_selected before = s->sel;
	int code = co_imap_change_flags(s, kinds[st->mode], picked, imap_flags_in(st->flags.flags), keywords,
					&acts, e);
	uint64_t now = s->sel.view->serial;

	if (code)
		return code;
	if (s->account->views.ledger.keyword_count > s->sel.keywords_told)
		co_imap_tell_flags(s);
	if (!st->silent)
		co_tell(s, picked);
	s->sel.said = said(&before, &acts, picked, st->silent, now);
	return 0;
}

void co_cmd_store(struct imap_session *s, const struct imap_command *cmd)
{
	struct imap_set set = cmd->store.set;
	struct uid_list picked;
	struct err e = {0};

	uid_list_init(&picked);
	int code = imap_pick(s, &set, cmd->uid, &picked, &e);

	if (code == ERR_INVALID) {
		co_imap_done(s, "BAD %s", e.text);
		uid_list_free(&picked);
		return;
	}
	if (!code && s->sel.read_only)
		code = err_set(&e, ERR_DENIED, "Mailbox is read-only.");
	if (!code)
		code = co_store(s, &cmd->store, uid_list_uids(&picked), &e);
	if (code)
		co_imap_refuse(s, code, &e);
	else
		co_imap_done(s, "OK Store completed.");
	uid_list_free(&picked);
}
