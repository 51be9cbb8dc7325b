/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_show: a parsed command written back in one canonical form.  Tests compare
 * it; the fuzz target parses it again and wants the same (it holds no literal
 * but strings that cannot be quoted).
 */
#ifndef FORMAT_IMAP_SHOW_H
#define FORMAT_IMAP_SHOW_H

#include "format/imap_command.h"
#include "format/imap_flag.h"
#include "format/imap_quote.h"

static inline void show_string(struct buf *out, struct str s)
{
	buf_add_c(out, ' ');
	imap_put_string(out, s, false);
}

static inline void show_word(struct buf *out, struct str s)
{
	buf_add_c(out, ' ');
	buf_add_str(out, s);
}

static inline void show_ranges(struct buf *out, const struct imap_set *set)
{
	if (set->saved)
		buf_add_c(out, '$');
	for (size_t i = 0; i < set->count; i++) {
		const uint32_t ends[2] = {set->ranges[i].first, set->ranges[i].last};

		for (int e = 0; e < (ends[0] == ends[1] ? 1 : 2); e++) {
			buf_add_z(out, e ? ":" : i ? "," : "");
			if (ends[e] == IMAP_SET_STAR)
				buf_add_c(out, '*');
			else
				buf_printf(out, "%u", ends[e]);
		}
	}
}

static inline void show_set(struct buf *out, const struct imap_set *set)
{
	buf_add_c(out, ' ');
	show_ranges(out, set);
}

/* " (A B)" for the bits that are set. */
static inline void show_bits(struct buf *out, unsigned bits, const char *const *names)
{
	bool first = true;

	buf_add_z(out, " (");
	for (unsigned i = 0; names[i]; i++) {
		if (!(bits & 1u << i))
			continue;
		buf_add_z(out, first ? "" : " ");
		buf_add_z(out, names[i]);
		first = false;
	}
	buf_add_c(out, ')');
}

static inline void show_day(struct buf *out, uint32_t day)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

	buf_printf(out, "%02u-%s-%04u", day % 100, months[day / 100 % 100 - 1], day / 10000);
}

static inline void show_flags(struct buf *out, const struct imap_flag_list *f)
{
	buf_add_c(out, ' ');
	imap_put_flags(out, f->flags, f->keywords.v, f->keywords.count);
}

static inline void show_flag_key(struct buf *out, const struct imap_key *k)
{
	static const char *const set[] = {"ANSWERED", "FLAGGED", "DELETED", "SEEN", "DRAFT", "RECENT"};
	static const char *const unset[] = {"UNANSWERED", "UNFLAGGED", "UNDELETED",
					    "UNSEEN",     "UNDRAFT",   "OLD"};

	if (k->flags && k->flags_unset) {
		buf_add_z(out, "NEW");
		return;
	}
	for (unsigned i = 0; i < IMAP_FLAG_COUNT; i++)
		if ((k->flags | k->flags_unset) & 1u << i)
			buf_add_z(out, k->flags ? set[i] : unset[i]);
}

