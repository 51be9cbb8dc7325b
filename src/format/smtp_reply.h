/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp_reply: what a remote SMTP server answers (RFC 5321 4.2), its enhanced
 * status code (RFC 2034, 3463), and the extensions that its EHLO lists.
 *
 * The server is not trusted: the number of lines and the text kept of them are
 * limited, and a line that is no reply ends in an error with its text kept for
 * the log.
 */
#ifndef FORMAT_SMTP_REPLY_H
#define FORMAT_SMTP_REPLY_H

#include "base/buf.h"

#define SMTP_REPLY_LINES_MAX 200
#define SMTP_REPLY_TEXT_MAX 8192

enum smtp_reply_state {
	SMTP_REPLY_MORE, /* the reply goes on in the next line */
	SMTP_REPLY_DONE,
};

struct smtp_reply {
	unsigned code; /* 200 to 599; 0 before the first good line */
	/* The enhanced code as "class.subject.detail", or class 0: none was sent. */
	unsigned class, subject, detail;
	struct buf text; /* the lines without codes, "\n" between them */
	unsigned lines;
};

void smtp_reply_init(struct smtp_reply *r);
void smtp_reply_free(struct smtp_reply *r);
/* Makes it ready for the next reply. */
void smtp_reply_clear(struct smtp_reply *r);

/*
 * Takes one line without its CRLF.  Gives an smtp_reply_state, or ERR_INVALID
 * when it is no line of this reply (then its text holds the line as well), or
 * ERR_TOO_BIG after too many lines.  Text beyond SMTP_REPLY_TEXT_MAX is left
 * out silently.  The enhanced code is taken from the first line that has one.
 */
int smtp_reply_line(struct smtp_reply *r, struct str line);

/* The lines joined by "\n"; bytes as the server sent them. */
struct str smtp_reply_text(const struct smtp_reply *r);

enum smtp_mechanism {
	SMTP_MECH_PLAIN = 1,
	SMTP_MECH_LOGIN = 2,
	SMTP_MECH_CRAM_MD5 = 4,
	SMTP_MECH_XOAUTH2 = 8,
	SMTP_MECH_OAUTHBEARER = 16,
	SMTP_MECH_SCRAM_SHA_1 = 32,
	SMTP_MECH_SCRAM_SHA_256 = 64,
	SMTP_MECH_EXTERNAL = 128,
};

/* What a server said in its reply to EHLO. */
struct smtp_ehlo {
	bool pipelining, starttls, eightbitmime, smtputf8, chunking, binarymime, dsn, enhanced_codes,
		requiretls;
	bool size; /* SIZE was listed */
	uint64_t size_max; /* its limit, 0: none said */
	bool auth;
	unsigned mechanisms; /* bits of smtp_mechanism: those we know */
};

/* Reads the text of a 250 reply to EHLO, the first line of which is a greeting. */
void smtp_ehlo_parse(struct str text, struct smtp_ehlo *out);

#endif
