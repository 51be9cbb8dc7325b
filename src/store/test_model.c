/* SPDX-License-Identifier: Apache-2.0 */
/* The account as plain lists, and random acts on it. */
#include "store/test_model.h"

#include <stdlib.h>
#include <string.h>

static const struct str words[MODEL_WORDS] = {
	STR_INIT("$Forwarded"), STR_INIT("$Junk"), STR_INIT("$NotJunk"), STR_INIT("a"),
	STR_INIT("b"),          STR_INIT("c"),     STR_INIT("d"),        STR_INIT("e"),
	STR_INIT("f"),          STR_INIT("g"),     STR_INIT("h"),        STR_INIT("i"),
};

static const struct str names[MODEL_NAMES] = {
	STR_INIT("INBOX"), STR_INIT("Sent"),  STR_INIT("Trash"),     STR_INIT("A"),
	STR_INIT("A.B"),   STR_INIT("A.B.C"), STR_INIT("A.D"),       STR_INIT("E"),
	STR_INIT("E.F"),   STR_INIT("G"),     STR_INIT("H"),         STR_INIT("INBOX.I"),
	STR_INIT("J K"),   STR_INIT("L"),     STR_INIT("M\xC3\xA4"), STR_INIT("N"),
};

struct str model_word(int number)
{
	return words[number];
}

struct str model_name(int number)
{
	return names[number];
}

/* xorshift64 */
uint32_t model_random(struct model *m, uint32_t n)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (uint32_t)(m->random >> 32) % n;
}

void model_init(struct model *m, uint64_t seed)
{
	*m = (struct model){.random = seed ? seed : 1, .next_letter = 1, .next_uidvalidity = 1};
}

void model_free(struct model *m)
{
	free(m->messages);
	free(m->gone);
}

const struct model_folder *model_folder(const struct model *m, uint32_t id)
{
	return id >= 1 && id <= m->folder_n && m->folders[id - 1].name >= 0 ? &m->folders[id - 1] : NULL;
}

bool model_has_letter(const struct model *m, uint64_t letter)
{
	for (size_t i = 0; i < m->message_n; i++)
		if (m->messages[i].m.letter == letter)
			return true;
	return false;
}

static void *more(void *p, size_t *cap, size_t n, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap ? *cap * 2 : 64;
	p = realloc(p, *cap * size);
	if (!p)
		abort();
	return p;
}

static void insert(struct model *m, const struct model_message *row)
{
	m->messages = more(m->messages, &m->message_cap, m->message_n, sizeof(*row));
	m->messages[m->message_n++] = *row;
}

/* Ends a message; a folder's deletion leaves nothing to tell about UIDs. */
static void end_message(struct model *m, size_t at, bool tell, bool drop)
{
	const struct model_message *row = &m->messages[at];

	m->gone = more(m->gone, &m->gone_cap, m->gone_n, sizeof(*m->gone));
	m->gone[m->gone_n++] = (struct model_gone){
		.folder = tell ? row->folder : 0,
		.uid = row->m.uid,
		.modseq = m->serial,
		.letter = drop ? row->m.letter : 0,
	};
	memmove(m->messages + at, m->messages + at + 1, (m->message_n - at - 1) * sizeof(*row));
	m->message_n--;
}

static uint64_t word_mask(struct keyword_names k)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < k.n; i++)
		for (int w = 0; w < MODEL_WORDS; w++)
			if (str_eq_nocase(k.names[i], words[w]))
				mask |= 1u << w;
	return mask;
}

static int name_number(struct str name)
{
	int i = 0;

	while (!str_eq(names[i], name))
		i++;
	return i;
}

/* How many UIDs of the set lie below uid. */
static uint32_t rank(struct uids u, uint32_t uid)
{
	uint32_t n = 0;

	for (size_t i = 0; i < u.n; i++)
		if (u.r[i].lo < uid)
			n += (u.r[i].hi < uid ? u.r[i].hi + 1 : uid) - u.r[i].lo;
	return n;
}

