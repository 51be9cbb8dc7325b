/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_flag: the system flags of RFC 9051 section 2.3.2 (and \Recent of RFC
 * 3501) as bits.  Keywords are strings beside them.
 */
#ifndef FORMAT_IMAP_FLAG_H
#define FORMAT_IMAP_FLAG_H

#include "base/str.h"

enum imap_flag {
	IMAP_ANSWERED = 1 << 0,
	IMAP_FLAGGED = 1 << 1,
	IMAP_DELETED = 1 << 2,
	IMAP_SEEN = 1 << 3,
	IMAP_DRAFT = 1 << 4,
	IMAP_RECENT = 1 << 5, /* the server's own: no client sets it */
};

#define IMAP_FLAG_COUNT 6

/* The name of flag 1 << i, with its backslash. */
struct str imap_flag_name(unsigned i);
/* The bit of a name with backslash, without regard to case; 0: there is none. */
unsigned imap_flag_of(struct str name);

#endif
