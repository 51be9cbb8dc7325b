/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header_edit: what a server may change in the header of a letter that it takes from its writer
 * (RFC 6409 section 8): the fields it lacks are added, those that tell of the client are cut out.
 *
 * A cut is a range of whole fields of the letter's own header.  Who finds the cuts and who makes
 * them do not trust each other, so header_cuts_read() checks them against the letter.
 */
#ifndef FORMAT_HEADER_EDIT_H
#define FORMAT_HEADER_EDIT_H

#include "base/buf.h"
#include "base/err.h"
#include "format/date.h"

#define HEADER_CUTS_MAX 256
/* Cuts lie in so many octets at the beginning of the letter; a field that ends behind them stays. */
#define HEADER_CUTS_HEAD ((size_t)128 << 10)
/* Octets of an encoded cut: u64 offset, u32 length. */
#define HEADER_CUT_SIZE 12

struct header_cut {
	uint32_t at;
	uint32_t n; /* octets, at least one */
};

/* Ascending, and none touches the one before it. */
struct header_cuts {
	struct header_cut cut[HEADER_CUTS_MAX];
	unsigned count;
};

/* What was found in a header. */
struct header_edit {
	bool has_date, has_message_id, has_from;
	bool mime_version; /* a MIME-Version that tells of the client was cut; a plain one takes its place */
	struct header_cuts cuts;
};

/* Looks at the letter's own header, in front of which fields will be put; is_private: whether
 * those that tell of the client are to be cut.  These are Received with "with ESMTPSA",
 * "amavisd-new" or "from ... 127.0.0.1", X-Originating-IP, X-Mailer, User-Agent, X-Enigmail,
 * X-MS-Reactions, and MIME-Version with something behind its 1.0. */
void header_edit_read(struct str letter, bool is_private, struct header_edit *out);

/* What the fields in front are made of. */
struct header_missing {
	struct date now;
	struct str id, host; /* of the Message-ID */
	struct str sender; /* for From, printable; empty: none is added */
};

/* Appends what the header lacks, as whole fields: MIME-Version when it was cut, and with `missing`
 * (which may be NULL) Date, Message-ID and From. */
void header_edit_write(const struct header_edit *edit, const struct header_missing *missing, struct buf *out);

void header_cuts_write(const struct header_cuts *cuts, struct buf *out);
/* Reads and checks: head is the letter or its first octets, and every cut one or more whole lines
 * before its first empty line, where no other line is continued.  ERR_INVALID with a sentence. */
int header_cuts_read(struct str encoded, struct str head, struct header_cuts *out, struct err *e);
/* The letter with its cuts is what is appended here, and behind it the letter from the returned
 * offset on.  head is what the cuts were checked against. */
size_t header_cuts_make(const struct header_cuts *cuts, struct str head, struct buf *out);

#endif
