/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipient: who gets a letter that is addressed to someone.
 *
 * The address is looked up in this order; what is found is looked up again,
 * until accounts and addresses elsewhere are left:
 *
 *   1. user+tag@domain   postfix-virtual.cf, then postfix-regexp.cf
 *   2. user@domain       the same; the tag goes to the targets
 *   3. user+tag, user    postfix-virtual.cf, at our own host names only
 *   4. user+tag, user    postfix-aliases.cf, at our own host names only
 *   5. the account user@domain (at any of our host names: user@hostname)
 *   6. @domain           postfix-virtual.cf: the catch-all, for what does not exist
 *   7. postmaster, and root at our host names: the postmaster address or, when
 *      that leads nowhere, the first account (RFC 5321 4.5.1)
 *
 * With catch_all_takes_all 6 comes before 4, as in Postfix.  A target `@domain`
 * keeps the local part.  An alias that names itself ends there: `root:
 * root,someone` is an account and someone.  Each final recipient comes once.
 *
 * Our own host names are hostname, localhost.DOM and localhost, where DOM is
 * hostname without its first label if it has more than two.  A name without a
 * domain is at hostname.  Managed domains are those of accounts and alias keys.
 *
 * The work is limited for any table: RECIPIENT_DEPTH_MAX levels of aliases, and
 * the ceilings below.
 */
#ifndef KEEPER_RECIPIENT_H
#define KEEPER_RECIPIENT_H

#include "keeper/accounts.h"
#include "keeper/aliases.h"
#include "net/verdicts.h"

#define RECIPIENT_DEPTH_MAX 100
#define RECIPIENTS_MAX 1000
/* Addresses looked up, and regular expressions tried, for one recipient. */
#define RECIPIENT_LOOKUPS_MAX 5000
#define RECIPIENT_TRIES_MAX 20000
/* Longest address that is looked up (RFC 5321 4.5.3.1: 64 + 1 + 255). */
#define RECIPIENT_ADDRESS_MAX 320

/* The tables and settings that decisions are made by; all belong to the caller. */
struct directory {
	const struct accounts *accounts;
	const struct aliases *aliases;
	struct str hostname;
	struct str delimiters; /* each byte separates a tag; empty: no tags */
	struct str postmaster; /* where mail to postmaster goes; may be empty */
	bool catch_all_takes_all;
};

struct recipient {
	const struct recipient *next;
	const struct account *account; /* NULL: elsewhere */
	struct str address; /* with its tag, in the case that was written */
};

struct recipients {
	const struct recipient *first; /* in the order of the tables */
	struct recipient *last;
	size_t n;
	size_t dead; /* targets of aliases that are nobody: for the log */
	size_t looped; /* chains of aliases that were cut: for the log */
};

/* address: `local@domain` as in the envelope, without angle brackets, source
 * route or needless quotes; or a bare name.  Everything in the list lives in the
 * arena or in the directory's tables.  The list says who for RECIPIENT_OK and, for
 * those who may relay, for RECIPIENT_NOT_OURS.  RECIPIENT_ROUTED: `%`, `!` or `@` in
 * the local part of a domain of ours, relaying in disguise.  RECIPIENT_TOO_MANY: a
 * ceiling, or out of memory.  RECIPIENT_BAD_SYNTAX is left to the caller. */
enum recipient_verdict recipient_resolve(const struct directory *d, struct str address, struct arena *a,
					 struct recipients *out);

/* Whether letters for the domain end here: a host name of ours or managed. */
bool directory_has_domain(const struct directory *d, struct str domain);
/* Whether it is a host name of ours. */
bool directory_is_host(const struct directory *d, struct str domain);
/* Offset of the tag (with its delimiter) in a local part, or its length when there
 * is none.  A name does not begin with its tag. */
size_t directory_tag_offset(const struct directory *d, struct str local);

#endif
