/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and those that need no more than the session. */
#include "gate/smtp_session.h"

#include "base/clock.h"
#include "format/log_text.h"
#include "net/log.h"

#define SHOWN_MAX ((size_t)320)

typedef bool command_fn(struct smtp_session *s, struct str arg);

/* The rules of RFC 5321 4.1.4, RFC 2920 3.1 and the limits of compatible servers. */
enum command_flags {
	NEEDS_HELO = 1, /* 503 before HELO or EHLO */
	ENDS_GROUP = 2, /* the client must wait for the reply before it goes on */
	JUNK = 4, /* brings no mail on its way: too many count as errors */
	TAKES_NOTHING = 8, /* an argument is an error */
	IN_HELP = 16, /* a command that we have */
	NOT_IN_CHUNKS = 32, /* 503 between the chunks of a letter (RFC 3030 section 2) */
	BEFORE_TLS = 64, /* no 530 where TLS comes first (RFC 3207 section 4) */
};

struct command_row {
	enum smtp_verb verb;
	unsigned flags;
	command_fn *co_fn;
};

/* --- greeting ------------------------------------------------------------------------------------- */

/* Names may be wrong in many ways; at RCPT we are choosier.  But empty ones, and those
 * that no field or log line can hold, are no names. */
static bool take_name(struct smtp_session *s, struct str name, enum smtp_syntax fault)
{
	struct buf reply;

	if (name.n > 0 && name.n <= SMTP_HELO_MAX) {
		smtp_transaction_end(&s->tx);
		buf_clear(&s->helo);
		buf_add_str(&s->helo, name);
		return SMTP_GOOD;
	}
	buf_init(&reply, 256);
	smtp_syntax_reply(fault, STR(""), &reply);
	smtp_say(s, "%.*s", STR_ARG(buf_str(&reply)));
	buf_free(&reply);
	return SMTP_BAD;
}

static bool co_helo(struct smtp_session *s, struct str arg)
{
	if (!take_name(s, arg, SMTP_HELO_SYNTAX))
		return SMTP_BAD;
	s->esmtp = false;
	smtp_say(s, "250 %s", s->config->hostname);
	return SMTP_GOOD;
}

bool smtp_needs_tls(const struct smtp_session *s)
{
	return s->kind->traits & SMTP_TLS_NEEDED && !s->stream.ssl;
}

static bool may_start_tls(const struct smtp_session *s)
{
	return s->config->tls && !s->stream.ssl && !(s->kind->traits & SMTP_IS_LOCAL);
}

/* Invariant 5. */
static bool offers_auth(const struct smtp_session *s)
{
	return s->stream.ssl && s->kind->traits & SMTP_NEEDS_LOGIN;
}

static void say_mechanisms(struct smtp_session *s)
{
	struct buf names;

	buf_init(&names, 64);
	auth_mechanisms_add(s->config->mechanisms, " ", &names);
	smtp_say(s, "250-AUTH%.*s", STR_ARG(buf_str(&names)));
	/* How some clients read it before it was a standard. */
	smtp_say(s, "250-AUTH=%.*s", STR_ARG(str_skip(buf_str(&names), 1)));
	buf_free(&names);
}

static bool co_ehlo(struct smtp_session *s, struct str arg)
{
	if (!take_name(s, arg, SMTP_EHLO_SYNTAX))
		return SMTP_BAD;
	s->esmtp = true;
	smtp_say(s, "250-%s", s->config->hostname);
	smtp_say(s, "250-PIPELINING");
	smtp_say(s, "250-SIZE %llu", (unsigned long long)s->config->size_limit);
	if (may_start_tls(s))
		smtp_say(s, "250-STARTTLS");
	if (offers_auth(s))
		say_mechanisms(s);
	smtp_say(s, "250-ENHANCEDSTATUSCODES");
	smtp_say(s, "250-8BITMIME");
	smtp_say(s, "250-SMTPUTF8");
	if (s->kind->offers & SMTP_OFFER_DSN)
		smtp_say(s, "250-DSN");
	smtp_say(s, "250 CHUNKING");
	return SMTP_GOOD;
}

/* --- TLS --------------------------------------------------------------------------------------------- */

