/* SPDX-License-Identifier: Apache-2.0 */
/* SELECT, EXAMINE, UNSELECT, CLOSE and CHECK (RFC 3501, 6.3.1, 6.3.2, 6.4.1, 6.4.2; RFC 3691). */
#include "mailbox/imap_session.h"

#include "format/imap_quote.h"

static int co_open(struct imap_session *s, struct str wire, bool read_only, struct err *e)
{
	struct buf name;

	buf_init(&name, (size_t)4 * IMAP_MAILBOX_MAX);
	int code = imap_mailbox_read(wire, false, &name, e);
	const struct folder *f = code ? NULL : ledger_find(&s->account->views.ledger, buf_str(&name));

	if (!code && !f)
		code = err_set(e, ERR_NOT_FOUND, "Mailbox doesn't exist: %.*s", STR_ARG(str_head(wire, 200)));
	struct view *v = NULL;

	if (!code)
		code = co_imap_recents_load(s, e);
	/* Deleted while we waited, perhaps. */
	f = code ? NULL : ledger_find(&s->account->views.ledger, buf_str(&name));
	if (!code)
		code = f ? co_imap_view_open(s, f->id, &v, e)
			 : err_set(e, ERR_NOT_FOUND, "The mailbox was deleted.");
	buf_free(&name);
	if (code)
		return code;
	s->sel = (struct imap_selected){.view = v,
					.read_only = read_only,
					.told = v->serial,
					.flags_told = v->serial,
					.uidnext =
						ledger_folder(&s->account->views.ledger, v->folder)->uidnext};
	uid_list_init(&s->sel.recent);
	imap_recents_take(s, 1, s->sel.uidnext);
	return 0;
}

static size_t first_unseen(const struct view *v)
{
	size_t pos = 0;

	while (pos < v->n && v->flags[pos] & MESSAGE_SEEN)
		pos++;
	return pos;
}

static void co_permanent_flags(struct imap_session *s)
{
	const struct ledger *l = &s->account->views.ledger;
	const struct str star = STR("\\*");
	struct str names[KEYWORDS_MAX + 1];
	size_t n = 0;
	struct buf out;

	while (n < l->keyword_count) {
		names[n] = l->keywords[n];
		n++;
	}
	if (n < KEYWORDS_MAX)
		names[n++] = star;
	buf_init(&out, (size_t)64 << 10);
	buf_add_z(&out, "* OK [PERMANENTFLAGS ");
	imap_put_flags(&out, s->sel.read_only ? 0 : imap_flags_out(MESSAGE_FLAGS_ALL), names,
		       s->sel.read_only ? 0 : n);
	buf_add_z(&out, s->sel.read_only ? "] Read-only mailbox.\r\n" : "] Flags permitted.\r\n");
	co_imap_put(s, buf_str(&out));
	buf_free(&out);
}

void co_cmd_select(struct imap_session *s, const struct imap_command *cmd)
{
	bool read_only = cmd->id == IMAP_EXAMINE;
	struct err e = {0};

	/* A failed SELECT leaves none selected (RFC 3501, 6.3.1). */
	imap_unselect(s);
	int code = co_open(s, cmd->mailbox, read_only, &e);

	if (code) {
		co_imap_refuse(s, code, &e);
		return;
	}
	const struct view *v = s->sel.view;
	uint32_t exists = imap_exists(s), recent = imap_recent(s), uidnext = s->sel.uidnext;
	uint32_t validity = ledger_folder(&s->account->views.ledger, v->folder)->uidvalidity;
	size_t unseen = first_unseen(v), n = v->n;

	co_imap_tell_flags(s);
	co_permanent_flags(s);
	co_imap_printf(s, "* %u EXISTS\r\n* %u RECENT\r\n", exists, recent);
	if (unseen < n)
		co_imap_printf(s, "* OK [UNSEEN %zu] First unseen.\r\n", unseen + 1);
	co_imap_printf(s, "* OK [UIDVALIDITY %u] UIDs valid\r\n* OK [UIDNEXT %u] Predicted next UID\r\n",
		       validity, uidnext);
	co_imap_done(s,
		     read_only ? "OK [READ-ONLY] Examine completed." : "OK [READ-WRITE] Select completed.");
}

void co_cmd_unselect(struct imap_session *s, const struct imap_command *cmd)
{
	imap_unselect(s);
	co_imap_done(s, "OK Unselect completed.");
}

/* Every answer that was given is durable already. */
void co_cmd_check(struct imap_session *s, const struct imap_command *cmd)
{
	co_imap_done(s, "OK Check completed.");
}
