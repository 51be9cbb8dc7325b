/* SPDX-License-Identifier: Apache-2.0 */
/* Searching in a message (see letter_search.h). */
#include "mailbox/letter_search.h"

#include "base/clock.h"
#include "format/charset.h"
#include "format/date.h"
#include "format/header.h"
#include "format/textfind.h"
#include "format/transfer.h"
#include "format/words.h"
#include "net/loop.h"

#include <stdlib.h>

#define PIECE ((size_t)32 << 10)
#define HEADER_BYTES_MAX ((size_t)4 << 20)
#define FIELD_MAX ((size_t)1 << 20)

/* For the thread pool. */
struct search_task {
	const struct letter_reader *l;
	const struct outline *o;
	struct charsets *charsets;
	const struct imap_search *search;
	struct imap_facts facts;
	int64_t deadline;
	struct buf header; /* empty until it is asked for */
	struct buf raw, decoded, text;
	bool found;
	struct err err;
	int code;
};

static uint32_t day_of(struct date d)
{
	struct buf digits;
	uint32_t day = 0;

	buf_init(&digits, 32);
	date_write_digits(d, &digits);
	str_to_u32(str_head(buf_str(&digits), 8), &day);
	buf_free(&digits);
	return day;
}

uint32_t letter_day(int64_t us, int zone)
{
	return day_of((struct date){us, zone});
}

uint32_t letter_sent_day(struct str date)
{
	struct date d;

	return date.n && date_parse_mail(date, &d) == 0 ? day_of(d) : 0;
}

static bool in_time(struct search_task *t)
{
	if (!t->code && clock_ms() > t->deadline)
		t->code = err_set(&t->err, ERR_TIMEOUT, "the message takes too long to search");
	return !t->code;
}

/* --- the header ------------------------------------------------------------------------------ */

static void read_header(struct search_task *t)
{
	uint64_t end = letter_position(t->l, t->o->parts[0].at.body_start);
	size_t n = end < HEADER_BYTES_MAX ? (size_t)end : HEADER_BYTES_MAX;
	char *p = t->header.n ? NULL : buf_room(&t->header, n);

	if (p && !t->code)
		t->code = letter_read(t->l, 0, p, n, &t->err);
	if (p && !t->code)
		buf_grow(&t->header, n);
}

static bool in_field(struct search_task *t, const struct needle *needle, struct str value)
{
	const struct charset_fn fn = charsets_fn(t->charsets);
	struct buf *plain = &t->raw, *text = &t->decoded;

	buf_clear(plain);
	buf_clear(text);
	header_unfold(value, plain);
	words_decode(buf_str(plain), &fn, text);
	return needle_in(needle, buf_str(text));
}

/* An empty name stands for all fields. */
static bool in_header(struct search_task *t, const struct needle *needle, struct str name)
{
	struct header_field f;

	read_header(t);
	struct header_scan scan = header_scan_of(buf_str(&t->header));

	while (header_next(&scan, &f)) {
		if (name.n ? !str_eq_nocase(f.name, name) : f.id == HEADER_JUNK)
			continue;
		if (in_field(t, needle, f.value) || (!name.n && needle_in(needle, f.name)))
			return true;
	}
	return false;
}

/* --- the body -------------------------------------------------------------------------------- */

static struct str charset_of(const struct outline_part *part)
{
	for (const struct header_param *p = part->params.first; p; p = p->next)
		if (str_eq_nocase(p->name, STR("charset")))
			return p->value;
	return STR("us-ascii");
}

/* One piece of the body, decoded and in UTF-8. */
static bool add_piece(struct search_task *t, struct textfind *find, struct charset_stream *charset, bool last)
{
	buf_clear(&t->text);
	charset_stream_add(charset, buf_str(&t->decoded), &t->text);
	if (last)
		charset_stream_end(charset, &t->text);
	if (buf_failed(&t->text) || buf_failed(&t->decoded))
		t->code = err_set(&t->err, ERR_MEMORY, "no memory to search");
	return textfind_add(find, buf_str(&t->text));
}

