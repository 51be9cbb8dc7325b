/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of remote SMTP servers. */
#include "format/smtp_reply.h"

#include "base/err.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

void smtp_reply_init(struct smtp_reply *r)
{
	*r = (struct smtp_reply){.code = 0};
	buf_init(&r->text, SMTP_REPLY_TEXT_MAX);
}

void smtp_reply_free(struct smtp_reply *r)
{
	buf_free(&r->text);
}

void smtp_reply_clear(struct smtp_reply *r)
{
	struct buf text = r->text;

	buf_clear(&text);
	*r = (struct smtp_reply){.text = text};
}

/* Three digits from 200 to 599, or 0. */
static unsigned code_of(struct str line)
{
	uint32_t code;

	return str_to_u32(str_head(line, 3), &code) && code >= 200 && code <= 599 ? code : 0;
}

/* Takes one number of an enhanced code: one to three digits. */
static bool take_number(struct str *s, unsigned *out)
{
	size_t n = 0;
	uint32_t v;

	while (n < s->n && n < 4 && ascii_is_digit(s->p[n]))
		n++;
	if (n > 3 || !str_to_u32(str_head(*s, n), &v))
		return false;
	*out = v;
	*s = str_skip(*s, n);
	return true;
}

static bool take_dot(struct str *s)
{
	bool dot = s->n && s->p[0] == '.';

	*s = str_skip(*s, dot);
	return dot;
}

/* Takes an enhanced code off the front of the text; its class is the first
 * digit of the code, or it is none (RFC 2034 section 4). */
static void take_enhanced(struct smtp_reply *r, struct str *text)
{
	struct str s = *text;
	unsigned class, subject, detail;

	if (!take_number(&s, &class) || !take_dot(&s) || !take_number(&s, &subject) || !take_dot(&s) ||
	    !take_number(&s, &detail) || (s.n && s.p[0] != ' '))
		return;
	if (class != r->code / 100 || class == 3)
		return;
	*text = str_skip(s, 1);
	if (r->class == 0) {
		r->class = class;
		r->subject = subject;
		r->detail = detail;
	}
}

static void add_line(struct smtp_reply *r, struct str text)
{
	size_t room = r->text.max - r->text.n;

	if (r->lines++ && room) {
		buf_add_c(&r->text, '\n');
		room--;
	}
	buf_add_str(&r->text, str_head(text, room));
}

int smtp_reply_line(struct smtp_reply *r, struct str line)
{
	unsigned code = code_of(line);
	struct str text = str_skip(line, 4);
	bool shaped = line.n <= 3 || line.p[3] == ' ' || line.p[3] == '-';

	if (r->lines >= SMTP_REPLY_LINES_MAX)
		return ERR_TOO_BIG;
	if (line.n < 3 || code == 0 || !shaped || (r->code && code != r->code)) {
		add_line(r, line);
		return ERR_INVALID;
	}
	r->code = code;
	take_enhanced(r, &text);
	add_line(r, text);
	return line.n > 3 && line.p[3] == '-' ? SMTP_REPLY_MORE : SMTP_REPLY_DONE;
}

struct str smtp_reply_text(const struct smtp_reply *r)
{
	return buf_str(&r->text);
}

static const struct {
	struct str name;
	enum smtp_mechanism bit;
} mechanisms[] = {
	{STR_INIT("PLAIN"), SMTP_MECH_PLAIN},
	{STR_INIT("LOGIN"), SMTP_MECH_LOGIN},
	{STR_INIT("CRAM-MD5"), SMTP_MECH_CRAM_MD5},
	{STR_INIT("XOAUTH2"), SMTP_MECH_XOAUTH2},
	{STR_INIT("OAUTHBEARER"), SMTP_MECH_OAUTHBEARER},
	{STR_INIT("SCRAM-SHA-1"), SMTP_MECH_SCRAM_SHA_1},
	{STR_INIT("SCRAM-SHA-256"), SMTP_MECH_SCRAM_SHA_256},
	{STR_INIT("EXTERNAL"), SMTP_MECH_EXTERNAL},
};

static void set_auth(struct str args, struct smtp_ehlo *out)
{
	out->auth = true;
	while (args.n) {
		struct str word = str_cut_word(&args);

		for (size_t i = 0; i < COUNT(mechanisms); i++)
			if (str_eq_nocase(word, mechanisms[i].name))
				out->mechanisms |= mechanisms[i].bit;
	}
}

/* RFC 1870 section 4: 0 or no number at all means that no limit is known. */
static void set_size(struct str args, struct smtp_ehlo *out)
{
	out->size = true;
	if (!str_to_u64(str_cut_word(&args), &out->size_max))
		out->size_max = 0;
}

static const struct {
	struct str name;
	size_t flag; /* offset of the bool */
} keywords[] = {
	{STR_INIT("PIPELINING"), offsetof(struct smtp_ehlo, pipelining)},
	{STR_INIT("STARTTLS"), offsetof(struct smtp_ehlo, starttls)},
	{STR_INIT("8BITMIME"), offsetof(struct smtp_ehlo, eightbitmime)},
	{STR_INIT("SMTPUTF8"), offsetof(struct smtp_ehlo, smtputf8)},
	{STR_INIT("CHUNKING"), offsetof(struct smtp_ehlo, chunking)},
	{STR_INIT("BINARYMIME"), offsetof(struct smtp_ehlo, binarymime)},
	{STR_INIT("DSN"), offsetof(struct smtp_ehlo, dsn)},
	{STR_INIT("ENHANCEDSTATUSCODES"), offsetof(struct smtp_ehlo, enhanced_codes)},
	{STR_INIT("REQUIRETLS"), offsetof(struct smtp_ehlo, requiretls)},
};

static void parse_keyword(struct str line, struct smtp_ehlo *out)
{
	static const struct str old_auth = STR_INIT("AUTH=");
	struct str keyword = str_cut_word(&line);

	for (size_t i = 0; i < COUNT(keywords); i++)
		if (str_eq_nocase(keyword, keywords[i].name))
			*(bool *)((char *)out + keywords[i].flag) = true;
	if (str_eq_nocase(keyword, STR("SIZE")))
		set_size(line, out);
	if (str_eq_nocase(keyword, STR("AUTH")))
		set_auth(line, out);
	/* "AUTH=PLAIN LOGIN", from before RFC 2554, is still sent. */
	if (str_starts_nocase(keyword, old_auth)) {
		set_auth(str_skip(keyword, old_auth.n), out);
		set_auth(line, out);
	}
}

void smtp_ehlo_parse(struct str text, struct smtp_ehlo *out)
{
	memset(out, 0, sizeof(*out));
	str_cut(&text, '\n');
	while (text.n)
		parse_keyword(str_cut(&text, '\n'), out);
}
