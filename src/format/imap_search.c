/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search keys, read into a tree.
 *
 * A key goes into the open key on top: a list, which ")" or the end closes, or
 * NOT and OR, which close when they have their one or two.  The chain of
 * parents is the stack.
 */
#include "format/imap_search.h"

#include "format/imap_date.h"
#include "format/imap_flag.h"

enum argument {
	NO_ARGUMENT,
	KEYS, /* one key, or two for OR */
	SET,
	KEYWORD,
	DAY,
	SIZE,
	TEXT,
	FIELD_AND_TEXT,
};

struct key_row {
	struct str name;
	enum imap_key_kind kind;
	enum argument argument;
	unsigned flags, flags_unset;
	bool negated;
	struct str field;
};

#define FLAG(n, set, unset)                                                                         \
	{                                                                                           \
		.name = STR_INIT(n), .kind = IMAP_KEY_FLAGS, .flags = (set), .flags_unset = (unset) \
	}
#define WITH(n, k, a)                                             \
	{                                                         \
		.name = STR_INIT(n), .kind = (k), .argument = (a) \
	}
#define FIELD(n, f)                                                                                  \
	{                                                                                            \
		.name = STR_INIT(n), .kind = IMAP_KEY_HEADER, .argument = TEXT, .field = STR_INIT(f) \
	}

static const struct key_row rows[] = {
	WITH("ALL", IMAP_KEY_ALL, NO_ARGUMENT),
	FLAG("ANSWERED", IMAP_ANSWERED, 0),
	FIELD("BCC", "Bcc"),
	WITH("BEFORE", IMAP_KEY_BEFORE, DAY),
	WITH("BODY", IMAP_KEY_BODY, TEXT),
	FIELD("CC", "Cc"),
	FLAG("DELETED", IMAP_DELETED, 0),
	FLAG("DRAFT", IMAP_DRAFT, 0),
	FLAG("FLAGGED", IMAP_FLAGGED, 0),
	FIELD("FROM", "From"),
	WITH("HEADER", IMAP_KEY_HEADER, FIELD_AND_TEXT),
	WITH("KEYWORD", IMAP_KEY_KEYWORD, KEYWORD),
	WITH("LARGER", IMAP_KEY_LARGER, SIZE),
	FLAG("NEW", IMAP_RECENT, IMAP_SEEN),
	WITH("NOT", IMAP_KEY_NOT, KEYS),
	FLAG("OLD", 0, IMAP_RECENT),
	WITH("ON", IMAP_KEY_ON, DAY),
	WITH("OR", IMAP_KEY_OR, KEYS),
	FLAG("RECENT", IMAP_RECENT, 0),
	FLAG("SEEN", IMAP_SEEN, 0),
	WITH("SENTBEFORE", IMAP_KEY_SENT_BEFORE, DAY),
	WITH("SENTON", IMAP_KEY_SENT_ON, DAY),
	WITH("SENTSINCE", IMAP_KEY_SENT_SINCE, DAY),
	WITH("SINCE", IMAP_KEY_SINCE, DAY),
	WITH("SMALLER", IMAP_KEY_SMALLER, SIZE),
	FIELD("SUBJECT", "Subject"),
	WITH("TEXT", IMAP_KEY_TEXT, TEXT),
	FIELD("TO", "To"),
	WITH("UID", IMAP_KEY_UID, SET),
	FLAG("UNANSWERED", 0, IMAP_ANSWERED),
	FLAG("UNDELETED", 0, IMAP_DELETED),
	FLAG("UNDRAFT", 0, IMAP_DRAFT),
	FLAG("UNFLAGGED", 0, IMAP_FLAGGED),
	{.name = STR_INIT("UNKEYWORD"), .kind = IMAP_KEY_KEYWORD, .argument = KEYWORD, .negated = true},
	FLAG("UNSEEN", 0, IMAP_SEEN),
};

struct builder {
	struct imap_cursor *c;
	struct imap_search *search;
	struct imap_key *open; /* where the next key goes */
	struct imap_key *last; /* its child so far */
};

static const struct key_row *find_row(struct str name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_eq_nocase(rows[i].name, name))
			return &rows[i];
	return NULL;
}

/* A new key under the open one. */
static int add_key(struct builder *b, enum imap_key_kind kind, struct imap_key **out)
{
	struct imap_key *k;

	if (b->search->key_count == IMAP_SEARCH_KEYS_MAX) {
		imap_too_many(b->c, "search keys", IMAP_SEARCH_KEYS_MAX);
		return ERR_TOO_BIG;
	}
	if (b->open && b->open->depth + 1 == IMAP_SEARCH_DEPTH) {
		imap_too_many(b->c, "levels of search keys", IMAP_SEARCH_DEPTH);
		return ERR_TOO_BIG;
	}
	k = arena_alloc(b->c->arena, sizeof(*k));
	if (!k) {
		imap_no_memory(b->c);
		return ERR_MEMORY;
	}
	*k = (struct imap_key){.kind = kind, .parent = b->open};
	b->search->key_count++;
	if (b->open)
		k->depth = (unsigned char)(b->open->depth + 1);
	if (b->last)
		b->last->next = k;
	else if (b->open)
		b->open->child = k;
	b->last = k;
	*out = k;
	return 0;
}

