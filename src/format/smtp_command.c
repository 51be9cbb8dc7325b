/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing the commands of SMTP clients. */
#include "format/smtp_command.h"

#include "base/err.h"
#include "format/log_text.h"
#include "format/xtext.h"

#include <unistr.h>

/* RFC 3461 4.4 and 4.2. */
#define ENVID_MAX 100
#define ORCPT_MAX 500
/* How much of a refused parameter a reply repeats. */
#define CULPRIT_MAX 100

/* Mailboxes are judged as other servers judge them; SMTPUTF8 may be said behind. */
#define PATH_FLAGS (ADDRESS_LENIENT | ADDRESS_LONG | ADDRESS_UTF8)

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
	struct str name;
	enum smtp_verb verb;
} verbs[] = {
	{STR_INIT("HELO"), SMTP_HELO},         {STR_INIT("EHLO"), SMTP_EHLO},
	{STR_INIT("MAIL"), SMTP_MAIL},         {STR_INIT("RCPT"), SMTP_RCPT},
	{STR_INIT("DATA"), SMTP_DATA},         {STR_INIT("BDAT"), SMTP_BDAT},
	{STR_INIT("RSET"), SMTP_RSET},         {STR_INIT("NOOP"), SMTP_NOOP},
	{STR_INIT("QUIT"), SMTP_QUIT},         {STR_INIT("VRFY"), SMTP_VRFY},
	{STR_INIT("EXPN"), SMTP_EXPN},         {STR_INIT("HELP"), SMTP_HELP},
	{STR_INIT("STARTTLS"), SMTP_STARTTLS}, {STR_INIT("AUTH"), SMTP_AUTH},
	{STR_INIT("ETRN"), SMTP_ETRN},         {STR_INIT("TURN"), SMTP_TURN},
	{STR_INIT("ATRN"), SMTP_ATRN},         {STR_INIT("CONNECT"), SMTP_HTTP},
	{STR_INIT("GET"), SMTP_HTTP},          {STR_INIT("POST"), SMTP_HTTP},
};

static const struct {
	enum smtp_syntax fault;
	const char *text;
	bool names_culprit;
} replies[] = {
	{SMTP_HELO_SYNTAX, "501 Syntax: HELO hostname", false},
	{SMTP_EHLO_SYNTAX, "501 Syntax: EHLO hostname", false},
	{SMTP_MAIL_SYNTAX, "501 5.5.4 Syntax: MAIL FROM:<address>", false},
	{SMTP_RCPT_SYNTAX, "501 5.5.4 Syntax: RCPT TO:<address>", false},
	{SMTP_BAD_SENDER, "501 5.1.7 Bad sender address syntax", false},
	{SMTP_BAD_RECIPIENT, "501 5.1.3 Bad recipient address syntax", false},
	{SMTP_NEEDS_UTF8, "553 5.6.7 Must declare SMTPUTF8 to send unicode address", false},
	{SMTP_UNSUPPORTED, "555 5.5.4 Unsupported option: ", true},
	{SMTP_TWICE, "501 5.5.4 Option given twice: ", true},
	{SMTP_BAD_SIZE, "501 5.5.4 Bad message size syntax", false},
	{SMTP_BAD_RET, "501 5.5.4 Bad RET parameter syntax", false},
	{SMTP_BAD_ENVID, "501 5.5.4 Bad ENVID parameter syntax", false},
	{SMTP_BAD_AUTH_PARAM, "501 5.5.4 Bad AUTH parameter syntax", false},
	{SMTP_BAD_NOTIFY, "501 5.5.4 Error: Bad NOTIFY parameter syntax", false},
	{SMTP_BAD_ORCPT, "501 5.5.4 Error: Bad ORCPT parameter syntax", false},
	{SMTP_NO_DSN, "501 5.7.1 DSN support is disabled", false},
	{SMTP_BDAT_SYNTAX, "521 5.5.4 Syntax: BDAT count [LAST]", false},
	{SMTP_BDAT_NULL, "551 5.7.1 Null BDAT request", false},
	{SMTP_AUTH_SYNTAX, "501 5.5.4 Syntax: AUTH mechanism", false},
};

