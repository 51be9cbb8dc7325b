/* SPDX-License-Identifier: Apache-2.0 */
/* The table of IMAP commands, and the arguments of the simple ones. */
#include "format/imap_command.h"

#include "format/imap_arguments.h"

static int read_nothing(struct imap_cursor *c, struct imap_command *cmd)
{
	return 0;
}

static int read_login(struct imap_cursor *c, struct imap_command *cmd)
{
	int rc = imap_take_space(c);

	if (rc == 0)
		rc = imap_take_astring(c, "a user name", &cmd->login.user);
	if (rc == 0)
		rc = imap_take_space(c);
	return rc ? rc : imap_take_astring(c, "a password", &cmd->login.password);
}

/* An initial response is base64, or "=" for the empty one (RFC 4959). */
static int read_authenticate(struct imap_cursor *c, struct imap_command *cmd)
{
	struct imap_authenticate *a = &cmd->authenticate;
	int rc = imap_take_space(c);

	if (rc == 0)
		rc = imap_take_atom(c, "a SASL mechanism", &a->mechanism);
	if (rc || !imap_take_if(c, ' '))
		return rc;
	a->has_initial = true;
	rc = imap_take_atom(c, "an initial response in base64, or =", &a->initial);
	if (rc == 0 && str_eq(a->initial, STR("=")))
		a->initial = (struct str){0};
	return rc;
}

static int read_mailbox(struct imap_cursor *c, struct imap_command *cmd)
{
	return imap_read_mailbox(c, &cmd->mailbox);
}

static int read_rename(struct imap_cursor *c, struct imap_command *cmd)
{
	int rc = imap_read_mailbox(c, &cmd->rename.from);

	return rc ? rc : imap_read_mailbox(c, &cmd->rename.to);
}

static int read_list(struct imap_cursor *c, struct imap_command *cmd)
{
	return imap_read_list(c, &cmd->list);
}

static int read_lsub(struct imap_cursor *c, struct imap_command *cmd)
{
	/* RFC 5258 extends LIST alone. */
	c->features &= ~(unsigned)IMAP_WITH_LIST_EXTENDED;
	return imap_read_list(c, &cmd->list);
}

static int read_status(struct imap_cursor *c, struct imap_command *cmd)
{
	return imap_read_status(c, &cmd->status);
}

static int read_append(struct imap_cursor *c, struct imap_command *cmd)
{
	return imap_read_append(c, &cmd->append);
}

static int read_set(struct imap_cursor *c, struct imap_set *out)
{
	int rc = imap_take_space(c);

	return rc ? rc : imap_take_set(c, out);
}

static int read_expunge(struct imap_cursor *c, struct imap_command *cmd)
{
	return cmd->uid ? read_set(c, &cmd->expunge) : 0;
}

static int read_search(struct imap_cursor *c, struct imap_command *cmd)
{
	return imap_search_read(c, &cmd->search);
}

static int read_fetch(struct imap_cursor *c, struct imap_command *cmd)
{
	int rc = read_set(c, &cmd->fetch.set);

	/* UID FETCH always answers with the UID (RFC 3501 section 6.4.8). */
	if (cmd->uid)
		cmd->fetch.items = IMAP_FETCH_UID;
	return rc ? rc : imap_fetch_read(c, &cmd->fetch);
}

static int read_store(struct imap_cursor *c, struct imap_command *cmd)
{
	int rc = read_set(c, &cmd->store.set);

	return rc ? rc : imap_read_store(c, &cmd->store);
}

static int read_copy(struct imap_cursor *c, struct imap_command *cmd)
{
	int rc = read_set(c, &cmd->copy.set);

	return rc ? rc : imap_read_mailbox(c, &cmd->copy.mailbox);
}

static int read_id(struct imap_cursor *c, struct imap_command *cmd)
{
	return imap_read_id(c, &cmd->id_pairs);
}

static int read_enable(struct imap_cursor *c, struct imap_command *cmd)
{
	int rc;

	do {
		struct str name;

		rc = imap_take_space(c);
		if (rc == 0)
			rc = imap_take_atom(c, "a capability", &name);
		if (rc == 0)
			rc = imap_words_add(c, &cmd->enable, name);
	} while (rc == 0 && imap_peek(c) == ' ');
	return rc;
}

