/* SPDX-License-Identifier: Apache-2.0 */
/* Reading lines of the log. */
#include "cli/trace_line.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_hex(struct str s, bool capitals)
{
	for (size_t i = 0; i < s.n; i++)
		if (ascii_hex(s.p[i]) < 0 || (capitals && s.p[i] >= 'a'))
			return false;
	return true;
}

static uint64_t hex_value(struct str s)
{
	uint64_t value = 0;

	for (size_t i = 0; i < s.n; i++)
		value = value << 4 | (uint64_t)ascii_hex(s.p[i]);
	return value;
}

bool trace_id_parse(struct str text, uint64_t *id)
{
	if (text.n != TRACE_ID_DIGITS || !is_hex(text, false))
		return false;
	*id = hex_value(text);
	return true;
}

/* Up to the quote that ends it; backslashes go (run/logfile.c puts one before each
 * quote and backslash, and nothing else). */
static struct str unescape(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n && s.p[i] != '"'; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		buf_add_c(out, s.p[i]);
	}
	return buf_str(out);
}

struct str trace_line_text(struct str line, struct buf *scratch)
{
	static const struct str marks[] = {STR_INIT("error: "), STR_INIT("warning: ")};
	size_t at;

	buf_clear(scratch);
	if (str_starts(line, STR("{"))) {
		at = str_find_str(line, STR("\"text\":\""));
		return at == STR_NONE ? STR("") : unescape(str_skip(line, at + 8), scratch);
	}
	at = str_find_str(line, STR(" mailstead/"));
	line = str_skip(line, at == STR_NONE ? line.n : at);
	at = str_find_str(line, STR("]: "));
	line = str_skip(line, at == STR_NONE ? line.n : at + 3);
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (str_starts(line, marks[i]))
			return str_skip(line, marks[i].n);
	return line;
}

bool trace_text_id(struct str text, uint64_t *id)
{
	struct str digits = str_head(text, TRACE_ID_DIGITS);

	if (text.n <= TRACE_ID_DIGITS || text.p[TRACE_ID_DIGITS] != ':' || !is_hex(digits, true))
		return false;
	*id = hex_value(digits);
	return true;
}

/* Sessions have numbers of their own. */
static bool is_session(struct str before)
{
	return str_ends(before, STR("session=<"));
}

bool trace_text_mentions(struct str text, uint64_t id)
{
	char digits[TRACE_ID_DIGITS + 1];
	size_t from = 0, at;

	snprintf(digits, sizeof(digits), "%016" PRIX64, id);
	while ((at = str_find_str(str_skip(text, from), str_of(digits))) != STR_NONE) {
		struct str before = str_head(text, from + at);
		struct str behind = str_skip(text, from + at + TRACE_ID_DIGITS);
		bool alone = (before.n == 0 || !ascii_is_alnum(before.p[before.n - 1])) &&
			     (behind.n == 0 || !ascii_is_alnum(behind.p[0]));

		if (alone && !is_session(before))
			return true;
		from += at + 1;
	}
	return false;
}

bool trace_text_names(struct str text, struct str address)
{
	static const struct str keys[] = {STR_INIT("from=<"), STR_INIT("to=<"), STR_INIT("account=<")};
	size_t at;

	while ((at = str_find(text, '=')) != STR_NONE) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			size_t before = keys[i].n - 2;
			struct str here = str_skip(text, at >= before ? at - before : text.n);
			struct str value = str_skip(here, keys[i].n);

			if (str_starts(here, keys[i]) && value.n > address.n && value.p[address.n] == '>' &&
			    str_eq_nocase(str_head(value, address.n), address))
				return true;
		}
		text = str_skip(text, at + 1);
	}
	return false;
}
