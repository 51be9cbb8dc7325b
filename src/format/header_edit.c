/* SPDX-License-Identifier: Apache-2.0 */
/* What is added to a header and cut out of it (see header_edit.h). */
#include "format/header_edit.h"

#include "format/header.h"
#include "format/received.h"

/* --- what tells of the client ------------------------------------------------------------------ */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Where needle begins, in any case of letters; STR_NONE. */
static size_t find_nocase(struct str s, struct str needle)
{
	for (size_t i = 0; i + needle.n <= s.n; i++)
		if (str_starts_nocase(str_skip(s, i), needle))
			return i;
	return STR_NONE;
}

/* The next word; folds part words as blanks do. */
static struct str cut_word(struct str *rest)
{
	size_t n = 0;

	*rest = str_trim_line(*rest);
	while (n < rest->n && !is_blank(rest->p[n]) && rest->p[n] != '\r' && rest->p[n] != '\n')
		n++;
	struct str word = str_head(*rest, n);

	*rest = str_skip(*rest, n);
	return word;
}

/* "with ESMTPSA": the client had logged in to a server and is named in that field. */
static bool came_by_login(struct str value)
{
	bool with = false;

	while (value.n) {
		struct str word = cut_word(&value);

		if (with && str_starts_nocase(word, STR("ESMTPSA")))
			return true;
		with = str_eq_nocase(word, STR("with"));
	}
	return false;
}

static bool came_from_inside(struct str value)
{
	size_t from = find_nocase(value, STR("from"));

	return from != STR_NONE && str_find_str(str_skip(value, from), STR("127.0.0.1")) != STR_NONE;
}

static bool tells_in_received(struct str value)
{
	return came_by_login(value) || came_from_inside(value) ||
	       find_nocase(value, STR("amavisd-new")) != STR_NONE;
}

/* "1.0 (Mac OS X Mail 16.0)": mail programs name themselves in that comment. */
static bool tells_in_version(struct str value)
{
	struct str version = str_trim_line(value);

	return str_starts(version, STR("1.0")) && version.n > 3;
}

static bool tells_by_name(struct str name)
{
	static const struct str names[] = {
		STR_INIT("X-Originating-IP"), STR_INIT("X-Mailer"),       STR_INIT("User-Agent"),
		STR_INIT("X-Enigmail"),       STR_INIT("X-MS-Reactions"),
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq_nocase(names[i], name))
			return true;
	return false;
}

static bool tells_of_client(const struct header_field *f)
{
	switch (f->id) {
	case HEADER_RECEIVED:
		return tells_in_received(f->value);
	case HEADER_MIME_VERSION:
		return tells_in_version(f->value);
	default:
		return tells_by_name(f->name);
	}
}

/* --- finding ------------------------------------------------------------------------------------- */

static void note_field(struct header_edit *edit, enum header_id id)
{
	edit->has_date |= id == HEADER_DATE;
	edit->has_message_id |= id == HEADER_MESSAGE_ID;
	edit->has_from |= id == HEADER_FROM;
}

/* False when there is no more room. */
static bool add_cut(struct header_cuts *cuts, size_t at, size_t n)
{
	struct header_cut *last = cuts->count ? &cuts->cut[cuts->count - 1] : NULL;

	if (last && last->at + last->n == at) {
		last->n += (uint32_t)n;
		return true;
	}
	if (cuts->count == HEADER_CUTS_MAX)
		return false;
	cuts->cut[cuts->count++] = (struct header_cut){(uint32_t)at, (uint32_t)n};
	return true;
}

/* Whole lines in the first octets; see header_cuts_read(). */
static bool may_be_cut(struct str letter, const struct header_field *f)
{
	return (size_t)(f->raw.p - letter.p) + f->raw.n < HEADER_CUTS_HEAD && str_ends(f->raw, STR("\n"));
}

