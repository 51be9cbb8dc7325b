/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accounts_file: the lines of postfix-accounts.cf,
 * `user@domain|{SCHEME}hash` with an optional third field of extra fields.
 */
#ifndef RUN_ACCOUNTS_FILE_H
#define RUN_ACCOUNTS_FILE_H

#include "base/err.h"
#include "base/str.h"

#define ACCOUNTS_FILE "postfix-accounts.cf"

struct account_line {
	struct str address; /* as written */
	struct str stored; /* see run/password.h */
	struct str extra; /* Dovecot's extra fields, or empty */
};

/* Views of the line; ERR_INVALID with a sentence when it is no account. */
int account_line_parse(struct str line, struct account_line *out, struct err *e);

/* An account's address is a Dot-string and a domain name (RFC 5321 4.1.2; bytes
 * above 0x7E for RFC 6531), at most 64 and 255 bytes.  It must not contain a
 * slash, because folders of the store carry its parts as names, nor `%` or `!`,
 * which would be taken for routing by senders, nor begin with `#`
 * or a byte order mark.  ERR_INVALID with a sentence. */
int account_address_check(struct str address, struct err *e);

/* What stands before (behind) the last `@`; without one the whole (the empty view). */
struct str account_address_local(struct str address);
struct str account_address_domain(struct str address);
/* Whether the address has none of the characters that stand for themselves inside
 * quotes only (blanks, controls, comma, brackets ...: specials of RFC 5321 4.1.2). */
bool address_is_plain(struct str address);

#endif
