/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of LIST, STATUS, APPEND, STORE and ID. */
#include "format/imap_arguments.h"

#include "format/imap_flag.h"

struct option_row {
	struct str name;
	unsigned bit;
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct option_row list_select[] = {
	{STR_INIT("SUBSCRIBED"), IMAP_LIST_SUBSCRIBED},
	{STR_INIT("REMOTE"), IMAP_LIST_REMOTE},
	{STR_INIT("RECURSIVEMATCH"), IMAP_LIST_RECURSIVEMATCH},
	{STR_INIT("SPECIAL-USE"), IMAP_LIST_SPECIAL_USE},
};

static const struct option_row list_return[] = {
	{STR_INIT("SUBSCRIBED"), IMAP_RETURN_SUBSCRIBED},
	{STR_INIT("CHILDREN"), IMAP_RETURN_CHILDREN},
	{STR_INIT("SPECIAL-USE"), IMAP_RETURN_SPECIAL_USE},
};

static const struct option_row status_items[] = {
	{STR_INIT("MESSAGES"), IMAP_STATUS_MESSAGES}, {STR_INIT("RECENT"), IMAP_STATUS_RECENT},
	{STR_INIT("UIDNEXT"), IMAP_STATUS_UIDNEXT},   {STR_INIT("UIDVALIDITY"), IMAP_STATUS_UIDVALIDITY},
	{STR_INIT("UNSEEN"), IMAP_STATUS_UNSEEN},
};

static int take_option(struct imap_cursor *c, const struct option_row *rows, size_t count, const char *want,
		       unsigned *bits)
{
	size_t start = c->pos;
	struct str name = imap_take_name(c);

	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(rows[i].name, name)) {
			*bits |= rows[i].bit;
			return 0;
		}
	c->pos = start;
	return imap_expected(c, want);
}

/* Behind "(": options up to ")". */
static int take_options(struct imap_cursor *c, const struct option_row *rows, size_t count, const char *want,
			unsigned *bits)
{
	for (;;) {
		int rc = take_option(c, rows, count, want, bits);

		if (rc || imap_take_if(c, ')'))
			return rc;
		rc = imap_take_char(c, ' ', "a space or )");
		if (rc)
			return rc;
	}
}

int imap_read_mailbox(struct imap_cursor *c, struct str *out)
{
	int rc = imap_take_space(c);

	return rc ? rc : imap_take_astring(c, "a mailbox name", out);
}

static int take_pattern(struct imap_cursor *c, struct imap_list *out)
{
	struct str pattern;
	int rc = imap_take_pattern(c, &pattern);

	return rc ? rc : imap_words_add(c, &out->patterns, pattern);
}

/* One pattern, or several in parentheses. */
static int take_patterns(struct imap_cursor *c, struct imap_list *out)
{
	bool may_extend = c->features & IMAP_WITH_LIST_EXTENDED;

	if (!may_extend || !imap_take_if(c, '('))
		return take_pattern(c, out);
	out->extended = true;
	for (;;) {
		int rc = take_pattern(c, out);

		if (rc || imap_take_if(c, ')'))
			return rc;
		rc = imap_take_char(c, ' ', "a space or )");
		if (rc)
			return rc;
	}
}

/* "(SUBSCRIBED ...) " in front of the reference, perhaps empty. */
static int take_selection(struct imap_cursor *c, struct imap_list *out)
{
	size_t start = c->pos;
	int rc = 0;

	if (!(c->features & IMAP_WITH_LIST_EXTENDED) || !imap_take_if(c, '('))
		return 0;
	out->extended = true;
	if (!imap_take_if(c, ')'))
		rc = take_options(c, list_select, COUNT(list_select), "a selection option", &out->select);
	/* RFC 5258: RECURSIVEMATCH needs another option that selects. */
	if (rc == 0 && (out->select & IMAP_LIST_RECURSIVEMATCH) &&
	    !(out->select & (IMAP_LIST_SUBSCRIBED | IMAP_LIST_SPECIAL_USE))) {
		c->pos = start;
		return imap_expected(c, "RECURSIVEMATCH with SUBSCRIBED or SPECIAL-USE");
	}
	return rc ? rc : imap_take_space(c);
}

/* " RETURN (CHILDREN ...)" behind the patterns. */
static int take_return(struct imap_cursor *c, struct imap_list *out)
{
	int rc;

	if (!(c->features & IMAP_WITH_LIST_EXTENDED) || !imap_take_if(c, ' '))
		return 0;
	out->extended = true;
	if (!imap_take_word_if(c, STR("RETURN")))
		return imap_expected(c, "RETURN");
	rc = imap_take_space(c);
	if (rc == 0)
		rc = imap_take_char(c, '(', "a list of return options");
	if (rc || imap_take_if(c, ')'))
		return rc;
	return take_options(c, list_return, COUNT(list_return), "a return option", &out->returns);
}

int imap_read_list(struct imap_cursor *c, struct imap_list *out)
{
	int rc = imap_take_space(c);

	if (rc == 0)
		rc = take_selection(c, out);
	if (rc == 0)
		rc = imap_take_astring(c, "a reference name", &out->reference);
	if (rc == 0)
		rc = imap_take_space(c);
	if (rc == 0)
		rc = take_patterns(c, out);
	return rc ? rc : take_return(c, out);
}

int imap_read_status(struct imap_cursor *c, struct imap_status *out)
{
	int rc = imap_read_mailbox(c, &out->mailbox);

	if (rc == 0)
		rc = imap_take_space(c);
	if (rc == 0)
		rc = imap_take_char(c, '(', "a list of status items");
	return rc ? rc : take_options(c, status_items, COUNT(status_items), "a status item", &out->items);
}

