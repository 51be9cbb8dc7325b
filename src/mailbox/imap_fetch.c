/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FETCH (RFC 3501, 6.4.5 and 7.4.2).
 *
 * Flags, UIDs, dates and sizes are in the view.  ENVELOPE and structure are rendered from
 * the outline, sections are ranges that it names; nobody parses a letter here.
 */
#include "mailbox/imap_body.h"
#include "mailbox/imap_flags.h"

#include "format/date.h"
#include "format/imap_outline.h"
#include "format/imap_quote.h"

/* ENVELOPE and structure of one message: an outline, with the quoting of its strings. */
#define RENDERED_MAX ((size_t)8 << 20)

#define NEEDS_OUTLINE (IMAP_FETCH_ENVELOPE | IMAP_FETCH_BODY | IMAP_FETCH_BODYSTRUCTURE)

struct fetch {
	const struct imap_fetch *what;
	bool outline, letter; /* are needed */
	struct imap_flag_acts seen; /* that set \Seen */
	uint32_t done;
};

/* --- \Seen -------------------------------------------------------------------------------- */

static bool sets_seen(const struct imap_fetch *f)
{
	for (const struct imap_section *x = f->sections; x; x = x->next)
		if (!x->peek)
			return true;
	return false;
}

/* One act for all of the command.  If it is refused, the data still goes. */
static void co_set_seen(struct imap_session *s, struct uids picked, struct imap_flag_acts *acts)
{
	const struct view *v = s->sel.view;
	struct uid_list unseen;
	struct err e = {0};
	size_t pos;

	uid_list_init(&unseen);
	for (uint32_t uid = 0; (pos = imap_pick_next(s, picked, uid)) < v->n;) {
		uid = v->uid[pos];
		if (!(v->flags[pos] & MESSAGE_SEEN))
			uid_list_add(&unseen, uid, uid);
		if (!co_imap_breathe(s))
			break;
	}
	if (!s->ended && !unseen.failed)
		co_imap_change_flags(s, CHANGE_FLAGS_ADD, uid_list_uids(&unseen), MESSAGE_SEEN,
				     (struct keyword_names){0}, acts, &e);
	uid_list_free(&unseen);
}

/* --- one message ----------------------------------------------------------------------------- */

static void put_item(struct buf *out, const char *name)
{
	if (!str_ends(buf_str(out), STR("(")))
		buf_add_c(out, ' ');
	buf_add_z(out, name);
}

static void put_date(struct buf *out, int64_t date_us)
{
	struct buf date;

	buf_init(&date, 64);
	date_write_imap((struct date){.us = date_us}, &date);
	imap_put_internaldate(out, buf_str(&date));
	buf_free(&date);
}

static void put_row(const struct imap_session *s, const struct fetch *f, size_t pos, struct buf *out)
{
	const struct view *v = s->sel.view;
	unsigned items = f->what->items;
	bool flags_changed = f->seen.first && v->modseq[pos] >= f->seen.first;

	buf_printf(out, "* %u FETCH (", view_seq(v, s->sel.told, v->uid[pos]));
	if (items & IMAP_FETCH_UID) {
		put_item(out, "UID ");
		buf_printf(out, "%u", v->uid[pos]);
	}
	if (items & IMAP_FETCH_FLAGS || flags_changed) {
		put_item(out, "");
		imap_put_row_flags(s, pos, out);
	}
	if (items & IMAP_FETCH_INTERNALDATE) {
		put_item(out, "INTERNALDATE ");
		put_date(out, v->date_us[pos]);
	}
	if (items & IMAP_FETCH_SIZE) {
		put_item(out, "RFC822.SIZE ");
		buf_printf(out, "%u", v->size[pos]);
	}
}

static void put_outline(const struct fetch *f, const struct outline *o, struct buf *out)
{
	if (f->what->items & IMAP_FETCH_ENVELOPE) {
		put_item(out, "ENVELOPE ");
		imap_render_envelope(out, o->parts[0].envelope, false);
	}
	if (f->what->items & IMAP_FETCH_BODY) {
		put_item(out, "BODY ");
		imap_render_body(out, o, false);
	}
	if (f->what->items & IMAP_FETCH_BODYSTRUCTURE) {
		put_item(out, "BODYSTRUCTURE ");
		imap_render_bodystructure(out, o, false);
	}
}

