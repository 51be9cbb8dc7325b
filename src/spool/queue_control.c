/* SPDX-License-Identifier: Apache-2.0 */
/* Showing and changing the queue (see queue_control.h). */
#include "spool/queue_control.h"

#include "net/loop.h"
#include "net/messages.h"
#include "net/queue_actions.h"
#include "spool/core.h"
#include "spool/destination.h"
#include "spool/fate.h"
#include "spool/queue_change.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_BYTES 73728
/* The most letters of a page: about as many as fit. */
#define PAGE_LETTERS 256
/* Of a recipient, as written below, without its strings. */
#define RECIPIENT_HEAD 48
#define POISON "a process died each time it was delivered"

/* How role.c calls those who connect to the control socket. */
static bool is_command(struct chan_parcel *p)
{
	if (strcmp(chan_name(p->chan), "command") == 0)
		return true;
	chan_refuse(p, ERR_DENIED, "only commands may ask for the queue");
	return false;
}

/* --- a page ------------------------------------------------------------------------------ */

/* The first letters behind a position, in order. */
struct page {
	struct kept_letter *letters[PAGE_LETTERS];
	size_t count;
	bool more;
	struct buf out;
};

static void page_add(struct page *page, struct kept_letter *k)
{
	size_t at = page->count;

	if (page->count == PAGE_LETTERS) {
		page->more = true;
		if (page->letters[--at]->position < k->position)
			return;
	} else
		page->count++;
	for (; at > 0 && page->letters[at - 1]->position > k->position; at--)
		page->letters[at] = page->letters[at - 1];
	page->letters[at] = k;
}

static void page_fill(struct page *page, const struct letters *letters, const struct queue_question *q)
{
	struct kept_letter *k;
	size_t at = 0;

	while ((k = nummap_next(&letters->map, &at)))
		if (k->open > 0 && k->position > q->after && (q->id == 0 || k->id == q->id))
			page_add(page, k);
	for (size_t i = 0; i < page->count; i++)
		letters_pin(page->letters[i]);
}

/* Held as a whole, or no process survives its delivery. */
static bool is_held(const struct kept_letter *k, struct str *why)
{
	*why = fate_why(k);
	if (fate_held(k))
		return true;
	*why = STR(POISON);
	for (uint32_t i = 0; i < k->recipient_count; i++)
		if (!letter_settled(k, i) && letter_deaths(k, i) >= DEATHS_HELD)
			return true;
	*why = STR("");
	return false;
}

static void put_recipient(const struct kept_letter *k, uint32_t i, struct str address, struct buf *out)
{
	struct reason r = fate_reason(k, i);

	buf_put_str(out, address);
	buf_put_u8(out, k->accounts[i] != 0);
	buf_put_u64(out, (uint64_t)(letter_under_way(k, i) ? 0 : fate_next_us(k, i)));
	buf_put_u32(out, fate_tries(k, i));
	if (r.mta.n > 0) {
		buf_put_u32(out, (uint32_t)(sizeof("host  said: ") - 1 + r.mta.n + r.text.n));
		buf_add_z(out, "host ");
		buf_add_str(out, r.mta);
		buf_add_z(out, " said: ");
		buf_add_str(out, r.text);
	} else
		buf_put_str(out, r.text);
}

/* As many recipients as fit into a page of its own: one letter is never divided. */
static void put_recipients(const struct kept_letter *k, const struct envelope *env, struct buf *out)
{
	uint32_t n = 0;
	size_t count_at = out->n;

	buf_put_u32(out, 0);
	for (uint32_t i = 0; i < k->recipient_count; i++) {
		struct reason r = fate_reason(k, i);
		size_t size = RECIPIENT_HEAD + env->recipients[i].address.n + r.mta.n + r.text.n;

		if (letter_settled(k, i))
			continue;
		if (out->n + size > PAGE_BYTES)
			break;
		put_recipient(k, i, env->recipients[i].address, out);
		n++;
	}
	le32_set(out->p + count_at, n);
}