void smtp_command_split(struct str line, struct smtp_command *out)
{
	*out = (struct smtp_command){.verb = SMTP_UNKNOWN};
	out->name = str_cut_word(&line);
	out->arg = line;
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (str_eq_nocase(out->name, verbs[i].name))
			out->verb = verbs[i].verb;
}

struct str smtp_verb_name(enum smtp_verb verb)
{
	for (size_t i = 0; i < COUNT(verbs) && verb != SMTP_HTTP; i++)
		if (verbs[i].verb == verb)
			return verbs[i].name;
	return verb == SMTP_HTTP ? STR("HTTP") : STR("UNKNOWN");
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Length of the text up to the first end character outside quotes, where a
 * backslash takes the next one with it; STR_NONE when none comes. */
static size_t find_unquoted(struct str s, bool (*is_end)(char))
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && quoted)
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && is_end(s.p[i]))
			return i;
	}
	return STR_NONE;
}

static bool is_close(char c)
{
	return c == '>';
}

/* Takes the path off the front of *s: between angle brackets, or a word. */
static bool take_path(struct str *s, struct str *path)
{
	bool angle = s->p[0] == '<';

	if (angle)
		*s = str_skip(*s, 1);

	size_t n = find_unquoted(*s, angle ? is_close : is_blank);

	if (angle && n == STR_NONE)
		return false;
	*path = str_trim(str_head(*s, n));
	*s = str_skip(*s, n);
	if (angle)
		*s = str_skip(*s, 1);
	return s->n == 0 || is_blank(s->p[0]);
}

/* Takes "FROM:" or "TO:" and the path behind it off *arg. */
static enum smtp_syntax take_keyword_path(struct str *arg, struct str keyword, enum smtp_syntax no_path,
					  enum smtp_syntax bad_path, struct str *path)
{
	if (!str_starts_nocase(*arg, keyword))
		return no_path;
	*arg = str_trim(str_skip(*arg, keyword.n));
	if (arg->n == 0)
		return no_path;
	return take_path(arg, path) ? SMTP_OK : bad_path;
}

/*
 * Parameters.  Each has a row with its name, the offer it belongs to (0: always
 * there), the fault for using it without that offer, and a function that
 * checks and keeps its value.
 */
struct param {
	struct str value;
	bool has_value;
};

struct param_row {
	struct str name;
	unsigned offer;
	enum smtp_syntax without_offer;
	enum smtp_syntax (*set)(struct param p, void *into);
};

static enum smtp_syntax set_size(struct param p, void *into)
{
	struct smtp_mail *mail = into;

	return p.has_value && str_to_u64(p.value, &mail->size) ? SMTP_OK : SMTP_BAD_SIZE;
}

static enum smtp_syntax set_body(struct param p, void *into)
{
	struct smtp_mail *mail = into;

	if (str_eq_nocase(p.value, STR("7BIT")))
		mail->body = SMTP_BODY_7BIT;
	else if (str_eq_nocase(p.value, STR("8BITMIME")))
		mail->body = SMTP_BODY_8BITMIME;
	return mail->body == SMTP_BODY_UNSAID ? SMTP_UNSUPPORTED : SMTP_OK;
}

static enum smtp_syntax set_smtputf8(struct param p, void *into)
{
	struct smtp_mail *mail = into;

	mail->smtputf8 = !p.has_value;
	return p.has_value ? SMTP_UNSUPPORTED : SMTP_OK;
}

static enum smtp_syntax set_ret(struct param p, void *into)
{
	struct smtp_mail *mail = into;

	if (str_eq_nocase(p.value, STR("FULL")))
		mail->ret = SMTP_RET_FULL;
	else if (str_eq_nocase(p.value, STR("HDRS")))
		mail->ret = SMTP_RET_HDRS;
	return mail->ret == SMTP_RET_UNSAID ? SMTP_BAD_RET : SMTP_OK;
}

static enum smtp_syntax set_envid(struct param p, void *into)
{
	struct smtp_mail *mail = into;

	mail->envid = p.value;
	return p.value.n && p.value.n <= ENVID_MAX && xtext_valid(p.value) ? SMTP_OK : SMTP_BAD_ENVID;
}

static enum smtp_syntax set_auth(struct param p, void *into)
{
	struct smtp_mail *mail = into;

