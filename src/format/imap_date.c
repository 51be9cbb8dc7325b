/* SPDX-License-Identifier: Apache-2.0 */
/* Dates in IMAP commands. */
#include "format/imap_date.h"

static const struct {
	struct str name;
	unsigned days;
} months[12] = {
	{STR_INIT("Jan"), 31}, {STR_INIT("Feb"), 29}, {STR_INIT("Mar"), 31}, {STR_INIT("Apr"), 30},
	{STR_INIT("May"), 31}, {STR_INIT("Jun"), 30}, {STR_INIT("Jul"), 31}, {STR_INIT("Aug"), 31},
	{STR_INIT("Sep"), 30}, {STR_INIT("Oct"), 31}, {STR_INIT("Nov"), 30}, {STR_INIT("Dec"), 31},
};

/* From least to most digits, the value not above max. */
static int take_digits(struct imap_cursor *c, unsigned least, unsigned most, unsigned max, const char *want,
		       unsigned *out)
{
	size_t start = c->pos;
	unsigned n = 0;

	*out = 0;
	for (; n < most && ascii_is_digit(imap_peek(c)); n++)
		*out = *out * 10 + (unsigned)(c->text.bytes.p[c->pos++] - '0');
	if (n >= least && *out <= max)
		return 0;
	c->pos = start;
	return imap_expected(c, want);
}

static int take_month(struct imap_cursor *c, unsigned *out)
{
	size_t start = c->pos;
	struct str name = str_head((struct str){c->text.bytes.p + c->pos, c->limit - c->pos}, 3);

	for (unsigned i = 0; i < 12; i++)
		if (str_eq_nocase(name, months[i].name)) {
			c->pos = start + 3;
			*out = i + 1;
			return 0;
		}
	return imap_expected(c, "a month (Jan to Dec)");
}

/* Behind the day of the month: "-Feb-1994"; start is where the day stands. */
static int take_month_and_year(struct imap_cursor *c, size_t start, unsigned day, uint32_t *out)
{
	unsigned month = 0, year = 0;
	int rc = imap_take_char(c, '-', "- in the date");

	if (rc == 0)
		rc = take_month(c, &month);
	if (rc == 0)
		rc = imap_take_char(c, '-', "- in the date");
	if (rc == 0)
		rc = take_digits(c, 4, 4, 9999, "a year of four digits", &year);
	if (rc)
		return rc;
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (day == 0 || day > months[month - 1].days || (month == 2 && day == 29 && !leap)) {
		c->pos = start;
		return imap_expected(c, "a day of that month");
	}
	*out = year * 10000 + month * 100 + day;
	return 0;
}

int imap_take_day(struct imap_cursor *c, uint32_t *out)
{
	bool quoted = imap_take_if(c, '"');
	size_t start = c->pos;
	unsigned day;
	int rc = take_digits(c, 1, 2, 31, "a date like 1-Feb-1994", &day);

	if (rc == 0)
		rc = take_month_and_year(c, start, day, out);
	return rc || !quoted ? rc : imap_take_char(c, '"', "the closing quote");
}

static int take_time(struct imap_cursor *c, struct imap_date_time *t)
{
	unsigned hour = 0, minute = 0, second = 0;
	int rc = take_digits(c, 2, 2, 23, "an hour", &hour);

	if (rc == 0)
		rc = imap_take_char(c, ':', ": in the time");
	if (rc == 0)
		rc = take_digits(c, 2, 2, 59, "a minute", &minute);
	if (rc == 0)
		rc = imap_take_char(c, ':', ": in the time");
	if (rc == 0)
		rc = take_digits(c, 2, 2, 60, "a second", &second);
	t->hour = (unsigned char)hour;
	t->minute = (unsigned char)minute;
	t->second = (unsigned char)second;
	return rc;
}

static int take_zone(struct imap_cursor *c, short *out)
{
	bool west = imap_peek(c) == '-';
	unsigned hours = 0, minutes = 0;
	int rc;

	if (!west && imap_peek(c) != '+')
		return imap_expected(c, "a zone like +0100");
	c->pos++;
	rc = take_digits(c, 2, 2, 23, "a zone like +0100", &hours);
	if (rc == 0)
		rc = take_digits(c, 2, 2, 59, "a zone like +0100", &minutes);
	*out = (short)(west ? -(int)(hours * 60 + minutes) : (int)(hours * 60 + minutes));
	return rc;
}

int imap_take_date_time(struct imap_cursor *c, struct imap_date_time *out)
{
	int rc = imap_take_char(c, '"', "a date and time in quotes");
	size_t start = c->pos;
	unsigned day = 0;

	if (rc == 0 && imap_take_if(c, ' '))
		rc = take_digits(c, 1, 1, 9, "a day of one digit", &day);
	else if (rc == 0)
		rc = take_digits(c, 2, 2, 31, "a day of two digits", &day);
	if (rc == 0)
		rc = take_month_and_year(c, start, day, &out->day);
	if (rc == 0)
		rc = imap_take_space(c);
	if (rc == 0)
		rc = take_time(c, out);
	if (rc == 0)
		rc = imap_take_space(c);
	if (rc == 0)
		rc = take_zone(c, &out->zone);
	return rc ? rc : imap_take_char(c, '"', "the closing quote");
}
