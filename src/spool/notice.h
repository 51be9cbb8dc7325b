/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notice: telling the sender of a letter that it was not delivered (RFC 3464, RFC 5321 6.1).
 *
 * When nothing of a letter is on its way any more, one report names all recipients that
 * have bounced since the last one.  It is a new letter from the null sender, in one entry
 * with the end of those recipients, so that it is written once.  None is written for a
 * letter from the null sender, and for recipients whose NOTIFY does not ask for it.
 */
#ifndef SPOOL_NOTICE_H
#define SPOOL_NOTICE_H

#include <stdbool.h>

struct spool;
struct kept_letter;

/* Starts it for a letter with bounced recipients; queue_told at its end. */
bool notice_begin(struct spool *s, struct kept_letter *k);

#endif
