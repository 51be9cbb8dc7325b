/* SPDX-License-Identifier: Apache-2.0 */
/* Types of settings: one row each with its parser and how it is described. */
#include "run/settings_value.h"

#include "base/spell.h"

#include <inttypes.h>

/* How much of a wrong value an error quotes. */
#define QUOTED 80

struct unit {
	struct str suffix;
	uint64_t factor;
};

/* From small to large; the first without a suffix is what a bare number means. */
static const struct unit byte_units[] = {
	{STR_INIT(""), 1},
	{STR_INIT("k"), UINT64_C(1) << 10},
	{STR_INIT("M"), UINT64_C(1) << 20},
	{STR_INIT("G"), UINT64_C(1) << 30},
};
static const struct unit time_units[] = {
	{STR_INIT("ms"), 1},      {STR_INIT("s"), 1000},     {STR_INIT("m"), 60000},
	{STR_INIT("h"), 3600000}, {STR_INIT("d"), 86400000}, {STR_INIT(""), 1000},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool in_range(const struct setting_row *row, uint64_t v)
{
	return v >= row->min && v <= row->max;
}

static bool parse_text(struct setting_parse *p)
{
	return in_range(p->row, p->text.n);
}

static bool parse_user(struct setting_parse *p)
{
	for (size_t i = 0; i < p->text.n; i++) {
		char c = p->text.p[i];

		if (!ascii_is_alnum(c) && c != '_' && c != '.' && (c != '-' || i == 0))
			return false;
	}
	return p->text.n > 0 && p->text.n <= 32;
}

static bool is_label(struct str label)
{
	if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-')
			return false;
	return true;
}

/* RFC 1123 2.1, without the dot at the end.  A last label of digits alone would
 * be an address, which RFC 5321 4.1.3 wants in brackets. */
bool setting_is_hostname(struct str name)
{
	struct str rest = name;
	struct str label = STR("");
	uint64_t digits;

	if (name.n == 0 || name.n > 253 || name.p[name.n - 1] == '.')
		return false;
	while (rest.n) {
		label = str_cut(&rest, '.');
		if (!is_label(label))
			return false;
	}
	return !str_to_u64(label, &digits);
}

static bool parse_hostname(struct setting_parse *p)
{
	return setting_is_hostname(p->text);
}

/* The word's place, or -1 and the nearest word as what may have been meant. */
static int find_word(struct setting_parse *p, struct str word)
{
	struct spell s;

	spell_init(&s, word);
	for (int i = 0; p->row->words && p->row->words[i]; i++) {
		if (str_eq_nocase(word, str_of(p->row->words[i])))
			return i;
		spell_try(&s, str_of(p->row->words[i]));
	}
	struct str near = spell_found(&s);

	snprintf(p->instead, sizeof(p->instead), "%.*s", STR_ARG(near));
	return -1;
}

static bool parse_path(struct setting_parse *p)
{
	if (!in_range(p->row, p->text.n))
		return false;
	return p->text.n == 0 || p->text.p[0] == '/' || find_word(p, p->text) >= 0;
}

static bool parse_number(struct setting_parse *p)
{
	return str_to_u64(p->text, &p->out->number) && in_range(p->row, p->out->number);
}

static bool parse_units(struct setting_parse *p, const struct unit *units, size_t count)
{
	size_t digits = 0;
	uint64_t v;

	while (digits < p->text.n && ascii_is_digit(p->text.p[digits]))
		digits++;
	if (!str_to_u64(str_head(p->text, digits), &v))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!str_eq_nocase(str_skip(p->text, digits), units[i].suffix))
			continue;
		return !__builtin_mul_overflow(v, units[i].factor, &p->out->number) &&
		       in_range(p->row, p->out->number);
	}
	return false;
}

static bool parse_bytes(struct setting_parse *p)
{
	return parse_units(p, byte_units, COUNT(byte_units));
}

static bool parse_duration(struct setting_parse *p)
{
	return parse_units(p, time_units, COUNT(time_units));
}

static bool parse_boolean(struct setting_parse *p)
{
	static const char *const words[] = {"no", "yes", "0", "1", "false", "true", "off", "on"};

	for (size_t i = 0; i < COUNT(words); i++) {
		if (str_eq_nocase(p->text, str_of(words[i]))) {
			p->out->number = i & 1;
			return true;
		}
	}
	return false;
}

static bool parse_choice(struct setting_parse *p)
{
	int at = find_word(p, p->text);

	p->out->number = at < 0 ? 0 : (uint64_t)at;
	return at >= 0;
}

static bool parse_words(struct setting_parse *p)
{
	struct str rest = p->text;

	while (rest.n) {
		struct str word = str_cut_word(&rest);
		int at = find_word(p, word);

		if (at < 0) {
			p->wrong = word;
			return false;
		}
		p->out->number |= UINT64_C(1) << at;
	}
	return true;
}

static void say_words(const struct setting_row *row, const char *last, struct buf *out)
{
	for (size_t i = 0; row->words[i]; i++) {
		if (i > 0)
			buf_add_z(out, row->words[i + 1] ? ", " : last);
		buf_add_z(out, row->words[i]);
	}
}

/* In the largest unit that leaves no remainder. */
static void say_unit(uint64_t v, const struct unit *units, size_t count, struct buf *out)
{
	const struct unit *best = &units[0];

	for (size_t i = 0; i < count; i++)
		if (v && v % units[i].factor == 0 && units[i].factor > best->factor)
			best = &units[i];
	buf_printf(out, "%" PRIu64 "%.*s", v / best->factor, STR_ARG(v ? best->suffix : STR("")));
}

