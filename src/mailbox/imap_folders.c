/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 3501, 6.3.3 to 6.3.7). */
#include "mailbox/imap_session.h"

#include "base/clock.h"

/* A folder and those above it. */
#define CREATES_MAX (IMAP_MAILBOX_DEPTH + 1)

struct folder_command {
	struct str name, to;
	struct change changes[CREATES_MAX + 1];
	size_t n;
};

static uint32_t next_validity(const struct ledger *l, size_t more)
{
	uint32_t now = (uint32_t)(clock_wall_us() / 1000000);

	return (l->next_uidvalidity > now ? l->next_uidvalidity : now) + (uint32_t)more;
}

static void add_create(struct folder_command *c, const struct ledger *l, struct str name)
{
	c->changes[c->n] = (struct change){.kind = CHANGE_FOLDER_CREATE,
					   .create = {.folder = l->next_folder + (uint32_t)c->n,
						      .uidvalidity = next_validity(l, c->n),
						      .uidnext = 1,
						      .name = name}};
	c->n++;
}

/* RFC 3501, 6.3.3: the names above a new one are made with it. */
static void create_above(struct folder_command *c, const struct ledger *l, struct str name)
{
	for (size_t i = 0; i < name.n && c->n < CREATES_MAX - 1; i++)
		if (name.p[i] == FOLDER_SEPARATOR && !ledger_find(l, str_head(name, i)))
			add_create(c, l, str_head(name, i));
}

static bool is_inbox(struct str name)
{
	return str_eq(name, STR("INBOX"));
}

static bool is_below(struct str name, struct str above)
{
	return name.n > above.n && str_starts(name, above) && name.p[above.n] == FOLDER_SEPARATOR;
}

static int draft_create(struct imap_session *s, void *arg, struct act_draft *out, struct err *e)
{
	const struct ledger *l = &s->account->checks;
	struct folder_command *c = arg;

	if (ledger_find(l, c->name))
		return err_set(e, ERR_EXISTS, "Mailbox already exists");
	c->n = 0;
	create_above(c, l, c->name);
	add_create(c, l, c->name);
	*out = (struct act_draft){.changes = c->changes, .n = c->n};
	return 0;
}

static int draft_delete(struct imap_session *s, void *arg, struct act_draft *out, struct err *e)
{
	struct folder_command *c = arg;
	const struct folder *f = ledger_find(&s->account->checks, c->name);

	if (is_inbox(c->name))
		return err_set(e, ERR_INVALID, "INBOX cannot be deleted.");
	if (!f)
		return err_set(e, ERR_NOT_FOUND, "Mailbox doesn't exist: %.*s",
			       STR_ARG(str_head(c->name, 200)));
	c->changes[0] = (struct change){.kind = CHANGE_FOLDER_DELETE, .delete = {.folder = f->id}};
	*out = (struct act_draft){.changes = c->changes, .n = 1};
	return 0;
}

/* INBOX itself stays: its messages move to the new mailbox (RFC 3501, 6.3.5). */
static int draft_rename_inbox(const struct ledger *l, struct folder_command *c, struct arena *a,
			      const struct folder *inbox, struct act_draft *out, struct err *e)
{
	struct uid_range *all = arena_calloc(a, 1, sizeof(*all));

	if (!all)
		return err_set(e, ERR_MEMORY, "no memory for the command");
	add_create(c, l, c->to);
	uint32_t id = c->changes[c->n - 1].create.folder;

	*all = (struct uid_range){1, inbox->uidnext - 1};
	if (inbox->uidnext > 1)
		c->changes[c->n++] = (struct change){
			.kind = CHANGE_MOVE,
			.transfer = {.from = inbox->id, .to = id, .first_uid = 1, .uids = {all, 1}}};
	*out = (struct act_draft){.changes = c->changes, .n = c->n};
	return 0;
}

static int draft_rename_all(const struct ledger *l, struct folder_command *c, struct arena *a,
			    struct act_draft *out, struct err *e)
{
	struct rename_item *items = arena_calloc(a, l->n, sizeof(*items));
	size_t n = 0;

	for (size_t i = 0; items && i < l->n; i++) {
		struct str name = l->folders[i].name;

		if (!str_eq(name, c->name) && !is_below(name, c->name))
			continue;
		items[n] = (struct rename_item){
			l->folders[i].id, arena_join(a, c->to, str_skip(name, c->name.n), (struct str){0})};
		if (!items[n++].name.p)
			items = NULL;
	}
	if (!items)
		return err_set(e, ERR_MEMORY, "no memory for the command");
	c->changes[c->n++] = (struct change){.kind = CHANGE_FOLDER_RENAME, .rename = {items, n}};
	*out = (struct act_draft){.changes = c->changes, .n = c->n};
	return 0;
}

