/* SPDX-License-Identifier: Apache-2.0 */
/*
 * date: moments in the spellings of mail, IMAP and the log.
 *
 * A moment is a count of microseconds since 1970-01-01 00:00 UTC, without leap
 * seconds; a zone is its distance from UTC in minutes, east positive.  The
 * calendar is the proleptic Gregorian one, reckoned here: no locale, no zone
 * table, no clock.
 *
 * Years outside 0000 to 9999 have no spelling in any of these formats: moments
 * beyond are written as the first or last one that has.
 */
#ifndef FORMAT_DATE_H
#define FORMAT_DATE_H

#include "base/buf.h"

/* Zones that a four-digit offset can spell with a sane hour: +-23:59. */
#define DATE_ZONE_MAX (23 * 60 + 59)

struct date {
	int64_t us; /* microseconds since 1970 */
	int zone; /* minutes east of UTC */
};

/* Days since 1970-01-01 of a day that exists; month 1 to 12. */
int64_t date_days(int year, int month, int day);
/* How many days the month has. */
int date_month_days(int year, int month);

/* "Tue, 1 Jul 2003 10:52:37 +0200" (RFC 5322 3.3). */
void date_write_mail(struct date d, struct buf *out);
/* " 1-Jul-2003 10:52:37 +0200", 26 characters without quotes (date-time of
 * RFC 3501 section 9). */
void date_write_imap(struct date d, struct buf *out);
/* "2003-07-01T10:52:37+02:00" (RFC 3339), "Z" for zone 0; fraction digits of
 * the second: 0 to 6. */
void date_write_iso(struct date d, unsigned fraction, struct buf *out);
/* "20030701105237", for identifiers. */
void date_write_digits(struct date d, struct buf *out);

/*
 * Reads the date-time of a header field with everything the obsolete syntax of
 * RFC 5322 4.3 allows and what is seen in the wild: comments anywhere, years of
 * two and three digits, no seconds, no zone, named and military zones, a month
 * as a number, the order of asctime().  The weekday is not compared.  A zone
 * that means nothing counts as UTC, as RFC 5322 4.3 asks.  ERR_INVALID when
 * there is no such day or time.
 */
int date_parse_mail(struct str s, struct date *out);
/* Exactly date-time of RFC 3501 section 9, without quotes. */
int date_parse_imap(struct str s, struct date *out);

#endif