static bool co_starttls(struct smtp_session *s, struct str arg)
{
	if (s->stream.ssl) {
		smtp_say(s, "554 5.5.1 Error: TLS already active");
		return SMTP_BAD;
	}
	/* Without a certificate it is not offered, and then not implemented (RFC 5321 4.2.4). */
	if (!may_start_tls(s)) {
		smtp_say(s, "502 5.5.1 Error: command not implemented");
		return SMTP_BAD;
	}
	smtp_say(s, "220 2.0.0 Ready to start TLS");
	if (!co_smtp_start_tls(s))
		return SMTP_BAD;
	smtp_transaction_end(&s->tx);
	buf_clear(&s->helo);
	s->esmtp = false;
	return SMTP_GOOD;
}

/* --- small ones ------------------------------------------------------------------------------------------ */

static bool co_rset(struct smtp_session *s, struct str arg)
{
	smtp_transaction_end(&s->tx);
	smtp_say(s, "250 2.0.0 Ok");
	return SMTP_GOOD;
}

static bool co_noop(struct smtp_session *s, struct str arg)
{
	smtp_say(s, "250 2.0.0 Ok");
	return SMTP_GOOD;
}

static bool co_quit(struct smtp_session *s, struct str arg)
{
	smtp_say(s, "221 2.0.0 Bye");
	s->closing = true;
	return SMTP_GOOD;
}

/* An address with or without brackets, and perhaps SMTPUTF8 (RFC 6531 3.7.4.2). */
static bool is_vrfy_argument(struct str arg)
{
	struct address a;
	unsigned flags = ADDRESS_LENIENT | ADDRESS_BARE | ADDRESS_LONG;

	if (str_ends_nocase(arg, STR(" SMTPUTF8"))) {
		arg = str_trim(str_head(arg, arg.n - sizeof("SMTPUTF8")));
		flags |= ADDRESS_UTF8;
	}
	if (str_starts(arg, STR("<")) && str_ends(arg, STR(">")))
		arg = str_skip(str_head(arg, arg.n - 1), 1);
	return address_parse(arg, flags, &a) == 0;
}

/* RFC 5321 3.5.3: neither yes nor no, for every address, so that nobody can ask who lives
 * here. */
static bool co_vrfy(struct smtp_session *s, struct str arg)
{
	struct buf shown;

	if (arg.n == 0) {
		smtp_say(s, "501 5.5.4 Syntax: VRFY address");
		return SMTP_BAD;
	}
	if (!is_vrfy_argument(arg)) {
		smtp_say(s, "501 5.1.3 Bad recipient address syntax");
		return SMTP_BAD;
	}
	buf_init(&shown, SHOWN_MAX);
	log_text_add(&shown, arg, SHOWN_MAX);
	smtp_say(s, "252 2.0.0 %.*s", STR_ARG(buf_str(&shown)));
	buf_free(&shown);
	return SMTP_GOOD;
}

/* Known, but not here: EXPN names who lives here, ETRN wants a queue for clients. */
static bool co_lacks(struct smtp_session *s, struct str arg)
{
	smtp_say(s, "502 5.5.1 Error: command not implemented");
	return SMTP_BAD;
}

static bool co_http(struct smtp_session *s, struct str arg)
{
	struct buf shown;

	buf_init(&shown, SHOWN_MAX);
	log_text_add(&shown, arg, SHOWN_MAX);
	log_line(LOG_INFO, "non-SMTP command from " SMTP_PEER ": %.*s", SMTP_PEER_OF(s),
		 STR_ARG(buf_str(&shown)));
	buf_free(&shown);
	smtp_say(s, "221 2.7.0 Error: I can break rules, too. Goodbye.");
	s->closing = true;
	return SMTP_BAD;
}

static bool co_unknown(struct smtp_session *s, struct str arg)
{
	smtp_say(s, "500 5.5.2 Error: command not recognized");
	return SMTP_BAD;
}

/* --- the table ---------------------------------------------------------------------------------------------- */

static bool co_help(struct smtp_session *s, struct str arg);

