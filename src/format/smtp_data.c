/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a letter on their way through SMTP. */
#include "format/smtp_data.h"

#define CRLF STR("\r\n")
#define DOT STR(".")

void smtp_data_init(struct smtp_data *d, enum smtp_data_kind kind, enum smtp_data_policy policy,
		    size_t max_line)
{
	*d = (struct smtp_data){
		.kind = kind,
		.policy = kind == SMTP_DATA_SENDING ? SMTP_BARE_NORMALISE : policy,
		.status = SMTP_DATA_MORE,
		.at = SMTP_DATA_AT_LINE,
		/* The CRLF of the DATA command itself. */
		.after_crlf = true,
		.max_line = max_line,
	};
}

static void emit(struct smtp_data *d, struct str s, struct buf *out)
{
	d->size += s.n;
	if (out)
		buf_add_str(out, s);
}

/* Text of the current line, without line ends. */
static void add_text(struct smtp_data *d, struct str s, struct buf *out)
{
	size_t room = d->line < d->max_line ? d->max_line - d->line : 0;

	if (d->kind == SMTP_DATA_SENDING && d->at == SMTP_DATA_AT_LINE && s.p[0] == '.')
		emit(d, DOT, out);
	d->at = SMTP_DATA_AT_TEXT;
	d->line += s.n;
	if (d->line > d->longest_line)
		d->longest_line = d->line;
	d->line_too_long |= s.n > room;
	emit(d, str_head(s, room), out);
}

static void end_line(struct smtp_data *d, bool crlf, struct buf *out)
{
	emit(d, CRLF, out);
	d->at = SMTP_DATA_AT_LINE;
	d->after_crlf = crlf;
	d->line = 0;
}

/* True when a bare CR or LF is to become a line end. */
static bool may_be_bare(struct smtp_data *d)
{
	d->has_bare = true;
	if (d->policy == SMTP_BARE_REFUSE)
		d->status = SMTP_DATA_BARE;
	return d->policy == SMTP_BARE_NORMALISE;
}

/* How many bytes come before the next CR or LF; notes what they are. */
static size_t scan_text(struct smtp_data *d, struct str s)
{
	unsigned char seen = 0;
	bool nul = false;
	size_t n = 0;

	for (; n < s.n && s.p[n] != '\r' && s.p[n] != '\n'; n++) {
		seen |= (unsigned char)s.p[n];
		nul |= s.p[n] == '\0';
	}
	d->has_8bit |= seen > 0x7F;
	d->has_nul |= nul;
	return n;
}

/* The functions below are the states; each takes zero or more bytes. */

static void at_text(struct smtp_data *d, struct str *in, struct buf *out)
{
	size_t n = scan_text(d, *in);

	if (n) {
		add_text(d, str_head(*in, n), out);
		*in = str_skip(*in, n);
		return;
	}
	if (in->p[0] == '\r') {
		d->at = SMTP_DATA_AT_CR;
		d->crs = 1;
	} else if (may_be_bare(d)) {
		end_line(d, false, out);
	} else {
		return;
	}
	*in = str_skip(*in, 1);
}

static void at_line(struct smtp_data *d, struct str *in, struct buf *out)
{
	if (d->kind == SMTP_DATA_DOTS && in->p[0] == '.') {
		d->at = SMTP_DATA_AT_DOT;
		*in = str_skip(*in, 1);
	} else {
		at_text(d, in, out);
	}
}

static void at_dot(struct smtp_data *d, struct str *in, struct buf *out)
{
	d->at = SMTP_DATA_AT_TEXT;
	if (in->p[0] == '\r') {
		d->at = SMTP_DATA_AT_DOT_CR;
		*in = str_skip(*in, 1);
	} else if (in->p[0] == '\n') {
		add_text(d, DOT, out);
	}
}

static void at_dot_cr(struct smtp_data *d, struct str *in, struct buf *out)
{
	if (in->p[0] == '\n' && d->after_crlf) {
		d->status = SMTP_DATA_END;
		*in = str_skip(*in, 1);
		return;
	}
	/* Nearly the end, but one of its line ends is bare. */
	add_text(d, DOT, out);
	d->at = SMTP_DATA_AT_CR;
	d->crs = 1;
}

static void at_cr(struct smtp_data *d, struct str *in, struct buf *out)
{
	unsigned ends = d->crs;

	if (in->p[0] == '\n') {
		end_line(d, d->crs == 1, out);
		*in = str_skip(*in, 1);
		return;
	}
	if (!may_be_bare(d))
		return;
	if (in->p[0] == '\r') {
		/* Two may belong to a CR CR LF, the one before them cannot. */
		if (d->crs == 2)
			end_line(d, false, out);
		d->at = SMTP_DATA_AT_CR;
		d->crs = 2;
		*in = str_skip(*in, 1);
		return;
	}
	for (; ends; ends--)
		end_line(d, false, out);
}

enum smtp_data_status smtp_data_feed(struct smtp_data *d, struct str *in, struct buf *out)
{
	static void (*const states[])(struct smtp_data *, struct str *, struct buf *) = {
		[SMTP_DATA_AT_LINE] = at_line, [SMTP_DATA_AT_DOT] = at_dot, [SMTP_DATA_AT_DOT_CR] = at_dot_cr,
		[SMTP_DATA_AT_TEXT] = at_text, [SMTP_DATA_AT_CR] = at_cr,
	};

	while (in->n && d->status == SMTP_DATA_MORE)
		states[d->at](d, in, out);
	return d->status;
}

enum smtp_data_status smtp_data_finish(struct smtp_data *d, struct buf *out)
{
	if (d->kind == SMTP_DATA_DOTS || d->status != SMTP_DATA_MORE)
		return d->status;
	if (d->at == SMTP_DATA_AT_CR) {
		if (!may_be_bare(d))
			return d->status;
		for (unsigned ends = d->crs; ends; ends--)
			end_line(d, false, out);
	}
	if (d->kind == SMTP_DATA_SENDING) {
		if (d->at != SMTP_DATA_AT_LINE)
			end_line(d, true, out);
		emit(d, STR(".\r\n"), out);
	}
	d->status = SMTP_DATA_END;
	return d->status;
}
