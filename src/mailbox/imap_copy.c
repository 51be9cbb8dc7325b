/* SPDX-License-Identifier: Apache-2.0 */
/* COPY and MOVE within the account (RFC 3501, 6.4.7; RFC 6851), with COPYUID (RFC 4315). */
#include "mailbox/imap_session.h"

#include <stdlib.h>

/* All or none (RFC 3501, 6.4.7) means one act, and that has its size. */
#define RANGES_MAX 5000
/* A longer COPYUID is left out; the client then looks for itself. */
#define CODE_MAX ((size_t)12 << 10)

struct copy {
	struct str target;
	bool uid;
	enum change_kind kind;
	struct uids uids;
	struct change change;
	uint32_t uidvalidity; /* of the target */
};

/* The messages that there are, since each named UID takes one of the target. */
static int co_collect(struct imap_session *s, struct uids picked, struct uid_list *out, struct err *e)
{
	const struct view *v = s->sel.view;
	size_t pos;

	for (uint32_t uid = 0; (pos = imap_pick_next(s, picked, uid)) < v->n;) {
		uid = v->uid[pos];
		uid_list_add(out, uid, uid);
		if (!co_imap_breathe(s))
			return err_set(e, ERR_CLOSED, "the session has ended");
	}
	if (out->failed)
		return err_set(e, ERR_MEMORY, "too many messages at once");
	return out->n <= RANGES_MAX ? 0
				    : err_set(e, ERR_TOO_BIG,
					      "More than %d groups of messages in one command.", RANGES_MAX);
}

static int draft_copy(struct imap_session *s, void *arg, struct act_draft *out, struct err *e)
{
	struct copy *c = arg;
	const struct folder *to = ledger_find(&s->account->checks, c->target);

	if (!to)
		return err_set(e, ERR_NOT_FOUND, "Mailbox doesn't exist.");
	if (to->id == s->sel.view->folder && c->kind == CHANGE_MOVE)
		return err_set(e, ERR_INVALID, "The messages are in this mailbox already.");
	c->uidvalidity = to->uidvalidity;
	c->change = (struct change){.kind = c->kind,
				    .transfer = {.from = s->sel.view->folder,
						 .to = to->id,
						 .first_uid = to->uidnext,
						 .uids = c->uids}};
	*out = (struct act_draft){.changes = &c->change, .n = 1};
	return 0;
}

/* A sequence number names a message of which the client was told, but another session may have
 * expunged it since (RFC 5530, 3): all or none means none then. */
static bool some_gone(const struct imap_session *s, struct uids picked)
{
	struct uid_list gone;

	uid_list_init(&gone);
	bool some = !view_gone_since(s->sel.view, s->sel.told, &gone);

	for (size_t i = 0; !some && i < gone.n; i++)
		for (uint32_t uid = gone.r[i].lo; !some && uid <= gone.r[i].hi && uid < s->sel.uidnext; uid++)
			some = uids_has(picked, uid);
	uid_list_free(&gone);
	return some;
}

/* Of what was named, what still was there when the act came to be. */
static size_t copied(const struct imap_session *s, const struct copy *c, uint64_t serial, uint32_t *from,
		     uint32_t *to)
{
	uint32_t next = c->change.transfer.first_uid;
	size_t n = 0;

	for (size_t i = 0; i < c->uids.n; i++)
		for (uint64_t uid = c->uids.r[i].lo; uid <= c->uids.r[i].hi; uid++, next++)
			if (view_seq(s->sel.view, serial - 1, (uint32_t)uid)) {
				from[n] = (uint32_t)uid;
				to[n++] = next;
			}
	return n;
}

/* "[COPYUID 38505 304,319:320 3956:3958] ", or nothing. */
static void put_code(const struct imap_session *s, const struct copy *c, uint64_t serial, struct buf *out)
{
	uint64_t count = uids_count(c->uids);
	uint32_t *from = calloc(2 * count + 1, sizeof(*from));
	size_t n = from && s->sel.view->floor < serial ? copied(s, c, serial, from, from + count) : 0;

	buf_printf(out, "[COPYUID %u ", c->uidvalidity);
	imap_set_put(out, from, n);
	buf_add_c(out, ' ');
	imap_set_put(out, from + count, n);
	buf_add_z(out, "] ");
	if (n == 0 || buf_failed(out))
		buf_clear(out);
	free(from);
}

static void co_answer(struct imap_session *s, const struct copy *c, uint64_t serial)
{
	struct buf code;

	buf_init(&code, CODE_MAX);
	if (serial)
		put_code(s, c, serial, &code);
	/* MOVE says it before its EXPUNGEs (RFC 6851, 4.3). */
	if (c->kind == CHANGE_COPY)
		co_imap_done(s, "OK %.*sCopy completed.", STR_ARG(buf_str(&code)));
	else {
		if (code.n)
			co_imap_printf(s, "* OK %.*sMoved.\r\n", STR_ARG(buf_str(&code)));
		co_imap_done(s, "OK Move completed.");
	}
	buf_free(&code);
}

static void co_refuse(struct imap_session *s, int code, const struct err *e)
{
	if (code == ERR_NOT_FOUND)
		co_imap_done(s, "NO [TRYCREATE] Mailbox doesn't exist.");
	else
		co_imap_refuse(s, code, e);
}

static int co_copy(struct imap_session *s, struct copy *c, struct uids picked, struct err *e)
{
	struct uid_list exact;
	uint64_t serial = 0;

	uid_list_init(&exact);
	int code = co_collect(s, picked, &exact, e);

	c->uids = uid_list_uids(&exact);
	if (!code && c->kind == CHANGE_MOVE && s->sel.read_only)
		code = err_set(e, ERR_DENIED, "Mailbox is read-only.");
	if (!code && !c->uid && some_gone(s, picked)) {
		co_imap_done(s, "NO [EXPUNGEISSUED] Some of the messages no longer exist.");
		uid_list_free(&exact);
		return 0;
	}
	if (!code && c->uids.n > 0)
		code = co_imap_act(s, draft_copy, c, &serial, e);
	else if (!code && !ledger_find(&s->account->checks, c->target))
		code = ERR_NOT_FOUND;
	if (!code)
		co_answer(s, c, serial);
	uid_list_free(&exact);
	return code;
}

void co_cmd_copy(struct imap_session *s, const struct imap_command *cmd)
{
	struct copy c = {.kind = cmd->id == IMAP_MOVE ? CHANGE_MOVE : CHANGE_COPY, .uid = cmd->uid};
	struct imap_set set = cmd->copy.set;
	struct uid_list picked;
	struct buf name;
	struct err e = {0};

	uid_list_init(&picked);
	buf_init(&name, (size_t)4 * IMAP_MAILBOX_MAX);
	int code = imap_mailbox_read(cmd->copy.mailbox, false, &name, &e);

	if (code)
		co_imap_refuse(s, code, &e);
	else if ((code = imap_pick(s, &set, cmd->uid, &picked, &e)) == ERR_INVALID)
		co_imap_done(s, "BAD %s", e.text);
	else {
		c.target = buf_str(&name);
		if (!code)
			code = co_copy(s, &c, uid_list_uids(&picked), &e);
		if (code)
			co_refuse(s, code, &e);
	}
	buf_free(&name);
	uid_list_free(&picked);
}
