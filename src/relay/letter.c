/* SPDX-License-Identifier: Apache-2.0 */
/* Questions and answers (see letter.h). */
#include "relay/letter.h"

#include "base/sealed.h"
#include "store/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEADER_LOOKED_AT ((size_t)1 << 20)
/* All outcomes of the longest question fit into the answer: 73,728 bytes for 100 of them. */
#define OUTCOME_MAX 737
#define OUTCOME_REST 30 /* of place, result, status and the lengths */

/* --- the question ------------------------------------------------------------------------------ */

/* No line end, no NUL, no other control. */
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F)
			return false;
	return true;
}

/* No ">" or blank outside quotes, which would end the path (RFC 5321 4.1.2). */
static bool is_path(struct str s)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && quoted)
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && (s.p[i] == '<' || s.p[i] == '>' || s.p[i] == ' '))
			return false;
	}
	return !quoted && is_plain(s);
}

/* "type;address": the type stands in the command as it is, the address encoded. */
static bool is_orcpt(struct str s)
{
	return is_plain(s) && str_find(str_cut(&s, ';'), ' ') == STR_NONE;
}

static bool read_recipient(struct reader *reader, struct relay_recipient *r)
{
	r->place = read_u32(reader);
	r->notify = read_u8(reader);
	r->address = read_str(reader, ENVELOPE_ADDRESS_MAX);
	r->orcpt = read_str(reader, ENVELOPE_ORCPT_MAX);
	return !reader->failed && r->address.n > 0 && is_path(r->address) && is_orcpt(r->orcpt) &&
	       r->notify <= NOTIFY_NEVER;
}

static int read_recipients(struct relay_letter *l, struct err *e)
{
	struct reader reader = reader_of(l->q->recipients);

	while (reader.rest.n > 0) {
		if (l->count == LETTER_RECIPIENTS_MAX)
			return err_set(e, ERR_TOO_BIG, "more than %d recipients", LETTER_RECIPIENTS_MAX);
		if (!read_recipient(&reader, &l->recipients[l->count]))
			return err_set(e, ERR_INVALID, "a recipient is malformed");
		l->count++;
	}
	return l->count > 0 ? ERR_OK : err_set(e, ERR_INVALID, "no recipients");
}

static int check(const struct relay_question *q, struct err *e)
{
	if (!is_path(q->sender) || !is_plain(q->envid) || !is_plain(q->domain))
		return err_set(e, ERR_INVALID, "the envelope is malformed");
	/* BINARYMIME has lines that DATA cannot carry (RFC 3030). */
	if (q->body > BODY_8BITMIME || q->ret > RET_HDRS)
		return err_set(e, ERR_INVALID, "the letter is of a kind that cannot be sent");
	return q->size > 0 ? ERR_OK : err_set(e, ERR_INVALID, "the letter is empty");
}

static int map(struct relay_letter *l, struct err *e)
{
	int code = sealed_check(l->q->file, l->q->size, e);

	if (code)
		return code;
	/* Private, since a shared mapping of a sealed file might be made writable and is refused. */
	void *bytes = mmap(NULL, (size_t)l->q->size, PROT_READ, MAP_PRIVATE, l->q->file, 0);

	if (bytes == MAP_FAILED)
		return err_errno(e, "cannot map a letter");
	l->bytes = (struct str){bytes, (size_t)l->q->size};
	return ERR_OK;
}

int relay_letter_new(const struct relay_question *q, struct relay_letter **out, struct err *e)
{
	struct relay_letter *l = calloc(1, sizeof(*l));
	int code;

	*out = l;
	if (!l)
		return err_set(e, ERR_MEMORY, "no memory for a letter");
	l->q = q;
	if ((code = check(q, e)) || (code = read_recipients(l, e)) || (code = map(l, e)))
		relay_letter_destroy(out);
	return code;
}

void relay_letter_destroy(struct relay_letter **l)
{
	if (!*l)
		return;
	if ((*l)->bytes.n > 0)
		munmap((void *)(*l)->bytes.p, (*l)->bytes.n);
	free(*l);
	*l = NULL;
}

bool relay_letter_has_utf8_header(const struct relay_letter *l)
{
	struct str head = str_head(l->bytes, HEADER_LOOKED_AT);

	while (head.n > 0) {
		struct str line = str_cut(&head, '\n');

		if (line.n == 0 || str_eq(line, STR("\r")))
			return false;
		for (size_t i = 0; i < line.n; i++)
			if ((unsigned char)line.p[i] > 0x7F)
				return true;
	}
	return false;
}

/* --- outcomes ------------------------------------------------------------------------------------ */

void relay_letter_note(struct relay_recipient *r, const struct verdict *v, const char *mta)
{
	r->verdict = *v;
	r->settled = verdict_is_final(v);
	snprintf(r->mta, sizeof(r->mta), "%s", mta);
}

void relay_letter_note_open(struct relay_letter *l, const struct verdict *v, const char *mta)
{
	for (unsigned i = 0; i < l->count; i++)
		if (!l->recipients[i].settled && !l->recipients[i].verdict.said)
			relay_letter_note(&l->recipients[i], v, mta);
}

bool relay_letter_wanted(const struct relay_letter *l)
{
	return !l->asker || chan_asker_lives(l->asker);
}

unsigned relay_letter_open_count(const struct relay_letter *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->count; i++)
		n += !l->recipients[i].settled;
	return n;
}

void relay_letter_put_outcomes(const struct relay_letter *l, struct buf *out)
{
	for (unsigned i = 0; i < l->count; i++) {
		const struct relay_recipient *r = &l->recipients[i];
		struct str mta = str_of(r->mta);

		buf_put_u32(out, r->place);
		buf_put_u8(out, (uint8_t)verdict_outcome(&r->verdict));
		buf_put_str(out, str_of(r->verdict.status));
		buf_put_str(out, mta);
		buf_put_str(out, str_head(str_of(r->verdict.text), OUTCOME_MAX - OUTCOME_REST - mta.n));
	}
}