static void say_text(const struct setting_row *row, struct buf *out)
{
	if (row->max == 1)
		buf_add_z(out, "one character or nothing");
	else
		buf_printf(out, "a text of at most %" PRIu64 " bytes", row->max);
}

static void say_path(const struct setting_row *row, struct buf *out)
{
	buf_add_z(out, row->words ? "an absolute path, " : "an absolute path");
	if (row->words)
		say_words(row, " or ", out);
}

static void say_number(const struct setting_row *row, struct buf *out)
{
	buf_printf(out, "a number from %" PRIu64 " to %" PRIu64, row->min, row->max);
}

static void say_bytes(const struct setting_row *row, struct buf *out)
{
	buf_add_z(out, "a size from ");
	say_unit(row->min, byte_units, COUNT(byte_units), out);
	buf_add_z(out, " to ");
	say_unit(row->max, byte_units, COUNT(byte_units), out);
	buf_add_z(out, " (bytes, or with k, M or G)");
}

static void say_duration(const struct setting_row *row, struct buf *out)
{
	buf_add_z(out, "a time from ");
	say_unit(row->min, time_units, COUNT(time_units), out);
	buf_add_z(out, " to ");
	say_unit(row->max, time_units, COUNT(time_units), out);
	buf_add_z(out, " (seconds, or with ms, s, m, h or d)");
}

static void say_choice(const struct setting_row *row, struct buf *out)
{
	if (row->words[0] && row->words[1] && row->words[2])
		buf_add_z(out, "one of ");
	say_words(row, " or ", out);
}

static void say_list_of_words(const struct setting_row *row, struct buf *out)
{
	buf_add_z(out, "a list of ");
	say_words(row, " and ", out);
}

static const struct setting_type_row {
	bool (*parse)(struct setting_parse *p);
	/* The values allowed: `fixed`, or what `say` adds. */
	const char *fixed;
	void (*say)(const struct setting_row *row, struct buf *out);
	bool may_hold_hash;
} types[SETTING_TYPE_COUNT] = {
	[SETTING_TEXT] = {parse_text, NULL, say_text, true},
	[SETTING_USER] = {parse_user, "a user's name", NULL, false},
	[SETTING_HOSTNAME] = {parse_hostname, "a host name such as mail.example.org", NULL, false},
	[SETTING_PATH] = {parse_path, NULL, say_path, true},
	[SETTING_NUMBER] = {parse_number, NULL, say_number, false},
	[SETTING_BYTES] = {parse_bytes, NULL, say_bytes, false},
	[SETTING_DURATION] = {parse_duration, NULL, say_duration, false},
	[SETTING_BOOLEAN] = {parse_boolean, "yes or no", NULL, false},
	[SETTING_CHOICE] = {parse_choice, NULL, say_choice, false},
	[SETTING_WORDS] = {parse_words, NULL, say_list_of_words, false},
	[SETTING_LISTENERS] = {setting_parse_listeners,
			       "a list of :PORT, ADDRESS:PORT, [IPV6]:PORT or unix:/PATH, or off", NULL,
			       false},
	[SETTING_NETWORKS] = {setting_parse_networks,
			      "a list of networks such as 10.0.0.0/8 or 2001:db8::/32", NULL, false},
	[SETTING_RESOLVER] = {setting_parse_resolver, "an address, ADDRESS:PORT, [IPV6]:PORT or recursive",
			      NULL, false},
	[SETTING_RELAY] = {setting_parse_relay, "HOST, HOST:PORT, [HOST] or [HOST]:PORT", NULL, false},
};

bool setting_may_hold_hash(enum setting_type type)
{
	return types[type].may_hold_hash;
}

void setting_allowed(const struct setting_row *row, struct buf *out)
{
	const struct setting_type_row *type = &types[row->type];

	if (type->fixed)
		buf_add_z(out, type->fixed);
	else
		type->say(row, out);
}

/* No value has a use for them, and none shall reach a log or a terminal. */
static bool has_control(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (((unsigned char)text.p[i] < 0x20 && text.p[i] != '\t') || text.p[i] == 0x7F)
			return true;
	return false;
}

static int refuse(const struct setting_parse *p, struct err *err)
{
	struct str wrong = str_head(p->wrong, QUOTED);
	struct buf allowed;

	buf_init(&allowed, 512);
	setting_allowed(p->row, &allowed);
	if (p->row->secret)
		err_set(err, ERR_INVALID, "the value is not %.*s", STR_ARG(buf_str(&allowed)));
	else
		err_set(err, ERR_INVALID, "'%.*s%s' is not %.*s%s%s%s", STR_ARG(wrong),
			wrong.n < p->wrong.n ? "..." : "", STR_ARG(buf_str(&allowed)),
			p->instead[0] ? "; did you mean '" : "", p->instead, p->instead[0] ? "'?" : "");
	buf_free(&allowed);
	return ERR_INVALID;
}

int setting_parse(const struct setting_row *row, struct str text, struct arena *arena,
		  struct setting_value *out, struct err *err)
{
	text = str_trim(text);
	struct setting_parse p = {.row = row, .text = text, .arena = arena, .out = out, .wrong = text};

	out->number = 0;
	out->list = NULL;
	out->count = 0;
	if (text.n > SETTING_VALUE_MAX)
		return err_set(err, ERR_INVALID, "the value is longer than %d bytes", SETTING_VALUE_MAX);
	if (has_control(text))
		return err_set(err, ERR_INVALID, "the value has a control character in it");
	if (!types[row->type].parse(&p) && !p.no_memory)
		return refuse(&p, err);
	out->text = arena_str(arena, text);
	if (p.no_memory || !out->text.p)
		return err_set(err, ERR_MEMORY, "out of memory");
	return 0;
}