static void open_key(struct builder *b, struct imap_key *k)
{
	b->open = k;
	b->last = NULL;
}

static void close_key(struct builder *b)
{
	b->last = b->open;
	b->open = b->open->parent;
}

/* NOT and OR close when they are full, and that may fill the one around. */
static void close_full_keys(struct builder *b)
{
	for (;;) {
		bool is_full = b->open->kind == IMAP_KEY_NOT ||
			       (b->open->kind == IMAP_KEY_OR && b->last != b->open->child);

		if (!is_full)
			return;
		close_key(b);
	}
}

static int read_argument(struct imap_cursor *c, const struct key_row *row, struct imap_key *k)
{
	int rc;

	switch (row->argument) {
	case NO_ARGUMENT:
	case KEYS:
		return 0;
	case SET:
		return imap_take_set(c, &k->set);
	case KEYWORD:
		return imap_take_atom(c, "a keyword", &k->text);
	case DAY:
		return imap_take_day(c, &k->day);
	case SIZE:
		return imap_take_number64(c, "a number of bytes", &k->size);
	case FIELD_AND_TEXT:
		rc = imap_take_astring(c, "the name of a header field", &k->field);
		if (rc == 0)
			rc = imap_take_space(c);
		if (rc)
			return rc;
		break;
	case TEXT:
		break;
	}
	return imap_take_astring(c, "the text to look for", &k->text);
}

static int read_named_key(struct builder *b)
{
	struct imap_cursor *c = b->c;
	size_t start = c->pos;
	const struct key_row *row = find_row(imap_take_name(c));
	struct imap_key *k;
	int rc;

	if (!row) {
		c->pos = start;
		return imap_expected(c, "a search key");
	}
	rc = add_key(b, row->kind, &k);
	if (rc)
		return rc;
	k->flags = row->flags;
	k->flags_unset = row->flags_unset;
	k->negated = row->negated;
	k->field = row->field;
	if (row->argument != NO_ARGUMENT)
		rc = imap_take_space(c);
	if (rc == 0)
		rc = read_argument(c, row, k);
	if (row->argument == KEYS)
		open_key(b, k);
	return rc;
}

static bool starts_set(char ch)
{
	return ascii_is_digit(ch) || ch == '*' || ch == '$';
}

/* One key, up to where its parts, if it has any, begin. */
static int read_key(struct builder *b)
{
	struct imap_key *k;
	int rc;

	if (imap_take_if(b->c, '(')) {
		rc = add_key(b, IMAP_KEY_AND, &k);
		if (rc == 0)
			open_key(b, k);
		return rc;
	}
	if (!starts_set(imap_peek(b->c)))
		return read_named_key(b);
	rc = add_key(b, IMAP_KEY_SEQUENCE, &k);
	return rc ? rc : imap_take_set(b->c, &k->set);
}

/* After a whole key: closes what it ends.  *done: the program is complete. */
static int read_after_key(struct builder *b, bool *done)
{
	close_full_keys(b);
	while (b->open->kind == IMAP_KEY_AND && b->open->parent && imap_take_if(b->c, ')')) {
		close_key(b);
		close_full_keys(b);
	}
	if (b->open->parent == NULL && imap_peek(b->c) != ' ') {
		*done = true;
		return 0;
	}
	bool in_list = b->open->kind == IMAP_KEY_AND && b->open->parent;

	return imap_take_char(b->c, ' ', in_list ? "a space or )" : "a space");
}

static int read_keys(struct builder *b)
{
	struct imap_key *root;
	bool done = false;
	int rc = add_key(b, IMAP_KEY_AND, &root);

	if (rc)
		return rc;
	b->search->root = root;
	open_key(b, root);
	while (rc == 0 && !done) {
		rc = read_key(b);
		/* A key that was just opened has no whole part yet. */
		if (rc == 0 && b->last)
			rc = read_after_key(b, &done);
	}
	return rc;
}

int imap_search_read(struct imap_cursor *c, struct imap_search *out)
{
	struct builder b = {.c = c, .search = out};
	int rc = imap_take_space(c);

	if (rc == 0 && imap_take_word_if(c, STR("CHARSET"))) {
		rc = imap_take_space(c);
		if (rc == 0)
			rc = imap_take_astring(c, "the name of a charset", &out->charset);
		if (rc == 0)
			rc = imap_take_space(c);
	}
	return rc ? rc : read_keys(&b);
}

struct imap_key *imap_key_next(struct imap_key *k)
{
	if (k->child)
		return k->child;
	while (k && !k->next)
		k = k->parent;
	return k ? k->next : NULL;
}
