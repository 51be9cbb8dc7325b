/* SPDX-License-Identifier: Apache-2.0 */
/* `inbox`: what INBOX holds, durable messages only, read and hashed as a client would read them. */
#include "mailbox/contents.h"
#include "mailbox/shard_parts.h"

#include "base/clock.h"
#include "net/loop.h"
#include "net/messages.h"

#include <stdlib.h>

/* One page: rows, and bytes of letters that are read for it. */
#define PAGE_ROWS 200
#define PAGE_BYTES (32u << 20)
#define LETTER_ROW (4 + 8 + CONTENTS_HASH_SIZE)
#define ASK_SPOOL_MS 5000

/* For the thread pool. */
struct page_task {
	struct index *index;
	int data_folder;
	uint32_t folder, after;
	struct message rows[PAGE_ROWS];
	struct buf out;
	bool last;
	struct err err;
	int code;
};

static int hash_row(struct page_task *t, const struct contents *c, uint32_t uid)
{
	unsigned char hash[CONTENTS_HASH_SIZE];
	struct message row;
	uint32_t skip;
	struct buf head;

	buf_init(&head, MESSAGE_HEAD_MAX);
	int code = index_message(t->index, t->folder, uid, &row, &skip, &head, &t->err);

	if (!code)
		code = contents_hash(c, row.letter, row.place, buf_str(&head), skip, hash, &t->err);
	buf_free(&head);
	if (code)
		return code;
	buf_put_u32(&t->out, uid);
	buf_put_u64(&t->out, row.letter);
	buf_add(&t->out, hash, sizeof(hash));
	return 0;
}

static int hash_rows(struct page_task *t, const struct contents *c)
{
	uint64_t bytes = 0;
	size_t n = 0, i = 0;
	int code = index_load(t->index, t->folder, t->after, t->rows, PAGE_ROWS, &n, &t->err);

	for (; !code && i < n && bytes < PAGE_BYTES; i++) {
		code = hash_row(t, c, t->rows[i].uid);
		bytes += t->rows[i].size;
	}
	t->last = i == n && n < PAGE_ROWS;
	return code;
}

static void page_in_pool(void *arg)
{
	struct page_task *t = arg;
	struct contents c;

	t->code = contents_open(&c, t->data_folder, &t->err);
	if (!t->code)
		t->code = hash_rows(t, &c);
	contents_close(&c);
}

static void answer_page(struct chan_parcel *p, const struct page_task *t)
{
	const struct inbox_answer a = {.last = t->last, .letters = buf_str(&t->out)};

	if (t->code)
		chan_refuse(p, t->code, "%s", t->err.text);
	else
		inbox_answer(p, &a);
}

/* The acts so far are folded by the caller. */
static int co_read_page(struct account *a, struct chan_parcel *p, uint32_t after, struct err *e)
{
	const struct folder *inbox = ledger_find(&a->views.ledger, STR("INBOX"));
	struct page_task *t = calloc(1, sizeof(*t));

	if (!t)
		return err_set(e, ERR_MEMORY, "no memory to read INBOX");
	t->data_folder = a->shard->data_folder;
	t->after = after;
	t->last = true;
	buf_init(&t->out, PAGE_ROWS * LETTER_ROW);
	int code = inbox ? 0 : ERR_NOT_FOUND;

	if (inbox) {
		t->folder = inbox->id;
		code = co_account_lock(a);
	}
	if (inbox && !code) {
		t->index = a->index;
		co_run_blocking(page_in_pool, t);
		account_unlock(a);
	}
	/* Without INBOX the page is empty. */
	if (!code || !inbox)
		answer_page(p, t);
	buf_free(&t->out);
	free(t);
	return inbox && code ? err_set(e, code, "the shard ends") : 0;
}

static int co_find_account(struct shard *s, struct str address, uint32_t *id, struct err *e)
{
	struct account_question q = {.address = address};
	struct account_answer a;
	struct chan_parcel store;
	int code = co_ask_account(s->spool, &q, deadline_in(ASK_SPOOL_MS), &store, &a, e);

	if (code)
		return code;
	*id = a.account;
	chan_parcel_free(&store);
	return *id ? 0
		   : err_set(e, ERR_NOT_FOUND, "no letter came for %.*s yet", STR_ARG(str_head(address, 80)));
}

void co_on_inbox(void *room, struct chan_parcel *p)
{
	struct shard *s = room;
	struct inbox_question q;
	struct account *a = NULL;
	uint32_t id = 0;
	struct err e = {0};

	if (!inbox_take(p, &q))
		return;
	int code = co_find_account(s, q.account, &id, &e);

	if (!code)
		code = co_account_touch(s, id, q.account, p->deadline, &a, &e);
	if (!code) {
		code = co_account_fold(a, &e);
		if (!code)
			code = co_read_page(a, p, q.after, &e);
		account_leave(a);
	}
	if (code)
		chan_refuse(p, code, "%s", e.text);
}
