/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the configuration file's form; what is read can be written and read again. */
#include "run/settings_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_thing)
{
	if (!true_thing)
		abort();
}

static bool inside(struct str part, struct str whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

/* Writes "key = value" and reads it back, not at the start, where a key could be
 * taken for a byte order mark.  A value that begins with '#' is written as it is,
 * so comments are off on the way back. */
static void round_trip(struct str key, struct str value)
{
	struct settings_reader r;
	struct settings_line again;
	struct buf text, back;

	buf_init(&text, key.n + value.n + 5);
	buf_init(&back, key.n + value.n + 5);
	buf_add_c(&text, '\n');
	buf_add_str(&text, key);
	buf_add_z(&text, " = ");
	buf_add_str(&text, value);
	settings_reader_init(&r, buf_str(&text));
	must(settings_reader_next(&r, &again) && !again.wrong && again.line == 2);
	must(str_eq(again.key, key));
	settings_join(again.raw, false, &back);
	must(str_eq(buf_str(&back), value));
	must(!settings_reader_next(&r, &again));
	buf_free(&text);
	buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct settings_reader r;
	struct settings_line line;
	unsigned last = 0;

	settings_reader_init(&r, text);
	while (settings_reader_next(&r, &line)) {
		struct buf plain, cut;

		must(line.line > last);
		last = line.line;
		must(inside(line.key, text) && inside(line.raw, text));
		must(line.key.n > 0 && str_find(line.key, '\n') == STR_NONE);
		if (line.wrong)
			continue;
		must(str_find(line.key, '=') == STR_NONE);
		buf_init(&plain, line.raw.n);
		buf_init(&cut, line.raw.n);
		settings_join(line.raw, false, &plain);
		settings_join(line.raw, true, &cut);
		must(!buf_failed(&plain) && !buf_failed(&cut) && cut.n <= plain.n);
		must(str_find(buf_str(&plain), '\n') == STR_NONE);
		round_trip(line.key, buf_str(&plain));
		buf_free(&plain);
		buf_free(&cut);
	}
	return 0;
}
