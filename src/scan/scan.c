/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scan room (see scan.h).
 *
 *   question -> its turn -> (alone: `scanning` is out) -> parse -> answer -> it is out -> next
 *
 * 1. Nothing suspends from parsing to the answer: one arena serves all letters.
 * 2. The turn lasts over one turn of the loop at least, so that a letter's answer is out
 *    before the next letter can do harm.
 * 3. A neighbour that does not read holds up the others for OUT_MS a letter at most.
 */
#include "scan/scan.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "format/charset.h"
#include "format/header_edit.h"
#include "format/outline.h"
#include "format/received.h"
#include "net/log.h"
#include "net/messages.h"
#include "net/scan_edits.h"
#include "scan/sheet.h"
#include "scan/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* All windows of net/channels.def, with many gates and shards. */
#define QUESTIONS_MAX 512
#define OUT_MS 250
/* As the settings table allows; a stored letter may be older than today's limit. */
#define STORED_MAX ((uint64_t)2 << 30)
#define ID_FORMAT "%016llX"

struct scan {
	struct role *role;
	struct turn turn;
	struct arena arena;
	struct charsets charsets;
	struct header_edit edit; /* of the letter under way */
	uint64_t size_max; /* of a letter that comes in */
};

/* What was asked, whichever way. */
struct job {
	struct scan *scan;
	struct chan_parcel *parcel;
	uint32_t epoch; /* of who asked */
	uint64_t letter;
	bool alone;
	struct sheet sheet;
};

/* --- one at a time --------------------------------------------------------------------------- */

static int check_asker(const struct job *j, struct err *e)
{
	const struct chan *c = j->parcel->chan;

	if (!chan_attached(c) || chan_epoch(c) != j->epoch)
		return err_set(e, ERR_ROOM_GONE, "%s is gone", chan_name(c));
	return 0;
}

/* Until all that was sent is with the kernel. */
static int co_out(const struct job *j, struct err *e)
{
	const struct chan *c = j->parcel->chan;
	int64_t deadline = deadline_in(OUT_MS);
	int code = co_yield ();

	while (code == 0 && !chan_sent_all(c) && clock_ms() < deadline)
		code = co_sleep_until(deadline_in(1));
	if (code)
		return err_set(e, code, "scan stops");
	return chan_sent_all(c) ? check_asker(j, e) : err_set(e, ERR_BUSY, "%s does not read", chan_name(c));
}

static int co_announce(const struct job *j, struct err *e)
{
	struct scanning_note note = {.letter = j->letter};

	if (scanning_send(j->parcel->chan, &note) != 0)
		return err_set(e, ERR_ROOM_GONE, "%s is gone", chan_name(j->parcel->chan));
	return co_out(j, e);
}

/* 0: the turn is ours and co_end() must follow. */
static int co_begin(const struct job *j, struct err *e)
{
	struct scan *scan = j->scan;
	int code = co_turn_take(&scan->turn, j->parcel->deadline);

	if (code)
		return err_set(e, code, "scan has too many letters");
	code = check_asker(j, e);
	if (code == 0 && j->alone)
		code = co_announce(j, e);
	if (code)
		turn_give(&scan->turn);
	return code;
}

static void co_end(const struct job *j)
{
	struct err e;

	if (!j->alone)
		co_yield ();
	else if (co_out(j, &e) != 0)
		log_line(LOG_WARNING, ID_FORMAT ": scanned alone, but %s", (unsigned long long)j->letter,
			 e.text);
	turn_give(&j->scan->turn);
}

/* --- parsing ----------------------------------------------------------------------------------- */

struct result {
	struct outline outline; /* lives in the arena */
	struct buf bytes; /* encoded */
	int wide; /* -1: they fit a message */
};

#ifdef MAILSTEAD_POISON
/* For the tests of what happens then; no such build is ever installed. */
static void take_poison(struct str letter)
{
	if (str_find_str(letter, STR("\nX-Poison: scan")) != STR_NONE)
		abort();
}
#endif

static int parse(struct scan *scan, struct str letter, struct result *r, struct err *e)
{
	struct charset_fn charsets = charsets_fn(&scan->charsets);

#ifdef MAILSTEAD_POISON
	take_poison(letter);
#endif
	if (outline_build(&r->outline, &scan->arena, letter, &charsets) != 0 ||
	    outline_encode(&r->outline, &r->bytes) != 0)
		return err_set(e, ERR_MEMORY, "no memory for the outline");
	return r->bytes.n <= SCAN_OUTLINE_INLINE ? 0
						 : sealed_make("outline", buf_str(&r->bytes), &r->wide, e);
}