static void co_send_message(struct imap_session *s, const struct fetch *f, const struct letter_reader *l,
			    const struct outline *o, struct buf *out)
{
	bool first = str_ends(buf_str(out), STR("("));

	co_imap_put(s, buf_str(out));
	for (const struct imap_section *x = f->what->sections; x && !s->ended; x = x->next) {
		if (!first)
			co_imap_put(s, STR(" "));
		first = false;
		co_imap_put_section(s, l, o, x);
	}
	co_imap_put(s, STR(")\r\n"));
}

static int co_open(struct imap_session *s, const struct fetch *f, uint32_t uid, struct letter_reader **l,
		   struct letter_outline **o, struct err *e)
{
	int code = co_letter_open(s->account, s->sel.view->folder, uid, l, e);

	return code || !f->outline ? code : co_letter_outline(s->account, *l, o, e);
}

static int co_fetch_one(struct imap_session *s, struct fetch *f, uint32_t uid, struct err *e)
{
	const struct view *v = s->sel.view;
	struct letter_reader *l = NULL;
	struct letter_outline *o = NULL;
	struct buf out;
	int code = f->letter ? co_open(s, f, uid, &l, &o, e) : 0;
	/* It may be gone by now, but then nothing of it was promised. */
	size_t pos = view_find(v, uid);

	buf_init(&out, RENDERED_MAX);
	if (!code && pos < v->n) {
		put_row(s, f, pos, &out);
		if (o)
			put_outline(f, &o->outline, &out);
		if (buf_failed(&out))
			code = err_set(e, ERR_TOO_BIG, "the structure of a message is too large");
		else
			co_send_message(s, f, l, o ? &o->outline : NULL, &out);
		f->done += !code;
	}
	buf_free(&out);
	letter_outline_destroy(&o);
	letter_close(&l);
	return code;
}

/* --- the command -------------------------------------------------------------------------------- */

static int co_fetch_all(struct imap_session *s, struct fetch *f, struct uids picked, struct err *e)
{
	const struct view *v = s->sel.view;
	int failure = 0;
	size_t pos;

	for (uint32_t uid = 0; (pos = imap_pick_next(s, picked, uid)) < v->n && co_imap_breathe(s);) {
		struct err one = {0};

		uid = v->uid[pos];
		int code = co_fetch_one(s, f, uid, &one);

		/* One that cannot be read does not keep the others back. */
		if (code && code != ERR_NOT_FOUND && !failure) {
			failure = code;
			*e = one;
		}
		if (code == ERR_CANCELLED)
			break;
	}
	return failure;
}

static struct fetch fetch_of(const struct imap_fetch *what)
{
	struct fetch f = {.what = what, .outline = what->items & NEEDS_OUTLINE};

	f.letter = f.outline || what->sections;
	for (const struct imap_section *x = what->sections; x; x = x->next)
		f.outline = f.outline || imap_section_needs_outline(x);
	return f;
}

void co_cmd_fetch(struct imap_session *s, const struct imap_command *cmd)
{
	struct imap_set set = cmd->fetch.set;
	struct fetch f = fetch_of(&cmd->fetch);
	struct uid_list picked;
	struct err e = {0};

	uid_list_init(&picked);
	int code = imap_pick(s, &set, cmd->uid, &picked, &e);

	if (code == ERR_INVALID)
		co_imap_done(s, "BAD %s", e.text);
	else if (!code) {
		if (sets_seen(&cmd->fetch) && !s->sel.read_only)
			co_set_seen(s, uid_list_uids(&picked), &f.seen);
		/* Its flags go with the data. */
		s->sel.said = (struct imap_said){uid_list_uids(&picked), f.seen.first, f.seen.last};
		code = co_fetch_all(s, &f, uid_list_uids(&picked), &e);
		if (!code && !cmd->uid && f.done < imap_set_size(&set))
			co_imap_done(s, "OK [EXPUNGEISSUED] Fetch completed, some messages are gone.");
		else if (!code)
			co_imap_done(s, "OK Fetch completed.");
	}
	if (code && code != ERR_INVALID)
		co_imap_refuse(s, code, &e);
	uid_list_free(&picked);
}