	mail->auth = p.value;
	return str_eq(p.value, STR("<>")) || (p.value.n && xtext_valid(p.value)) ? SMTP_OK
										 : SMTP_BAD_AUTH_PARAM;
}

static const struct {
	struct str name;
	unsigned bit;
} notify_words[] = {
	{STR_INIT("NEVER"), SMTP_NOTIFY_NEVER},
	{STR_INIT("SUCCESS"), SMTP_NOTIFY_SUCCESS},
	{STR_INIT("FAILURE"), SMTP_NOTIFY_FAILURE},
	{STR_INIT("DELAY"), SMTP_NOTIFY_DELAY},
};

static unsigned notify_bit(struct str word)
{
	for (size_t i = 0; i < COUNT(notify_words); i++)
		if (str_eq_nocase(word, notify_words[i].name))
			return notify_words[i].bit;
	return 0;
}

/* NEVER stands alone (RFC 3461 4.1). */
static enum smtp_syntax set_notify(struct param p, void *into)
{
	struct smtp_rcpt *rcpt = into;

	do {
		bool more = str_find(p.value, ',') != STR_NONE;
		unsigned bit = notify_bit(str_cut(&p.value, ','));

		if (bit == 0 || rcpt->notify & bit || (more && p.value.n == 0))
			return SMTP_BAD_NOTIFY;
		rcpt->notify |= bit;
	} while (p.value.n);
	return rcpt->notify & SMTP_NOTIFY_NEVER && rcpt->notify != SMTP_NOTIFY_NEVER ? SMTP_BAD_NOTIFY
										     : SMTP_OK;
}

static bool is_atom(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return s.n > 0;
}

/* The forms of RFC 6533 section 3: escapes, or UTF-8 as it is. */
static bool is_utf8_address(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7F)
			return false;
	return s.n > 0 && !u8_check((const uint8_t *)s.p, s.n);
}

static enum smtp_syntax set_orcpt(struct param p, void *into)
{
	struct smtp_rcpt *rcpt = into;
	struct str address = p.value;
	struct str type = str_cut(&address, ';');
	bool valid = str_eq_nocase(type, STR("utf-8")) ? is_utf8_address(address) : xtext_valid(address);

	rcpt->orcpt = p.value;
	return valid && is_atom(type) && address.n && p.value.n <= ORCPT_MAX ? SMTP_OK : SMTP_BAD_ORCPT;
}

static const struct param_row mail_params[] = {
	{STR_INIT("SIZE"), 0, SMTP_OK, set_size},
	{STR_INIT("BODY"), 0, SMTP_OK, set_body},
	{STR_INIT("SMTPUTF8"), SMTP_OFFER_UTF8, SMTP_UNSUPPORTED, set_smtputf8},
	{STR_INIT("RET"), SMTP_OFFER_DSN, SMTP_NO_DSN, set_ret},
	{STR_INIT("ENVID"), SMTP_OFFER_DSN, SMTP_NO_DSN, set_envid},
	{STR_INIT("AUTH"), SMTP_OFFER_AUTH, SMTP_UNSUPPORTED, set_auth},
};

static const struct param_row rcpt_params[] = {
	{STR_INIT("NOTIFY"), SMTP_OFFER_DSN, SMTP_NO_DSN, set_notify},
	{STR_INIT("ORCPT"), SMTP_OFFER_DSN, SMTP_NO_DSN, set_orcpt},
};

static enum smtp_syntax set_param(struct str word, const struct param_row *row, unsigned offers,
				  unsigned *seen, unsigned bit, void *into)
{
	struct param p = {.value = word, .has_value = str_find(word, '=') != STR_NONE};

	str_cut(&p.value, '=');
	if (row->offer && !(offers & row->offer))
		return row->without_offer;
	if (*seen & bit)
		return SMTP_TWICE;
	*seen |= bit;
	return row->set(p, into);
}

