/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the fields of a header section, and the simplest of their values. */
#include "format/header.h"

#include "format/header_lex.h"

static const struct str names[HEADER_COUNT] = {
	[HEADER_FROM] = STR_INIT("From"),
	[HEADER_SENDER] = STR_INIT("Sender"),
	[HEADER_REPLY_TO] = STR_INIT("Reply-To"),
	[HEADER_TO] = STR_INIT("To"),
	[HEADER_CC] = STR_INIT("Cc"),
	[HEADER_BCC] = STR_INIT("Bcc"),
	[HEADER_DATE] = STR_INIT("Date"),
	[HEADER_SUBJECT] = STR_INIT("Subject"),
	[HEADER_MESSAGE_ID] = STR_INIT("Message-ID"),
	[HEADER_IN_REPLY_TO] = STR_INIT("In-Reply-To"),
	[HEADER_REFERENCES] = STR_INIT("References"),
	[HEADER_MIME_VERSION] = STR_INIT("MIME-Version"),
	[HEADER_CONTENT_TYPE] = STR_INIT("Content-Type"),
	[HEADER_CONTENT_TRANSFER_ENCODING] = STR_INIT("Content-Transfer-Encoding"),
	[HEADER_CONTENT_ID] = STR_INIT("Content-ID"),
	[HEADER_CONTENT_DESCRIPTION] = STR_INIT("Content-Description"),
	[HEADER_CONTENT_DISPOSITION] = STR_INIT("Content-Disposition"),
	[HEADER_CONTENT_MD5] = STR_INIT("Content-MD5"),
	[HEADER_CONTENT_LANGUAGE] = STR_INIT("Content-Language"),
	[HEADER_CONTENT_LOCATION] = STR_INIT("Content-Location"),
	[HEADER_RECEIVED] = STR_INIT("Received"),
	[HEADER_RETURN_PATH] = STR_INIT("Return-Path"),
	[HEADER_DELIVERED_TO] = STR_INIT("Delivered-To"),
	[HEADER_DKIM_SIGNATURE] = STR_INIT("DKIM-Signature"),
	[HEADER_AUTHENTICATION_RESULTS] = STR_INIT("Authentication-Results"),
	[HEADER_ARC_SEAL] = STR_INIT("ARC-Seal"),
	[HEADER_ARC_MESSAGE_SIGNATURE] = STR_INIT("ARC-Message-Signature"),
	[HEADER_ARC_AUTHENTICATION_RESULTS] = STR_INIT("ARC-Authentication-Results"),
	[HEADER_RECEIVED_SPF] = STR_INIT("Received-SPF"),
	[HEADER_LIST_ID] = STR_INIT("List-ID"),
	[HEADER_LIST_POST] = STR_INIT("List-Post"),
	[HEADER_LIST_HELP] = STR_INIT("List-Help"),
	[HEADER_LIST_UNSUBSCRIBE] = STR_INIT("List-Unsubscribe"),
	[HEADER_LIST_UNSUBSCRIBE_POST] = STR_INIT("List-Unsubscribe-Post"),
	[HEADER_PRECEDENCE] = STR_INIT("Precedence"),
	[HEADER_AUTO_SUBMITTED] = STR_INIT("Auto-Submitted"),
	[HEADER_RESENT_FROM] = STR_INIT("Resent-From"),
	[HEADER_RESENT_SENDER] = STR_INIT("Resent-Sender"),
	[HEADER_RESENT_TO] = STR_INIT("Resent-To"),
	[HEADER_RESENT_CC] = STR_INIT("Resent-Cc"),
	[HEADER_RESENT_BCC] = STR_INIT("Resent-Bcc"),
	[HEADER_RESENT_DATE] = STR_INIT("Resent-Date"),
	[HEADER_RESENT_MESSAGE_ID] = STR_INIT("Resent-Message-ID"),
	[HEADER_COMMENTS] = STR_INIT("Comments"),
	[HEADER_KEYWORDS] = STR_INIT("Keywords"),
	[HEADER_IMPORTANCE] = STR_INIT("Importance"),
	[HEADER_X_PRIORITY] = STR_INIT("X-Priority"),
	[HEADER_X_MAILER] = STR_INIT("X-Mailer"),
	[HEADER_USER_AGENT] = STR_INIT("User-Agent"),
	[HEADER_DISPOSITION_NOTIFICATION_TO] = STR_INIT("Disposition-Notification-To"),
	[HEADER_X_SPAM_FLAG] = STR_INIT("X-Spam-Flag"),
	[HEADER_X_SPAM_STATUS] = STR_INIT("X-Spam-Status"),
};

