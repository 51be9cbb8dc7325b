/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the manual page's template with the tables of settings and commands. */
#include "cli/manpage.h"

#include "run/settings.h"

#define ALLOWED_MAX 512
#define VERSION_MARK STR("@VERSION@")

/* A backslash begins an escape; a dot or quote at a line's start a request. */
void manpage_text(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		bool at_start = out->n == 0 || out->p[out->n - 1] == '\n';

		if (text.p[i] == '\\')
			buf_add_z(out, "\\e");
		else if (text.p[i] == '-')
			buf_add_z(out, "\\-");
		else if (at_start && (text.p[i] == '.' || text.p[i] == '\''))
			buf_printf(out, "\\&%c", text.p[i]);
		else
			buf_add_c(out, text.p[i]);
	}
}

static void add_z(const char *text, struct buf *out)
{
	manpage_text(str_of(text), out);
}

/* A sentence begins on a line of its own. */
static void add_sentence(const char *text, struct buf *out)
{
	add_z(text, out);
	buf_add_c(out, '\n');
}

/* "KEY... [-n]" word by word: options, optional groups and placeholders. */
static void add_arguments(const char *arguments, struct buf *out)
{
	struct str rest = str_of(arguments);

	while (rest.n) {
		struct str word = str_cut_word(&rest);
		bool optional = word.n > 2 && word.p[0] == '[' && word.p[word.n - 1] == ']';

		if (optional)
			word = str_skip(str_head(word, word.n - 1), 1);
		buf_add_z(out, optional ? " Oo " : " ");
		if (word.p[0] == '-')
			buf_printf(out, "Fl %.*s", STR_ARG(str_skip(word, 1)));
		else
			buf_printf(out, "Ar %.*s", STR_ARG(word));
		if (optional)
			buf_add_z(out, " Oc");
	}
}

static void add_command(const struct command_row *row, struct buf *out)
{
	buf_printf(out, ".It Cm %s", row->name);
	add_arguments(row->arguments, out);
	buf_add_c(out, '\n');
	add_sentence(row->meaning, out);
}

static void add_default(const struct setting_row *row, struct buf *out)
{
	buf_add_z(out, "Default: ");
	if (row->fallback_says)
		add_z(row->fallback_says, out);
	else
		add_z(row->fallback, out);
	buf_add_z(out, ".\n");
}

static void add_setting(const struct setting_row *row, struct buf *out)
{
	struct buf allowed;

	buf_init(&allowed, ALLOWED_MAX);
	setting_allowed(row, &allowed);
	buf_printf(out, ".It Ic %s\n", row->name);
	add_sentence(row->meaning, out);
	buf_add_z(out, "Value: ");
	manpage_text(buf_str(&allowed), out);
	buf_add_z(out, ".\n");
	add_default(row, out);
	if (row->secret)
		buf_printf(out, "Secret:\n.Ic %s_file\nnames a file that holds it.\n", row->name);
	buf_free(&allowed);
}

static void add_line(struct str line, const char *version, struct buf *out)
{
	size_t at = str_find_str(line, VERSION_MARK);

	if (at == STR_NONE) {
		buf_add_str(out, line);
	} else {
		buf_add_str(out, str_head(line, at));
		add_z(version, out);
		buf_add_str(out, str_skip(line, at + VERSION_MARK.n));
	}
	buf_add_c(out, '\n');
}

int manpage_write(struct str template, const char *version, const struct command_row *commands, size_t count,
		  struct buf *out, struct err *err)
{
	while (template.n) {
		struct str line = str_cut(&template, '\n');

		if (str_eq(line, STR("@COMMANDS@"))) {
			for (size_t i = 0; i < count; i++)
				add_command(&commands[i], out);
		} else if (str_eq(line, STR("@SETTINGS@"))) {
			for (size_t i = 0; i < SET_COUNT; i++)
				add_setting(&setting_rows[i], out);
		} else if (str_starts(line, STR("@"))) {
			return err_set(err, ERR_INVALID, "the template's line '%.*s' means nothing",
				       STR_ARG(line));
		} else {
			add_line(line, version, out);
		}
	}
	if (buf_failed(out))
		return err_set(err, ERR_TOO_BIG, "the manual page is larger than %zu bytes", out->max);
	return 0;
}