static int draft_rename(struct imap_session *s, void *arg, struct act_draft *out, struct err *e)
{
	const struct ledger *l = &s->account->checks;
	struct folder_command *c = arg;
	const struct folder *f = ledger_find(l, c->name);

	if (!f)
		return err_set(e, ERR_NOT_FOUND, "Mailbox doesn't exist: %.*s",
			       STR_ARG(str_head(c->name, 200)));
	if (ledger_find(l, c->to))
		return err_set(e, ERR_EXISTS, "Mailbox already exists");
	if (is_below(c->to, c->name) && !is_inbox(c->name))
		return err_set(e, ERR_INVALID, "A mailbox cannot become its own child.");
	c->n = 0;
	create_above(c, l, c->to);
	return is_inbox(c->name) ? draft_rename_inbox(l, c, &s->arena, f, out, e)
				 : draft_rename_all(l, c, &s->arena, out, e);
}

static int draft_subscription(struct imap_session *s, struct folder_command *c, bool wanted,
			      struct act_draft *out)
{
	if (ledger_subscribed(&s->account->checks, c->name) == wanted)
		return 1;
	c->changes[0] = (struct change){.kind = wanted ? CHANGE_SUBSCRIBE : CHANGE_UNSUBSCRIBE,
					.subscribe = {.name = c->name}};
	*out = (struct act_draft){.changes = c->changes, .n = 1};
	return 0;
}

static int draft_subscribe(struct imap_session *s, void *arg, struct act_draft *out, struct err *e)
{
	return draft_subscription(s, arg, true, out);
}

static int draft_unsubscribe(struct imap_session *s, void *arg, struct act_draft *out, struct err *e)
{
	return draft_subscription(s, arg, false, out);
}

typedef int read_name(struct str wire, bool utf8, struct buf *out, struct err *e);

static int take_name(struct imap_session *s, read_name *read, struct str wire, struct str *out, struct err *e)
{
	struct buf name;

	buf_init(&name, (size_t)4 * IMAP_MAILBOX_MAX);
	int code = read(wire, false, &name, e);

	if (!code) {
		*out = arena_str(&s->arena, buf_str(&name));
		code = out->p ? 0 : err_set(e, ERR_MEMORY, "no memory for the command");
	}
	buf_free(&name);
	return code;
}

/* Reads the name or two, makes the act, answers. */
static void co_run(struct imap_session *s, read_name *read, struct str name, const struct str *to,
		   imap_draft_fn *draft, const char *done)
{
	struct folder_command *c = arena_alloc(&s->arena, sizeof(*c));
	struct err e = {0};
	uint64_t serial;
	int code = c ? 0 : err_set(&e, ERR_MEMORY, "no memory for the command");

	if (!code)
		code = take_name(s, read, name, &c->name, &e);
	if (!code && to)
		code = take_name(s, imap_mailbox_read_new, *to, &c->to, &e);
	if (!code)
		code = co_imap_act(s, draft, c, &serial, &e);
	/* Its own DELETE closes the mailbox; other sessions are told. */
	if (!code && s->sel.view && s->sel.view->deleted)
		imap_unselect(s);
	if (code)
		co_imap_refuse(s, code, &e);
	else
		co_imap_done(s, "OK %s completed.", done);
}

void co_cmd_create(struct imap_session *s, const struct imap_command *cmd)
{
	co_run(s, imap_mailbox_read_new, cmd->mailbox, NULL, draft_create, "Create");
}

void co_cmd_delete(struct imap_session *s, const struct imap_command *cmd)
{
	co_run(s, imap_mailbox_read, cmd->mailbox, NULL, draft_delete, "Delete");
}

void co_cmd_rename(struct imap_session *s, const struct imap_command *cmd)
{
	co_run(s, imap_mailbox_read, cmd->rename.from, &cmd->rename.to, draft_rename, "Rename");
}

void co_cmd_subscribe(struct imap_session *s, const struct imap_command *cmd)
{
	co_run(s, imap_mailbox_read, cmd->mailbox, NULL, draft_subscribe, "Subscribe");
}

void co_cmd_unsubscribe(struct imap_session *s, const struct imap_command *cmd)
{
	co_run(s, imap_mailbox_read, cmd->mailbox, NULL, draft_unsubscribe, "Unsubscribe");
}
