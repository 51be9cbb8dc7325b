/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codec of act bodies: for each kind one row with its rules, its writer and
 * its reader.
 */
#include "store/act.h"

#include <unistr.h>

#define ACT_VERSION 1
#define RENAME_ITEMS_MAX 10000

bool folder_name_valid(struct str name)
{
	struct str rest = name;

	if (name.n == 0 || name.n > FOLDER_NAME_MAX || u8_check((const uint8_t *)name.p, name.n))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7F)
			return false;
	if (name.p[name.n - 1] == FOLDER_SEPARATOR)
		return false;
	struct str first = str_cut(&rest, FOLDER_SEPARATOR);

	/* RFC 9051, 5.1: INBOX is the same folder in any case. */
	if (first.n == 0 || (str_eq_nocase(first, STR("INBOX")) && !str_eq(first, STR("INBOX"))))
		return false;
	while (rest.n)
		if (str_cut(&rest, FOLDER_SEPARATOR).n == 0)
			return false;
	return true;
}

bool keyword_name_valid(struct str name)
{
	if (name.n == 0 || name.n > KEYWORD_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' || str_find(STR("(){%*\"\\]"), name.p[i]) != STR_NONE)
			return false;
	return true;
}

static bool keywords_valid(struct keyword_names k)
{
	if (k.n > KEYWORDS_MAX)
		return false;
	for (size_t i = 0; i < k.n; i++)
		if (!keyword_name_valid(k.names[i]))
			return false;
	return true;
}

static void put_keywords(struct buf *b, struct keyword_names k)
{
	buf_put_u8(b, (uint8_t)k.n);
	for (size_t i = 0; i < k.n; i++)
		buf_put_str(b, k.names[i]);
}

static struct keyword_names get_keywords(struct reader *r, struct arena *a)
{
	uint8_t n = read_u8(r);
	struct str *names = n ? arena_calloc(a, n, sizeof(*names)) : NULL;

	if (n > 0 && !names)
		r->failed = true;
	for (uint8_t i = 0; i < n && !r->failed; i++)
		names[i] = read_str(r, KEYWORD_NAME_MAX);
	return (struct keyword_names){names, r->failed ? 0 : n};
}

static bool create_valid(const struct change *c)
{
	return c->create.folder && c->create.uidvalidity && c->create.uidnext &&
	       folder_name_valid(c->create.name);
}

static void create_put(struct buf *b, const struct change *c)
{
	buf_put_u32(b, c->create.folder);
	buf_put_u32(b, c->create.uidvalidity);
	buf_put_u32(b, c->create.uidnext);
	buf_put_u8(b, c->create.special_use);
	buf_put_u8(b, c->create.imported);
	buf_put_str(b, c->create.name);
}

static void create_get(struct reader *r, struct arena *a, struct change *c)
{
	c->create.folder = read_u32(r);
	c->create.uidvalidity = read_u32(r);
	c->create.uidnext = read_u32(r);
	c->create.special_use = read_u8(r);

	uint8_t imported = read_u8(r);

	c->create.imported = imported == 1;
	if (imported > 1)
		r->failed = true;
	c->create.name = read_str(r, FOLDER_NAME_MAX);
}

static bool rename_valid(const struct change *c)
{
	if (c->rename.n == 0 || c->rename.n > RENAME_ITEMS_MAX)
		return false;
	for (size_t i = 0; i < c->rename.n; i++)
		if (!c->rename.items[i].folder || !folder_name_valid(c->rename.items[i].name))
			return false;
	return true;
}

static void rename_put(struct buf *b, const struct change *c)
{
	buf_put_u16(b, (uint16_t)c->rename.n);
	for (size_t i = 0; i < c->rename.n; i++) {
		buf_put_u32(b, c->rename.items[i].folder);
		buf_put_str(b, c->rename.items[i].name);
	}
}

static void rename_get(struct reader *r, struct arena *a, struct change *c)
{
	uint16_t n = read_u16(r);
	/* Each takes nine bytes at least: a short body cannot claim a long list. */
	struct rename_item *items = n <= r->rest.n / 9 ? arena_calloc(a, n, sizeof(*items)) : NULL;

	if (!items)
		r->failed = true;
	for (uint16_t i = 0; i < n && !r->failed; i++) {
		items[i].folder = read_u32(r);
		items[i].name = read_str(r, FOLDER_NAME_MAX);
	}
	c->rename = (struct change_rename){items, r->failed ? 0 : n};
}

static bool delete_valid(const struct change *c)
{
	return c->delete.folder;
}

static void delete_put(struct buf *b, const struct change *c)
{
	buf_put_u32(b, c->delete.folder);
}

static void delete_get(struct reader *r, struct arena *a, struct change *c)
{
	c->delete.folder = read_u32(r);
}

static bool subscribe_valid(const struct change *c)
{
	return folder_name_valid(c->subscribe.name);
}

static void subscribe_put(struct buf *b, const struct change *c)
{
	buf_put_str(b, c->subscribe.name);
}

static void subscribe_get(struct reader *r, struct arena *a, struct change *c)
{
	c->subscribe.name = read_str(r, FOLDER_NAME_MAX);
}

static bool add_valid(const struct change *c)
{
	/* UIDNEXT must still be a number after the greatest UID. */
	return c->add.folder && c->add.uid && c->add.uid < UINT32_MAX && c->add.letter &&
	       !(c->add.flags & ~MESSAGE_FLAGS_ALL) && keywords_valid(c->add.keywords) &&
	       c->add.head.n <= MESSAGE_HEAD_MAX && c->add.size >= c->add.head.n;
}

static void add_put(struct buf *b, const struct change *c)
{
	buf_put_u32(b, c->add.folder);
	buf_put_u32(b, c->add.uid);
	buf_put_u64(b, c->add.letter);
	buf_put_u64(b, c->add.place);
	buf_put_u64(b, c->add.immutable);
	buf_put_u64(b, (uint64_t)c->add.date_us);
	buf_put_u32(b, c->add.size);
	buf_put_u8(b, c->add.flags);
	put_keywords(b, c->add.keywords);
	buf_put_u32(b, c->add.skip);
	buf_put_str(b, c->add.head);
}

static void add_get(struct reader *r, struct arena *a, struct change *c)
{
	c->add.folder = read_u32(r);
	c->add.uid = read_u32(r);
	c->add.letter = read_u64(r);
	c->add.place = read_u64(r);
	c->add.immutable = read_u64(r);
	c->add.date_us = (int64_t)read_u64(r);
	c->add.size = read_u32(r);
	c->add.flags = read_u8(r);
	c->add.keywords = get_keywords(r, a);
	c->add.skip = read_u32(r);
	c->add.head = read_str(r, MESSAGE_HEAD_MAX);
}

static bool transfer_valid(const struct change *c)
{
	return c->transfer.from && c->transfer.to && c->transfer.first_uid && c->transfer.uids.n &&
	       uids_valid(c->transfer.uids) &&
	       c->transfer.first_uid + uids_count(c->transfer.uids) <= UINT32_MAX;
}

static void transfer_put(struct buf *b, const struct change *c)
{
	buf_put_u32(b, c->transfer.from);
	buf_put_u32(b, c->transfer.to);
	buf_put_u32(b, c->transfer.first_uid);
	uids_put(b, c->transfer.uids);
}

static void transfer_get(struct reader *r, struct arena *a, struct change *c)
{
	c->transfer.from = read_u32(r);
	c->transfer.to = read_u32(r);
	c->transfer.first_uid = read_u32(r);
	c->transfer.uids = uids_get(r, a);
}

static bool flags_valid(const struct change *c)
{
	return c->flags.folder && c->flags.uids.n && uids_valid(c->flags.uids) &&
	       !(c->flags.flags & ~MESSAGE_FLAGS_ALL) && keywords_valid(c->flags.keywords);
}

static void flags_put(struct buf *b, const struct change *c)
{
	buf_put_u32(b, c->flags.folder);
	uids_put(b, c->flags.uids);
	buf_put_u8(b, c->flags.flags);
	put_keywords(b, c->flags.keywords);
}

static void flags_get(struct reader *r, struct arena *a, struct change *c)
{
	c->flags.folder = read_u32(r);
	c->flags.uids = uids_get(r, a);
	c->flags.flags = read_u8(r);
	c->flags.keywords = get_keywords(r, a);
}

static bool expunge_valid(const struct change *c)
{
	return c->expunge.folder && c->expunge.uids.n && uids_valid(c->expunge.uids);
}

static void expunge_put(struct buf *b, const struct change *c)
{
	buf_put_u32(b, c->expunge.folder);
	uids_put(b, c->expunge.uids);
}

static void expunge_get(struct reader *r, struct arena *a, struct change *c)
{
	c->expunge.folder = read_u32(r);
	c->expunge.uids = uids_get(r, a);
}

static const struct {
	bool (*valid)(const struct change *c);
	void (*put)(struct buf *b, const struct change *c);
	void (*get)(struct reader *r, struct arena *a, struct change *c);
} kinds[CHANGE_KINDS] = {
	[CHANGE_FOLDER_CREATE] = {create_valid, create_put, create_get},
	[CHANGE_FOLDER_RENAME] = {rename_valid, rename_put, rename_get},
	[CHANGE_FOLDER_DELETE] = {delete_valid, delete_put, delete_get},
	[CHANGE_SUBSCRIBE] = {subscribe_valid, subscribe_put, subscribe_get},
	[CHANGE_UNSUBSCRIBE] = {subscribe_valid, subscribe_put, subscribe_get},
	[CHANGE_ADD] = {add_valid, add_put, add_get},
	[CHANGE_MOVE] = {transfer_valid, transfer_put, transfer_get},
	[CHANGE_COPY] = {transfer_valid, transfer_put, transfer_get},
	[CHANGE_FLAGS_SET] = {flags_valid, flags_put, flags_get},
	[CHANGE_FLAGS_ADD] = {flags_valid, flags_put, flags_get},
	[CHANGE_FLAGS_REMOVE] = {flags_valid, flags_put, flags_get},
	[CHANGE_EXPUNGE] = {expunge_valid, expunge_put, expunge_get},
};

static bool kind_known(unsigned kind)
{
	return kind < CHANGE_KINDS && kinds[kind].valid;
}

int act_body_put(struct buf *b, const struct act_body *act, struct err *err)
{
	size_t before = b->n;

	if (act->n == 0 || act->n > ACT_CHANGES_MAX)
		return err_set(err, ERR_INVALID, "an act of %zu changes", act->n);
	for (size_t i = 0; i < act->n; i++)
		if (!kind_known(act->changes[i].kind) || !kinds[act->changes[i].kind].valid(&act->changes[i]))
			return err_set(err, ERR_INVALID, "change %zu of the act (kind %d) breaks a rule", i,
				       (int)act->changes[i].kind);
	buf_put_u8(b, ACT_VERSION);
	buf_put_u32(b, (uint32_t)act->n);
	for (size_t i = 0; i < act->n && b->n - before <= ACT_BYTES_MAX; i++) {
		buf_put_u8(b, (uint8_t)act->changes[i].kind);
		kinds[act->changes[i].kind].put(b, &act->changes[i]);
	}
	if (!buf_failed(b) && b->n - before <= ACT_BYTES_MAX)
		return 0;
	buf_truncate(b, before);
	return err_set(err, ERR_TOO_BIG, "an act of %zu changes is too large", act->n);
}

static int get_change(struct reader *r, struct arena *arena, struct change *c)
{
	uint8_t kind = read_u8(r);

	if (r->failed || !kind_known(kind))
		return ERR_INVALID;
	c->kind = kind;
	kinds[kind].get(r, arena, c);
	return !r->failed && kinds[kind].valid(c) ? 0 : ERR_INVALID;
}

int act_body_get(struct str body, uint64_t serial, struct arena *arena, struct act_body *out, struct err *err)
{
	struct reader r = reader_of(body);
	uint8_t version = read_u8(&r);
	uint32_t n = read_u32(&r);

	if (version != ACT_VERSION || body.n > ACT_BYTES_MAX)
		return err_set(err, ERR_INVALID, "an act of version %u, %zu bytes", version, body.n);
	/* A change takes five bytes at least: a short body cannot claim a long list. */
	if (n == 0 || n > ACT_CHANGES_MAX || n > r.rest.n / 5)
		return err_set(err, ERR_INVALID, "an act that claims %u changes", n);
	struct change *changes = arena_calloc(arena, n, sizeof(*changes));

	if (!changes)
		return err_set(err, ERR_MEMORY, "no memory for an act of %u changes", n);
	for (uint32_t i = 0; i < n; i++)
		if (get_change(&r, arena, &changes[i]))
			return err_set(err, ERR_INVALID, "change %u of the act is malformed", i);
	if (!reader_done(&r))
		return err_set(err, ERR_INVALID, "bytes behind the last change of an act");
	*out = (struct act_body){serial, changes, n};
	return 0;
}

int act_body_set_place(char *body, size_t n, uint64_t place, struct err *err)
{
	struct reader r = reader_of((struct str){body, n});
	bool add = read_u8(&r) == ACT_VERSION && read_u32(&r) == 1 && read_u8(&r) == CHANGE_ADD;

	/* Folder, UID, letter. */
	read_bytes(&r, 4 + 4 + 8);
	size_t at = n - r.rest.n;

	if (!add || read_u64(&r) != 0 || r.failed)
		return err_set(err, ERR_INVALID, "the act is not one message without a place");
	le64_set(body + at, place);
	return 0;
}