void header_edit_read(struct str letter, bool is_private, struct header_edit *out)
{
	/* With fields in front its first line is no mailbox file's separator. */
	struct header_scan scan = {letter, false};
	struct header_field f;
	bool behind_junk = false;

	*out = (struct header_edit){0};
	while (header_next(&scan, &f)) {
		note_field(out, f.id);
		/* What is no field is one's header only while a field follows it: that one stays. */
		if (is_private && !behind_junk && f.id != HEADER_JUNK && may_be_cut(letter, &f) &&
		    tells_of_client(&f) && add_cut(&out->cuts, (size_t)(f.raw.p - letter.p), f.raw.n))
			out->mime_version |= f.id == HEADER_MIME_VERSION;
		behind_junk = f.id == HEADER_JUNK;
	}
}

void header_edit_write(const struct header_edit *edit, const struct header_missing *missing, struct buf *out)
{
	if (missing && !edit->has_date) {
		buf_add_z(out, "Date: ");
		date_write_mail(missing->now, out);
		buf_add_z(out, "\r\n");
	}
	if (missing && !edit->has_message_id) {
		buf_add_z(out, "Message-ID: ");
		message_id_write(missing->now, missing->id, missing->host, out);
		buf_add_z(out, "\r\n");
	}
	if (missing && !edit->has_from && missing->sender.n) {
		buf_add_z(out, "From: <");
		buf_add_str(out, missing->sender);
		buf_add_z(out, ">\r\n");
	}
	if (edit->mime_version)
		buf_add_z(out, "MIME-Version: 1.0\r\n");
}

/* --- cuts ------------------------------------------------------------------------------------------ */

void header_cuts_write(const struct header_cuts *cuts, struct buf *out)
{
	for (unsigned i = 0; i < cuts->count; i++) {
		buf_put_u64(out, cuts->cut[i].at);
		buf_put_u32(out, cuts->cut[i].n);
	}
}

/* Where the first empty line begins, or what of the last line is not here. */
static size_t header_end(struct str head)
{
	struct str rest = head;

	while (rest.n) {
		struct str line = header_cut_line(&rest);

		if (!str_ends(line, STR("\n")) || header_line_text(line).n == 0)
			return (size_t)(line.p - head.p);
	}
	return head.n;
}

static bool is_sound(struct str head, size_t first, size_t end, uint64_t at, uint32_t n)
{
	if (n == 0 || at < first || at > end || n > end - at)
		return false;
	const char *cut = head.p + at;
	size_t behind = (size_t)at + n;

	if ((at > 0 && cut[-1] != '\n') || cut[n - 1] != '\n' || is_blank(cut[0]))
		return false;
	/* What follows must be seen, or not be there. */
	return behind < head.n ? !is_blank(head.p[behind]) : head.n < HEADER_CUTS_HEAD;
}

int header_cuts_read(struct str encoded, struct str head, struct header_cuts *out, struct err *e)
{
	struct reader r = reader_of(encoded);
	size_t end, first = 0;

	out->count = 0;
	if (encoded.n % HEADER_CUT_SIZE != 0 || encoded.n > (size_t)HEADER_CUTS_MAX * HEADER_CUT_SIZE ||
	    head.n > HEADER_CUTS_HEAD)
		return err_set(e, ERR_INVALID, "no cuts have that length");
	end = encoded.n ? header_end(head) : 0;
	while (r.rest.n > 0) {
		uint64_t at = read_u64(&r);
		uint32_t n = read_u32(&r);

		if (!is_sound(head, first, end, at, n))
			return err_set(e, ERR_INVALID, "cut %u is no whole field of the header", out->count);
		/* One that touched it would be part of it. */
		first = (size_t)at + n + 1;
		out->cut[out->count++] = (struct header_cut){(uint32_t)at, n};
	}
	return ERR_OK;
}

size_t header_cuts_make(const struct header_cuts *cuts, struct str head, struct buf *out)
{
	size_t at = 0;

	for (unsigned i = 0; i < cuts->count; i++) {
		size_t next = cuts->cut[i].at;

		buf_add(out, head.p + at, next - at);
		at = next + cuts->cut[i].n;
	}
	return at;
}