static int add_keyword(struct imap_cursor *c, struct imap_flag_list *f, struct str keyword)
{
	for (size_t i = 0; i < f->keywords.count; i++)
		if (str_eq_nocase(f->keywords.v[i], keyword))
			return 0;
	if (f->keywords.count == IMAP_KEYWORDS_MAX)
		return imap_too_many(c, "keywords", IMAP_KEYWORDS_MAX);
	if (keyword.n > IMAP_KEYWORD_LENGTH_MAX)
		return imap_too_many(c, "bytes in a keyword", IMAP_KEYWORD_LENGTH_MAX);
	return imap_words_add(c, &f->keywords, keyword);
}

/* A system flag or a keyword; \Recent is not the client's to set. */
static int take_flag(struct imap_cursor *c, struct imap_flag_list *f)
{
	size_t start = c->pos;
	bool backslash = imap_take_if(c, '\\');
	struct str name;
	int rc = imap_take_atom(c, "a flag", &name);
	unsigned flag;

	if (rc)
		return rc;
	if (!backslash)
		return add_keyword(c, f, name);
	flag = imap_flag_of((struct str){name.p - 1, name.n + 1});
	if (flag == 0 || flag == IMAP_RECENT) {
		c->pos = start;
		return imap_expected(c, "\\Answered, \\Flagged, \\Deleted, \\Seen, \\Draft or a keyword");
	}
	f->flags |= flag;
	return 0;
}

/* Flags with a space between them. */
static int take_flags(struct imap_cursor *c, struct imap_flag_list *f)
{
	int rc;

	do {
		rc = take_flag(c, f);
	} while (rc == 0 && imap_take_if(c, ' '));
	return rc;
}

/* Behind "(", perhaps none. */
static int take_flag_list(struct imap_cursor *c, struct imap_flag_list *f)
{
	int rc;

	if (imap_take_if(c, ')'))
		return 0;
	rc = take_flags(c, f);
	return rc ? rc : imap_take_char(c, ')', "a space or )");
}

int imap_read_append(struct imap_cursor *c, struct imap_append *out)
{
	int rc = imap_read_mailbox(c, &out->mailbox);

	if (rc == 0)
		rc = imap_take_space(c);
	if (rc == 0 && imap_take_if(c, '(')) {
		rc = take_flag_list(c, &out->flags);
		if (rc == 0)
			rc = imap_take_space(c);
	}
	if (rc == 0 && imap_peek(c) == '"') {
		out->has_date = true;
		rc = imap_take_date_time(c, &out->date);
		if (rc == 0)
			rc = imap_take_space(c);
	}
	if (rc == 0)
		rc = imap_take_literal(c, "the message as a literal", &out->message);
	/* Without BINARY (RFC 3516) a literal8 is not offered. */
	return rc == 0 && out->message.binary ? imap_expected(c, "a literal without ~") : rc;
}

int imap_read_store(struct imap_cursor *c, struct imap_store *out)
{
	static const struct {
		struct str name;
		bool silent;
	} names[] = {{STR_INIT("FLAGS"), false}, {STR_INIT("FLAGS.SILENT"), true}};
	int rc = imap_take_space(c);

	if (rc)
		return rc;
	if (imap_take_if(c, '+'))
		out->mode = IMAP_STORE_ADD;
	else if (imap_take_if(c, '-'))
		out->mode = IMAP_STORE_REMOVE;
	size_t start = c->pos;
	struct str name = imap_take_name(c);

	for (size_t i = 0; i < COUNT(names); i++) {
		if (!str_eq_nocase(name, names[i].name))
			continue;
		out->silent = names[i].silent;
		rc = imap_take_space(c);
		if (rc)
			return rc;
		return imap_take_if(c, '(') ? take_flag_list(c, &out->flags) : take_flags(c, &out->flags);
	}
	c->pos = start;
	return imap_expected(c, "FLAGS or FLAGS.SILENT, perhaps with + or -");
}

static int take_id_pair(struct imap_cursor *c, struct imap_words *out)
{
	struct str key, value;
	int rc = imap_take_string(c, "the name of a field as a string", &key);

	if (rc == 0 && key.n > IMAP_ID_KEY_MAX)
		rc = imap_too_many(c, "bytes in a field's name", IMAP_ID_KEY_MAX);
	if (rc == 0)
		rc = imap_take_space(c);
	if (rc == 0)
		rc = imap_take_nstring(c, "a string or NIL", &value);
	if (rc == 0 && value.n > IMAP_ID_VALUE_MAX)
		rc = imap_too_many(c, "bytes in a value", IMAP_ID_VALUE_MAX);
	if (rc == 0)
		rc = imap_words_add(c, out, key);
	return rc ? rc : imap_words_add(c, out, value);
}

int imap_read_id(struct imap_cursor *c, struct imap_words *out)
{
	int rc = imap_take_space(c);

	if (rc || imap_take_word_if(c, STR("NIL")))
		return rc;
	rc = imap_take_char(c, '(', "NIL or a list of fields");
	if (rc || imap_take_if(c, ')'))
		return rc;
	for (;;) {
		if (out->count == 2 * IMAP_ID_PAIRS_MAX)
			return imap_too_many(c, "fields", IMAP_ID_PAIRS_MAX);
		rc = take_id_pair(c, out);
		if (rc || imap_take_if(c, ')'))
			return rc;
		rc = imap_take_char(c, ' ', "a space or )");
		if (rc)
			return rc;
	}
}