static inline void show_leaf(struct buf *out, const struct imap_key *k)
{
	static const char *const names[] = {
		[IMAP_KEY_ALL] = "ALL",
		[IMAP_KEY_UID] = "UID ",
		[IMAP_KEY_KEYWORD] = "KEYWORD",
		[IMAP_KEY_BEFORE] = "BEFORE ",
		[IMAP_KEY_ON] = "ON ",
		[IMAP_KEY_SINCE] = "SINCE ",
		[IMAP_KEY_SENT_BEFORE] = "SENTBEFORE ",
		[IMAP_KEY_SENT_ON] = "SENTON ",
		[IMAP_KEY_SENT_SINCE] = "SENTSINCE ",
		[IMAP_KEY_LARGER] = "LARGER ",
		[IMAP_KEY_SMALLER] = "SMALLER ",
		[IMAP_KEY_HEADER] = "HEADER",
		[IMAP_KEY_BODY] = "BODY",
		[IMAP_KEY_TEXT] = "TEXT",
	};

	if (k->negated)
		buf_add_z(out, "UN");
	if (k->kind != IMAP_KEY_SEQUENCE && k->kind != IMAP_KEY_FLAGS)
		buf_add_z(out, names[k->kind]);
	if (k->kind == IMAP_KEY_SEQUENCE || k->kind == IMAP_KEY_UID) {
		show_ranges(out, &k->set);
	} else if (k->kind == IMAP_KEY_FLAGS) {
		show_flag_key(out, k);
	} else if (k->kind == IMAP_KEY_KEYWORD) {
		show_word(out, k->text);
	} else if (k->kind >= IMAP_KEY_BEFORE && k->kind <= IMAP_KEY_SENT_SINCE) {
		show_day(out, k->day);
	} else if (k->kind == IMAP_KEY_LARGER || k->kind == IMAP_KEY_SMALLER) {
		buf_printf(out, "%llu", (unsigned long long)k->size);
	} else if (k->kind != IMAP_KEY_ALL) {
		if (k->kind == IMAP_KEY_HEADER)
			show_string(out, k->field);
		show_string(out, k->text);
	}
}

/* The tree in prefix form; lists in parentheses. */
static inline void show_search(struct buf *out, const struct imap_search *s)
{
	struct imap_key *k = s->root->child;

	if (s->charset.n) {
		buf_add_z(out, " CHARSET");
		show_string(out, s->charset);
	}
	while (k) {
		buf_add_c(out, ' ');
		while (k->child) {
			buf_add_z(out, k->kind == IMAP_KEY_AND  ? "("
				       : k->kind == IMAP_KEY_OR ? "OR "
								: "NOT ");
			k = k->child;
		}
		show_leaf(out, k);
		struct imap_key *next = imap_key_next(k);

		for (; k->parent && !k->next; k = k->parent)
			if (k->parent->kind == IMAP_KEY_AND && k->parent->parent)
				buf_add_c(out, ')');
		k = next;
	}
}

static inline void show_fetch(struct buf *out, const struct imap_fetch *f)
{
	static const char *const items[] = {"UID",      "FLAGS", "INTERNALDATE",  "RFC822.SIZE",
					    "ENVELOPE", "BODY",  "BODYSTRUCTURE", NULL};

	show_set(out, &f->set);
	show_bits(out, f->items, items);
	buf_truncate(out, out->n - 1);
	for (const struct imap_section *s = f->sections; s; s = s->next) {
		struct buf name;

		buf_init(&name, 1 << 20);
		imap_section_put(&name, s);
		struct str n = buf_str(&name);

		buf_add_z(out, out->p[out->n - 1] == '(' ? "" : " ");
		if (!s->name && s->peek) {
			buf_add_z(out, "BODY.PEEK");
			n = str_skip(n, 4);
		}
		if (s->partial)
			n = str_head(n, n.n - 1);
		buf_add_str(out, n);
		if (s->partial)
			buf_printf(out, ".%u>", s->length);
		buf_free(&name);
	}
	buf_add_c(out, ')');
}

static inline void show_list(struct buf *out, const struct imap_list *l)
{
	static const char *const select[] = {"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE", NULL};
	static const char *const returns[] = {"SUBSCRIBED", "CHILDREN", "SPECIAL-USE", NULL};

	if (l->extended)
		show_bits(out, l->select, select);
	show_string(out, l->reference);
	buf_add_z(out, l->extended ? " (" : " ");
	for (size_t i = 0; i < l->patterns.count; i++) {
		buf_add_z(out, i ? " " : "");
		imap_put_string(out, l->patterns.v[i], false);
	}
	buf_add_z(out, l->extended ? ") RETURN" : "");
	if (l->extended)
		show_bits(out, l->returns, returns);
}

