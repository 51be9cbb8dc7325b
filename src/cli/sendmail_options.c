/* SPDX-License-Identifier: Apache-2.0 */
/* The options of sendmail(1). */
#include "cli/sendmail_options.h"

#include <string.h>
#include <strings.h>

#define ENVID_MAX 100 /* RFC 3461 4.4 */

static int set_mode(struct sendmail_options *o, const char *value, struct err *e)
{
	switch (value[0]) {
	case 'm':
		o->mode = SENDMAIL_LETTER;
		return 0;
	case 's':
		o->mode = SENDMAIL_DIALOGUE;
		return 0;
	case 'i':
		o->mode = SENDMAIL_NOTHING;
		return 0;
	case 'd':
	case 'l':
		return err_set(e, ERR_INVALID, "-b%c starts no server here: `mailstead serve` does",
			       value[0]);
	default:
		return err_set(e, ERR_INVALID, "-b%s is not known: use -bm or -bs", value);
	}
}

static int set_sender(struct sendmail_options *o, const char *value, struct err *e)
{
	o->sender = value;
	return 0;
}

static int set_name(struct sendmail_options *o, const char *value, struct err *e)
{
	o->name = value;
	return 0;
}

static int set_from_header(struct sendmail_options *o, const char *value, struct err *e)
{
	o->from_header = true;
	return 0;
}

static int set_dots(struct sendmail_options *o, const char *value, struct err *e)
{
	o->dots_are_text = true;
	return 0;
}

/* -oi is -i, -om and the like are habits. */
static int set_old_option(struct sendmail_options *o, const char *value, struct err *e)
{
	if (strcmp(value, "i") == 0)
		o->dots_are_text = true;
	return 0;
}

static int set_nothing(struct sendmail_options *o, const char *value, struct err *e)
{
	o->mode = SENDMAIL_NOTHING;
	return 0;
}

static int ignore(struct sendmail_options *o, const char *value, struct err *e)
{
	return 0;
}

/* NEVER alone, or any of the others (RFC 3461 4.1). */
static int set_notify(struct sendmail_options *o, const char *value, struct err *e)
{
	static const char *const words[] = {"SUCCESS", "FAILURE", "DELAY"};
	const char *at = value;
	bool good = true;

	o->notify = value;
	if (strcasecmp(value, "never") == 0)
		return 0;
	while (good) {
		size_t n = strcspn(at, ","), i = 0;

		while (i < 3 && (strlen(words[i]) != n || strncasecmp(at, words[i], n) != 0))
			i++;
		good = i < 3;
		if (good && at[n] == 0)
			return 0;
		at += n + 1;
	}
	return err_set(e, ERR_INVALID, "-N wants never, or any of success,failure,delay, not '%s'", value);
}

static int set_ret(struct sendmail_options *o, const char *value, struct err *e)
{
	if (strcasecmp(value, "full") != 0 && strcasecmp(value, "hdrs") != 0)
		return err_set(e, ERR_INVALID, "-R wants full or hdrs, not '%s'", value);
	o->ret = value;
	return 0;
}

static int set_envid(struct sendmail_options *o, const char *value, struct err *e)
{
	size_t n = strlen(value);

	for (size_t i = 0; i < n; i++)
		if (value[i] < ' ' || value[i] > '~')
			return err_set(e, ERR_INVALID, "-V wants printable ASCII");
	if (n == 0 || n > ENVID_MAX)
		return err_set(e, ERR_INVALID, "-V wants 1 to %d characters", ENVID_MAX);
	o->envid = value;
	return 0;
}

enum takes {
	NO_VALUE,
	VALUE, /* attached, or the next argument */
	ATTACHED, /* attached, or none */
};

static const struct row {
	char letter;
	enum takes takes;
	int (*set)(struct sendmail_options *o, const char *value, struct err *e);
} rows
	[] =
		{
			{'A', VALUE, ignore},
			{'B', VALUE, ignore}, /* what the letter is made of shows when it is read */
			{'C', VALUE, ignore},
			{'F', VALUE, set_name},
			{'G', NO_VALUE, ignore},
			{'I', NO_VALUE, set_nothing},
			{'L', VALUE, ignore},
			{'N', VALUE, set_notify},
			{'O', VALUE, ignore},
			{'R', VALUE, set_ret},
			{'U', NO_VALUE, ignore},
			{'V', VALUE, set_envid},
			{'X', VALUE, ignore},
			{'b', VALUE, set_mode},
			{'d', ATTACHED, ignore},
			{'e', VALUE, ignore},
			{'f', VALUE, set_sender},
			{'h', VALUE, ignore},
			{'i', NO_VALUE, set_dots},
			{'m', NO_VALUE, ignore},
			{'n', NO_VALUE, ignore},
			{'o', VALUE, set_old_option},
			{'p', VALUE, ignore},
			{'q', ATTACHED, set_nothing},
			{'r', VALUE, set_sender},
			{'t', NO_VALUE, set_from_header},
			{'v', NO_VALUE, ignore},
};

static const struct row *find_row(char letter)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

/* One argument of options; *used becomes 2 when the next one is its value. */
static int take_letters(struct sendmail_options *o, const char *arg, const char *next, int *used,
			struct err *e)
{
	*used = 1;
	for (const char *at = arg + 1; *at; at++) {
		const struct row *row = find_row(*at);

		if (!row)
			return err_set(e, ERR_INVALID, "the option -%c is unknown", *at);
		if (row->takes == NO_VALUE) {
			row->set(o, "", e);
			continue;
		}
		if (at[1] || row->takes == ATTACHED)
			return row->set(o, at + 1, e);
		if (!next)
			return err_set(e, ERR_INVALID, "-%c wants a value behind it", *at);
		*used = 2;
		return row->set(o, next, e);
	}
	return 0;
}

int sendmail_options_parse(int argc, char **argv, struct sendmail_options *out, struct err *e)
{
	bool ended = false;
	int used = 1;

	*out = (struct sendmail_options){.recipients = argv + 1};
	for (int i = 1; i < argc; i += used) {
		used = 1;
		if (ended || argv[i][0] != '-' || argv[i][1] == 0) {
			out->recipients[out->recipient_count++] = argv[i];
			continue;
		}
		ended = strcmp(argv[i], "--") == 0;
		int code =
			ended ? 0 : take_letters(out, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used, e);

		if (code)
			return code;
	}
	return 0;
}
