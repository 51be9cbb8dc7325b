/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendmail_letter: what sendmail(1) makes of a letter and a command line before the
 * server sees them.
 *
 * Functions over bytes: whom a letter is for, and its header as it goes out.  The
 * server adds what every letter needs (Date, Message-ID, From).
 */
#ifndef CLI_SENDMAIL_LETTER_H
#define CLI_SENDMAIL_LETTER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* As many as an envelope holds (docs/format.md). */
#define SENDMAIL_RECIPIENTS_MAX 4096
/* Longer ones fit into no command line of SMTP. */
#define SENDMAIL_ADDRESS_MAX 320

/* --- the end of the letter ------------------------------------------------------------- */

/* How far a letter that grows has been searched for its end. */
struct sendmail_end {
	size_t line; /* where the last line begins */
	size_t searched;
};

/* Whether a line with nothing but a dot is among what was added since; the letter is cut
 * before it.  `last`: nothing will follow, so that the line needs no end. */
bool sendmail_end_found(struct sendmail_end *end, struct buf *letter, bool last);

/* --- addresses ----------------------------------------------------------------------- */

/* Addresses as MAIL and RCPT take them, without <>; each is there once. */
struct sendmail_recipients {
	struct arena arena;
	struct str *address; /* count of them, in the order they came */
	size_t count;
};

/* 0, ERR_MEMORY. */
int sendmail_recipients_init(struct sendmail_recipients *r);
void sendmail_recipients_free(struct sendmail_recipients *r);
/* Adds the addresses of a list, in the form of a header field (RFC 5322 3.4); a name
 * without domain is one too.  ERR_INVALID, ERR_TOO_BIG with a sentence. */
int sendmail_recipients_add(struct sendmail_recipients *r, struct str list, struct err *e);
/* The sender of -f: one address, or none ("", "<>"). */
int sendmail_sender(const char *text, struct buf *out, struct err *e);

/* --- the header ------------------------------------------------------------------------ */

struct sendmail_header {
	struct buf front; /* goes out before `rest` */
	struct str rest; /* a view of the letter: from the end of its header */
	bool has_from;
};

/* collect: recipients come from To, Cc and Bcc, or, when there are any, from Resent-To,
 * Resent-Cc and Resent-Bcc; Bcc and Resent-Bcc go.  NULL: the header stays.  Where no
 * empty line parts the header from the body, one is added.  h needs
 * sendmail_header_free() either way. */
int sendmail_header_make(struct str letter, struct sendmail_recipients *collect, struct sendmail_header *h,
			 struct err *e);
void sendmail_header_free(struct sendmail_header *h);
/* A From field of that name (UTF-8) and address. */
void sendmail_from_field(struct str name, struct str address, struct buf *out);

#endif