static void put_letter(const struct kept_letter *k, const struct letter *l, struct buf *out)
{
	struct str why;
	bool held = is_held(k, &why);

	buf_put_u64(out, k->id);
	buf_put_u64(out, k->position);
	buf_put_u64(out, l->length);
	buf_put_u64(out, l->envelope.received_us);
	buf_put_u8(out, held);
	buf_put_str(out, why);
	buf_put_str(out, l->envelope.reverse_path);
	put_recipients(k, &l->envelope, out);
}

/* False: it does not fit any more. */
static bool co_put_letter(struct spool *s, struct kept_letter *k, struct buf *out)
{
	struct letter_entry entry = {0};
	struct buf one;
	struct err e;
	bool fits = true;

	buf_init(&one, PAGE_BYTES);
	if (co_letter_entry(s, k, &entry, &e) == 0 && k->open > 0) {
		put_letter(k, &entry.part.letter, &one);
		fits = out->n + one.n <= PAGE_BYTES;
		if (fits)
			buf_add_str(out, buf_str(&one));
	}
	buf_free(&one);
	letter_entry_free(&entry);
	return fits;
}

void co_on_queue(void *room, struct chan_parcel *p)
{
	struct spool *s = room;
	struct queue_question q;

	if (!queue_take(p, &q) || !is_command(p))
		return;
	struct page *page = calloc(1, sizeof(*page));
	bool fits = true;

	if (!page)
		abort();
	buf_init(&page->out, PAGE_BYTES);
	page_fill(page, &s->letters, &q);
	for (size_t i = 0; i < page->count; i++) {
		fits = fits && co_put_letter(s, page->letters[i], &page->out);
		letters_unpin(&s->letters, page->letters[i]);
	}
	struct queue_answer a = {.last = fits && !page->more, .letters = buf_str(&page->out)};

	queue_answer(p, &a);
	buf_free(&page->out);
	free(page);
}

/* --- one letter ------------------------------------------------------------------------------- */

void co_on_queue_letter(void *room, struct chan_parcel *p)
{
	struct spool *s = room;
	struct queue_letter_question q;
	struct queue_letter_answer a = {.file = -1};
	struct kept_letter *k;
	struct err e;

	if (!queue_letter_take(p, &q) || !is_command(p))
		return;
	int code = co_letter_fetch(s, q.id, &k, &e);

	if (code == 0) {
		code = co_letter_file(s, k, &a.file, &a.size, &e);
		letters_unpin(&s->letters, k);
	}
	if (code)
		chan_refuse(p, code, "%s", e.text);
	else {
		queue_letter_answer(p, &a);
		close(a.file);
	}
}

/* --- changes ------------------------------------------------------------------------------------- */

static size_t choose(const struct letters *letters, uint64_t id, uint64_t *ids)
{
	const struct kept_letter *k;
	size_t n = 0, at = 0;

	while ((k = nummap_next(&letters->map, &at)))
		if (k->open > 0 && (id == 0 || k->id == id))
			ids[n++] = k->id;
	return n;
}

void co_on_queue_change(void *room, struct chan_parcel *p)
{
	struct spool *s = room;
	struct queue_change_question q;
	struct queue_change_answer a = {0};
	struct err e;

	if (!queue_change_take(p, &q) || !is_command(p))
		return;
	if (q.action >= QUEUE_ACTIONS) {
		chan_refuse(p, ERR_INVALID, "there is no such action");
		return;
	}
	uint64_t *ids = calloc(s->letters.map.n + 1, sizeof(ids[0]));

	if (!ids)
		abort();
	size_t n = choose(&s->letters, q.id, ids);
	int code = co_queue_change(s, (enum queue_action)q.action, ids, n, &a.count, &e);

	free(ids);
	if (code)
		chan_refuse(p, code, "%s", e.text);
	else
		queue_change_answer(p, &a);
}
