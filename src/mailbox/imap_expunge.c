/* SPDX-License-Identifier: Apache-2.0 */
/* EXPUNGE, UID EXPUNGE and CLOSE (RFC 3501, 6.4.2 and 6.4.3; RFC 4315, 2.1). */
#include "mailbox/imap_session.h"

/* One act has at most so many ranges; a command that needs more makes several. */
#define RANGES_MAX 6000

struct expunge {
	struct uids uids; /* still to go */
	struct change change;
};

static int draft_expunge(struct imap_session *s, void *arg, struct act_draft *out, struct err *e)
{
	struct expunge *x = arg;
	size_t n = x->uids.n < RANGES_MAX ? x->uids.n : RANGES_MAX;

	x->change = (struct change){.kind = CHANGE_EXPUNGE,
				    .expunge = {.folder = s->sel.view->folder, .uids = {x->uids.r, n}}};
	*out = (struct act_draft){.changes = &x->change, .n = 1};
	return 0;
}

static int co_expunge(struct imap_session *s, struct uids uids, struct err *e)
{
	struct expunge x = {.uids = uids};
	uint64_t serial;
	int code = 0;

	while (!code && x.uids.n > 0) {
		code = co_imap_act(s, draft_expunge, &x, &serial, e);
		size_t n = x.uids.n < RANGES_MAX ? x.uids.n : RANGES_MAX;

		x.uids = (struct uids){x.uids.r + n, x.uids.n - n};
	}
	return code;
}

/* Those of the set that have \Deleted. */
static int co_collect(struct imap_session *s, struct uids among, struct uid_list *out, struct err *e)
{
	const struct view *v = s->sel.view;
	size_t pos;

	for (uint32_t uid = 0; (pos = imap_pick_next(s, among, uid)) < v->n;) {
		uid = v->uid[pos];
		if (v->flags[pos] & MESSAGE_DELETED && uid < s->sel.uidnext)
			uid_list_add(out, uid, uid);
		if (!co_imap_breathe(s))
			return err_set(e, ERR_CLOSED, "the session has ended");
	}
	return out->failed ? err_set(e, ERR_MEMORY, "too many messages at once") : 0;
}

static int co_expunge_deleted(struct imap_session *s, struct uids among, struct err *e)
{
	struct uid_list gone;

	uid_list_init(&gone);
	int code = co_collect(s, among, &gone, e);

	if (!code)
		code = co_expunge(s, uid_list_uids(&gone), e);
	uid_list_free(&gone);
	return code;
}

static const struct uid_range all_uids = {1, UINT32_MAX};

void co_cmd_expunge(struct imap_session *s, const struct imap_command *cmd)
{
	struct imap_set set = cmd->expunge;
	struct uid_list picked;
	struct err e = {0};
	int code = s->sel.read_only ? err_set(&e, ERR_DENIED, "Mailbox is read-only.") : 0;

	uid_list_init(&picked);
	if (!code && cmd->uid)
		code = imap_pick(s, &set, true, &picked, &e);
	if (!code)
		code = co_expunge_deleted(s, cmd->uid ? uid_list_uids(&picked) : (struct uids){&all_uids, 1},
					  &e);
	if (code)
		co_imap_refuse(s, code, &e);
	else
		co_imap_done(s, "OK Expunge completed.");
	uid_list_free(&picked);
}

/* Says nothing of what goes. */
void co_cmd_close(struct imap_session *s, const struct imap_command *cmd)
{
	struct err e = {0};
	int code = s->sel.read_only ? 0 : co_expunge_deleted(s, (struct uids){&all_uids, 1}, &e);

	imap_unselect(s);
	if (code)
		co_imap_refuse(s, code, &e);
	else
		co_imap_done(s, "OK Close completed.");
}