static const struct imap_command_row rows[IMAP_COMMAND_COUNT] = {
	[IMAP_CAPABILITY] = {STR_INIT("CAPABILITY"), IMAP_ANY_STATE, false, read_nothing},
	[IMAP_NOOP] = {STR_INIT("NOOP"), IMAP_ANY_STATE, false, read_nothing},
	[IMAP_LOGOUT] = {STR_INIT("LOGOUT"), IMAP_ANY_STATE, false, read_nothing},
	[IMAP_ID] = {STR_INIT("ID"), IMAP_ANY_STATE, false, read_id},
	[IMAP_STARTTLS] = {STR_INIT("STARTTLS"), IMAP_NOT_AUTHENTICATED, false, read_nothing},
	[IMAP_AUTHENTICATE] = {STR_INIT("AUTHENTICATE"), IMAP_NOT_AUTHENTICATED, false, read_authenticate},
	[IMAP_LOGIN] = {STR_INIT("LOGIN"), IMAP_NOT_AUTHENTICATED, false, read_login},
	/* RFC 5161 section 3.1: a server need not check that nothing is selected. */
	[IMAP_ENABLE] = {STR_INIT("ENABLE"), IMAP_LOGGED_IN, false, read_enable},
	[IMAP_SELECT] = {STR_INIT("SELECT"), IMAP_LOGGED_IN, false, read_mailbox},
	[IMAP_EXAMINE] = {STR_INIT("EXAMINE"), IMAP_LOGGED_IN, false, read_mailbox},
	[IMAP_CREATE] = {STR_INIT("CREATE"), IMAP_LOGGED_IN, false, read_mailbox},
	[IMAP_DELETE] = {STR_INIT("DELETE"), IMAP_LOGGED_IN, false, read_mailbox},
	[IMAP_RENAME] = {STR_INIT("RENAME"), IMAP_LOGGED_IN, false, read_rename},
	[IMAP_SUBSCRIBE] = {STR_INIT("SUBSCRIBE"), IMAP_LOGGED_IN, false, read_mailbox},
	[IMAP_UNSUBSCRIBE] = {STR_INIT("UNSUBSCRIBE"), IMAP_LOGGED_IN, false, read_mailbox},
	[IMAP_LIST] = {STR_INIT("LIST"), IMAP_LOGGED_IN, false, read_list},
	[IMAP_LSUB] = {STR_INIT("LSUB"), IMAP_LOGGED_IN, false, read_lsub},
	[IMAP_NAMESPACE] = {STR_INIT("NAMESPACE"), IMAP_LOGGED_IN, false, read_nothing},
	[IMAP_STATUS] = {STR_INIT("STATUS"), IMAP_LOGGED_IN, false, read_status},
	[IMAP_APPEND] = {STR_INIT("APPEND"), IMAP_LOGGED_IN, false, read_append},
	[IMAP_IDLE] = {STR_INIT("IDLE"), IMAP_LOGGED_IN, false, read_nothing},
	[IMAP_CHECK] = {STR_INIT("CHECK"), IMAP_SELECTED, false, read_nothing},
	[IMAP_CLOSE] = {STR_INIT("CLOSE"), IMAP_SELECTED, false, read_nothing},
	[IMAP_UNSELECT] = {STR_INIT("UNSELECT"), IMAP_SELECTED, false, read_nothing},
	[IMAP_EXPUNGE] = {STR_INIT("EXPUNGE"), IMAP_SELECTED, true, read_expunge},
	[IMAP_SEARCH] = {STR_INIT("SEARCH"), IMAP_SELECTED, true, read_search},
	[IMAP_FETCH] = {STR_INIT("FETCH"), IMAP_SELECTED, true, read_fetch},
	[IMAP_STORE] = {STR_INIT("STORE"), IMAP_SELECTED, true, read_store},
	[IMAP_COPY] = {STR_INIT("COPY"), IMAP_SELECTED, true, read_copy},
	[IMAP_MOVE] = {STR_INIT("MOVE"), IMAP_SELECTED, true, read_copy},
};

const struct imap_command_row *imap_command_row(enum imap_command_id id)
{
	return &rows[id];
}

static bool find_row(struct imap_command *cmd)
{
	for (size_t i = 0; i < IMAP_COMMAND_COUNT; i++) {
		if (!str_eq_nocase(rows[i].name, cmd->name) || (cmd->uid && !rows[i].has_uid))
			continue;
		cmd->id = (enum imap_command_id)i;
		cmd->row = &rows[i];
		return true;
	}
	return false;
}

/* Tag, perhaps UID, and name. */
static int read_start(struct imap_cursor *c, struct imap_command *out)
{
	size_t start;
	int rc = imap_take_tag(c, &out->tag);

	if (rc == 0)
		rc = imap_take_space(c);
	start = c->pos;
	if (rc == 0)
		rc = imap_take_atom(c, "a command", &out->name);
	if (rc == 0 && str_eq_nocase(out->name, STR("UID"))) {
		out->uid = true;
		rc = imap_take_space(c);
		start = c->pos;
		if (rc == 0)
			rc = imap_take_atom(c, "a command that UID can stand in front of", &out->name);
	}
	if (rc || find_row(out))
		return rc;
	return err_set(c->err, ERR_INVALID, "Unknown command at byte %zu", start + 1);
}

int imap_command_peek(struct imap_text text, struct imap_command *out, struct err *e)
{
	struct imap_cursor c;

	*out = (struct imap_command){0};
	imap_cursor_init(&c, text, NULL, e);
	return read_start(&c, out);
}

int imap_command_read(struct imap_text text, unsigned features, struct arena *a, struct imap_command *out,
		      struct err *e)
{
	struct imap_cursor c;
	int rc;

	*out = (struct imap_command){0};
	imap_cursor_init(&c, text, a, e);
	c.features = features;
	rc = read_start(&c, out);
	if (rc == 0)
		rc = out->row->read(&c, out);
	return rc ? rc : imap_take_end(&c);
}