static enum smtp_syntax parse_params(struct str rest, const struct param_row *rows, size_t count,
				     unsigned offers, void *into, struct str *culprit)
{
	enum smtp_syntax fault = SMTP_OK;
	unsigned seen = 0;

	for (rest = str_trim(rest); rest.n && fault == SMTP_OK;) {
		struct str word = str_cut_word(&rest);
		struct str value = word;
		struct str name = str_cut(&value, '=');

		*culprit = word;
		fault = SMTP_UNSUPPORTED;
		for (size_t i = 0; i < count; i++)
			if (str_eq_nocase(name, rows[i].name))
				fault = set_param(word, &rows[i], offers, &seen, 1u << i, into);
	}
	if (fault != SMTP_UNSUPPORTED && fault != SMTP_TWICE)
		*culprit = (struct str){NULL, 0};
	return fault;
}

static unsigned path_flags(unsigned offers)
{
	return PATH_FLAGS | (offers & SMTP_OFFER_BARE ? ADDRESS_BARE : 0);
}

enum smtp_syntax smtp_parse_mail(struct str arg, unsigned offers, struct smtp_mail *out, struct str *culprit)
{
	struct str path;
	enum smtp_syntax fault;

	memset(out, 0, sizeof(*out));
	*culprit = (struct str){NULL, 0};
	fault = take_keyword_path(&arg, STR("FROM:"), SMTP_MAIL_SYNTAX, SMTP_BAD_SENDER, &path);
	if (fault != SMTP_OK)
		return fault;
	out->null_sender = path.n == 0;
	if (!out->null_sender && address_parse_path(path, path_flags(offers), &out->from) != 0)
		return SMTP_BAD_SENDER;
	fault = parse_params(arg, mail_params, COUNT(mail_params), offers, out, culprit);
	if (fault == SMTP_OK && !out->smtputf8 && (out->from.utf8_local || out->from.domain.utf8))
		fault = SMTP_NEEDS_UTF8;
	return fault;
}

enum smtp_syntax smtp_parse_rcpt(struct str arg, unsigned offers, bool utf8, struct smtp_rcpt *out,
				 struct str *culprit)
{
	struct str path;
	enum smtp_syntax fault;

	memset(out, 0, sizeof(*out));
	*culprit = (struct str){NULL, 0};
	fault = take_keyword_path(&arg, STR("TO:"), SMTP_RCPT_SYNTAX, SMTP_BAD_RECIPIENT, &path);
	if (fault != SMTP_OK)
		return fault;
	if (address_parse_path(path, path_flags(offers), &out->to) != 0)
		return SMTP_BAD_RECIPIENT;
	if (!utf8 && (out->to.utf8_local || out->to.domain.utf8))
		return SMTP_NEEDS_UTF8;
	return parse_params(arg, rcpt_params, COUNT(rcpt_params), offers, out, culprit);
}

enum smtp_syntax smtp_parse_bdat(struct str arg, uint64_t *size, bool *last)
{
	struct str count = str_cut_word(&arg);

	*last = str_eq_nocase(arg, STR("LAST"));
	if (!str_to_u64(count, size) || (arg.n && !*last))
		return SMTP_BDAT_SYNTAX;
	return *size == 0 && !*last ? SMTP_BDAT_NULL : SMTP_OK;
}

enum smtp_syntax smtp_parse_auth(struct str arg, struct str *mechanism, struct str *response, bool *initial)
{
	*mechanism = str_cut_word(&arg);
	*response = str_cut_word(&arg);
	*initial = response->n > 0;
	if (str_eq(*response, STR("=")))
		response->n = 0;
	return mechanism->n && arg.n == 0 ? SMTP_OK : SMTP_AUTH_SYNTAX;
}

static bool is_numeric(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]) && s.p[i] != '.')
			return false;
	return true;
}

enum smtp_helo_class smtp_helo_classify(struct str name)
{
	struct domain d;

	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (is_numeric(name) || domain_parse(name, true, &d) != 0 || d.kind == DOMAIN_GENERAL)
		return SMTP_HELO_INVALID;
	if (d.kind != DOMAIN_NAME)
		return SMTP_HELO_LITERAL;
	return str_find(domain_str(&d), '.') == STR_NONE ? SMTP_HELO_BARE : SMTP_HELO_FQDN;
}

void smtp_syntax_reply(enum smtp_syntax fault, struct str culprit, struct buf *out)
{
	for (size_t i = 0; i < COUNT(replies); i++)
		if (replies[i].fault == fault) {
			buf_add_z(out, replies[i].text);
			if (replies[i].names_culprit)
				log_text_add(out, culprit, CULPRIT_MAX);
		}
}