static struct str hash_of(const struct result *r)
{
	return (struct str){(const char *)r->outline.hash, OUTLINE_HASH};
}

static struct str inline_of(const struct result *r)
{
	return r->wide < 0 ? buf_str(&r->bytes) : (struct str){NULL, 0};
}

static void result_init(struct result *r)
{
	*r = (struct result){.wide = -1};
	buf_init(&r->bytes, OUTLINE_MAX);
}

/* What a large letter took is given back with it, not with the next one. */
static void result_free(struct result *r, struct scan *scan)
{
	arena_reset(&scan->arena);
	buf_free(&r->bytes);
	if (r->wide >= 0)
		close(r->wide);
}

/* --- a letter that comes in -------------------------------------------------------------------- */

static struct str host_of(const struct scan *scan)
{
	return settings_text(role_settings(scan->role), SET_HOSTNAME);
}

/* Received, and what edits add. */
static void write_front(const struct scan *scan, const struct scan_question *q, struct buf *out)
{
	struct date date = {.us = q->received, .zone = clock_zone(q->received)};
	char id[20];
	int n = snprintf(id, sizeof(id), ID_FORMAT, (unsigned long long)q->letter);
	struct received r = {
		.helo = q->helo,
		.client_name = q->client_name,
		.client_ip = q->client_ip,
		.tls = q->tls,
		.login = q->login,
		.user = q->user,
		.by = host_of(scan),
		.protocol = received_protocol(q->with),
		.id = {id, (size_t)n},
		.rcpt = q->recipient,
		.date = date,
	};
	struct header_missing missing = {.now = date, .id = r.id, .host = host_of(scan)};

	if (q->edits & SCAN_ADD_FROM)
		missing.sender = q->sender;
	received_write(&r, out);
	header_edit_write(&scan->edit, q->edits & SCAN_ADD_MISSING ? &missing : NULL, out);
}

static int read_letter(const struct scan_question *q, struct sheet *sheet, struct err *e)
{
	return q->file < 0 ? sheet_copy(sheet, q->bytes, e) : sheet_map(sheet, q->file, q->size, e);
}

/* A word of an address; anything else would be a field of its own. */
static bool is_one_line(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F)
			return false;
	return true;
}

static int check_scan(const struct scan *scan, const struct scan_question *q, struct err *e)
{
	if (q->helo.n > 0 && q->client_ip.n == 0)
		return err_set(e, ERR_INVALID, "a client without an address");
	if (q->edits & ~SCAN_EDITS || !is_one_line(q->sender))
		return err_set(e, ERR_INVALID, "no such edits");
	if (q->size > scan->size_max)
		return err_set(e, ERR_TOO_BIG, "the letter is above message_size_limit");
	if (q->file < 0 ? q->size != q->bytes.n : q->size == 0 || q->bytes.n > 0)
		return err_set(e, ERR_INVALID, "the letter has another size");
	return 0;
}

/* Makes of the letter what will be stored.  head: the fields in front, *front octets, and what is
 * left of the letter up to its last cut. */
static int make_whole(struct job *j, const struct scan_question *q, struct buf *head, size_t *front,
		      struct err *e)
{
	struct header_edit *edit = &j->scan->edit;
	struct str letter = j->sheet.bytes;

	*edit = (struct header_edit){0};
	if (q->edits)
		header_edit_read(letter, q->edits & SCAN_PRIVACY, edit);
	write_front(j->scan, q, head);
	*front = head->n;
	size_t done = header_cuts_make(&edit->cuts, str_head(letter, HEADER_CUTS_HEAD), head);

	if (buf_failed(head) || *front > SHEET_ROOM)
		return err_set(e, ERR_TOO_BIG, "the fields in front are too long");
	return sheet_behead(&j->sheet, done, buf_str(head), e);
}

static void answer_scan(const struct job *j, struct str front, const struct result *r)
{
	struct buf cuts;

	buf_init(&cuts, (size_t)HEADER_CUTS_MAX * HEADER_CUT_SIZE);
	header_cuts_write(&j->scan->edit.cuts, &cuts);
	struct scan_answer a = {.front = front,
				.cuts = buf_str(&cuts),
				.opaque = r->outline.opaque,
				.hash = hash_of(r),
				.outline_size = (uint32_t)r->bytes.n,
				.outline = inline_of(r),
				.wide = r->wide};

	if (buf_failed(&cuts))
		chan_refuse(j->parcel, ERR_MEMORY, "no memory for the cuts");
	else
		scan_answer(j->parcel, &a);
	buf_free(&cuts);
}

