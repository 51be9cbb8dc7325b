/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the configuration file: cutting and joining. */
#include "run/settings_file.h"

enum line_kind { LINE_NOTHING, LINE_CONTINUES, LINE_BEGINS };

void settings_reader_init(struct settings_reader *r, struct str text)
{
	struct str mark = STR("\xEF\xBB\xBF");

	*r = (struct settings_reader){.rest = str_starts(text, mark) ? str_skip(text, mark.n) : text,
				      .line = 1};
}

static enum line_kind kind_of(struct str line)
{
	struct str trimmed = str_trim_line(line);

	if (trimmed.n == 0 || trimmed.p[0] == '#')
		return LINE_NOTHING;
	return line.p[0] == ' ' || line.p[0] == '\t' ? LINE_CONTINUES : LINE_BEGINS;
}

static struct str cut_line(struct settings_reader *r)
{
	r->line++;
	return str_cut(&r->rest, '\n');
}

/* Moves the reader behind the last line that continues what begins at start,
 * and returns it all as one view. */
static struct str cut_continued(struct settings_reader *r, struct str first)
{
	struct settings_reader ahead = *r;
	const char *end = first.p + first.n;

	while (ahead.rest.n) {
		struct str line = cut_line(&ahead);
		enum line_kind kind = kind_of(line);

		if (kind == LINE_BEGINS)
			break;
		if (kind == LINE_CONTINUES) {
			end = line.p + line.n;
			*r = ahead;
		}
	}
	return (struct str){first.p, (size_t)(end - first.p)};
}

static void split(struct str all, struct str first, struct settings_line *out)
{
	size_t equals = str_find(first, '=');

	if (equals == STR_NONE) {
		out->key = str_trim_line(first);
		out->wrong = "is not of the form key = value";
		return;
	}
	out->key = str_trim(str_head(all, equals));
	out->raw = str_skip(all, equals + 1);
	if (out->key.n == 0) {
		out->key = str_trim_line(first);
		out->wrong = "has no key before the =";
	}
}

bool settings_reader_next(struct settings_reader *r, struct settings_line *out)
{
	while (r->rest.n) {
		unsigned at = r->line;
		struct str first = cut_line(r);
		enum line_kind kind = kind_of(first);

		if (kind == LINE_NOTHING)
			continue;
		*out = (struct settings_line){.line = at};
		if (kind == LINE_CONTINUES) {
			out->key = str_trim_line(first);
			out->wrong = "is indented, but there is no line before it to continue";
		} else {
			split(cut_continued(r, first), first, out);
		}
		return true;
	}
	return false;
}

static struct str without_comment(struct str line)
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '#' && (i == 0 || line.p[i - 1] == ' ' || line.p[i - 1] == '\t'))
			return str_trim_line(str_head(line, i));
	return line;
}

void settings_join(struct str raw, bool comments, struct buf *out)
{
	size_t start = out->n;

	for (bool first = true; raw.n; first = false) {
		struct str line = str_trim_line(str_cut(&raw, '\n'));

		if (!first && line.n && line.p[0] == '#')
			continue;
		if (comments)
			line = without_comment(line);
		if (line.n && out->n > start)
			buf_add_c(out, ' ');
		buf_add_str(out, line);
	}
}
