/* SPDX-License-Identifier: Apache-2.0 */
/* Valid lines of table files. */
#include "run/table_lines.h"

static const struct str mark = STR_INIT("\xEF\xBB\xBF");

struct table_lines table_lines_of(struct str contents)
{
	return (struct table_lines){.rest = str_starts(contents, mark) ? str_skip(contents, mark.n)
								       : contents};
}

bool table_key_begins_line(struct str key)
{
	return !table_line_is_void(key) && !table_line_continues(key) && !str_starts(key, mark);
}

bool table_line_is_void(struct str line)
{
	line = str_trim_line(line);
	return line.n == 0 || line.p[0] == '#';
}

bool table_line_continues(struct str line)
{
	return line.n && (line.p[0] == ' ' || line.p[0] == '\t');
}

bool table_lines_next(struct table_lines *t, struct str *line)
{
	while (t->rest.n) {
		*line = str_cut(&t->rest, '\n');
		t->number++;
		while (str_ends(*line, STR("\r")))
			line->n--;
		if (!table_line_is_void(*line))
			return true;
	}
	return false;
}

bool table_lines_next_entry(struct table_lines *t, struct buf *joined, struct str *entry, size_t *number)
{
	struct table_lines ahead;
	struct str more;

	if (!table_lines_next(t, entry))
		return false;
	*number = t->number;
	buf_clear(joined);
	for (ahead = *t; table_lines_next(&ahead, &more) && table_line_continues(more); *t = ahead) {
		if (joined->n == 0)
			buf_add_str(joined, *entry);
		buf_add_c(joined, '\n');
		buf_add_str(joined, more);
		*entry = buf_failed(joined) ? STR("") : buf_str(joined);
	}
	return true;
}