static void scan_letter(struct job *j, const struct scan_question *q)
{
	struct result r;
	struct buf head;
	size_t front;
	struct err e;
	int code;

	result_init(&r);
	buf_init(&head, SHEET_ROOM + HEADER_CUTS_HEAD);
	code = read_letter(q, &j->sheet, &e);
	if (code == 0)
		code = make_whole(j, q, &head, &front, &e);
	if (code == 0)
		code = parse(j->scan, j->sheet.bytes, &r, &e);
	if (code == 0)
		answer_scan(j, str_head(buf_str(&head), front), &r);
	else
		chan_refuse(j->parcel, code, "%s", e.text);
	sheet_free(&j->sheet);
	buf_free(&head);
	result_free(&r, j->scan);
}

static struct job job_of(struct scan *scan, struct chan_parcel *p, uint64_t letter, bool alone)
{
	return (struct job){
		.scan = scan, .parcel = p, .epoch = chan_epoch(p->chan), .letter = letter, .alone = alone};
}

static void co_on_scan(void *state, struct chan_parcel *p)
{
	struct scan_question q;
	struct err e;

	if (!scan_take(p, &q))
		return;
	struct job j = job_of(state, p, q.letter, q.alone);

	if (check_scan(state, &q, &e) != 0 || co_begin(&j, &e) != 0)
		chan_refuse(p, e.code, "%s", e.text);
	else {
		scan_letter(&j, &q);
		co_end(&j);
	}
	if (q.file >= 0)
		close(q.file);
}

/* --- a letter that is stored ----------------------------------------------------------------------- */

static void answer_outline(struct chan_parcel *p, const struct result *r)
{
	struct outline_answer a = {.opaque = r->outline.opaque,
				   .hash = hash_of(r),
				   .outline_size = (uint32_t)r->bytes.n,
				   .outline = inline_of(r),
				   .wide = r->wide};

	outline_answer(p, &a);
}

static void outline_letter(struct job *j, const struct outline_question *q)
{
	struct result r;
	struct err e;

	result_init(&r);
	if (sheet_map(&j->sheet, q->file, q->size, &e) == 0 && parse(j->scan, j->sheet.bytes, &r, &e) == 0)
		answer_outline(j->parcel, &r);
	else
		chan_refuse(j->parcel, e.code, "%s", e.text);
	sheet_free(&j->sheet);
	result_free(&r, j->scan);
}

static void co_on_outline(void *state, struct chan_parcel *p)
{
	struct outline_question q;
	struct err e;

	if (!outline_take(p, &q))
		return;
	struct job j = job_of(state, p, q.letter, q.alone);

	if (q.size == 0 || q.size > STORED_MAX)
		chan_refuse(p, ERR_INVALID, "no letter has that size");
	else if (co_begin(&j, &e) != 0)
		chan_refuse(p, e.code, "%s", e.text);
	else {
		outline_letter(&j, &q);
		co_end(&j);
	}
	close(q.file);
}

static const struct chan_handler handlers[] = {
	{MSG_SCAN, co_on_scan}, {MSG_OUTLINE, co_on_outline}, {0, NULL}};

/* --- life ------------------------------------------------------------------------------------------- */

static uint64_t size_limit(const struct role *role)
{
	return settings_number(role_settings(role), SET_MESSAGE_SIZE_LIMIT);
}

static int warm_up(struct role *role, void **state, struct err *e)
{
	struct scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return err_set(e, ERR_MEMORY, "no memory");
	*state = scan;
	scan->role = role;
	scan->size_max = size_limit(role);
	arena_init(&scan->arena, OUTLINE_ARENA_MAX);
	charsets_open(&scan->charsets);
	return 0;
}

/* A session that began under a larger limit may still bring its letter. */
static void co_switch(struct role *role, void *state)
{
	struct scan *scan = state;
	uint64_t limit = size_limit(role);

	if (limit > scan->size_max)
		scan->size_max = limit;
}

static void free_state(void *state)
{
	struct scan *scan = state;

	if (!scan)
		return;
	charsets_close(&scan->charsets);
	arena_free(&scan->arena);
	free(scan);
}

const struct room_ops scan_room = {
	.room = ROOM_SCAN,
	.handlers = handlers,
	.handlers_max = QUESTIONS_MAX,
	.warm_up = warm_up,
	.co_switch = co_switch,
	.free_state = free_state,
};