enum header_id header_id_of(struct str name)
{
	for (int i = HEADER_JUNK + 1; i < HEADER_COUNT; i++)
		if (str_eq_nocase(names[i], name))
			return (enum header_id)i;
	return HEADER_OTHER;
}

struct str header_name_of(enum header_id id)
{
	return (unsigned)id < HEADER_COUNT ? names[id] : (struct str){NULL, 0};
}

struct str header_cut_line(struct str *rest)
{
	size_t lf = str_find(*rest, '\n');
	struct str line = str_head(*rest, lf == STR_NONE ? rest->n : lf + 1);

	*rest = str_skip(*rest, line.n);
	return line;
}

struct str header_line_text(struct str line)
{
	if (str_ends(line, STR("\n")))
		line.n--;
	if (str_ends(line, STR("\r")))
		line.n--;
	return line;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The length of the field name at the front, with *colon behind it; 0 when the
 * line is no field. */
static size_t name_length(struct str line, size_t *colon)
{
	size_t n = 0;

	while (n < line.n && line.p[n] > 32 && line.p[n] < 127 && line.p[n] != ':')
		n++;
	*colon = n;
	while (*colon < line.n && is_blank(line.p[*colon]))
		(*colon)++;
	return *colon < line.n && line.p[*colon] == ':' ? n : 0;
}

static bool begins_field(struct str rest)
{
	size_t colon;

	return name_length(rest, &colon) > 0;
}

static bool is_mailbox_separator(struct str line)
{
	return str_starts(line, STR("From ")) || str_starts(line, STR(">From "));
}

/* Extends *raw over the lines that continue it. */
static void take_continuations(struct header_scan *scan, struct str *raw)
{
	while (scan->rest.n && is_blank(scan->rest.p[0]))
		raw->n += header_cut_line(&scan->rest).n;
}

struct header_scan header_scan_of(struct str bytes)
{
	return (struct header_scan){bytes, true};
}

bool header_next(struct header_scan *scan, struct header_field *out)
{
	struct header_scan after = *scan;
	struct str raw = header_cut_line(&after.rest);
	bool first = scan->first;
	size_t colon;
	size_t name = name_length(raw, &colon);

	after.first = false;
	if (header_line_text(raw).n == 0) {
		*scan = after;
		return false;
	}
	bool separator = first && is_mailbox_separator(raw);
	bool junk = name == 0 || separator;

	take_continuations(&after, &raw);
	if (junk && !separator && (str_starts(raw, STR("--")) || !begins_field(after.rest)))
		return false;
	*scan = after;
	*out = (struct header_field){.id = HEADER_JUNK, .raw = raw};
	if (junk)
		return true;
	out->name = str_head(raw, name);
	out->id = header_id_of(out->name);
	out->value = header_line_text(str_skip(raw, colon + 1));
	return true;
}

/* A fold: CRLF or LF before a blank. Returns its length, or 0. */
static size_t fold_length(struct str s)
{
	size_t n = str_starts(s, STR("\r\n")) ? 2 : str_starts(s, STR("\n")) ? 1 : 0;

	return n && n < s.n && is_blank(s.p[n]) ? n : 0;
}

void header_unfold(struct str value, struct buf *out)
{
	value = str_trim_line(value);
	while (value.n) {
		size_t fold = fold_length(value);

		if (!fold)
			buf_add_c(out, lex_is_space(value.p[0]) && value.p[0] != '\t' ? ' ' : value.p[0]);
		value = str_skip(value, fold ? fold : 1);
	}
}

struct str header_unfold_arena(struct str value, struct arena *a)
{
	struct buf b;

	buf_init(&b, value.n + 1);
	header_unfold(value, &b);
	struct str s = buf_failed(&b) ? (struct str){NULL, 0} : arena_str(a, buf_str(&b));

	buf_free(&b);
	return s;
}

bool header_next_msg_id(struct str *rest, struct str *id)
{
	for (;;) {
		lex_skip_cfws(rest, NULL);
		if (rest->n == 0)
			return false;
		size_t n = 0;

		if (rest->p[0] == '<') {
			*rest = str_skip(*rest, 1);
			*id = str_trim_line(str_cut(rest, '>'));
		} else {
			while (n < rest->n && !lex_is_space(rest->p[n]) && rest->p[n] != '<')
				n++;
			*id = str_head(*rest, n);
			*rest = str_skip(*rest, n);
		}
		if (id->n)
			return true;
	}
}
