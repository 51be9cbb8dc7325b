/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transaction: MAIL, RCPT, DATA and the letter, over a session that is ready.
 *
 * With PIPELINING (RFC 2920) MAIL, all RCPT and DATA leave together, else each waits for the
 * reply to the one before.
 *
 *   said to            4xx                          5xx
 *   MAIL               the next host is tried       all bounce
 *   RCPT               he, at the next host         he bounces
 *   DATA               the next host is tried       all who were accepted bounce
 *   the letter's end   deferred, no host is tried   all who were accepted bounce
 *
 * 421 and a lost connection are as 4xx.  When the end of the letter was sent and no reply
 * came, the letter may be there: it is deferred and may come twice (RFC 5321 4.5.3.2.6), but
 * at least not from this attempt.
 *
 * A letter with bytes above 0x7F goes as it is to a server without 8BITMIME
 * (docs/decisions/2026-11-22-8bit-as-it-is.md).  One that needs SMTPUTF8 bounces where it is
 * not offered.
 */
#ifndef RELAY_TRANSACTION_H
#define RELAY_TRANSACTION_H

#include "relay/letter.h"
#include "relay/session.h"

/* Sends the letter to all who are open, and notes what became of them.  0, also when all were
 * refused; ERR_CLOSED and the like when the session ended before its time; ERR_CANCELLED. */
int co_transaction(struct session *s, struct relay_letter *l);

#endif