static bool in_part(struct search_task *t, struct textfind *find, const struct outline_part *part)
{
	uint64_t at = letter_position(t->l, part->at.body_start);
	uint64_t end = letter_position(t->l, part->at.body_end);
	struct transfer_decoder decoder;
	struct charset_stream charset;
	bool found = false;

	textfind_reset(find);
	transfer_decoder_init(&decoder, transfer_of(part->encoding));
	charset_stream_begin(&charset, t->charsets, charset_of(part));
	while (at < end && !found && in_time(t)) {
		size_t n = end - at < PIECE ? (size_t)(end - at) : PIECE;
		char *p;

		buf_clear(&t->raw);
		buf_clear(&t->decoded);
		p = buf_room(&t->raw, n);
		t->code = p ? letter_read(t->l, at, p, n, &t->err) : ERR_MEMORY;
		if (t->code)
			break;
		transfer_decode(&decoder, (struct str){p, n}, &t->decoded);
		at += n;
		if (at == end)
			transfer_decode_end(&decoder, &t->decoded);
		found = add_piece(t, find, &charset, at == end);
	}
	return textfind_end(find) && !t->code;
}

static bool in_body(struct search_task *t, const struct needle *needle)
{
	struct textfind find;
	bool found = false;

	textfind_init(&find, needle);
	for (uint32_t i = 0; i < t->o->part_count && !found; i++) {
		const struct outline_part *part = &t->o->parts[i];
		bool leaf = part->at.kind == MIME_LEAF || part->at.kind == MIME_OPAQUE;

		if (leaf && str_eq_nocase(outline_type(part), STR("text")))
			found = in_part(t, &find, part);
	}
	textfind_free(&find);
	return found;
}

/* --- the answer ------------------------------------------------------------------------------ */

static bool has_text(struct search_task *t, const struct imap_key *key)
{
	struct needle needle;
	bool found = false;

	if (needle_init(&needle, key->text) != 0)
		t->code = err_set(&t->err, ERR_MEMORY, "no memory to search");
	else if (key->kind == IMAP_KEY_HEADER)
		found = in_header(t, &needle, key->field);
	else
		found = (key->kind == IMAP_KEY_TEXT && in_header(t, &needle, (struct str){0})) ||
			in_body(t, &needle);
	needle_free(&needle);
	return found;
}

static enum imap_truth ask(void *arg, const struct imap_key *key)
{
	struct search_task *t = arg;
	const struct outline_envelope *envelope = t->o->parts[0].envelope;

	/* Given up. */
	if (!in_time(t))
		return IMAP_MAYBE;
	switch (key->kind) {
	case IMAP_KEY_SENT_BEFORE:
	case IMAP_KEY_SENT_ON:
	case IMAP_KEY_SENT_SINCE:
		return imap_search_sent(key, letter_sent_day(envelope->date));
	default:
		return has_text(t, key) ? IMAP_YES : IMAP_NO;
	}
}

static void search_in_pool(void *arg)
{
	struct search_task *t = arg;

	t->found = imap_search_match(t->search, &t->facts, ask, t) == IMAP_YES;
}

int co_letter_search(const struct letter_reader *l, const struct outline *o, struct charsets *charsets,
		     const struct imap_search *search, const struct imap_facts *facts, int64_t deadline,
		     bool *found, struct err *e)
{
	struct search_task *t = calloc(1, sizeof(*t));

	if (!t)
		return err_set(e, ERR_MEMORY, "no memory to search");
	*t = (struct search_task){.l = l,
				  .o = o,
				  .charsets = charsets,
				  .search = search,
				  .facts = *facts,
				  .deadline = deadline};
	buf_init(&t->header, HEADER_BYTES_MAX);
	buf_init(&t->raw, FIELD_MAX);
	buf_init(&t->decoded, FIELD_MAX * 4);
	buf_init(&t->text, PIECE * 8);
	co_run_blocking(search_in_pool, t);
	int code = t->code;

	*found = !code && t->found;
	if (code)
		*e = t->err;
	buf_free(&t->header);
	buf_free(&t->raw);
	buf_free(&t->decoded);
	buf_free(&t->text);
	free(t);
	return code;
}
