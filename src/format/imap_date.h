/* SPDX-License-Identifier: Apache-2.0 */
/* imap_date: the date and date-time of RFC 9051's grammar, taken off a command. */
#ifndef FORMAT_IMAP_DATE_H
#define FORMAT_IMAP_DATE_H

#include "format/imap_cursor.h"

struct imap_date_time {
	uint32_t day; /* year * 10000 + month * 100 + day */
	unsigned char hour, minute, second; /* second up to 60 */
	short zone; /* minutes east of UTC */
};

/* 1-Feb-1994, with or without quotes, as 19940201. */
int imap_take_day(struct imap_cursor *c, uint32_t *out);
/* " 1-Feb-1994 21:52:25 -0800", in its quotes. */
int imap_take_date_time(struct imap_cursor *c, struct imap_date_time *out);

#endif