static void do_create(struct model *m, const struct change_create *k)
{
	m->folders[m->folder_n++] = (struct model_folder){
		.id = k->folder,
		.uidvalidity = k->uidvalidity,
		.uidnext = k->uidnext,
		.special_use = k->special_use,
		.modseq = m->serial,
		.name = name_number(k->name),
	};
	if (k->uidvalidity >= m->next_uidvalidity)
		m->next_uidvalidity = k->uidvalidity + 1;
}

static void do_delete(struct model *m, uint32_t folder)
{
	for (size_t i = m->message_n; i-- > 0;)
		if (m->messages[i].folder == folder)
			end_message(m, i, false, true);
	for (size_t i = 0; i < m->gone_n; i++)
		if (m->gone[i].folder == folder)
			m->gone[i].folder = 0;
	m->folders[folder - 1].name = -1;
}

static void do_add(struct model *m, const struct change_add *k)
{
	struct model_message row = {
		.folder = k->folder,
		.m = {.uid = k->uid,
		      .flags = k->flags,
		      .keywords.w[0] = word_mask(k->keywords),
		      .modseq = m->serial,
		      .date_us = k->date_us,
		      .size = k->size,
		      .letter = k->letter,
		      .place = k->place,
		      .immutable = k->immutable},
		.skip = k->skip,
		.head_n = k->head.n,
	};

	memcpy(row.head, k->head.p, k->head.n);
	insert(m, &row);
	m->folders[k->folder - 1].uidnext = k->uid + 1;
	m->folders[k->folder - 1].modseq = m->serial;
}

static void do_transfer(struct model *m, const struct change_transfer *k, bool move)
{
	size_t n = m->message_n;

	for (size_t i = 0; i < n; i++) {
		struct model_message row = m->messages[i];

		if (row.folder != k->from || !uids_has(k->uids, row.m.uid))
			continue;
		row.m.uid = k->first_uid + rank(k->uids, row.m.uid);
		row.m.modseq = m->serial;
		row.folder = k->to;
		insert(m, &row);
	}
	for (size_t i = n; move && i-- > 0;)
		if (m->messages[i].folder == k->from && uids_has(k->uids, m->messages[i].m.uid))
			end_message(m, i, true, false);
	m->folders[k->to - 1].uidnext = k->first_uid + (uint32_t)uids_count(k->uids);
	m->folders[k->to - 1].modseq = m->serial;
	if (move)
		m->folders[k->from - 1].modseq = m->serial;
}

static void do_flags(struct model *m, const struct change *c)
{
	uint64_t mask = word_mask(c->flags.keywords);

	for (size_t i = 0; i < m->message_n; i++) {
		struct model_message *row = &m->messages[i];
		uint8_t flags = row->m.flags;
		uint64_t keywords = row->m.keywords.w[0];

		if (row->folder != c->flags.folder || !uids_has(c->flags.uids, row->m.uid))
			continue;
		if (c->kind == CHANGE_FLAGS_SET) {
			flags = c->flags.flags;
			keywords = mask;
		} else if (c->kind == CHANGE_FLAGS_ADD) {
			flags |= c->flags.flags;
			keywords |= mask;
		} else {
			flags &= (uint8_t)~c->flags.flags;
			keywords &= ~mask;
		}
		if (flags == row->m.flags && keywords == row->m.keywords.w[0])
			continue;
		row->m.flags = flags;
		row->m.keywords.w[0] = keywords;
		row->m.modseq = m->serial;
	}
	m->folders[c->flags.folder - 1].modseq = m->serial;
}

static void do_expunge(struct model *m, const struct change_expunge *k)
{
	for (size_t i = m->message_n; i-- > 0;)
		if (m->messages[i].folder == k->folder && uids_has(k->uids, m->messages[i].m.uid))
			end_message(m, i, true, true);
	m->folders[k->folder - 1].modseq = m->serial;
}

