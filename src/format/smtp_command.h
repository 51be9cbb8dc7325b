/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp_command: what a client of our SMTP server says, line by line.
 *
 * RFC 5321 4.1 with the parameters of RFC 1870 (SIZE), 3030 (BDAT), 3461 (DSN),
 * 4954 (AUTH), 6152 (8BITMIME) and 6531 (SMTPUTF8).  Taken as Postfix takes it:
 * blanks after the colon and paths without angle brackets.  Views point into
 * the line; nothing here knows the state of the session.
 */
#ifndef FORMAT_SMTP_COMMAND_H
#define FORMAT_SMTP_COMMAND_H

#include "format/address.h"

enum smtp_verb {
	SMTP_UNKNOWN,
	SMTP_HELO,
	SMTP_EHLO,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_BDAT,
	SMTP_RSET,
	SMTP_NOOP,
	SMTP_QUIT,
	SMTP_VRFY,
	SMTP_EXPN,
	SMTP_HELP,
	SMTP_STARTTLS,
	SMTP_AUTH,
	SMTP_ETRN,
	SMTP_TURN,
	SMTP_ATRN,
	SMTP_HTTP, /* CONNECT, GET, POST: a browser was told to talk to us */
};

struct smtp_command {
	enum smtp_verb verb;
	struct str name; /* the verb as written */
	struct str arg; /* the rest, without blanks at its ends */
};

/* What is wrong with a command, one value for each reply. */
enum smtp_syntax {
	SMTP_OK,
	SMTP_HELO_SYNTAX,
	SMTP_EHLO_SYNTAX,
	SMTP_MAIL_SYNTAX,
	SMTP_RCPT_SYNTAX,
	SMTP_BAD_SENDER,
	SMTP_BAD_RECIPIENT,
	SMTP_NEEDS_UTF8, /* bytes above 0x7F in an address, without SMTPUTF8 */
	SMTP_UNSUPPORTED, /* culprit: the parameter */
	SMTP_TWICE, /* culprit: the parameter */
	SMTP_BAD_SIZE,
	SMTP_BAD_RET,
	SMTP_BAD_ENVID,
	SMTP_BAD_AUTH_PARAM,
	SMTP_BAD_NOTIFY,
	SMTP_BAD_ORCPT,
	SMTP_NO_DSN, /* a DSN parameter where we do not offer DSN */
	SMTP_BDAT_SYNTAX,
	SMTP_BDAT_NULL, /* BDAT 0 without LAST */
	SMTP_AUTH_SYNTAX,
};

/* Extensions that the listener offers, a set of bits; and what it takes beside them. */
enum smtp_offer {
	SMTP_OFFER_UTF8 = 1,
	SMTP_OFFER_DSN = 2,
	SMTP_OFFER_AUTH = 4,
	SMTP_OFFER_BARE = 8, /* local parts without domain, as programs of this machine write them */
};

enum smtp_body { SMTP_BODY_UNSAID, SMTP_BODY_7BIT, SMTP_BODY_8BITMIME };
enum smtp_ret { SMTP_RET_UNSAID, SMTP_RET_FULL, SMTP_RET_HDRS };

/* Bits of NOTIFY; 0 means that nothing was said. */
enum smtp_notify {
	SMTP_NOTIFY_NEVER = 1,
	SMTP_NOTIFY_SUCCESS = 2,
	SMTP_NOTIFY_FAILURE = 4,
	SMTP_NOTIFY_DELAY = 8,
};

struct smtp_mail {
	bool null_sender; /* MAIL FROM:<>; from is then empty */
	struct address from;
	uint64_t size; /* 0 when not said */
	enum smtp_body body;
	bool smtputf8;
	enum smtp_ret ret;
	struct str envid; /* xtext, checked; empty when not said */
	struct str auth; /* "<>" or xtext, checked; empty when not said */
};

struct smtp_rcpt {
	struct address to;
	unsigned notify;
	struct str orcpt; /* "type;xtext", checked; empty when not said */
};

enum smtp_helo_class {
	SMTP_HELO_INVALID, /* no host name, or one of digits and dots only */
	SMTP_HELO_BARE, /* a name without a dot */
	SMTP_HELO_FQDN,
	SMTP_HELO_LITERAL, /* [192.0.2.1] or [IPv6:...] */
};

/* Splits a line without its CRLF.  Any bytes may come in. */
void smtp_command_split(struct str line, struct smtp_command *out);

/* The name of a verb in upper case, for the log; "UNKNOWN" and "HTTP" included. */
struct str smtp_verb_name(enum smtp_verb verb);

/*
 * Parse the argument of MAIL and RCPT.  utf8 of RCPT says whether the
 * transaction's MAIL had SMTPUTF8.  *culprit is set with SMTP_UNSUPPORTED and
 * SMTP_TWICE, else empty.  After a fault *out is undefined.
 */
enum smtp_syntax smtp_parse_mail(struct str arg, unsigned offers, struct smtp_mail *out, struct str *culprit);
enum smtp_syntax smtp_parse_rcpt(struct str arg, unsigned offers, bool utf8, struct smtp_rcpt *out,
				 struct str *culprit);

/* The argument of BDAT (RFC 3030 section 2). */
enum smtp_syntax smtp_parse_bdat(struct str arg, uint64_t *size, bool *last);

/* The argument of AUTH (RFC 4954 section 4): the initial response is empty both
 * when absent (*initial false) and when written "=". */
enum smtp_syntax smtp_parse_auth(struct str arg, struct str *mechanism, struct str *response, bool *initial);

/* What kind of name a client gave in HELO or EHLO; a final dot is overlooked. */
enum smtp_helo_class smtp_helo_classify(struct str name);

/* Appends the reply to a fault, without CRLF; the culprit is escaped and cut. */
void smtp_syntax_reply(enum smtp_syntax fault, struct str culprit, struct buf *out);

#endif