static inline void show_append(struct buf *out, const struct imap_append *a)
{
	show_string(out, a->mailbox);
	show_flags(out, &a->flags);
	if (a->has_date) {
		int zone = a->date.zone < 0 ? -a->date.zone : a->date.zone;

		buf_add_z(out, " \"");
		show_day(out, a->date.day);
		buf_printf(out, " %02d:%02d:%02d %c%02d%02d\"", a->date.hour, a->date.minute, a->date.second,
			   a->date.zone < 0 ? '-' : '+', zone / 60, zone % 60);
	}
	buf_printf(out, " {%llu}", (unsigned long long)a->message.size);
}

static inline void show_status(struct buf *out, const struct imap_status *s)
{
	static const char *const items[] = {"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", NULL};

	show_string(out, s->mailbox);
	show_bits(out, s->items, items);
}

static inline void show_store(struct buf *out, const struct imap_store *s)
{
	show_set(out, &s->set);
	buf_add_z(out, s->mode == IMAP_STORE_ADD ? " +" : s->mode == IMAP_STORE_REMOVE ? " -" : " ");
	buf_add_z(out, s->silent ? "FLAGS.SILENT" : "FLAGS");
	show_flags(out, &s->flags);
}

static inline void show_id(struct buf *out, const struct imap_words *w)
{
	buf_add_z(out, w->count ? " (" : " NIL");
	for (size_t i = 0; i < w->count; i++) {
		buf_add_z(out, i ? " " : "");
		imap_put_nstring(out, w->v[i], false);
	}
	buf_add_z(out, w->count ? ")" : "");
}

static inline void show_login_and_names(struct buf *out, const struct imap_command *cmd)
{
	switch (cmd->id) {
	case IMAP_LOGIN:
		show_string(out, cmd->login.user);
		show_string(out, cmd->login.password);
		break;
	case IMAP_AUTHENTICATE:
		show_word(out, cmd->authenticate.mechanism);
		if (cmd->authenticate.has_initial)
			show_word(out, cmd->authenticate.initial.n ? cmd->authenticate.initial : STR("="));
		break;
	case IMAP_ENABLE:
		for (size_t i = 0; i < cmd->enable.count; i++)
			show_word(out, cmd->enable.v[i]);
		break;
	case IMAP_RENAME:
		show_string(out, cmd->rename.from);
		show_string(out, cmd->rename.to);
		break;
	case IMAP_SELECT:
	case IMAP_EXAMINE:
	case IMAP_CREATE:
	case IMAP_DELETE:
	case IMAP_SUBSCRIBE:
	case IMAP_UNSUBSCRIBE:
		show_string(out, cmd->mailbox);
		break;
	default:
		break;
	}
}

static inline void imap_show(struct buf *out, const struct imap_command *cmd)
{
	buf_add_str(out, cmd->tag);
	buf_add_z(out, cmd->uid ? " UID " : " ");
	buf_add_str(out, cmd->row->name);
	switch (cmd->id) {
	case IMAP_ID:
		show_id(out, &cmd->id_pairs);
		break;
	case IMAP_LIST:
	case IMAP_LSUB:
		show_list(out, &cmd->list);
		break;
	case IMAP_STATUS:
		show_status(out, &cmd->status);
		break;
	case IMAP_APPEND:
		show_append(out, &cmd->append);
		break;
	case IMAP_EXPUNGE:
		if (cmd->uid)
			show_set(out, &cmd->expunge);
		break;
	case IMAP_SEARCH:
		show_search(out, &cmd->search);
		break;
	case IMAP_FETCH:
		show_fetch(out, &cmd->fetch);
		break;
	case IMAP_STORE:
		show_store(out, &cmd->store);
		break;
	case IMAP_COPY:
	case IMAP_MOVE:
		show_set(out, &cmd->copy.set);
		show_string(out, cmd->copy.mailbox);
		break;
	default:
		show_login_and_names(out, cmd);
	}
}

#endif
