/* SPDX-License-Identifier: Apache-2.0 */
/* Moments in the spellings of mail, IMAP and the log. */
#include "format/date.h"

#include "base/err.h"

#define US_PER_SECOND INT64_C(1000000)
#define SECONDS_PER_DAY 86400

/* The first and the last moment of the years 0000 to 9999. */
#define FIRST_SECOND INT64_C(-62167219200)
#define LAST_SECOND INT64_C(253402300799)

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char day_names[] = "SunMonTueWedThuFriSat";

struct civil {
	int year, month, day; /* month and day count from 1 */
	int hour, minute, second;
	int weekday; /* 0 = Sunday */
	int us;
};

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int date_month_days(int year, int month)
{
	static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

/*
 * Counting years from March makes the leap day the last of its year, so the
 * days before a month follow from a linear formula, and 400 years are one era
 * of 146,097 days.  1970-01-01 is day 719,468 after 0000-03-01.
 */
int64_t date_days(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year;
	int era = (y >= 0 ? y : y - 399) / 400;
	int year_of_era = y - era * 400;
	int day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
	int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return (int64_t)era * 146097 + day_of_era - 719468;
}

/* The inverse of date_days, for the years 0000 to 9999. */
static void civil_of_days(int64_t days, struct civil *c)
{
	int64_t from_march = days + 719468;
	int era = (int)((from_march >= 0 ? from_march : from_march - 146096) / 146097);
	int day_of_era = (int)(from_march - (int64_t)era * 146097);
	int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int month_from_march = (5 * day_of_year + 2) / 153;

	c->day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
	c->month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	c->year = year_of_era + era * 400 + (c->month <= 2);
	c->weekday = (int)(((days + 4) % 7 + 7) % 7);
}

/* Division that rounds down, also below zero. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int clamp_zone(int zone)
{
	return zone < -DATE_ZONE_MAX ? -DATE_ZONE_MAX : zone > DATE_ZONE_MAX ? DATE_ZONE_MAX : zone;
}

static struct civil civil_of(struct date d)
{
	struct civil c;
	int64_t seconds = floor_div(d.us, US_PER_SECOND);

	c.us = (int)(d.us - seconds * US_PER_SECOND);
	seconds += clamp_zone(d.zone) * 60;
	if (seconds < FIRST_SECOND)
		seconds = FIRST_SECOND;
	if (seconds > LAST_SECOND)
		seconds = LAST_SECOND;

	int64_t days = floor_div(seconds, SECONDS_PER_DAY);
	int rest = (int)(seconds - days * SECONDS_PER_DAY);

	civil_of_days(days, &c);
	c.hour = rest / 3600;
	c.minute = rest / 60 % 60;
	c.second = rest % 60;
	return c;
}

static void write_zone(int zone, const char *between, struct buf *out)
{
	int z = clamp_zone(zone);
	int minutes = z < 0 ? -z : z;

	buf_printf(out, "%c%02d%s%02d", z < 0 ? '-' : '+', minutes / 60, between, minutes % 60);
}

void date_write_mail(struct date d, struct buf *out)
{
	struct civil c = civil_of(d);

	buf_printf(out, "%.3s, %d %.3s %04d %02d:%02d:%02d ", day_names + 3 * c.weekday, c.day,
		   month_names + 3 * (c.month - 1), c.year, c.hour, c.minute, c.second);
	write_zone(d.zone, "", out);
}

void date_write_imap(struct date d, struct buf *out)
{
	struct civil c = civil_of(d);

	buf_printf(out, "%2d-%.3s-%04d %02d:%02d:%02d ", c.day, month_names + 3 * (c.month - 1), c.year,
		   c.hour, c.minute, c.second);
	write_zone(d.zone, "", out);
}

void date_write_iso(struct date d, unsigned fraction, struct buf *out)
{
	struct civil c = civil_of(d);
	char digits[8];

	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute, c.second);
	snprintf(digits, sizeof(digits), "%06d", c.us);
	if (fraction)
		buf_printf(out, ".%.*s", (int)(fraction < 6 ? fraction : 6), digits);
	if (d.zone == 0)
		buf_add_c(out, 'Z');
	else
		write_zone(d.zone, ":", out);
}

void date_write_digits(struct date d, struct buf *out)
{
	struct civil c = civil_of(d);

	buf_printf(out, "%04d%02d%02d%02d%02d%02d", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

/* 1 to 12 for a word that begins with a month's three letters, or 0. */
static int month_of(struct str word)
{
	for (int m = 0; m < 12 && word.n >= 3; m++)
		if (str_eq_nocase(str_head(word, 3), (struct str){month_names + 3 * m, 3}))
			return m + 1;
	return 0;
}

static bool is_weekday(struct str word)
{
	for (int d = 0; d < 7 && word.n >= 3; d++)
		if (str_eq_nocase(str_head(word, 3), (struct str){day_names + 3 * d, 3}))
			return true;
	return false;
}

/* The moment that the parts name; a second of 60 is the leap second, which our
 * count does not have: it stays within its day as the 59th. */
static int date_of(const struct civil *c, int zone, struct date *out)
{
	if (c->year < 0 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
	    c->day > date_month_days(c->year, c->month))
		return ERR_INVALID;
	if (c->hour < 0 || c->hour > 23 || c->minute < 0 || c->minute > 59 || c->second < 0 || c->second > 60)
		return ERR_INVALID;

	int64_t seconds = date_days(c->year, c->month, c->day) * SECONDS_PER_DAY + c->hour * 3600 +
			  c->minute * 60 + (c->second < 60 ? c->second : 59);

	*out = (struct date){(seconds - zone * 60) * US_PER_SECOND, zone};
	return 0;
}

/* Minutes of a zone's four digits; false when they are not one. */
static bool zone_of_digits(struct str digits, bool west, int *zone)
{
	uint32_t v;

	if (digits.n != 4 || !str_to_u32(digits, &v) || v / 100 > 23 || v % 100 > 59)
		return false;
	*zone = (int)(v / 100 * 60 + v % 100) * (west ? -1 : 1);
	return true;
}

/* The number that n digits at p spell, or -1. */
static int number_at(const char *p, size_t n)
{
	uint32_t v;

	return str_to_u32((struct str){p, n}, &v) ? (int)v : -1;
}

int date_parse_imap(struct str s, struct date *out)
{
	/* The fixed characters of " 1-Jul-2003 10:52:37 +0200". */
	static const char layout[] = "..-...-.... ..:..:.. .....";
	struct civil c = {0};
	int zone;

	if (s.n != sizeof(layout) - 1)
		return ERR_INVALID;
	for (size_t i = 0; i < s.n; i++)
		if (layout[i] != '.' && layout[i] != s.p[i])
			return ERR_INVALID;
	if ((s.p[21] != '+' && s.p[21] != '-') || !zone_of_digits(str_skip(s, 22), s.p[21] == '-', &zone))
		return ERR_INVALID;
	c.day = s.p[0] == ' ' ? number_at(s.p + 1, 1) : number_at(s.p, 2);
	c.month = month_of((struct str){s.p + 3, 3});
	c.year = number_at(s.p + 7, 4);
	c.hour = number_at(s.p + 12, 2);
	c.minute = number_at(s.p + 15, 2);
	c.second = number_at(s.p + 18, 2);
	return date_of(&c, zone, out);
}

/*
 * The lenient reader takes tokens one by one and puts each where it can belong:
 * a word is a weekday, a month or, behind month and time, a zone; what has a
 * colon is the time; the other numbers are, in this order, day, month (when no
 * word says it) and year.
 */
struct parts {
	struct civil c;
	int zone;
	bool have_time, have_zone, have_offset;
	unsigned numbers; /* how many plain numbers were seen */
	int number[3];
};

static const struct {
	struct str name;
	int zone;
} named_zones[] = {
	{STR_INIT("EST"), -300}, {STR_INIT("EDT"), -240}, {STR_INIT("CST"), -360}, {STR_INIT("CDT"), -300},
	{STR_INIT("MST"), -420}, {STR_INIT("MDT"), -360}, {STR_INIT("PST"), -480}, {STR_INIT("PDT"), -420},
};

static bool is_filling(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
}

/* Skips white space, commas and comments, which nest; false when a comment has
 * no end or no beginning. */
static bool skip_filling(struct str *s)
{
	size_t depth = 0;

	for (; s->n; *s = str_skip(*s, 1)) {
		char c = s->p[0];

		if (c == '(') {
			depth++;
		} else if (c == ')') {
			if (depth-- == 0)
				return false;
		} else if (depth) {
			*s = str_skip(*s, c == '\\');
		} else if (!is_filling(c)) {
			break;
		}
	}
	return depth == 0;
}

/* Takes the run of characters for which belongs() is true. */
static struct str take_while(struct str *s, bool (*belongs)(char))
{
	size_t n = 0;

	while (n < s->n && belongs(s->p[n]))
		n++;
	struct str head = str_head(*s, n);

	*s = str_skip(*s, n);
	return head;
}

static bool in_time(char c)
{
	return ascii_is_digit(c) || c == ':';
}

/* "10:52:37" or "10:52". */
static bool put_time(struct str token, struct parts *p)
{
	struct str hour = str_cut(&token, ':');
	struct str minute = str_cut(&token, ':');

	if (p->have_time || hour.n > 2 || minute.n != 2 || token.n > 2)
		return false;
	p->have_time = true;
	p->c.hour = number_at(hour.p, hour.n);
	p->c.minute = number_at(minute.p, 2);
	p->c.second = token.n ? number_at(token.p, token.n) : 0;
	return true;
}

static bool put_number(struct str token, struct parts *p)
{
	if (str_find(token, ':') != STR_NONE)
		return put_time(token, p);
	if (p->numbers == 3 || token.n > 4)
		return false;
	/* RFC 5322 4.3: two digits below 50 mean 20xx, others and three digits count from 1900. */
	int v = number_at(token.p, token.n);
	bool is_year = p->numbers + (p->c.month != 0) >= 2;

	if (is_year && token.n <= 3)
		v += token.n == 2 && v < 50 ? 2000 : 1900;
	p->number[p->numbers++] = v;
	return true;
}

static void put_zone_name(struct str word, struct parts *p)
{
	for (size_t i = 0; i < sizeof(named_zones) / sizeof(named_zones[0]); i++)
		if (str_eq_nocase(word, named_zones[i].name))
			p->zone = named_zones[i].zone;
	p->have_zone = true;
}

static bool put_word(struct str word, struct parts *p)
{
	if (p->have_time && p->c.month != 0) {
		if (!p->have_zone)
			put_zone_name(word, p);
		return true;
	}
	if (p->c.month == 0 && month_of(word)) {
		p->c.month = month_of(word);
		return true;
	}
	return is_weekday(word) && p->c.month == 0;
}

/* "+0200" after the time, where it outdoes a name ("GMT+0200"); before the time
 * a hyphen only stands between day, month and year. */
static bool put_offset(struct str *s, struct parts *p)
{
	bool west = s->p[0] == '-';

	*s = str_skip(*s, 1);
	if (!p->have_time)
		return west;

	struct str digits = take_while(s, ascii_is_digit);

	if (!p->have_offset && zone_of_digits(digits, west, &p->zone))
		p->have_zone = p->have_offset = true;
	return digits.n > 0;
}

static bool put_token(struct str *s, struct parts *p)
{
	char c = s->p[0];

	if (c == '+' || c == '-')
		return put_offset(s, p);
	if (ascii_is_digit(c)) {
		struct str digits = take_while(s, in_time);

		/* "EST5EDT": the zone is known already, the rest says when summer is. */
		return (p->have_zone && p->numbers + (p->c.month != 0) >= 3) || put_number(digits, p);
	}
	if (ascii_is_alpha(c))
		return put_word(take_while(s, ascii_is_alpha), p);
	return false;
}

int date_parse_mail(struct str s, struct date *out)
{
	struct parts p = {0};

	if (!skip_filling(&s))
		return ERR_INVALID;
	while (s.n)
		if (!put_token(&s, &p) || !skip_filling(&s))
			return ERR_INVALID;

	unsigned next = 0;

	if (!p.have_time || p.numbers + (p.c.month != 0) != 3)
		return ERR_INVALID;
	p.c.day = p.number[next++];
	if (p.c.month == 0)
		p.c.month = p.number[next++];
	p.c.year = p.number[next];
	return date_of(&p.c, p.zone, out);
}