static void do_change(struct model *m, const struct change *c)
{
	switch (c->kind) {
	case CHANGE_FOLDER_CREATE:
		do_create(m, &c->create);
		break;
	case CHANGE_FOLDER_RENAME:
		for (size_t i = 0; i < c->rename.n; i++)
			m->folders[c->rename.items[i].folder - 1].name = name_number(c->rename.items[i].name);
		break;
	case CHANGE_FOLDER_DELETE:
		do_delete(m, c->delete.folder);
		break;
	case CHANGE_SUBSCRIBE:
	case CHANGE_UNSUBSCRIBE:
		m->subscribed[name_number(c->subscribe.name)] = c->kind == CHANGE_SUBSCRIBE;
		break;
	case CHANGE_ADD:
		do_add(m, &c->add);
		break;
	case CHANGE_MOVE:
	case CHANGE_COPY:
		do_transfer(m, &c->transfer, c->kind == CHANGE_MOVE);
		break;
	case CHANGE_EXPUNGE:
		do_expunge(m, &c->expunge);
		break;
	default:
		do_flags(m, c);
		break;
	}
}

/* ---- random changes that fit ---- */

/* What the views of one random change point into. */
struct scratch {
	struct uid_range ranges[6];
	struct str keywords[3];
	struct rename_item items[2];
	char head[12];
};

static uint32_t some_folder(struct model *m)
{
	uint32_t id;

	do
		id = 1 + model_random(m, (uint32_t)m->folder_n);
	while (!model_folder(m, id));
	return id;
}

/* The number of a name that no folder has, or -1. */
static int free_name(struct model *m)
{
	bool used[MODEL_NAMES] = {false};

	for (size_t i = 0; i < m->folder_n; i++)
		if (m->folders[i].name >= 0)
			used[m->folders[i].name] = true;
	for (int tries = 0; tries < 20; tries++) {
		uint32_t name = model_random(m, MODEL_NAMES);

		if (!used[name])
			return (int)name;
	}
	return -1;
}

/* Up to six ranges of UIDs that the folder has given; none in an empty folder. */
static struct uids some_uids(struct model *m, uint32_t folder, struct scratch *s)
{
	uint32_t uidnext = m->folders[folder - 1].uidnext;
	uint32_t most = 1 + model_random(m, 6);
	uint32_t at = 1;
	size_t n = 0;

	if (uidnext == 1)
		return (struct uids){NULL, 0};
	/* Mostly among the latest, where messages still are. */
	if (uidnext > 60 && model_random(m, 8))
		at = uidnext - 60;
	at += model_random(m, uidnext - at);
	while (n < most && at < uidnext) {
		uint32_t hi = at + (model_random(m, 2) ? 0 : model_random(m, 20));

		s->ranges[n++] = (struct uid_range){at, hi < uidnext ? hi : uidnext - 1};
		at = hi + 2 + model_random(m, 4);
	}
	return (struct uids){s->ranges, n};
}

static struct keyword_names some_words(struct model *m, struct scratch *s)
{
	size_t n = model_random(m, 3) ? 0 : model_random(m, 4);

	for (size_t i = 0; i < n; i++)
		s->keywords[i] = words[model_random(m, MODEL_WORDS)];
	return (struct keyword_names){s->keywords, n};
}

static bool make_create(struct model *m, struct scratch *s, struct change *c)
{
	int name = m->folder_n == 0 ? 0 : free_name(m);

	if (name < 0 || m->folder_n == MODEL_FOLDERS)
		return false;
	*c = (struct change){.kind = CHANGE_FOLDER_CREATE,
			     .create = {.folder = (uint32_t)m->folder_n + 1,
					.uidvalidity = m->next_uidvalidity + model_random(m, 3),
					.uidnext = model_random(m, 4) ? 1 : 1 + model_random(m, 50),
					.special_use = (uint8_t)model_random(m, 256),
					.name = names[name]}};
	return true;
}

