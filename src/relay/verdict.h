/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict: what became of a recipient, or what stopped a connection: in a status
 * (RFC 3463) and in the words that people look for in logs and bounces.
 *
 * The bytes of a peer stand in it escaped.
 */
#ifndef RELAY_VERDICT_H
#define RELAY_VERDICT_H

#include "format/smtp_reply.h"

#define VERDICT_TEXT_MAX 500 /* as messages.def says */

struct verdict {
	char status[12]; /* "5.1.1"; its first digit is the outcome; empty: none yet */
	char text[VERDICT_TEXT_MAX + 1];
	bool said; /* by the peer, about a letter or recipient */
};

/* enum outcome_result of store/entry.h, by the status. */
unsigned verdict_outcome(const struct verdict *v);
bool verdict_is_final(const struct verdict *v);

/* In words of ours; what is too long is cut. */
__attribute__((format(printf, 3, 4))) void verdict_set(struct verdict *v, const char *status, const char *fmt,
						       ...);
/* Yes: "250 2.0.0 Ok: queued as X". */
void verdict_yes(struct verdict *v, const struct smtp_reply *r);
/* No, or not what was expected: "FORMAT: 550 5.1.1 No such user (BEHIND)", where behind may be
 * empty.  The class of the status is that of the code, 4 for anything but 5xx. */
__attribute__((format(printf, 4, 5))) void verdict_no(struct verdict *v, const struct smtp_reply *r,
						      const char *behind, const char *fmt, ...);
/* Not for ever, whatever was said: 5.x.y becomes 4.x.y. */
void verdict_soften(struct verdict *v);

#endif