/* The first row is for verbs that have none. */
static const struct command_row rows[] = {
	{SMTP_UNKNOWN, BEFORE_TLS, co_unknown},
	{SMTP_AUTH, NEEDS_HELO | ENDS_GROUP | IN_HELP, co_smtp_auth},
	{SMTP_BDAT, NEEDS_HELO | IN_HELP, co_smtp_bdat},
	{SMTP_DATA, NEEDS_HELO | TAKES_NOTHING | IN_HELP, co_smtp_data},
	{SMTP_EHLO, ENDS_GROUP | JUNK | IN_HELP | BEFORE_TLS, co_ehlo},
	{SMTP_HELO, ENDS_GROUP | JUNK | IN_HELP | BEFORE_TLS, co_helo},
	{SMTP_HELP, JUNK | IN_HELP | BEFORE_TLS, co_help},
	{SMTP_MAIL, NEEDS_HELO | IN_HELP, co_smtp_mail},
	{SMTP_NOOP, ENDS_GROUP | JUNK | IN_HELP | BEFORE_TLS, co_noop},
	{SMTP_QUIT, ENDS_GROUP | IN_HELP | BEFORE_TLS, co_quit},
	{SMTP_RCPT, NEEDS_HELO | NOT_IN_CHUNKS | IN_HELP, co_smtp_rcpt},
	{SMTP_RSET, JUNK | TAKES_NOTHING | IN_HELP, co_rset},
	{SMTP_STARTTLS, NEEDS_HELO | TAKES_NOTHING | NOT_IN_CHUNKS | IN_HELP | BEFORE_TLS, co_starttls},
	{SMTP_VRFY, ENDS_GROUP | JUNK | NOT_IN_CHUNKS | IN_HELP, co_vrfy},
	{SMTP_ETRN, JUNK, co_lacks},
	{SMTP_EXPN, JUNK, co_lacks},
	{SMTP_HTTP, BEFORE_TLS, co_http},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool co_help(struct smtp_session *s, struct str arg)
{
	struct buf names;

	buf_init(&names, 256);
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].flags & IN_HELP && (rows[i].verb != SMTP_AUTH || offers_auth(s))) {
			buf_add_c(&names, ' ');
			buf_add_str(&names, smtp_verb_name(rows[i].verb));
		}
	smtp_say(s, "214 2.0.0 Commands:%.*s", STR_ARG(buf_str(&names)));
	buf_free(&names);
	return SMTP_GOOD;
}

static const struct command_row *row_of(enum smtp_verb verb)
{
	for (size_t i = 1; i < ROWS; i++)
		if (rows[i].verb == verb)
			return &rows[i];
	return &rows[0];
}

/* Somebody who does not wait where he must is no mail server.  The commands are done all
 * the same; DATA looks closer. */
static void note_pipelining(struct smtp_session *s, const struct command_row *row)
{
	if (s->spoke_early || stream_pending(&s->stream).n == 0 || (s->esmtp && !(row->flags & ENDS_GROUP)))
		return;
	s->spoke_early = true;
	log_line(LOG_INFO, "improper command pipelining after %.*s from " SMTP_PEER,
		 STR_ARG(smtp_verb_name(s->verb)), SMTP_PEER_OF(s));
}

/* The first rule that the command breaks is its reply. */
static bool co_run(struct smtp_session *s, const struct command_row *row, const struct smtp_command *c)
{
	bool bdat = row->verb == SMTP_BDAT;

	/* The octets behind BDAT come in any case, so it judges for itself. */
	if (!(row->flags & BEFORE_TLS) && smtp_needs_tls(s) && !bdat) {
		smtp_say(s, "530 5.7.0 Must issue a STARTTLS command first");
		return SMTP_BAD;
	}
	if (row->flags & NEEDS_HELO && s->helo.n == 0 && !bdat) {
		smtp_say(s, "503 5.5.1 Error: send HELO/EHLO first");
		return SMTP_BAD;
	}
	if (row->flags & NOT_IN_CHUNKS && s->tx.chunks != SMTP_CHUNKS_NONE) {
		smtp_say(s, "503 5.5.1 Error: %.*s after BDAT", STR_ARG(smtp_verb_name(row->verb)));
		return SMTP_BAD;
	}
	if (row->flags & TAKES_NOTHING && c->arg.n > 0) {
		smtp_say(s, "501 5.5.4 Syntax: %.*s", STR_ARG(smtp_verb_name(row->verb)));
		return SMTP_BAD;
	}
	return row->co_fn(s, c->arg);
}

void co_smtp_command(struct smtp_session *s, struct str line)
{
	struct smtp_command c;

	smtp_command_split(line, &c);
	const struct command_row *row = row_of(c.verb);

	s->verb = row->verb;
	s->mild = false;
	note_pipelining(s, row);
	bool good = co_run(s, row, &c);

	/* A letter that arrived wipes the slate clean, and s->junk with it. */
	if (row->flags & JUNK && s->junk++ >= s->config->limits.junk)
		s->errors++;
	if (!good && !s->mild)
		s->errors++;
	s->counts[row->verb].all++;
	s->counts[row->verb].good += good;
}