/* One folder to a free name, or two that swap. */
static bool make_rename(struct model *m, struct scratch *s, struct change *c)
{
	uint32_t a = some_folder(m);
	uint32_t b = some_folder(m);
	int name = free_name(m);
	size_t n = a != b && model_random(m, 2) ? 2 : 1;

	if (m->folders[a - 1].name == 0 || m->folders[b - 1].name == 0 || (n == 1 && name < 0))
		return false;
	s->items[0] = (struct rename_item){a, names[n == 2 ? m->folders[b - 1].name : name]};
	s->items[1] = (struct rename_item){b, names[m->folders[a - 1].name]};
	*c = (struct change){.kind = CHANGE_FOLDER_RENAME, .rename = {s->items, n}};
	return true;
}

static bool make_delete(struct model *m, struct scratch *s, struct change *c)
{
	*c = (struct change){.kind = CHANGE_FOLDER_DELETE, .delete = {some_folder(m)}};
	return m->folders[c->delete.folder - 1].name != 0 && model_random(m, 3) == 0;
}

static bool make_subscribe(struct model *m, struct scratch *s, struct change *c)
{
	*c = (struct change){.kind = model_random(m, 2) ? CHANGE_SUBSCRIBE : CHANGE_UNSUBSCRIBE,
			     .subscribe = {names[model_random(m, MODEL_NAMES)]}};
	return true;
}

static bool make_add(struct model *m, struct scratch *s, struct change *c)
{
	uint32_t folder = some_folder(m);
	/* Now and then a letter that is there already, or was. */
	uint64_t letter =
		model_random(m, 8) ? m->next_letter++ : 1 + model_random(m, (uint32_t)m->next_letter);
	size_t head_n = model_random(m, 2) ? 0 : model_random(m, sizeof(s->head));

	memset(s->head, 'a' + (int)model_random(m, 26), sizeof(s->head));
	*c = (struct change){.kind = CHANGE_ADD,
			     .add = {.folder = folder,
				     .uid = m->folders[folder - 1].uidnext +
					    (model_random(m, 10) ? 0 : model_random(m, 5)),
				     .letter = letter,
				     .place = model_random(m, 1000),
				     .immutable = (uint64_t)model_random(m, 1000) << 54,
				     .date_us = (int64_t)model_random(m, 1000) - 500,
				     .size = 20 + model_random(m, 5000),
				     .flags = (uint8_t)model_random(m, MESSAGE_FLAGS_ALL + 1),
				     .keywords = some_words(m, s),
				     .skip = model_random(m, 3),
				     .head = {s->head, head_n}}};
	return true;
}

static bool make_transfer(struct model *m, struct scratch *s, struct change *c)
{
	uint32_t from = some_folder(m);
	uint32_t to = some_folder(m);

	*c = (struct change){.kind = model_random(m, 2) ? CHANGE_MOVE : CHANGE_COPY,
			     .transfer = {from, to, m->folders[to - 1].uidnext + model_random(m, 2),
					  some_uids(m, from, s)}};
	return c->transfer.uids.n;
}

static bool make_flags(struct model *m, struct scratch *s, struct change *c)
{
	static const enum change_kind kinds[] = {CHANGE_FLAGS_SET, CHANGE_FLAGS_ADD, CHANGE_FLAGS_REMOVE};
	uint32_t folder = some_folder(m);

	*c = (struct change){.kind = kinds[model_random(m, 3)],
			     .flags = {folder, some_uids(m, folder, s),
				       (uint8_t)model_random(m, MESSAGE_FLAGS_ALL + 1), some_words(m, s)}};
	return c->flags.uids.n;
}

static bool make_expunge(struct model *m, struct scratch *s, struct change *c)
{
	uint32_t folder = some_folder(m);

	*c = (struct change){.kind = CHANGE_EXPUNGE, .expunge = {folder, some_uids(m, folder, s)}};
	return c->expunge.uids.n;
}

static const struct {
	bool (*make)(struct model *m, struct scratch *s, struct change *c);
	uint32_t share; /* of a hundred, added up */
} makers[] = {
	{make_create, 4},    {make_rename, 7}, {make_delete, 9},   {make_subscribe, 12},
	{make_transfer, 26}, {make_flags, 46}, {make_expunge, 54}, {make_add, 100},
};

static void make_change(struct model *m, struct scratch *s, struct change *c)
{
	for (;;) {
		uint32_t at = model_random(m, 100);
		size_t i = 0;

		while (makers[i].share <= at)
			i++;
		if (makers[i].make(m, s, c))
			return;
	}
}

static void put(struct buf *b, const struct act_body *act)
{
	struct err err;

	if (act_body_put(b, act, &err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

/* The first act gives numbers to words that no message has, so that those of
 * the model stand on both sides of a word boundary of keyword sets. */
static size_t make_first(struct model *m, struct scratch *s, struct change *c)
{
	static const struct uid_range gone[] = {{1, 1}};
	static char text[KEYWORDS_MAX][8];
	static struct str fill[64 - MODEL_WORDS / 2];
	size_t n = sizeof(fill) / sizeof(fill[0]);

	make_create(m, s, &c[0]);
	c[0].create.uidnext = 2;
	for (size_t i = 0; i < n; i++)
		fill[i] = (struct str){text[i], (size_t)snprintf(text[i], sizeof(text[i]), "fill%zu", i)};
	c[1] = (struct change){.kind = CHANGE_FLAGS_ADD, .flags = {1, {gone, 1}, 0, {fill, n}}};
	return 2;
}

void model_act(struct model *m, struct buf *b)
{
	struct scratch scratch[4];
	struct change changes[4];
	size_t n = model_random(m, 3) ? 1 : 1 + model_random(m, 4);

	if (m->serial++ == 0)
		n = make_first(m, &scratch[0], changes);
	for (size_t i = 0; i < n; i++) {
		if (m->serial > 1)
			make_change(m, &scratch[i], &changes[i]);
		do_change(m, &changes[i]);
	}
	put(b, &(struct act_body){m->serial, changes, n});
}

void model_bad_act(struct model *m, struct buf *b)
{
	static const struct uid_range far[] = {{UINT32_MAX - 10, UINT32_MAX - 5}};
	uint32_t folder = some_folder(m);
	uint32_t uidnext = m->folders[folder - 1].uidnext;
	uint32_t none = (uint32_t)m->folder_n + 9;
	const struct change bad[] = {
		{.kind = CHANGE_FOLDER_CREATE,
		 .create = {folder, m->next_uidvalidity, 1, 0, false, STR("New")}},
		{.kind = CHANGE_FOLDER_CREATE,
		 .create = {none, m->next_uidvalidity, 1, 0, false, STR("INBOX")}},
		{.kind = CHANGE_FOLDER_DELETE, .delete = {none}},
		{.kind = CHANGE_FOLDER_DELETE, .delete = {1}},
		{.kind = CHANGE_ADD, .add = {.folder = none, .uid = 1, .letter = 1}},
		{.kind = CHANGE_ADD, .add = {.folder = folder, .uid = uidnext - 1, .letter = 1}},
		{.kind = CHANGE_COPY, .transfer = {folder, none, 1, {far, 1}}},
		{.kind = CHANGE_MOVE, .transfer = {folder, folder, uidnext, {far, 1}}},
		{.kind = CHANGE_EXPUNGE, .expunge = {folder, {far, 1}}},
	};
	struct change changes[] = {
		{.kind = CHANGE_SUBSCRIBE, .subscribe = {STR("Only.Here")}},
		{.kind = CHANGE_ADD, .add = {.folder = folder, .uid = uidnext, .letter = 1}},
		bad[model_random(m, sizeof(bad) / sizeof(bad[0]))],
	};

	/* UID 0 is no UID at all: act_body_put() would refuse it before the ledger can. */
	if (changes[2].kind == CHANGE_ADD && changes[2].add.uid == 0)
		changes[2] = bad[2];
	put(b, &(struct act_body){m->serial + 1, changes, 3});
}
